"""Data type functions, and moving between data types and devices."""

from collections.abc import Callable, Iterator
from typing import Any

from polygrad.array import Array, is_array, is_number, raw_and_backend
from polygrad.backend import backend_for_type, host_backend
from polygrad.core.batch import spread
from polygrad.core.kinds import Linear, Nondifferentiable
from polygrad.core.op import OpFacts
from polygrad.core.trace import PYTHON_SCALARS, bind
from polygrad.device import Device, intern_device
from polygrad.device import device as as_device
from polygrad.dtypes import DType, as_dtype
from polygrad.errors import ArgumentTypeError, MixedArraysError


def _cast(xp: Any, x: Any, dtype: DType) -> Any:
    # The same name leads to the data type in every namespace.
    return xp.astype(x, getattr(xp, dtype.name))


def _cast_back(xp: Any, g: Any, x: Any, dtype: DType) -> Any:
    source = as_dtype(x.dtype)
    if dtype.is_complex and not source.is_complex:
        g = xp.real(g)
    return _cast(xp, g, source)


copy_op = Linear(
    "copy",
    lambda xp, g, x: g,
    lambda xp, x: xp.asarray(x, copy=True),
    batch=spread,
    facts=OpFacts(elementwise=True),
)
_CAST = OpFacts(elementwise=True, casts=True)
astype_op = Linear("astype", _cast_back, _cast, batch=spread, facts=_CAST)
discrete_op = Nondifferentiable("astype_discrete", _cast, batch=spread, facts=_CAST)


def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """``x`` in another data type; differentiable between floating-point types.

    Real to complex is allowed; complex to real raises ArgumentTypeError (take `real`). With
    ``copy`` False an array that has the data type already is returned as it is.

    >>> pg.astype(pg.asarray([1, 2]), pg.float32)
    Array([1., 2.], dtype=float32, device=cpu)
    """
    wanted, source = as_dtype(dtype), as_dtype(x.dtype)
    if device is not None:
        x = to_device(x, device)
    if source.is_complex and not wanted.is_complex:
        raise ArgumentTypeError(
            f"astype: got {source} to convert to {wanted}, which would drop the imaginary part; "
            "take pg.real(x) first"
        )
    if wanted == source and not copy:
        return x
    return bind(astype_op if wanted.is_inexact else discrete_op, (x,), {"dtype": wanted})


def in_wide(function: Callable[[Any], Any], x: Any, /) -> Any:
    """``function(x)`` of an array whose sums and squares may leave the range of its data type.

    Half precision is computed in float32, and the answer is in half precision again; integers
    are computed, and answered, in float64.
    """
    source = as_dtype(x.dtype)
    if not source.is_inexact:
        return function(astype(x, "float64"))
    if source.bits > 16:
        return function(x)
    return astype(function(astype(x, "float32")), source)


def _move(xp: Any, x: Any, device: Device, source: Device) -> Any:
    if device.backend is source.backend:
        return x if device.raw == source.raw else xp.asarray(x, device=device.raw, copy=True)
    # The op runs again, from its transpose, with the other library's arrays.
    source.backend.check_leaving(x, "to_device")
    return device.backend.from_host(
        source.backend.to_host(x), device.backend.raw_dtype(x.dtype), device.raw
    )


def _move_back(xp: Any, g: Any, x: Any, device: Device, source: Device) -> Any:
    # A tracked cotangent has no memory to copy: the op runs on it instead.
    return to_device(g, source) if type(g) is Array else _move(xp, g, source, device)


to_device_op = Linear("to_device", _move_back, _move, batch=spread)


def to_device(x: Any, device: Any, /, *, stream: Any = None) -> Any:
    """``x`` on another device, of the same or another backend; differentiable.

    ``device`` is a Device or a device string. ``stream`` is accepted for the standard's sake
    and has to be None. Raises DeviceError or DeviceUnavailableError for a device that is not
    there.

    >>> pg.to_device(pg.zeros(2), "cpu").device
    Device('cpu')
    """
    if stream is not None:
        raise ArgumentTypeError("to_device: stream has to be None; polygrad orders the work")
    raw, backend = raw_and_backend(x)
    target, source = as_device(device), intern_device(backend, backend.device_of(raw))
    if target == source:
        return x
    return bind(to_device_op, (x,), {"device": target, "source": source})


def device_of(x: Any, /) -> Device:
    """The device that an Array, or an array of any library, lives on.

    >>> pg.device_of(pg.zeros(2))
    Device('cpu')
    """
    raw, backend = raw_and_backend(x)
    return intern_device(backend, backend.device_of(raw))


def to_numpy(x: Any) -> Any:
    """A NumPy array with the values of ``x``, copied from its device; carries no gradient.

    Raises LostGradientError for a tracked array (use `stop_gradient` first).

    >>> pg.to_numpy(pg.ones(2))
    array([1., 1.])
    """
    if type(x) is Array:
        x._refuse_tracked("pg.to_numpy(x)")
    raw, backend = raw_and_backend(x)
    backend.check_leaving(raw, "to_numpy")
    return host_backend().xp.asarray(backend.to_host(raw), copy=True)


stop_op = Nondifferentiable(
    "stop_gradient", lambda xp, x: x, batch=spread, facts=OpFacts(elementwise=True)
)


def stop_gradient(x: Any) -> Any:
    """``x`` as a constant: the same value, from which no gradient flows back.

    Takes a pytree; leaves that are not arrays stay as they are.

    >>> pg.grad(lambda x: x * pg.stop_gradient(x))(3.0)
    3.0
    """
    from polygrad import tree

    return tree.map(lambda leaf: bind(stop_op, (leaf,), {}) if is_array(leaf) else leaf, x)


