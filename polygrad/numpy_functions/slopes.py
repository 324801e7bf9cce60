"""Stand-ins for NumPy's functions between samples: slopes, interpolation, and ranges of numbers."""

from typing import Any

from polygrad import ops
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.numpy_functions.shapes import ravel
from polygrad.numpy_functions.table import array, known, numpy_function, together


@numpy_function("gradient")
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """numpy.gradient."""
    f = array(f)
    if edge_order not in (1, 2):
        raise ArgumentValueError(f"numpy.gradient: got edge_order {edge_order!r}, expected 1 or 2")
    if not as_dtype(f.dtype).is_inexact:
        f = ops.astype(f, ops.float64)
    axes = range(len(f.shape)) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    steps = list(varargs) or [1.0]
    steps = steps * len(axes) if len(steps) == 1 else steps
    if len(steps) != len(axes):
        raise ArgumentTypeError("numpy.gradient: expected one spacing, or one for each axis")
    found = tuple(_slope(f, step, a, edge_order) for step, a in zip(steps, axes, strict=True))
    return found[0] if len(found) == 1 else found


def _slope(f: Any, step: Any, axis: int, edge_order: int) -> Any:
    dtype = f.dtype
    f = ops.moveaxis(f, axis, -1)
    n = f.shape[-1]
    if n < edge_order + 1:
        raise ArgumentValueError(
            f"numpy.gradient: got {n} samples along axis {axis}, expected {edge_order + 1} or more"
        )
    gap: Any = step if isinstance(step, int | float) else array(step)
    if getattr(gap, "shape", ()):
        if gap.shape != (n,):
            raise ArgumentValueError(
                f"numpy.gradient: got places of shape {gap.shape} for {n} samples along axis {axis}"
            )
        if not as_dtype(gap.dtype).is_inexact:
            gap = ops.astype(gap, ops.float64)
        gap = ops.diff(gap)
        before, after = gap[:-1], gap[1:]
        a = -after / (before * (before + after))
        b = (after - before) / (before * after)
        c = before / (after * (before + after))
        between = f[..., 1:-1]
        unused = (b == 0) & ops.logical_not(ops.isfinite(between))  # of even places, as NumPy has
        between = ops.where(unused, ops.zeros_like(between), between)
        inner = a * f[..., :-2] + b * between + c * f[..., 2:]
        ends = (gap[:2], gap[-2:])
    else:
        inner = (f[..., 2:] - f[..., :-2]) / (2.0 * gap)
        ends = ([gap, gap], [gap, gap])
    (left, second), (last_but_one, right) = ends if n > 2 else ((ends[0][0],) * 2,) * 2
    if edge_order == 1:
        first = (f[..., 1:2] - f[..., 0:1]) / left
        last = (f[..., n - 1 :] - f[..., n - 2 : n - 1]) / right
    else:
        first = _edge(f[..., 0:1], f[..., 1:2], f[..., 2:3], left, second)
        last = -_edge(
            f[..., n - 1 :], f[..., n - 2 : n - 1], f[..., n - 3 : n - 2], right, last_but_one
        )
    out = ops.concat([ops.astype(p, dtype, copy=False) for p in (first, inner, last)], axis=-1)
    return ops.moveaxis(out, -1, axis)


def _edge(f0: Any, f1: Any, f2: Any, near: Any, far: Any) -> Any:
    """The slope at the first of three samples, by the parabola through them."""
    both = near + far
    return -(near + both) / (near * both) * f0 + both / (near * far) * f1 - near / (far * both) * f2


