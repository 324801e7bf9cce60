"""Stand-ins for NumPy's functions by element: choice, calculus on samples, tests, polynomials."""

import math
from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.numpy_functions.products import convolve
from polygrad.numpy_functions.shapes import atleast_1d, ravel
from polygrad.numpy_functions.table import array, numpy_function
from polygrad.ops import special
from polygrad.ops.manipulation import normalise_axis


@numpy_function("where")
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """numpy.where."""
    condition = array(condition)
    if x is None and y is None:
        return ops.nonzero(condition)
    if as_dtype(condition.dtype).kind != "bool":
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
    return ops.real(array(val))


@numpy_function("imag")
def imag(val: Any) -> Any:
    """numpy.imag."""
    return ops.imag(array(val))


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
    return ops.real(a) if bool(ops.all(ops.abs(ops.imag(a)) < limit)) else a


@numpy_function("nan_to_num")
def nan_to_num(
    x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    """numpy.nan_to_num."""
    return ops.nan_to_num(array(x), nan=nan, posinf=posinf, neginf=neginf)


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


# -- calculus on samples --------------------------------------------------------------------


@numpy_function("diff")
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """numpy.diff."""
    a = array(a)

    def border(value: Any) -> Any:
        if value is None or type(value).__name__ == "_NoValueType":
            return None
        value = array(value)
        if not value.shape:
            place = normalise_axis("diff", axis, len(a.shape))
            sides = tuple(1 if i == place else m for i, m in enumerate(a.shape))
            value = ops.broadcast_to(ops.astype(value, a.dtype), sides)
        return value

    return ops.diff(a, n=n, axis=axis, prepend=border(prepend), append=border(append))


@numpy_function("ediff1d")
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """numpy.ediff1d."""
    out = ops.diff(ravel(ary))
    parts = [v if v is None else ravel(v) for v in (to_begin, to_end)]
    return ops.concat([p for p in (parts[0], out, parts[1]) if p is not None], axis=0)


@numpy_function("trapezoid")
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """numpy.trapezoid."""
    y = ops.moveaxis(array(y), axis, -1)
    if x is not None:
        x = array(x)
        step = ops.diff(x if len(x.shape) == 1 else ops.moveaxis(x, axis, -1), axis=-1)
    else:
        step = dx
    return ops.sum(step * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


@numpy_function("gradient")
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """numpy.gradient, with ``edge_order`` 1."""
    f = array(f)
    if edge_order != 1:
        raise ArgumentValueError("numpy.gradient of a polygrad array: edge_order has to be 1")
    axes = range(len(f.shape)) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    steps = list(varargs) or [1.0]
    steps = steps * len(axes) if len(steps) == 1 else steps
    if len(steps) != len(axes):
        raise ArgumentTypeError("numpy.gradient: expected one spacing, or one for each axis")
    found = tuple(_slope(f, step, a) for step, a in zip(steps, axes, strict=True))
    return found[0] if len(found) == 1 else found


def _slope(f: Any, step: Any, axis: int) -> Any:
    f = ops.moveaxis(f, axis, -1)
    n = f.shape[-1]
    if n < 2:
        raise ArgumentValueError("numpy.gradient: expected two samples or more along each axis")
    gap = array(step)
    if gap.shape:
        gap = ops.diff(gap)
        before, after = gap[:-1], gap[1:]
        a = -after / (before * (before + after))
        b = (after - before) / (before * after)
        c = before / (after * (before + after))
        inner = a * f[..., :-2] + b * f[..., 1:-1] + c * f[..., 2:]
        first, last = gap[0], gap[-1]
    else:
        inner = (f[..., 2:] - f[..., :-2]) / (2.0 * gap)
        first = last = gap
    left = (f[..., 1:2] - f[..., 0:1]) / first
    right = (f[..., n - 1 :] - f[..., n - 2 : n - 1]) / last
    return ops.moveaxis(ops.concat([left, inner, right], axis=-1), -1, axis)


@numpy_function("interp")
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:  # fmt: skip # noqa: E501
    """numpy.interp, differentiable by all three arrays; without ``period``."""
    if period is not None:
        raise ArgumentTypeError("numpy.interp of a polygrad array: period has to be None")
    x, knots, values = array(x), array(xp), array(fp)
    n = knots.shape[0]
    flat = ravel(x)
    places = ops.searchsorted(ops.stop_gradient(knots), ops.stop_gradient(flat), side="right")
    low = ops.clip(places - 1, 0, n - 2) if n > 1 else places * 0
    high = low + 1 if n > 1 else low
    x0, y0 = ops.take(knots, low, axis=0), ops.take(values, low, axis=0)
    if n > 1:
        slope = (ops.take(values, high, axis=0) - y0) / (ops.take(knots, high, axis=0) - x0)
        out = y0 + slope * (flat - x0)
    else:
        out = y0
    below, above = flat < knots[0], flat > knots[n - 1]
    out = ops.where(below, values[0] if left is None else left, out)
    out = ops.where(above, values[n - 1] if right is None else right, out)
    return ops.reshape(out, tuple(x.shape))


@numpy_function("unwrap")
def unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2 * math.pi) -> Any:
    """numpy.unwrap: the jumps that are taken out are constants."""
    p = ops.moveaxis(array(p), axis, -1)
    step = ops.stop_gradient(ops.diff(p, axis=-1))
    half = period / 2
    wrapped = ops.remainder(step + half, period) - half
    wrapped = ops.where((wrapped == -half) & (step > 0), ops.full_like(wrapped, half), wrapped)
    turn = wrapped - step
    turn = ops.where(ops.abs(step) < (half if discont is None else max(discont, half)), ops.zeros_like(turn), turn)  # fmt: skip # noqa: E501
    first = ops.zeros_like(p[..., :1])
    out = p + ops.concat([first, ops.cumulative_sum(turn, axis=-1)], axis=-1)
    return ops.moveaxis(out, -1, axis)


# -- polynomials -----------------------------------------------------------------------------


@numpy_function("polyval")
def polyval(p: Any, x: Any) -> Any:
    """numpy.polyval."""
    p, x = array(p), array(x)
    out = ops.zeros_like(x)
    for i in range(p.shape[0]):
        out = out * x + p[i]
    return out


@numpy_function("vander")
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:  # noqa: N803
    """numpy.vander."""
    x = array(x)
    n = x.shape[0] if N is None else N
    powers = [ops.ones_like(x)]
    for _ in range(1, n):
        powers.append(powers[-1] * x)
    powers = powers[:n]
    return ops.stack(powers if increasing else powers[::-1], axis=1)


@numpy_function("polymul")
def polymul(a1: Any, a2: Any) -> Any:
    """numpy.polymul."""
    return convolve(atleast_1d(a1), atleast_1d(a2))


def _aligned(a: Any, n: int) -> Any:
    return ops.pad(a, (n - a.shape[0], 0))


@numpy_function("polyadd")
def polyadd(a1: Any, a2: Any) -> Any:
    """numpy.polyadd."""
    a, b = atleast_1d(a1), atleast_1d(a2)
    n = max(a.shape[0], b.shape[0])
    return _aligned(a, n) + _aligned(b, n)


@numpy_function("polysub")
def polysub(a1: Any, a2: Any) -> Any:
    """numpy.polysub."""
    return polyadd(a1, -atleast_1d(a2))


@numpy_function("polyder")
def polyder(p: Any, m: int = 1) -> Any:
    """numpy.polyder."""
    p = array(p)
    for _ in range(m):
        n = p.shape[0]
        p = p[:-1] * ops.astype(ops.asarray(list(range(n - 1, 0, -1)), device=p.device), p.dtype)
    return p
