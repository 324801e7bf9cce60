"""The backend of every array library that follows the standard and has no record of its own.

A class with ``__array_namespace__`` is enough. Nothing is known of the library but the standard:
arrays are never written into, devices are those that the namespace tells of, and the way to host
memory is the first of the usual protocols that the array has.
"""

import operator
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from polygrad.additions import scipy_on_host
from polygrad.backend_record import Backend
from polygrad.errors import BackendError
from polygrad.functional import functional, newer, sound_take

NEEDED = (
    "add", "asarray", "broadcast_to", "concat", "equal", "exp", "expand_dims", "float64", "isnan",
    "less", "log", "matmul", "max", "multiply", "negative", "permute_dims", "reshape", "sqrt",
    "subtract", "sum", "tanh", "where", "zeros", "zeros_like",
)  # fmt: skip
"""What a namespace has to have for its arrays to be taken for arrays of the standard."""
FOREIGN = "is no array of the array API standard"
CREATION = (
    "arange", "asarray", "empty", "empty_like", "eye", "full", "full_like", "linspace", "ones",
    "ones_like", "zeros", "zeros_like",
)  # fmt: skip
TO_HOST = ("to_numpy", "todense", "unwrap_numpy", "compute", "numpy")
"""Methods by which libraries give host arrays, where they have none of the protocols."""


def why_not(namespace: Any, cls: type) -> str | None:
    """Why what ``cls.__array_namespace__`` returned does not make its arrays usable, or None."""
    lacking = [name for name in NEEDED if not hasattr(namespace, name)]
    if lacking:
        return f"{FOREIGN}: its namespace lacks {', '.join(lacking[:4])}"
    try:
        made = type(namespace.asarray(1.0))
    except Exception as error:
        return f"{FOREIGN}: its namespace makes no array of 1.0 ({type(error).__name__}: {error})"
    related = issubclass(made, cls) or issubclass(cls, made)
    if not related and made.__module__.partition(".")[0] != cls.__module__.partition(".")[0]:
        name = f"{made.__module__}.{made.__qualname__}"
        return f"{FOREIGN}: its namespace makes arrays of another class, {name}"
    lacking = [name for name in ("shape", "dtype", "__getitem__", "__add__") if not _has(cls, name)]
    return f"{FOREIGN}: it lacks {', '.join(lacking)}" if lacking else None


def _has(cls: type, name: str) -> bool:
    # An instance may have it without the class (`self.shape = ...`); operators must be the class's.
    return hasattr(cls, name) or not name.startswith("__")


