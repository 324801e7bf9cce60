"""Backends: one record per array library, found through entry points, loaded when needed."""

from collections.abc import Callable
from functools import cached_property
from types import ModuleType
from typing import Any

from polygrad import locks
from polygrad.additions import SPECIAL, Library, generic, scipy_on_host
from polygrad.corrections import corrections
from polygrad.dtypes import DType, as_dtype, set_host
from polygrad.errors import BackendError, DeviceError

ENTRY_POINTS = "polygrad.backends"
__all__ = [
    "Backend",
    "backends",
    "get_backend",
    "Library",
    "register_backend",
    "scipy_on_host",
    "SPECIAL",
    "why_unavailable",
]


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


_BACKENDS: dict[str, Backend] = {}
_FOREIGN: set[type] = set()  # classes met that no backend owns
_DISCOVERED = False
_DISCOVERY = locks.new()  # loading an entry point may itself register a backend

ARRAY_TYPES: dict[type, Backend] = {}
"""Array classes met so far, each with its backend: the lookup of the hot path."""
SCALAR_TYPES: set[type] = set()
"""Library scalar classes met so far (``numpy.float64``)."""
PLAIN_TYPES: set[type] = set()
"""Array classes met so far that are not scalar classes."""


def register_backend(backend: Backend) -> None:
    """Add a backend to the registry, in place of one of the same name that is not in use yet.

    Packages register by an entry point in the group ``polygrad.backends`` instead. Raises
    BackendError for what is not a backend, and for the name of one in use.

    >>> pg.register_backend(pg.backend.get_backend("strict"))
    """
    if not isinstance(backend, Backend):
        raise BackendError(
            f"backend: got {backend!r}, expected an instance of polygrad.backend.Backend; "
            "subclass it and pass an instance"
        )
    fault = _fault(backend)
    if fault is not None:
        raise BackendError(f"backend: a {type(backend).__name__} {fault}")
    _discover()
    known = _BACKENDS.get(backend.name)
    used = known is not None and ("xp" in vars(known) or known in ARRAY_TYPES.values())
    if used and known is not backend:
        raise BackendError(
            f"backend: {backend.name!r} is registered and in use already, expected a new name; "
            "register a backend before the first array of its library is made"
        )
    _BACKENDS[backend.name] = backend
    _FOREIGN.clear()


def _fault(backend: Any) -> str | None:
    """What a backend lacks to be asked anything at all, or None."""
    if not isinstance(backend, Backend):
        return "is not an instance of polygrad.backend.Backend; subclass it"
    name, classes = getattr(backend, "name", None), getattr(backend, "array_classes", None)
    if not isinstance(name, str) or not name or ":" in name or name != name.lower():
        return f"has the name {name!r}, expected lower-case text without ':'"
    if not isinstance(classes, tuple) or not all(isinstance(text, str) for text in classes):
        return f'has array_classes={classes!r}, expected a tuple such as ("numpy:ndarray",)'
    return None


def _discover() -> None:
    global _DISCOVERED
    if _DISCOVERED:
        return
    from importlib.metadata import entry_points  # 15 ms that `import polygrad` need not pay

    with _DISCOVERY:
        if _BACKENDS:  # another thread has been here, or this one is in the loop below
            return
        # Polygrad's own come first, so that no other package can take their names.
        for entry in sorted(entry_points(group=ENTRY_POINTS), key=_is_foreign):
            backend = _load(entry)
            _BACKENDS.setdefault(backend.name, backend)
        if not any(backend.host for backend in _BACKENDS.values()):
            _BACKENDS.clear()
            raise BackendError(
                "no backend for host memory is registered: polygrad runs from a folder that was "
                "not installed; run `pip install -e .` in the checkout"
            )
        _DISCOVERED = True


def _is_foreign(entry: Any) -> bool:
    return not entry.value.startswith("polygrad.backends.")


def _load(entry: Any) -> Backend:
    """The backend an entry point names; one that fails must not take the others down."""
    try:
        backend = entry.load()()
        fault = _fault(backend)
    except Exception as error:
        fault = f"failed to load ({type(error).__name__}: {one_line(error)})"
    if fault is None:
        return backend
    dist = getattr(entry, "dist", None)
    source = f"{dist.name} {dist.version}" if dist is not None else "an unknown package"
    return BrokenBackend(entry.name, f"the entry point {entry.value!r} of {source} {fault}")


def one_line(error: BaseException) -> str:
    """The message of an error of another library as one line, without its decoration."""
    lines = [line.strip() for line in str(error).splitlines()]
    return " ".join(line for line in lines if line.strip("=-*")) or type(error).__name__


def why_unavailable(backend: Backend) -> str | None:
    """Why a backend cannot be used here, in one line, or None; never raises.

    >>> pg.backend.why_unavailable(pg.backend.get_backend("numpy")) is None
    True
    """
    try:
        return backend.unavailable()
    except Exception as error:  # a third party's check must not take the others down
        return f"its check for the library failed ({type(error).__name__}: {one_line(error)})"


def backends() -> list[Backend]:
    """Every registered backend, whether it can be used here or not, NumPy's first.

    >>> [b.name for b in pg.backend.backends()][0]
    'numpy'
    """
    _discover()
    return sorted(_BACKENDS.values(), key=lambda backend: (not backend.host, backend.name))


def get_backend(name: str) -> Backend:
    """The registered backend called ``name``; raises DeviceError naming those that exist.

    >>> pg.backend.get_backend("numpy")
    <Backend numpy>
    """
    _discover()
    try:
        return _BACKENDS[name]
    except KeyError:
        raise DeviceError(
            f"unknown backend or device {name!r}; expected one of {device_choices()} (see "
            "`python -m polygrad devices`)"
        ) from None


def device_choices() -> str:
    """The device strings that can be given, for messages."""
    _discover()
    names = [name for backend in backends() for name in (*backend.platforms, backend.name)]
    return ", ".join(map(repr, ["auto", *names]))


def backend_for_type(cls: type) -> Backend | None:
    """The backend that owns an array or scalar class, or None if none does."""
    found = ARRAY_TYPES.get(cls)
    if found is None and cls not in _FOREIGN and cls.__module__ != "builtins":
        _discover()
        for backend in tuple(_BACKENDS.values()):
            if backend.owns(cls):
                ARRAY_TYPES[cls] = found = backend
                (SCALAR_TYPES if backend.is_scalar(cls) else PLAIN_TYPES).add(cls)
                break
        else:
            _FOREIGN.add(cls)
    return found


def namespace_of(cls: type) -> ModuleType:
    """The namespace of a library's array or scalar class."""
    backend = ARRAY_TYPES.get(cls) or backend_for_type(cls)
    assert backend is not None, cls
    return backend.xp


def guard_of(cls: type) -> Callable[[Callable[..., Any]], Callable[..., Any]] | None:
    """The `Backend.guard` of a library's array class."""
    backend = ARRAY_TYPES.get(cls) or backend_for_type(cls)
    return None if backend is None else backend.guard


def host_backend() -> Backend:
    """The backend of plain host memory (NumPy)."""
    return next(backend for backend in backends() if backend.host)


set_host(lambda dtype: host_backend().xp.dtype(dtype.name))
