"""Array: the standard's array object, plain or tracked by a transform."""

from typing import TYPE_CHECKING, Any

from polygrad.backend import ARRAY_TYPES, Backend, backend_for_type
from polygrad.device import Device, intern_device
from polygrad.dtypes import DType, as_dtype
from polygrad.errors import (
    ArgumentTypeError,
    ArgumentValueError,
    BackendError,
    DeviceError,
    LostGradientError,
    UnknownValueError,
    lost_in_numpy,
    non_scalar,
    user_line,
)
from polygrad.standard import API_VERSIONS


class BaseTrace:
    """The level of arrays that no transform tracks."""

    level = newest = 0  # newest: the level of the newest trace
    alive = True


BASE = BaseTrace()


class Batched:
    """What an array of a vmap holds: a value with the batch in front, seen as one example."""

    __slots__ = ("value", "shape", "dtype")

    def __init__(self, value: Any) -> None:
        self.value, self.shape, self.dtype = value, value.shape[1:], value.dtype


class Symbolic:
    """What an array of a traced program holds: it has a shape, a type and a place, and no data."""

    __slots__ = ("shape", "dtype", "device", "weak")

    def __init__(
        self, shape: tuple[int, ...], dtype: DType, device: Device, weak: bool = False
    ) -> None:
        self.shape, self.dtype, self.device, self.weak = shape, dtype, device, weak

    def stand_in(self) -> Any:
        """A library array of zeros of this kind in next to no memory, never to be read."""
        backend = self.device.backend
        dtype = backend.raw_dtype(self.dtype)
        zero = backend.xp.zeros((), dtype=dtype, device=self.device.raw)
        return backend.xp.broadcast_to(zero, self.shape)


