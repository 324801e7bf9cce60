"""What polygrad has to know of an array library: the record that each backend fills in."""

from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import Any

from polygrad.additions import generic
from polygrad.dtypes import DType, as_dtype
from polygrad.errors import BackendError


class Backend:
    """What polygrad has to know of one array library.

    A backend is a subclass with these class attributes, named in the entry-point group
    ``polygrad.backends``. Importing it must not import the library: that happens in
    `namespace`, on first use.

    >>> backend = pg.device("cpu").backend
    >>> backend.name, backend.device_names(), backend.host
    ('numpy', ['cpu'], True)
    """

    name: str
    """The name in device strings: ``"numpy"``, ``"strict"``."""
    array_classes: tuple[str, ...]
    """The array and scalar classes, as ``"top-level module:class name"``."""
    platforms: tuple[str, ...] = ()
    """Device strings it answers to without its own name in front: ``"cpu"``, ``"cuda"``."""
    extra: str | None = None
    """The extra of polygrad-xp that installs the library."""

    # -- to be written by each backend ------------------------------------------------

    def namespace(self) -> ModuleType:
        """Import the library and return its array API namespace."""
        raise NotImplementedError

    def unavailable(self) -> str | None:
        """Why the backend cannot be used here, in one line, or None when it can."""
        raise NotImplementedError

    def version(self) -> str | None:
        """The installed version of the library, or None."""
        raise NotImplementedError

    def device_names(self) -> list[str]:
        """The full names of the devices present, the default one first."""
        raise NotImplementedError

    def find_device(self, rest: str) -> Any:
        """The library's device for what follows the backend's name, empty for the default one.

        Raises ValueError with the choices.
        """
        raise NotImplementedError

    def device_name(self, device: Any) -> str:
        """The full device string of one of the library's own device objects."""
        raise NotImplementedError

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        """An array on ``device`` with the data of a NumPy array or Python numbers, copied."""
        raise NotImplementedError

    def to_host(self, array: Any) -> Any:
        """The array as a NumPy array on the host."""
        raise NotImplementedError

    # -- with a default ------------------------------------------------------------------

    generic = False
    """Whether it stands for any library of the standard (`register_namespace`)."""
    host = False
    """Whether the arrays are plain NumPy arrays in host memory."""
    immutable = False
    """Whether arrays can never be written, so that sharing one is always safe."""
    word_dtype = "uint32"
    """What random words are computed in; "int64" where uint32 has no arithmetic."""
    multi_device = True
    """Whether two arrays of this library can live on different devices."""
    guard: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None
    """Wraps what computes on the library's arrays: ops, rules and additions. For one with a
    current device of its own (CuPy), or arrays that no rule can take (Dask)."""
    elsewhere: Callable[..., Any] | None = None
    """``elsewhere(op, operands, params, error)`` computes what the library refused, or is None."""

    def device_of(self, array: Any) -> Any:
        """The library's device object an array lives on."""
        return array.device

    def normalise(self, value: Any) -> Any:
        """An array for what the library returned in place of one (NumPy's scalars)."""
        return value

    def is_scalar(self, cls: type) -> bool:
        """Whether ``cls`` is a scalar class of the library (``numpy.float64``), not an array."""
        return False

    def own(self, array: Any) -> Any:
        """The array itself if no other array shares its memory, else a copy."""
        return array if self.immutable else self.xp.asarray(array, copy=True)

    def check_leaving(self, array: Any, what: str) -> None:
        """Raise LostGradientError if the library itself tracks an array that ``what`` copies.

        Only for a library with a record of its own that would end there unnoticed (PyTorch).
        """

    def default_integer(self, unsigned: bool) -> str:
        """The data type that integers add up in, and that new indices have."""
        return "uint64" if unsigned else "int64"

    def synchronize(self, device: Any) -> None:
        """Wait until all work given to the device is done."""

    def memory(self, device: Any) -> tuple[int, int] | None:
        """Free and total bytes of the device's memory, or None where unknown."""
        return None

    def keep_memory(self, on: bool) -> None:
        """See `Device.keep_memory`."""

    def target(self) -> Any:
        """What compiled programs call, or None: op by op.

        See `polygrad.compile.target`, and `polygrad.compile.cuda.host` for CUDA kernels.
        """
        return None

    def on_host(self, device: Any) -> bool:
        """Whether a device is host memory, where NumPy can compute with copies of its arrays."""
        return True

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        """Functions to add to the namespace, or to use in place of the library's."""
        return {}

    # -- shared ----------------------------------------------------------------------------

    @cached_property
    def xp(self) -> ModuleType:
        """The namespace that rules are written against: the library's and its overrides."""
        from polygrad.corrections import corrections  # `import polygrad` need not load it

        source = self.namespace()
        merged = ModuleType(f"polygrad.backends.{self.name}.xp", source.__doc__)
        # An extension of the standard is an attribute that dir() need not list.
        for name in {*dir(source), "fft", "linalg"}:
            if not name.startswith("__") and hasattr(source, name):
                setattr(merged, name, getattr(source, name))
        additions = (
            {"device_of": self.device_of}
            | generic(merged)
            | corrections(merged)
            | self.overrides(merged)
        )
        for name, value in additions.items():
            setattr(merged, name, value)
        return merged

    @cached_property
    def _dtypes(self) -> dict[DType, Any]:
        return {}

    def raw_dtype(self, dtype: Any) -> Any:
        """The library's own object for a data type in any spelling; None stays None."""
        if dtype is None:
            return None
        dtype = as_dtype(dtype)
        try:
            return self._dtypes[dtype]
        except KeyError:
            found = getattr(self.xp, dtype.name, None)
            if found is None:
                raise BackendError(
                    f"dtype: the backend {self.name!r} has no {dtype.name}; use another dtype"
                ) from None
            return self._dtypes.setdefault(dtype, found)

    def owns(self, cls: type) -> bool:
        """Whether ``cls`` is an array class of this library, judged by name, not by import."""
        names = {f"{base.__module__.partition('.')[0]}:{base.__name__}" for base in cls.__mro__}
        return not names.isdisjoint(self.array_classes)

    def __repr__(self) -> str:
        return f"<Backend {self.name}>"


class BrokenBackend(Backend):
    """Stands for an entry point that did not load: it only says why."""

    array_classes = ()

    def __init__(self, name: str, reason: str) -> None:
        self.name, self._reason = name, reason

    def unavailable(self) -> str:
        return self._reason

    def version(self) -> None:
        return None

    def device_names(self) -> list[str]:
        return []

    def device_name(self, device: Any) -> str:
        raise TypeError(self._reason)
