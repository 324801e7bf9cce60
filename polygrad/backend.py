"""Backends: one record per array library, found through entry points, loaded when needed."""

from functools import cached_property
from types import ModuleType
from typing import Any

from polygrad.dtypes import DType, as_dtype
from polygrad.errors import BackendError, DeviceError

ENTRY_POINTS = "polygrad.backends"


class Backend:
    """What polygrad has to know of one array library.

    A backend is a subclass with these class attributes, named in the entry-point group
    ``polygrad.backends``. Importing it must not import the library: that happens in
    `namespace`, on first use.
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
        """The library's device for the part of a device string after the backend's name.

        ``rest`` is empty for the default device. Raises ValueError with the choices.
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
    multi_device = True
    """Whether two arrays of this library can live on different devices."""

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

    def synchronize(self, device: Any) -> None:
        """Wait until all work given to the device is done."""

    def memory(self, device: Any) -> tuple[int, int] | None:
        """Free and total bytes of the device's memory, or None where unknown."""
        return None

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        """Functions to add to the namespace, or to use in place of the library's."""
        return {}

    # -- shared ----------------------------------------------------------------------------

    @cached_property
    def xp(self) -> ModuleType:
        """The namespace that rules are written against: the library's and its overrides."""
        source = self.namespace()
        merged = ModuleType(f"polygrad.backends.{self.name}.xp", source.__doc__)
        for name in dir(source):
            if not name.startswith("__"):
                setattr(merged, name, getattr(source, name))
        for name, value in (generic(merged) | self.overrides(merged)).items():
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


def generic(xp: Any) -> dict[str, Any]:
    """What the standard lacks and rules need, in terms of ``xp``: a backend overrides it."""

    def getitem(x: Any, key: Any) -> Any:
        return x[key]

    def index_set(x: Any, value: Any, key: Any) -> Any:
        out = xp.asarray(x, copy=True)
        out[key] = value
        return out

    def scatter_add(value: Any, key: Any, shape: tuple[int, ...]) -> Any:
        out = xp.zeros(shape, dtype=value.dtype, device=value.device)
        out[key] = value
        return out

    return {"getitem": getitem, "index_set": index_set, "scatter_add": scatter_add}


_BACKENDS: dict[str, Backend] = {}
_DISCOVERED = False

ARRAY_TYPES: dict[type, Backend] = {}
"""Array classes met so far, each with its backend: the lookup of the hot path."""
SCALAR_TYPES: set[type] = set()
"""Library scalar classes met so far (``numpy.float64``)."""


def register_backend(backend: Backend) -> None:
    """Add a backend to the registry; a backend of the same name is replaced.

    Packages register by an entry point in the group ``polygrad.backends`` instead.
    """
    if not isinstance(backend, Backend):
        raise BackendError(
            f"backend: got {backend!r}, expected an instance of polygrad.backend.Backend; "
            "subclass it and pass an instance"
        )
    _discover()
    _BACKENDS[backend.name] = backend


def _discover() -> None:
    global _DISCOVERED
    if _DISCOVERED:
        return
    _DISCOVERED = True
    from importlib.metadata import entry_points  # 15 ms that `import polygrad` need not pay

    for entry in entry_points(group=ENTRY_POINTS):
        if entry.name not in _BACKENDS:
            _BACKENDS[entry.name] = entry.load()()
    if not _BACKENDS:
        raise BackendError(
            "no backend is registered: polygrad runs from a folder that was not installed; "
            "run `pip install -e .` in the checkout"
        )


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
            f"unknown backend or device {name!r}; expected one of {device_choices()}"
        ) from None


def device_choices() -> str:
    """The device strings that can be given, for messages."""
    _discover()
    names: list[str] = ["auto"]
    for backend in backends():
        names += [*backend.platforms, backend.name]
    return ", ".join(repr(name) for name in names)


def backend_for_type(cls: type) -> Backend | None:
    """The backend that owns an array or scalar class, or None if none does."""
    found = ARRAY_TYPES.get(cls)
    if found is None and cls.__module__ != "builtins":
        _discover()
        for backend in _BACKENDS.values():
            if backend.owns(cls):
                ARRAY_TYPES[cls] = found = backend
                if backend.is_scalar(cls):
                    SCALAR_TYPES.add(cls)
                break
    return found


def namespace_of(value: Any) -> ModuleType:
    """The namespace of a library array or scalar."""
    backend = ARRAY_TYPES.get(type(value)) or backend_for_type(type(value))
    assert backend is not None, type(value)
    return backend.xp


def host_backend() -> Backend:
    """The backend of plain host memory (NumPy)."""
    return next(backend for backend in backends() if backend.host)
