"""scipy.integrate and scipy.special: functions in Python that take NumPy arrays only."""

import math
from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError
from polygrad.ops import special
from polygrad.scipy_functions.rerun import asarray
from polygrad.scipy_functions.table import array, inexact, no_stand_in, stand_in, together


@stand_in("special.comb")
def comb(N: Any, k: Any, *, exact: bool = False, repetition: bool = False) -> Any:  # noqa: N803
    """scipy.special.comb."""
    if exact:
        raise no_stand_in("special.comb", "exact=True")
    n, k = together(N, k)
    if repetition:
        return comb(n + k - 1, k)
    valid = (k <= n) & (n >= 0) & (k >= 0)
    safe_n, safe_k = ops.where(valid, n, ops.ones_like(n)), ops.where(valid, k, ops.ones_like(k))
    return ops.where(valid, special.binom(safe_n, safe_k), ops.zeros_like(n))


@stand_in("special.perm")
def perm(N: Any, k: Any, exact: bool = False) -> Any:  # noqa: N803
    """scipy.special.perm."""
    if exact:
        raise no_stand_in("special.perm", "exact=True")
    n, k = together(N, k)
    valid = (k <= n) & (n >= 0) & (k >= 0)
    one = ops.ones_like(n)
    start, count = ops.where(valid, n - k + 1, one), ops.where(valid, k, one)
    return ops.where(valid, special.poch(start, count), ops.zeros_like(n))


@stand_in("special.factorial")
def factorial(n: Any, exact: bool = False, extend: str = "zero") -> Any:
    """scipy.special.factorial."""
    n = array(n)
    if exact or extend != "zero":
        raise no_stand_in("special.factorial", f"exact={exact} or extend={extend!r}")
    n = inexact(n)
    valid = n >= 0
    out = special.gamma(ops.where(valid, n, ops.zeros_like(n)) + 1)
    return ops.where(valid, out, ops.zeros_like(out))


@stand_in("integrate.simpson")
def simpson(y: Any, x: Any = None, *, dx: Any = 1.0, axis: int = -1) -> Any:
    """scipy.integrate.simpson; an even number of points by Cartwright's correction."""
    y = inexact(y)
    n = y.shape[axis]
    if x is None:
        y = ops.moveaxis(y, axis, -1)
        steps = ops.full_like(y[..., 1:], 1.0) * dx
    else:
        y, x = together(y, x)
        y = ops.moveaxis(y, axis, -1)
        x = x if len(x.shape) == 1 else ops.moveaxis(x, axis, -1)
        steps = x[..., 1:] - x[..., :-1]
    if n < 3:
        out = (y[..., 1:] + y[..., :-1]) * steps / 2 if n == 2 else y * 0
        return ops.sum(out, axis=-1)
    last = n - 1 if n % 2 else n - 2
    a, b = steps[..., :last:2], steps[..., 1:last:2]
    left, middle, right = y[..., : last - 1 : 2], y[..., 1:last:2], y[..., 2 : last + 1 : 2]
    total = a + b
    ratio = a / b
    out = total / 6 * (
        left * (2 - 1 / ratio) + middle * (total * total / (a * b)) + right * (2 - ratio)
    )  # fmt: skip
    out = ops.sum(out, axis=-1)
    if n % 2:
        return out
    # The last interval by the parabola through the last three points.
    a, b = steps[..., -2], steps[..., -1]
    return (
        out
        + (2 * b * b + 3 * a * b) / (6 * (b + a)) * y[..., -1]
        + (b * b + 3 * b * a) / (6 * a) * y[..., -2]
        - b * b * b / (6 * a * (a + b)) * y[..., -3]
    )


@stand_in("special.diric")
def diric(x: Any, n: Any) -> Any:
    """scipy.special.diric for one order ``n``."""
    if not isinstance(n, int) or n < 1:
        raise ArgumentValueError(
            f"scipy.special.diric of a polygrad array: got n = {n!r}, expected a positive integer"
        )
    half = inexact(x) / 2
    below = ops.sin(half)
    # At multiples of 2 pi: the series of the quotient, which has no value there.
    turns = ops.round(ops.stop_gradient(half) / math.pi)
    near = ops.abs(below) < 1e-6
    rest = ops.where(near, half - turns * math.pi, ops.zeros_like(half))
    sign = ops.where((turns % 2 == 1) & (n % 2 == 0), -1.0, 1.0)
    series = sign * (1 - rest * rest * ((n * n - 1) / 6))
    return ops.where(near, series, ops.sin(n * half) / (n * ops.where(near, 1.0, below)))


@stand_in("special.logsumexp")
def logsumexp(
    a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> Any:
    """scipy.special.logsumexp, also of a list of arrays."""
    weights = None if b is None else asarray(b)
    return special.logsumexp(asarray(a), axis=axis, b=weights, keepdims=keepdims, return_sign=return_sign)  # fmt: skip # noqa: E501
