"""Stand-ins for NumPy's functions by element: choice, parts of numbers, tests."""

import math
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.numpy_functions.table import (
    array,
    check_casting,
    known,
    numpy_function,
    together,
    write,
)
from polygrad.ops import special, views


@numpy_function("where")
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """numpy.where."""
    condition = array(condition)
    if x is None and y is None:
        return ops.nonzero(condition)
    if as_dtype(condition.dtype).group != "bool":
        condition = condition != 0
    return ops.where(condition, *together(x, y))


@numpy_function("clip")
def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    """numpy.clip."""
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    given = [v for v in (low, high) if v is not None]
    a, *limits = together(a, *given)
    bounds = iter(limits)
    return ops.clip(a, *(None if v is None else next(bounds) for v in (low, high)))


@numpy_function("select")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """numpy.select."""
    if len(condlist) != len(choicelist) or not len(condlist):
        raise ArgumentValueError(
            f"numpy.select: got {len(condlist)} conditions and {len(choicelist)} choices, expected "
            "as many of both, and one at least"
        )
    *choices, out = together(*choicelist, default)
    for condition, choice in zip(reversed(condlist), reversed(choices), strict=True):
        mask = array(condition)
        if as_dtype(mask.dtype).group != "bool":
            raise ArgumentTypeError(
                f"numpy.select: got a condition of {mask.dtype}, expected bool; compare it first"
            )
        out = ops.where(mask, choice, out)
    return out


@numpy_function("choose")
def choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    """numpy.choose."""
    a, parts = array(a), together(*choices)
    if mode == "wrap":
        a = ops.remainder(a, len(parts))
    elif mode == "clip":
        a = ops.clip(a, 0, len(parts) - 1)
    elif mode != "raise":
        raise ArgumentValueError(f"numpy.choose: got mode {mode!r}, expected raise, wrap or clip")
    elif known(a) and bool(ops.any((a < 0) | (a >= len(parts)))):
        raise ArgumentValueError(f"numpy.choose: a number is no place among {len(parts)} choices")
    out = parts[0]
    for i, choice in enumerate(parts):
        out = ops.where(a == i, choice, out)
    return out


@numpy_function("piecewise")
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **options: Any) -> Any:
    """numpy.piecewise."""
    x = array(x)
    conditions = [array(c) for c in (condlist if isinstance(condlist, list) else [condlist])]
    conditions = [ops.broadcast_to(c != 0, tuple(x.shape)) for c in conditions]
    functions = list(funclist)
    if len(functions) == len(conditions) + 1:
        otherwise = ops.ones_like(x, dtype=ops.bool)
        for condition in conditions:
            otherwise = otherwise & ops.logical_not(condition)
        conditions.append(otherwise)
    if len(functions) != len(conditions):
        raise ArgumentValueError(
            f"numpy.piecewise: got {len(functions)} functions for {len(condlist)} conditions, "
            "expected as many, or one more"
        )
    out = ops.zeros_like(x)
    for condition, function in zip(conditions, functions, strict=True):
        if callable(function) and known(x) and known(condition):
            # As NumPy does, only where it holds: elsewhere the function may have no slope.
            part = array(function(x[condition], *args, **options))
            out = ops.index_set(out, ops.astype(part, x.dtype, copy=False), condition)
        else:
            value = array(function(x, *args, **options) if callable(function) else function)
            out = ops.where(condition, ops.astype(value, x.dtype, copy=False), out)
    return out


@numpy_function("around", "round")
def around(a: Any, decimals: int = 0) -> Any:
    """numpy.round."""
    a = array(a)
    dtype = as_dtype(a.dtype)
    if not dtype.is_inexact:
        if decimals >= 0:
            return a if dtype.group != "bool" else ops.astype(a, ops.float16)
        return ops.astype(around(ops.astype(a, ops.float64), decimals), dtype)
    if not decimals:
        return ops.round(a)
    scale = 10.0 ** abs(decimals)
    return ops.round(a * scale) / scale if decimals > 0 else ops.round(a / scale) * scale


@numpy_function("fix")
def fix(x: Any) -> Any:
    """numpy.fix."""
    return ops.trunc(array(x))


@numpy_function("real")
def real(val: Any) -> Any:
    """numpy.real."""
    return views.real(array(val))


@numpy_function("imag")
def imag(val: Any) -> Any:
    """numpy.imag."""
    return views.imag(array(val))


@numpy_function("angle")
def angle(z: Any, deg: bool = False) -> Any:
    """numpy.angle."""
    z = array(z)
    out = ops.atan2(ops.imag(z), ops.real(z))
    return out * (180 / math.pi) if deg else out


@numpy_function("real_if_close")
def real_if_close(a: Any, tol: float = 100) -> Any:
    """numpy.real_if_close."""
    a = array(a)
    if not as_dtype(a.dtype).is_complex:
        return a
    limit = tol * float(ops.finfo(a.dtype).eps) if tol > 1 else tol
    return views.real(a) if bool(ops.all(ops.abs(ops.imag(a)) < limit)) else a


@numpy_function("nan_to_num")
def nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """numpy.nan_to_num."""
    out = ops.nan_to_num(array(x), nan=nan, posinf=posinf, neginf=neginf)
    return out if copy else write("numpy.nan_to_num(copy=False)", out, x)


