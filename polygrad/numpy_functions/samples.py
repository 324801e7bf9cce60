"""Stand-ins for NumPy's calculus on samples, and its polynomials."""

import math
from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.numpy_functions.products import convolve
from polygrad.numpy_functions.shapes import atleast_1d, ravel
from polygrad.numpy_functions.table import array, numpy_function
from polygrad.ops.manipulation import normalise_axis


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


@numpy_function("linspace")
def linspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None) -> Any:
    """numpy.linspace between 0-d arrays or numbers."""
    return ops.linspace(start, stop, num, dtype=dtype, endpoint=endpoint)


@numpy_function("logspace")
def logspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0) -> Any:
    """numpy.logspace."""
    return ops.exp(ops.linspace(start, stop, num, endpoint=endpoint) * ops.log(array(base)))


@numpy_function("geomspace")
def geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True) -> Any:
    """numpy.geomspace, between positive numbers."""
    ends = ops.log(array(start)), ops.log(array(stop))
    return ops.exp(ops.linspace(*ends, num, endpoint=endpoint))