class Array:
    """An n-dimensional array of any backend, with the operators of the array API standard.

    Made by the creation functions (`asarray`, `zeros`, `random` ...), and handed to functions
    inside a transform, where it is tracked. Assignments (``x[i] = v``, ``x += v``, ``out=x``)
    give it a new value; memory of a library is never overwritten. What is a view in NumPy is a
    view here, read and written through, tracked, compiled or neither: see docs/views.md.

    >>> x = pg.asarray([1.0, 2.0, 3.0])
    >>> x[0] = 10.0
    >>> x * 2 + 1
    Array([21.,  5.,  7.], dtype=float64, device=cpu)
    """

    __slots__ = ("_value", "_trace", "_node", "_view", "_since", "__weakref__")  # core/views.py
    __array_priority__ = 1000.0

    def __init__(self, value: Any, trace: Any, node: Any) -> None:
        self._value, self._trace, self._node, self._since = value, trace, node, BASE.newest

    # -- attributes of the standard -------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self._value.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self._value.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        n = 1
        for length in self._value.shape:
            n *= length
        return n

    @property
    def dtype(self) -> DType:
        """The data type, as polygrad's own object; it equals the library's spelling."""
        return as_dtype(self._value.dtype)

    @property
    def device(self) -> Device:
        """The device the array lives on."""
        raw, backend = raw_and_backend(self)
        return intern_device(backend, backend.device_of(raw))

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """The array API namespace of this array: polygrad itself."""
        return _namespace(api_version)

    def to_device(self, device: Any, /, *, stream: Any = None) -> "Array":
        """A copy on ``device`` (a Device or device string); differentiable."""
        return _namespace().to_device(self, device, stream=stream)

    # -- conversion to plain data -----------------------------------------------------------

    def item(self) -> Any:
        """The value of a one-element array as a Python number, without its gradient."""
        raw, backend = self._readable("x.item()")
        if self.size != 1:
            raise non_scalar(self.shape, "item()")
        return backend.to_host(raw).item()

    def tolist(self) -> Any:
        """The values as nested Python lists, without their gradient."""
        raw, backend = self._readable("x.tolist()")
        return backend.to_host(raw).tolist()

    def __bool__(self) -> bool:
        return bool(self._scalar("bool()"))

    def __float__(self) -> float:
        self._refuse_tracked("float(x)")
        return float(self._scalar("float()"))

    def __int__(self) -> int:
        self._refuse_tracked("int(x)")
        return int(self._scalar("int()"))

    def __complex__(self) -> complex:
        self._refuse_tracked("complex(x)")
        return complex(self._scalar("complex()"))

    def __index__(self) -> int:
        self._refuse_tracked("using x as an index")
        if self.dtype.group not in ("signed integer", "unsigned integer"):
            raise ArgumentTypeError(
                f"an index has to be an integer, got an array of {self.dtype}; convert it with "
                "pg.astype(x, pg.int64)"
            )
        return int(self._scalar("an index"))

    def _scalar(self, what: str) -> Any:
        if self.shape != ():
            raise non_scalar(self.shape, what)
        raw, backend = self._readable(what)
        return backend.to_host(raw).item()

    def _readable(self, what: str) -> tuple[Any, Backend]:
        """The library array and its backend, where the values are there to be read."""
        if differs_between_examples(self):
            raise UnknownValueError(
                f"{what} inside vmap: the value differs between the examples, so Python cannot "
                "branch on it or use it as a number; choose with pg.where(condition, a, b), or "
                "read it outside of vmap"
            )
        if is_symbolic(self):
            raise UnknownValueError(
                f"{what}: the elements of x, {self.dtype}{list(self.shape)}, are not known while "
                f"jit traces the function ({user_line()}); choose with pg.where or pg.cond, make "
                "an argument that steers the program static (static_argnums, static_argnames), "
                "or read it outside of jit"
            )
        return raw_and_backend(self)

    def __len__(self) -> int:
        if not self.shape:
            raise ArgumentTypeError("len(x): x is 0-d and has no axes; x.size is 1")
        return self.shape[0]

    def __iter__(self) -> Any:
        if not self.shape:
            raise ArgumentTypeError("iteration over x: x is 0-d and has no axes; use x.item()")
        return (self[i] for i in range(self.shape[0]))

    def __contains__(self, value: Any) -> bool:
        namespace = _namespace()
        return bool(namespace.any(namespace.equal(self, value)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        try:
            self._refuse_tracked("np.asarray(x)")
        except LostGradientError as error:
            raise lost_in_numpy(error) from None
        raw, backend = raw_and_backend(self)
        if not backend.host:
            raise DeviceError(
                f"np.asarray(x): x is on {self.device}, and NumPy holds host memory only; "
                "ask for the copy with pg.to_numpy(x)"
            )
        return raw.__array__(dtype, copy=copy)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: Any = None,
        copy: bool | None = None,
    ) -> Any:
        """The DLPack capsule of the array's memory (the standard's protocol)."""
        self._refuse_tracked("__dlpack__()")
        given = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
        options = {name: value for name, value in given.items() if value is not None}
        return self._exporter().__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        """The DLPack device type and number."""
        return self._exporter().__dlpack_device__()

    def _exporter(self) -> Any:
        raw, backend = raw_and_backend(self)
        if not hasattr(raw, "__dlpack__"):
            raise BackendError(
                f"__dlpack__(): the backend {backend.name!r} has no DLPack; ask for a copy in host "
                "memory with pg.to_numpy(x)"
            )
        return raw

    def _refuse_tracked(self, what: str) -> None:
        if self._trace is not BASE:
            self._readable(what)
            if self._trace.integers_known and not self.dtype.is_inexact:
                return
            raise LostGradientError(
                f"{what} of a tracked array of shape {self.shape} would lose its gradient; "
                "write pg.stop_gradient(x) to use it as a constant, or x.item() for a plain "
                "number"
            )

    # -- NumPy's and PyTorch's dispatch --------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return _namespace().numpy_functions.ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return _namespace().numpy_functions.function(function, types, args, options)

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Any = (), options: Any = None
    ) -> Any:
        return _namespace().torch_functions.function(function, types, args, options)

    def __getattr__(self, name: str) -> Any:
        if name == "_view":  # not set: no view of another array
            return None
        if name in ("_trace", "_value", "_node") and self._view is not None:
            refresh_view(self)  # a view of an array that was written to since
            return getattr(self, name)
        # NumPy's methods (x.sum, x.clip) arrive with the functions they are made of, on first use.
        if not name.startswith("_") and name not in Array.__dict__:  # a property that raised is
            _namespace().numpy_functions.methods.install()
            if name in Array.__dict__:
                return getattr(self, name)
        raise AttributeError(f"'Array' object has no attribute {name!r}")

    # -- printing ---------------------------------------------------------------------------

    def __repr__(self) -> str:
        if is_symbolic(self):
            return f"Array(traced, shape={self.shape}, dtype={self.dtype}, device={self.device})"
        raw, backend = raw_and_backend(self)
        text = repr(backend.to_host(raw))
        body = text[text.index("(") + 1 :].rpartition(")")[0].partition(", dtype=")[0]
        tracked = "" if self._trace is BASE else f", level={self._trace.level}"
        return f"Array({body}, dtype={self.dtype}, device={self.device}{tracked})"

    def __str__(self) -> str:
        if is_symbolic(self):
            return repr(self)
        raw, backend = raw_and_backend(self)
        return str(backend.to_host(raw))

    def __format__(self, spec: str) -> str:
        if not spec:
            return str(self)
        return format(self._scalar("format()"), spec)

    def __copy__(self) -> "Array":
        return _namespace().asarray(self, copy=True)

    def __deepcopy__(self, memo: Any) -> "Array":
        return self.__copy__()

    def __reduce__(self) -> Any:
        self._refuse_tracked("pickling")
        raw, backend = raw_and_backend(self)
        return _restore, (backend.to_host(raw), str(self.device))

    if TYPE_CHECKING:  # written by ops/operators.py from the op table
        T: "Array"
        mT: "Array"

        def __getitem__(self, key: Any) -> "Array": ...
        def __setitem__(self, key: Any, value: Any) -> None: ...
        def _binary(self, other: Any) -> "Array": ...
        def _unary(self) -> "Array": ...

        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _binary
        __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _binary
        __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = __rmatmul__ = _binary
        __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _binary
        __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _binary
        __lt__ = __le__ = __gt__ = __ge__ = _binary
        __neg__ = __pos__ = __abs__ = __invert__ = _unary