@numpy_function("sinc")
def sinc(x: Any) -> Any:
    """numpy.sinc."""
    return special.sinc(array(x))


@numpy_function("i0")
def i0(x: Any) -> Any:
    """numpy.i0."""
    x = array(x)
    return ops.astype(special.i0(x), x.dtype if as_dtype(x.dtype).is_inexact else ops.float64)


@numpy_function("copy")
def copy(a: Any) -> Any:
    """numpy.copy."""
    return ops.asarray(array(a), copy=True)


@numpy_function("astype")
def astype(x: Any, dtype: Any, /, *, copy: bool = True, device: Any = None) -> Any:
    """numpy.astype."""
    return ops.astype(array(x), dtype, copy=copy, device=device)


def _like(name: str) -> Any:
    make = getattr(ops, name)

    def function(a: Any, dtype: Any = None, *, shape: Any = None, device: Any = None) -> Any:
        a = array(a)
        if shape is not None:
            a = ops.broadcast_to(ops.zeros((), dtype=a.dtype, device=a.device), shape)
        return make(a, dtype=dtype, device=device)

    return function


for _name in ("zeros_like", "ones_like", "empty_like"):
    numpy_function(_name)(_like(_name))


@numpy_function("full_like")
def full_like(
    a: Any, fill_value: Any, dtype: Any = None, *, shape: Any = None, device: Any = None
) -> Any:
    """numpy.full_like; the fill is cut to the data type, and may be tracked."""
    a = array(a)
    lengths = tuple(a.shape) if shape is None else (shape,) if isinstance(shape, int) else shape
    device = a.device if device is None else device
    wanted = a.dtype if dtype is None else as_dtype(dtype)
    fill = ops.astype(ops.asarray(fill_value, device=device), wanted)
    return ops.asarray(ops.broadcast_to(fill, tuple(lengths)), copy=True)


# -- tests, which carry no gradient -------------------------------------------------------------


@numpy_function("isclose")
def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """numpy.isclose."""
    a, b = together(a, b, inexact=True)
    finite = ops.isfinite(a) & ops.isfinite(b)
    near = finite & (ops.abs(a - b) <= atol + rtol * ops.abs(b))
    same = near | (a == b)
    return same | (ops.isnan(a) & ops.isnan(b)) if equal_nan else same


@numpy_function("allclose")
def allclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:  # fmt: skip # noqa: E501
    """numpy.allclose."""
    return bool(ops.all(isclose(a, b, rtol, atol, equal_nan)))


@numpy_function("array_equal")
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """numpy.array_equal."""
    a, b = array(a1), array(a2)
    if tuple(a.shape) != tuple(b.shape):
        return False
    same = a == b
    if equal_nan:
        same = same | ((a != a) & (b != b))
    return bool(ops.all(same))


@numpy_function("array_equiv")
def array_equiv(a1: Any, a2: Any) -> bool:
    """numpy.array_equiv."""
    try:
        return bool(ops.all(array(a1) == array(a2)))
    except ValueError:
        return False


@numpy_function("iscomplexobj")
def iscomplexobj(x: Any) -> bool:
    """numpy.iscomplexobj."""
    return as_dtype(array(x).dtype).is_complex


@numpy_function("isrealobj")
def isrealobj(x: Any) -> bool:
    """numpy.isrealobj."""
    return not iscomplexobj(x)


@numpy_function("iscomplex")
def iscomplex(x: Any) -> Any:
    """numpy.iscomplex."""
    return ops.imag(array(x)) != 0


@numpy_function("isreal")
def isreal(x: Any) -> Any:
    """numpy.isreal."""
    return ops.imag(array(x)) == 0


@numpy_function("isposinf")
def isposinf(x: Any) -> Any:
    """numpy.isposinf."""
    return array(x) == math.inf


@numpy_function("isneginf")
def isneginf(x: Any) -> Any:
    """numpy.isneginf."""
    return array(x) == -math.inf


@numpy_function("shape")
def shape(a: Any) -> tuple[int, ...]:
    """numpy.shape."""
    return tuple(array(a).shape)


@numpy_function("ndim")
def ndim(a: Any) -> int:
    """numpy.ndim."""
    return len(array(a).shape)


@numpy_function("size")
def size(a: Any, axis: Any = None) -> int:
    """numpy.size."""
    lengths = tuple(array(a).shape)
    axes = range(len(lengths)) if axis is None else (axis,) if isinstance(axis, int) else axis
    return math.prod(lengths[i] for i in axes)


@numpy_function("result_type")
def result_type(*arrays_and_dtypes: Any) -> Any:
    """numpy.result_type."""
    return ops.result_type(*arrays_and_dtypes)


@numpy_function("can_cast")
def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """numpy.can_cast."""
    try:
        check_casting("numpy.can_cast", getattr(from_, "dtype", from_), to, casting)
    except ArgumentTypeError:
        return False
    return True


@numpy_function("may_share_memory", "shares_memory")
def may_share_memory(a: Any, b: Any, /, max_work: Any = None) -> bool:
    """numpy.may_share_memory: Arrays are never written, so sharing makes no difference."""
    return False
