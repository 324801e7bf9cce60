"""Stand-ins for NumPy's differences and sums of samples, and its polynomials."""

import math
from typing import Any

from polygrad import ops
from polygrad.numpy_functions.products import convolve
from polygrad.numpy_functions.shapes import atleast_1d, ravel
from polygrad.numpy_functions.table import array, check_casting, numpy_function, together
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
            value = ops.broadcast_to(value, sides)
        return value

    if n == 0:  # NumPy adds nothing to what it does not take differences of
        return a
    parts = [part for part in (border(prepend), a, border(append)) if part is not None]
    if len(parts) > 1:
        dtype = ops.result_type(*parts)
        a = ops.concat([ops.astype(part, dtype, copy=False) for part in parts], axis=axis)
    return ops.diff(a, n=n, axis=axis)


@numpy_function("ediff1d")
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """numpy.ediff1d."""
    out = ops.diff(ravel(ary))
    parts = [v if v is None else ravel(v) for v in (to_begin, to_end)]
    for part, given in zip(parts, (to_begin, to_end), strict=True):
        if part is not None and type(given) is not int:
            check_casting("numpy.ediff1d", part.dtype, out.dtype)
    parts = [p if p is None else ops.astype(p, out.dtype, copy=False) for p in parts]
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
    p, x = together(array(p), array(x))
    out = ops.zeros_like(x)
    for i in range(p.shape[0]):
        out = out * x + p[i]
    return out


@numpy_function("vander")
def vander(x: Any, N: Any = None, increasing: bool = False) -> Any:  # noqa: N803
    """numpy.vander."""
    x = array(x)
    x = ops.astype(x, ops.result_type(x, ops.int64), copy=False)  # as NumPy promotes it
    n = x.shape[0] if N is None else N
    if n == 0:
        return ops.zeros((x.shape[0], 0), dtype=x.dtype, device=x.device)
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
        p, powers = together(p[:-1], ops.arange(n - 1, 0, -1, dtype=ops.int64, device=p.device))
        p = p * powers
    return p