def raw_and_backend(value: Any) -> tuple[Any, Backend]:
    """The library array under any number of levels, and its backend.

    For a traced value it is a stand-in of the same shape, data type and device.
    """
    while True:
        if type(value) is Array:
            value = value._value
        elif type(value) is Batched:
            value = value.value
        elif isinstance(value, Symbolic):
            return value.stand_in(), value.device.backend
        else:
            break
    backend = ARRAY_TYPES.get(type(value)) or backend_for_type(type(value), value)
    if backend is None:
        raise ArgumentTypeError(
            f"got {type(value).__name__} {value!r:.60}, expected an array; pass pg.asarray(...) "
            "of it"
        )
    return value, backend


def differs_between_examples(value: Any) -> bool:
    """Whether a vmap runs over ``value``, at any level, so that it stands for several values."""
    while type(value) is Array:
        value = value._value
    return type(value) is Batched


def is_symbolic(value: Any) -> bool:
    """Whether a value is traced by jit, at any level, so that its elements are not known."""
    while type(value) is Array or type(value) is Batched:
        value = value._value if type(value) is Array else value.value
    return isinstance(value, Symbolic)


def is_number(value: Any) -> bool:
    """Whether an array, at any level, stands for a Python number of a traced program."""
    while type(value) is Array:
        value = value._value
    return isinstance(value, Symbolic) and value.weak


def wrap(value: Any) -> Array:
    """An untracked Array around a library array; an Array stays as it is."""
    return value if type(value) is Array else Array(value, BASE, None)


def is_array(value: Any) -> bool:
    """Whether ``value`` is an Array or an array of a registered library.

    >>> pg.is_array(pg.zeros(3)), pg.is_array([0.0, 1.0])
    (True, False)
    """
    return type(value) is Array or backend_for_type(type(value), value) is not None


_module: Any = None
refresh_view: Any = None  # set by core/views.py


def set_namespace(module: Any) -> None:
    """Tell arrays which module is their namespace; called once, by the package itself."""
    global _module
    _module = module


def _namespace(api_version: str | None = None) -> Any:
    if api_version is not None and api_version not in API_VERSIONS:
        raise ArgumentValueError(
            f"api_version: got {api_version!r}, expected one of {', '.join(API_VERSIONS)}"
        )
    return _module


def _restore(host: Any, device: str) -> Array:
    return _namespace().asarray(host, device=device)
