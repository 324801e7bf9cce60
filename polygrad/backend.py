"""Backends: one record per array library, found through entry points, loaded when needed."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from polygrad import locks
from polygrad.additions import SPECIAL, Library, scipy_on_host
from polygrad.backend_record import Backend, BrokenBackend
from polygrad.dtypes import set_host
from polygrad.errors import BackendError, DeviceError

ENTRY_POINTS = "polygrad.backends"
__all__ = [
    "Backend",
    "backends",
    "get_backend",
    "Library",
    "register_backend",
    "register_namespace",
    "scipy_on_host",
    "SPECIAL",
    "why_unavailable",
]

_BACKENDS: dict[str, Backend] = {}
_FOREIGN: dict[type, str | None] = {}  # classes met that no backend owns; why, if it may seem so
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
    for cls, owner in tuple(ARRAY_TYPES.items()):
        if owner.generic and backend.owns(cls):
            raise BackendError(
                f"backend: arrays of {cls.__module__}.{cls.__qualname__} are in use already, by "
                f"the generic backend {owner.name!r}; register a backend before the first array of "
                "its library is made"
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


def backend_for_type(cls: type, value: Any = None) -> Backend | None:
    """The backend that owns an array or scalar class, or None if none does.

    A class of the standard that no record owns gets a `GenericBackend`. ``value`` is an array of
    the class, where there is one at hand: it is asked for its namespace.
    """
    found = ARRAY_TYPES.get(cls)
    if found is None and cls not in _FOREIGN and cls.__module__ != "builtins":
        _discover()
        for backend in tuple(_BACKENDS.values()):
            if backend.owns(cls):
                found = backend
                break
        else:
            found = _generic(cls, value)
        if found is None:
            _FOREIGN.setdefault(cls, None)
        else:
            ARRAY_TYPES[cls] = found
            (SCALAR_TYPES if found.is_scalar(cls) else PLAIN_TYPES).add(cls)
    return found


def why_foreign(cls: type) -> str | None:
    """Why a class with ``__array_namespace__`` is not taken for an array, or None."""
    return _FOREIGN.get(cls)


def _generic(cls: type, value: Any) -> Backend | None:
    """The generic backend for a class of the standard that no record owns, or None."""
    ask = getattr(cls, "__array_namespace__", None)
    if ask is None or issubclass(cls, type) or cls.__module__.partition(".")[0] == "polygrad":
        return None
    from polygrad.generic_backend import why_not

    try:
        # Without an array at hand an empty one is asked: few look at themselves.
        namespace = ask(object.__new__(cls) if value is None else value)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        _FOREIGN[cls] = f"has an __array_namespace__ that failed ({why})"
        return None
    reason = why_not(namespace, cls)
    if reason is not None:
        _FOREIGN[cls] = reason
        return None
    backend = register_namespace(namespace, _name_of(cls))
    backend.adopt(cls)  # type: ignore[attr-defined]
    return backend


def _name_of(cls: type) -> str:
    module = cls.__module__.partition(".")[0].strip("_")
    return cls.__name__ if module in ("main", "builtins", "") else module


def register_namespace(namespace: Any, name: str | None = None) -> Backend:
    """The backend of an array library that follows the standard and has no record.

    ``namespace`` is what its arrays' ``__array_namespace__`` returns. An array of the library is
    enough to make it known; this does so before the first one, so that ``pg.device(name)`` names
    it. ``name`` is by default that of the module. The same namespace gives the same backend.
    Raises BackendError for a namespace that lacks what the standard has.

    >>> import polygrad.ops
    >>> pg.backend.register_namespace(polygrad.ops)
    Traceback (most recent call last):
    ...
    polygrad.errors.BackendError: register_namespace: polygrad's own arrays need no backend
    """
    from polygrad.generic_backend import GenericBackend, why_not

    _discover()
    with _DISCOVERY:
        for known in tuple(_BACKENDS.values()):
            if known.generic and known.namespace() is namespace:
                return known
        given = name or getattr(namespace, "__name__", type(namespace).__name__).partition(".")[0]
        if given == "polygrad":
            raise BackendError("register_namespace: polygrad's own arrays need no backend")
        try:
            cls = type(namespace.asarray(1.0))
            reason = why_not(namespace, cls)
        except Exception as error:
            reason = f"has an asarray that failed ({type(error).__name__}: {one_line(error)})"
        if reason is not None:
            raise BackendError(f"register_namespace: {given!r} {reason}")
        given = "".join(c for c in given.lower() if c.isalnum() or c == "_")
        free, n = given, 2
        taken = {word for b in _BACKENDS.values() for word in (b.name, *b.platforms)} | {"auto"}
        while free in taken:
            free, n = f"{given}{n}", n + 1
        made = GenericBackend(free, namespace, host_backend)
        made.adopt(cls)
        _BACKENDS[free] = made
        _FOREIGN.clear()
        return made


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