@numpy_function("interp")
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:  # fmt: skip # noqa: E501
    """numpy.interp, differentiable by all three arrays."""
    x, knots, values = array(x), array(xp), array(fp)
    wide = "complex128" if as_dtype(values.dtype).is_complex else "float64"
    values = ops.astype(values, wide, copy=False)
    x, knots = (ops.astype(v, ops.float64, copy=False) for v in (x, knots))
    if len(knots.shape) != 1 or knots.shape != values.shape or not knots.shape[0]:
        raise ArgumentValueError(
            f"numpy.interp: got xp of shape {knots.shape} and fp of shape {values.shape}, expected "
            "one axis of the same length that is not 0"
        )
    if period is not None:
        size = abs(float(period))
        if not size:
            raise ArgumentValueError("numpy.interp: got period 0, expected another number")
        x, knots = ops.remainder(x, size), ops.remainder(knots, size)
        order = ops.argsort(knots)
        knots, values = ops.take(knots, order), ops.take(values, order)
        knots = ops.concat([knots[-1:] - size, knots, knots[:1] + size])
        values = ops.concat([values[-1:], values, values[:1]])
        left = right = None
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
    out = ops.where(below, *together(values[0] if left is None else left, out))
    out = ops.where(above, *together(values[n - 1] if right is None else right, out))
    # The last knot itself is the last value, whatever is infinite in front of it.
    out = ops.where(flat == knots[n - 1], values[n - 1], ops.astype(out, wide, copy=False))
    out = ops.where(ops.isnan(flat), ops.astype(flat, wide, copy=False), out)
    return ops.reshape(out, tuple(x.shape))


def _steps(start: Any, stop: Any, num: int, endpoint: bool) -> tuple[Any, Any]:
    """Numbers from ``start`` to ``stop`` along a new first axis, and the step between them."""
    start, stop = ops.broadcast_arrays(*together(start, stop, inexact=True))
    parts = num - 1 if endpoint else num
    real = as_dtype(ops.real(start).dtype)
    lengths = (num, *(1,) * len(start.shape))
    places = ops.reshape(ops.arange(num, dtype=ops.int64, device=start.device), lengths)
    step = (stop - start) / parts if parts > 0 else (stop - start) * float("nan")
    out = start + ops.astype(places, real) * (step if parts > 0 else stop - start)
    if endpoint and num > 1:
        out = ops.concat([out[:-1], ops.expand_dims(stop, axis=0)], axis=0)
    return out, step


def _finished(out: Any, dtype: Any, axis: int) -> Any:
    if dtype is not None:
        wanted = as_dtype(dtype)
        out = ops.astype(out if wanted.is_inexact else ops.floor(out), wanted, copy=False)
    return ops.moveaxis(out, 0, axis)


def _number(name: str, num: Any) -> int:
    if int(num) < 0:
        raise ArgumentValueError(f"numpy.{name}: got num {num}, expected 0 or more")
    return int(num)


@numpy_function("linspace")
def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0, *, device: Any = None,
) -> Any:  # fmt: skip
    """numpy.linspace."""
    out, step = _steps(start, stop, _number("linspace", num), endpoint)
    out = _finished(out, dtype, axis)
    return (out, step) if retstep else out


@numpy_function("logspace")
def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """numpy.logspace."""
    if getattr(base, "shape", ()):
        base, start = ops.broadcast_arrays(array(base), array(start))
    out, _ = _steps(start, stop, _number("logspace", num), endpoint)
    base, out = together(base, out)
    out = ops.pow(base, out)
    return ops.astype(ops.moveaxis(out, 0, axis), out.dtype if dtype is None else dtype, copy=False)


@numpy_function("geomspace")
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """numpy.geomspace."""
    first, last = together(array(start), array(stop), inexact=True)
    wide = "complex128" if as_dtype(first.dtype).is_complex else "float64"
    first, last = (ops.astype(v, wide, copy=False) for v in (first, last))
    first, last = ops.broadcast_arrays(first, last)
    if known(first) and known(last) and bool(ops.any((first == 0) | (last == 0))):
        raise ArgumentValueError("numpy.geomspace: got an end of 0, expected other numbers")
    turn = ops.sign(first)
    out, _ = _steps(
        ops.log(first / turn), ops.log(last / turn), _number("geomspace", num), endpoint
    )
    out = ops.exp(out) * turn
    if num > 0:  # the ends exactly
        out = ops.concat([ops.expand_dims(first, axis=0), out[1:]], axis=0)
    if endpoint and num > 1:
        out = ops.concat([out[:-1], ops.expand_dims(last, axis=0)], axis=0)
    return ops.astype(ops.moveaxis(out, 0, axis), wide if dtype is None else dtype, copy=False)