class GenericBackend(Backend):
    """Arrays of a namespace of the standard, of which nothing else is known."""

    array_classes = ()
    generic = True

    def __init__(self, name: str, namespace: Any, host: Callable[[], Backend]) -> None:
        self.name, self._namespace, self._host = name, namespace, host
        self._classes: list[type] = []
        self._known = self._listed()
        self.multi_device = len(self._known) > 1
        self.immutable = True

    def adopt(self, cls: type) -> None:
        """Take the arrays of a class."""
        self._classes.append(cls)
        if hasattr(cls, "__setitem__"):
            self.immutable = False  # someone else may write: results are copied

    def owns(self, cls: type) -> bool:
        return cls in self._classes

    def namespace(self) -> ModuleType:
        return self._namespace

    def unavailable(self) -> str | None:
        return None

    def version(self) -> str | None:
        found = getattr(self._namespace, "__version__", None)
        return None if found is None else str(found)

    # -- devices ---------------------------------------------------------------------------

    def _listed(self) -> list[Any]:
        try:
            info = self._namespace.__array_namespace_info__()
            found = [device for device in info.devices() if device is not None]
            first = info.default_device()
        except Exception:  # from version 2023.12 on; some libraries have a part of it
            found, first = [], None
        if first is None:
            first = getattr(self._namespace.asarray(1.0), "device", "cpu")
        return [first, *(device for device in found if device != first)]

    def _label(self, place: int) -> str:
        label = str(self._known[place]).strip().lower()
        plain = label.replace(":", "").replace("_", "").replace("-", "").isalnum()
        labels = [str(device).strip().lower() for device in self._known]
        return label if plain and labels.count(label) == 1 else str(place)

    def _name(self, place: int) -> str:
        return self.name if place == 0 else f"{self.name}:{self._label(place)}"

    def device_names(self) -> list[str]:
        return [self._name(i) for i in range(len(self._known))]

    def find_device(self, rest: str) -> Any:
        if not rest:
            return self._known[0]
        for i, device in enumerate(self._known):
            if rest in (self._label(i), str(i)):
                return device
        labels = ", ".join(repr(self._label(i)) for i in range(len(self._known)))
        raise ValueError(f"{self.name} has the devices {labels}; got {rest!r}")

    def device_name(self, device: Any) -> str:
        for i, known in enumerate(self._known):
            if known is device or (type(known) is type(device) and known == device):
                return self._name(i)
        raise TypeError(f"not a device of {self.name}: {device!r}")

    def device_of(self, array: Any) -> Any:
        try:
            device = array.device
        except (AttributeError, NotImplementedError):
            return self._known[0]
        for known in self._known:
            if known is device or (type(known) is type(device) and known == device):
                return known
        self._known.append(device)  # one that the namespace did not tell of
        self.multi_device = True
        return device

    # -- to and from the host --------------------------------------------------------------

    def from_host(self, value: Any, dtype: Any, device: Any) -> Any:
        host = self._host().xp.asarray(value)
        if dtype is None and not hasattr(value, "dtype"):
            kind = str(host.dtype)  # a Python number: the library's default may be single
            dtype = getattr(self._namespace, kind, None)
        elif dtype is None:
            dtype = getattr(self._namespace, str(host.dtype), None)
            if dtype is None:
                raise BackendError(f"dtype: {self.name} has no {host.dtype}; use another dtype")
        make, shape = self._namespace.asarray, tuple(host.shape)

        def listed() -> Any:
            if 0 in shape:
                return self._namespace.zeros(shape, dtype=dtype)
            return make(host.tolist(), dtype=dtype)

        refusal: Exception | None = None
        ways: Sequence[Callable[[], Any]] = (
            lambda: make(host.copy(), dtype=dtype, device=device),
            lambda: make(host.copy(), dtype=dtype),
            lambda: self._namespace.from_dlpack(host.copy()),
            listed,
        )
        for way in ways[1 if len(self._known) == 1 else 0 :]:
            try:
                made = way()
            except Exception as error:  # each library refuses in its own way
                refusal = refusal or error
                continue
            if self._mine(made) and tuple(made.shape) == shape and made.dtype == dtype:
                if self.device_of(made) != device:
                    made = made.to_device(device)
                return made
        raise BackendError(
            f"{self.name} makes no array of a host array of {host.dtype}{list(shape)}"
            + (f" ({type(refusal).__name__}: {refusal})" if refusal else "")
        )

    def _mine(self, value: Any) -> bool:
        return not self._classes or isinstance(value, tuple(self._classes))

    def to_host(self, array: Any) -> Any:
        np, refusal = self._host().xp, None
        ways: list[Callable[[], Any]] = []
        if hasattr(type(array), "__array__"):
            ways.append(lambda: np.asarray(array))
        ways += [getattr(array, name) for name in TO_HOST if hasattr(type(array), name)]
        if hasattr(type(array), "__dlpack__"):
            ways.append(lambda: np.from_dlpack(array))
        ways.append(lambda: self._by_element(array))
        dtype = str(array.dtype).rpartition(".")[2].lower()
        for way in ways:
            try:
                found = np.asarray(way())
            except Exception as error:
                refusal = refusal or error
                continue
            if tuple(found.shape) == tuple(array.shape) and found.dtype.kind != "O":
                return found
        raise BackendError(
            f"{self.name}: the values of an array of {dtype}{list(array.shape)} cannot be read "
            f"({type(refusal).__name__}: {refusal}); compute them with the library first"
        ) from refusal

    def _by_element(self, array: Any) -> Any:
        """By the standard's conversions of 0-d arrays to Python numbers."""
        shape, dtype = tuple(array.shape), str(array.dtype)
        kinds = (("bool", bool), ("int", int), ("complex", complex))
        convert: Any = next((make for name, make in kinds if name in dtype.lower()), float)
        np = self._host().xp
        name = dtype.rpartition(".")[2].lower()
        out = np.empty(shape, dtype=getattr(np, name, None) or convert)
        for key in np.ndindex(shape):
            out[key] = convert(array[key])
        return out

    def normalise(self, value: Any) -> Any:
        if type(value) in self._classes or not self._plain(value):
            return value
        return self.from_host(value, None, self._known[0])

    @staticmethod
    def _plain(value: Any) -> bool:
        """Whether a result is a number, or an array or scalar of NumPy."""
        return type(value).__module__ in ("numpy", "builtins")

    def own(self, array: Any) -> Any:
        return array if self.immutable else self.xp.asarray(array, copy=True)

    # -- the namespace ---------------------------------------------------------------------

    def guard(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Says by name what the library lacks, and takes results of NumPy's back."""

        def guarded(*args: Any, **params: Any) -> Any:
            try:
                out = function(*args, **params)
            except (AttributeError, NotImplementedError) as error:
                if isinstance(error, AttributeError) and not isinstance(error.obj, ModuleType):
                    raise
                if isinstance(error, AttributeError):
                    lacking = f"has no {error.name}"
                else:
                    text = " ".join(str(error).split())[:120]
                    lacking = f"has not implemented this{f' ({text})' if text else ''}"
                raise BackendError(
                    f"{self.name} {lacking}; move the data with pg.to_device(x, 'cpu')"
                ) from error
            target = getattr(params.get("device"), "backend", self)
            if target is not self:  # a move to another library, whose array this is
                return out
            if isinstance(out, tuple | list):
                taken = [self._taken(value, args) for value in out]
                # With the names of its parts (`eigh`), where nothing had to be taken.
                return out if all(map(operator.is_, taken, out)) else tuple(taken)
            return self._taken(out, args)

        return guarded

    def _taken(self, value: Any, args: Sequence[Any]) -> Any:
        """A result as an array of this library: some give NumPy's for answers without axes."""
        if type(value) in self._classes or not hasattr(value, "dtype") or not self._plain(value):
            return value
        like = next((arg for arg in args if type(arg) in self._classes), None)
        device = self._known[0] if like is None else self.device_of(like)
        return self.from_host(value, None, device)

    def overrides(self, xp: ModuleType) -> dict[str, Any]:
        made = {name: self._placed(getattr(xp, name)) for name in CREATION if hasattr(xp, name)}
        asarray = made["asarray"]

        def converted(value: Any, /, *, dtype: Any = None, device: Any = None, copy: Any = None):  # type: ignore[no-untyped-def]
            if not self._mine(value) or not self._classes:
                if hasattr(value, "dtype") or dtype is None:
                    return self.from_host(value, dtype, device or self._known[0])
                return asarray(value, dtype=dtype, device=device)
            if device is not None and device != self.device_of(value):
                value = value.to_device(device)
            if dtype is not None and value.dtype != dtype:
                value = xp.astype(value, dtype)
            elif copy and not self.immutable:
                value = asarray(value, copy=True)
            return value

        pure = functional(xp, lambda: self._host().xp, self.to_host, self.from_host)
        extra = newer(xp)
        # The functions see one another, and the library's put right, through ``xp``.
        xp.take = extra["take"]  # type: ignore[attr-defined]
        extra["take"] = sound_take(xp, self.from_host, lambda: self._host().xp)
        return {
            **made,
            **extra,
            **({"sort": self._sorted(xp.sort)} if hasattr(xp, "sort") else {}),
            **pure,
            "asarray": converted,
            "special": scipy_on_host(self),
        }

    @staticmethod
    def _sorted(sort: Callable[..., Any]) -> Callable[..., Any]:
        """The library's sort, of equal elements in any order where it knows no stable one."""

        def call(x: Any, /, *, stable: bool = True, **options: Any) -> Any:
            try:
                return sort(x, stable=stable, **options)
            except (NotImplementedError, TypeError, ValueError):
                return sort(x, stable=False, **options)

        return call

    def _placed(self, create: Callable[..., Any]) -> Callable[..., Any]:
        """A creation function that takes ``device`` also where the library's does not."""

        def make(*args: Any, device: Any = None, **options: Any) -> Any:
            if device is not None and len(self._known) > 1:
                return create(*args, device=device, **options)
            return create(*args, **options)

        return make
