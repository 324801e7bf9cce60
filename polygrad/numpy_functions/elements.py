"""Stand-ins for NumPy's functions by element: choice, parts of numbers, tests."""

import math
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.numpy_functions.table import array, numpy_function, write
from polygrad.ops import special, views


@numpy_function("where")
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """numpy.where."""
    condition = array(condition)
    if x is None and y is None:
        return ops.nonzero(condition)
    if as_dtype(condition.dtype).group != "bool":
        condition = condition != 0
    return ops.where(condition, array(x), array(y))


@numpy_function("clip")
def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    """numpy.clip."""
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    return ops.clip(array(a), low, high)


@numpy_function("select")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """numpy.select."""
    out = array(default)
    for condition, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        out = ops.where(array(condition), array(choice), out)
    return out


@numpy_function("choose")
def choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    """numpy.choose, without modes for numbers out of range."""
    a = array(a)
    out = array(choices[0])
    for i, choice in enumerate(choices):
        out = ops.where(a == i, array(choice), out)
    return out


@numpy_function("piecewise")
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **options: Any) -> Any:
    """numpy.piecewise."""
    x = array(x)
    conditions = [array(c) for c in (condlist if isinstance(condlist, list) else [condlist])]
    functions = list(funclist)
    values = [f(x, *args, **options) if callable(f) else f for f in functions]
    out = ops.zeros_like(x)
    if len(values) == len(conditions) + 1:
        out = ops.zeros_like(x) + values.pop()
    for condition, value in zip(conditions, values, strict=True):
        out = ops.where(condition, value, out)
    return out


@numpy_function("around", "round")
def around(a: Any, decimals: int = 0) -> Any:
    """numpy.round."""
    a = array(a)
    return ops.round(a) if not decimals else ops.round(a * 10.0**decimals) / 10.0**decimals


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
    return special.i0(array(x))


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
def full_like(a: Any, fill_value: Any, dtype: Any = None, *, device: Any = None) -> Any:
    """numpy.full_like."""
    return ops.full_like(array(a), fill_value, dtype=dtype, device=device)


# -- tests, which carry no gradient -------------------------------------------------------------


@numpy_function("isclose")
def isclose(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """numpy.isclose."""
    a, b = array(a), array(b)
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
    return math.prod(lengths) if axis is None else lengths[axis]


@numpy_function("result_type")
def result_type(*arrays_and_dtypes: Any) -> Any:
    """numpy.result_type."""
    return ops.result_type(*arrays_and_dtypes)


@numpy_function("can_cast")
def can_cast(from_: Any, to: Any, casting: str = "safe") -> bool:
    """numpy.can_cast."""
    return ops.can_cast(from_, to)


@numpy_function("may_share_memory", "shares_memory")
def may_share_memory(a: Any, b: Any, /, max_work: Any = None) -> bool:
    """numpy.may_share_memory: Arrays are never written, so sharing makes no difference."""
    return False