class finfo:  # noqa: N801  the standard's name
    """Limits of a floating-point data type, as Python numbers.

    ``bits eps max min smallest_normal dtype``; ``type`` is a data type or an array. Complex
    types give the limits of their parts. Raises DTypeError for other types.

    >>> pg.finfo(pg.float32).bits
    32
    """

    def __init__(self, type: Any, /) -> None:  # noqa: A002
        dtype = _dtype_of(type)
        if not dtype.is_inexact:
            raise ArgumentTypeError(f"finfo: got {dtype}, expected a floating-point type")
        xp = host_backend().xp
        found = xp.finfo(getattr(xp, dtype.name))
        self.bits = int(found.bits)
        self.eps, self.max, self.min = float(found.eps), float(found.max), float(found.min)
        self.smallest_normal = float(found.smallest_normal)
        self.dtype = as_dtype(found.dtype)


class iinfo:  # noqa: N801
    """Limits of an integer data type: ``bits max min dtype``.

    ``type`` is a data type or an array. Raises DTypeError for other types.

    >>> pg.iinfo(pg.int8).max
    127
    """

    def __init__(self, type: Any, /) -> None:  # noqa: A002
        dtype = _dtype_of(type)
        if "integer" not in dtype.group:
            raise ArgumentTypeError(f"iinfo: got {dtype}, expected an integer type")
        self.bits, self.dtype = dtype.bits, dtype
        signed = dtype.group == "signed integer"
        self.max = 2 ** (dtype.bits - signed) - 1
        self.min = -(2 ** (dtype.bits - 1)) if signed else 0


def _dtype_of(value: Any) -> DType:
    return as_dtype(value.dtype) if is_array(value) else as_dtype(value)


_GROUPS = {
    "bool": ("bool",),
    "signed integer": ("signed integer",),
    "unsigned integer": ("unsigned integer",),
    "integral": ("signed integer", "unsigned integer"),
    "real floating": ("real floating",),
    "complex floating": ("complex floating",),
    "numeric": ("signed integer", "unsigned integer", "real floating", "complex floating"),
}


def isdtype(dtype: Any, kind: Any) -> bool:
    """Whether a data type is of a kind: a kind's name, a data type, or a tuple of them.

    >>> pg.isdtype(pg.float32, "real floating"), pg.isdtype(pg.int8, ("bool", "integral"))
    (True, True)
    """
    dtype = as_dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(dtype, one) for one in kind)
    if isinstance(kind, str) and kind in _GROUPS:
        return dtype.group in _GROUPS[kind]
    return dtype == as_dtype(kind)


def can_cast(from_: Any, to: Any, /) -> bool:
    """Whether a data type (or array) can be cast to another by the promotion rules.

    >>> pg.can_cast(pg.float32, pg.float64), pg.can_cast(pg.float64, pg.float32)
    (True, False)
    """
    xp = host_backend().xp
    return bool(xp.can_cast(getattr(xp, _dtype_of(from_).name), getattr(xp, as_dtype(to).name)))


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The data type that arrays, data types and Python numbers promote to together.

    >>> pg.result_type(pg.float32, pg.float64)
    polygrad.float64
    """
    xp = host_backend().xp
    plain = [
        value
        if type(value) in PYTHON_SCALARS
        else _NUMBERS[as_dtype(value.dtype).group]
        if is_number(value)
        else getattr(xp, _dtype_of(value).name)
        for value in arrays_and_dtypes
    ]
    return as_dtype(xp.result_type(*plain))


_NUMBERS = {
    "bool": True, "signed integer": 1, "real floating": 1.0, "complex floating": 1j,
}  # fmt: skip
"""What stands for a number that jit traces, where its value does not matter."""


def number_dtype(value: Any, place: Device) -> DType:
    """The data type of an array that is made on a device of a number that jit traces."""
    sample = _NUMBERS[as_dtype(value.dtype).group]
    return as_dtype(place.backend.from_host(sample, None, place.raw).dtype)


def is_scalar(value: Any) -> bool:
    """Whether ``value`` is a Python number, or one that jit traces: of no data type of its own."""
    return type(value) in PYTHON_SCALARS or is_number(value)


def check_same_library(name: str, values: list[Any]) -> None:
    """Raise MixedArraysError unless all library arrays among ``values`` are of one library."""
    libraries = {
        backend.name
        for backend in (backend_for_type(type(v._value if type(v) is Array else v)) for v in values)
        if backend is not None
    }
    if len(libraries) > 1:
        raise MixedArraysError(
            f"{name}: got arrays of several libraries, {' and '.join(sorted(libraries))}; expected "
            "one; move them to one device with pg.asarray(x, device=...)"
        )


def refuse_unit(obj: Any) -> None:
    """Raise ArgumentTypeError for a quantity: its number without its unit would be wrong."""
    cls = type(obj)
    if cls.__module__ == "builtins" or not hasattr(cls, "__array_ufunc__"):
        return
    own = any(c.__name__ == "ndarray" for c in cls.__mro__) and not is_array(obj)
    if own or any(hasattr(cls, name) for name in ("unit", "units")):
        raise ArgumentTypeError(
            f"asarray: got a {cls.__module__}.{cls.__qualname__}, which has rules of its own, as "
            "for a unit, that its values alone would lose; expected a number, nested lists or an "
            "array; pass its values, in the unit you mean (x.magnitude, x.to_value(unit))"
        )


def shown(obj: Any) -> str:
    """A value in one line, for messages."""
    text = repr(obj)
    return f"{type(obj).__name__} {text if len(text) < 60 else text[:57] + '...'}"


def nested_leaves(obj: Any) -> Iterator[Any]:
    """What nested lists hold, one by one."""
    if isinstance(obj, list | tuple):
        for item in obj:
            yield from nested_leaves(item)
    else:
        yield obj
