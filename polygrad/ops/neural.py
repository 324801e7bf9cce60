"""The reductions of exponentials that networks end in, without overflow."""

import math
from typing import Any

from polygrad.core.batch import by_axis
from polygrad.core.kinds import General, Nondifferentiable
from polygrad.core.op import OpFacts, is_complex
from polygrad.core.trace import bind
from polygrad.ops.datatypes import in_wide
from polygrad.ops.exponential import exp
from polygrad.ops.manipulation import normalise_axes
from polygrad.ops.statistical import count, spread
from polygrad.ops.statistical import sum as total


def _parts(xp: Any, x: Any, b: Any, axis: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """The sum of b exp(x - top) as that of the largest elements and that of the rest, and top.

    What has no weight has no part in it, whatever it is.
    """
    if b is not None:
        x = xp.where(b == 0, xp.zeros_like(x) - math.inf, x)
    size = xp.real(x) if is_complex(x.dtype) else x
    top = xp.max(size, axis=axis, keepdims=True)
    first = size == top
    finite = xp.isfinite(top)
    shift = xp.where(finite, top, xp.zeros_like(top))
    terms = xp.exp(x - shift)
    terms = terms if b is None else b * terms
    zero = xp.zeros_like(terms)
    most = xp.sum(xp.where(first, terms, zero), axis=axis, keepdims=True)
    # Beside infinite elements all others are nothing.
    rest = xp.where(first | (top == math.inf), zero, terms)
    return most, xp.sum(rest, axis=axis, keepdims=True), shift


def _log_of_sum(
    xp: Any, x: Any, b: Any = None, *, axis: tuple[int, ...], keepdims: bool = True
) -> Any:
    """log(sum(b exp(x))): of real numbers log(abs), of complex ones the principal value.

    The largest elements are left out of the sum, whose logarithm is that of 1 and the rest:
    a rest below the spacing of numbers at 1 is not lost.
    """
    most, rest, shift = _parts(xp, x, b, axis)
    complex_ = is_complex(x.dtype)
    small = xp.abs(rest) < xp.abs(most) if b is None else 2 * xp.abs(rest) < xp.abs(most)
    small = small & xp.isfinite(most)
    one = xp.ones_like(most)
    whole = xp.where(small, most, most + rest)
    ratio = xp.where(small, rest, one * 0) / xp.where(small, most, one)
    if complex_:
        re, im = xp.real(ratio), xp.imag(ratio)
        more = xp.log1p(2 * re + re * re + im * im) / 2
        total = most + rest
        out = xp.log(xp.abs(whole)) + more + shift
        angle = xp.atan2(xp.imag(total), xp.real(total))
        out = xp.astype(out, x.dtype) + xp.astype(angle, x.dtype) * 1j
    else:
        out = xp.log(whole if b is None else xp.abs(whole)) + xp.log1p(ratio) + shift
    return out if keepdims else xp.squeeze(out, axis=axis)


def _sign_of_sum(xp: Any, x: Any, b: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    most, rest, _ = _parts(xp, x, b, axis)
    out = xp.sign(most + rest)
    return out if keepdims else xp.squeeze(out, axis=axis)


def _weights(
    xp: Any, ans: Any, x: Any, b: Any, axis: tuple[int, ...], keepdims: bool
) -> tuple[Any, Any]:
    """The derivative by ``b``, exp(x) / sum(b exp(x)), and that by ``x``, b times as much."""
    ans = spread(xp, ans, x.shape, axis, keepdims)
    size, level = (xp.real(x), xp.real(ans)) if is_complex(x.dtype) else (x, ans)
    finite = xp.isfinite(level)
    # An infinite sum: its gradient goes to the infinite elements, to none if all are -inf.
    zero = xp.zeros_like(x)
    limit = xp.where(size == math.inf, zero, zero - math.inf)
    weights = xp.exp(xp.where(finite, x - xp.where(finite, ans, zero), limit))
    shares = weights
    if b is not None:
        lost = (b == 0) & xp.logical_not(xp.isfinite(weights))
        shares = b * xp.where(lost, zero, weights)
    # A large sum is rounded coarsely; divided by their own sum the weights are exact again.
    total = xp.sum(shares, axis=axis, keepdims=True)
    total = xp.where(total == 0, xp.ones_like(total), total)
    return weights / total, shares / total


def _lse_vjp(xp: Any, g: Any, ans: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    shares = _weights(xp, ans, x, None, axis, keepdims)[1]
    shares = xp.conj(shares) if is_complex(x.dtype) else shares
    return spread(xp, g, x.shape, axis, keepdims) * shares


def _lse_jvp(xp: Any, t: Any, ans: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    shares = _weights(xp, ans, x, None, axis, keepdims)[1]
    return xp.sum(t[0] * shares, axis=axis, keepdims=keepdims)


def _weighted_vjp(
    xp: Any, g: Any, ans: Any, x: Any, b: Any, axis: tuple[int, ...], keepdims: bool
) -> Any:
    g = spread(xp, g, x.shape, axis, keepdims)
    weights, shares = _weights(xp, ans, x, b, axis, keepdims)
    if is_complex(x.dtype):
        weights, shares = xp.conj(weights), xp.conj(shares)
    return g * shares, g * weights


def _weighted_jvp(
    xp: Any, t: Any, ans: Any, x: Any, b: Any, axis: tuple[int, ...], keepdims: bool
) -> Any:
    parts = zip(t, _weights(xp, ans, x, b, axis, keepdims)[::-1], strict=True)
    terms = [d * w for d, w in parts if d is not None]
    return xp.sum(terms[0] if len(terms) == 1 else terms[0] + terms[1], axis=axis, keepdims=keepdims)  # fmt: skip # noqa: E501


def _softmax(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


def _softmax_vjp(xp: Any, g: Any, ans: Any, _x: Any, axis: tuple[int, ...]) -> Any:
    gy = g * ans
    return gy - ans * xp.sum(gy, axis=axis, keepdims=True)


def _log_softmax(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    x = x - xp.max(x, axis=axis, keepdims=True)
    e, zero = xp.exp(x), xp.zeros_like(x)
    # The largest elements apart: the sum of the rest may be lost beside 1.
    most = xp.sum(xp.where(x == 0, e, zero), axis=axis, keepdims=True)
    rest = xp.sum(xp.where(x == 0, zero, e), axis=axis, keepdims=True)
    return x - (xp.log(most) + xp.log1p(rest / most))


def _log_softmax_vjp(xp: Any, g: Any, ans: Any, _x: Any, axis: tuple[int, ...]) -> Any:
    return g - xp.exp(ans) * xp.sum(g, axis=axis, keepdims=True)


def _log_softmax_jvp(xp: Any, t: Any, ans: Any, _x: Any, axis: tuple[int, ...]) -> Any:
    return t[0] - xp.sum(t[0] * xp.exp(ans), axis=axis, keepdims=True)


_COMPOSITE = OpFacts(composite=True)
logsumexp_op = General(
    "logsumexp", _lse_vjp, _lse_jvp, _log_of_sum, batch=by_axis(), facts=_COMPOSITE
)
weighted_op = General(
    "logsumexp_weighted",
    _weighted_vjp,
    _weighted_jvp,
    _log_of_sum,
    batch=by_axis(),
    facts=_COMPOSITE,
)
sign_op = Nondifferentiable("logsumexp_sign", _sign_of_sum, batch=by_axis(), facts=_COMPOSITE)
softmax_op = General(
    "softmax",
    _softmax_vjp,
    lambda xp, t, ans, x, axis: _softmax_vjp(xp, t[0], ans, x, axis),
    _softmax,
    batch=by_axis(),
    facts=_COMPOSITE,
)
log_softmax_op = General(
    "log_softmax",
    _log_softmax_vjp,
    _log_softmax_jvp,
    _log_softmax,
    batch=by_axis(),
    facts=_COMPOSITE,
)


def logsumexp(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over the given axes (all by default), without overflow.

    Integers count as float64; the sum of no elements is 0, its logarithm -inf. The imaginary
    part of a complex result lies in (-pi, pi]. Its gradient is `softmax`.

    >>> pg.logsumexp(pg.asarray([1000.0, 1000.0])).item()
    1000.6931471805599
    """
    axes = normalise_axes("logsumexp", axis, len(x.shape))
    params: dict[str, Any] = {"axis": axes, "keepdims": bool(keepdims)}
    if count(x.shape, axes) == 0:
        return in_wide(lambda x: total(x, **params) - math.inf, x)
    return in_wide(lambda x: bind(logsumexp_op, (x,), params), x)


def softmax(x: Any, /, *, axis: Any = -1) -> Any:
    """exp(x) / sum(exp(x)) over the given axes, without overflow.

    >>> pg.softmax(pg.asarray([0.0, 0.0]))
    Array([0.5, 0.5], dtype=float64, device=cpu)
    """
    params = {"axis": normalise_axes("softmax", axis, len(x.shape))}
    if 0 in x.shape:
        return exp(x)  # no elements
    return in_wide(lambda x: bind(softmax_op, (x,), params), x)


def log_softmax(x: Any, /, *, axis: Any = -1) -> Any:
    """The logarithm of `softmax`, accurate where that is close to 0.

    >>> pg.log_softmax(pg.asarray([0.0, 1000.0]))
    Array([-1000.,     0.], dtype=float64, device=cpu)
    """
    params = {"axis": normalise_axes("log_softmax", axis, len(x.shape))}
    if 0 in x.shape:
        return exp(x)  # no elements
    return in_wide(lambda x: bind(log_softmax_op, (x,), params), x)
