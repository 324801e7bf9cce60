"""The reductions of exponentials that networks end in, without overflow."""

from typing import Any

from polygrad.core.batch import by_axis
from polygrad.core.kinds import General
from polygrad.core.trace import bind
from polygrad.ops.manipulation import normalise_axes
from polygrad.ops.statistical import spread


def _shifted(xp: Any, x: Any, axis: tuple[int, ...]) -> tuple[Any, Any]:
    """x less its maximum, and that maximum (0 where it is infinite)."""
    top = xp.max(x, axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    return x - top, top


def _logsumexp(xp: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    shifted, top = _shifted(xp, x, axis)
    out = xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True)) + top
    return out if keepdims else xp.squeeze(out, axis=axis)


def _weights(xp: Any, ans: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    ans = spread(xp, ans, x.shape, axis, keepdims)
    finite = xp.isfinite(ans)
    # An infinite sum: its gradient goes to the infinite elements, to none if all are -inf.
    zero = xp.zeros_like(x)
    limit = xp.where(x == xp.inf, zero, zero - xp.inf)
    weights = xp.exp(xp.where(finite, x - xp.where(finite, ans, zero), limit))
    # A large sum is rounded coarsely; divided by their own sum the weights are exact again.
    total = xp.sum(weights, axis=axis, keepdims=True)
    return weights / xp.where(total == 0, xp.ones_like(total), total)


def _lse_vjp(xp: Any, g: Any, ans: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    return spread(xp, g, x.shape, axis, keepdims) * _weights(xp, ans, x, axis, keepdims)


def _lse_jvp(xp: Any, t: Any, ans: Any, x: Any, axis: tuple[int, ...], keepdims: bool) -> Any:
    weights = _weights(xp, ans, x, axis, keepdims)
    return xp.sum(t[0] * weights, axis=axis, keepdims=keepdims)


def _softmax(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


def _softmax_vjp(xp: Any, g: Any, ans: Any, _x: Any, axis: tuple[int, ...]) -> Any:
    gy = g * ans
    return gy - ans * xp.sum(gy, axis=axis, keepdims=True)


def _log_softmax(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


def _log_softmax_vjp(xp: Any, g: Any, ans: Any, _x: Any, axis: tuple[int, ...]) -> Any:
    return g - xp.exp(ans) * xp.sum(g, axis=axis, keepdims=True)


def _log_softmax_jvp(xp: Any, t: Any, ans: Any, _x: Any, axis: tuple[int, ...]) -> Any:
    return t[0] - xp.sum(t[0] * xp.exp(ans), axis=axis, keepdims=True)


logsumexp_op = General("logsumexp", _lse_vjp, _lse_jvp, _logsumexp, batch=by_axis())
softmax_op = General(
    "softmax",
    _softmax_vjp,
    lambda xp, t, ans, x, axis: _softmax_vjp(xp, t[0], ans, x, axis),
    _softmax,
    batch=by_axis(),
)
log_softmax_op = General(
    "log_softmax", _log_softmax_vjp, _log_softmax_jvp, _log_softmax, batch=by_axis()
)


def logsumexp(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over the given axes (all by default), without overflow.

    Real floating-point arrays. Its gradient is `softmax`.

    >>> pg.logsumexp(pg.asarray([1000.0, 1000.0])).item()
    1000.6931471805599
    """
    axes = normalise_axes("logsumexp", axis, len(x.shape))
    return bind(logsumexp_op, (x,), {"axis": axes, "keepdims": bool(keepdims)})


def softmax(x: Any, /, *, axis: Any = -1) -> Any:
    """exp(x) / sum(exp(x)) over the given axes, without overflow.

    >>> pg.softmax(pg.asarray([0.0, 0.0]))
    Array([0.5, 0.5], dtype=float64, device=cpu)
    """
    return bind(softmax_op, (x,), {"axis": normalise_axes("softmax", axis, len(x.shape))})


def log_softmax(x: Any, /, *, axis: Any = -1) -> Any:
    """The logarithm of `softmax`, accurate where that is close to 0.

    >>> pg.log_softmax(pg.asarray([0.0, 1000.0]))
    Array([-1000.,     0.], dtype=float64, device=cpu)
    """
    return bind(log_softmax_op, (x,), {"axis": normalise_axes("log_softmax", axis, len(x.shape))})
