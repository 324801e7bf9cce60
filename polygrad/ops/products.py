"""Products along axes, whose derivatives are right at zeros: nothing is divided by."""

import math
from typing import Any

from polygrad.core.batch import by_axis
from polygrad.core.kinds import General
from polygrad.core.op import OpFacts, is_complex
from polygrad.ops.manipulation import normalise_axes
from polygrad.ops.statistical import accumulate, on_integers, only_axis, spread


def _at(axis: int, start: Any, stop: Any = None) -> tuple[Any, ...]:
    return (*(slice(None),) * axis, slice(start, stop), ...)


def _shifted(xp: Any, x: Any, axis: int, by: int, fill: int) -> Any:
    """``x`` moved ``by`` places to the back along an axis (to the front if negative)."""
    n = x.shape[axis]
    by = max(-n, min(by, n))
    shape = tuple(abs(by) if i == axis else length for i, length in enumerate(x.shape))
    rest = xp.full(shape, fill, dtype=x.dtype, device=xp.device_of(x))
    if by >= 0:
        return xp.concat([rest, x[_at(axis, 0, n - by)]], axis=axis)
    return xp.concat([x[_at(axis, -by)], rest], axis=axis)


def _cumulative_prod(xp: Any, x: Any, axis: int, backwards: bool = False) -> Any:
    if not backwards:
        return xp.cumulative_prod(x, axis=axis)
    return xp.flip(xp.cumulative_prod(xp.flip(x, axis=axis), axis=axis), axis=axis)


def _others(xp: Any, x: Any, axis: tuple[int, ...]) -> Any:
    """For each element the product of all others it is multiplied with: before times after."""
    if not axis:
        return xp.ones_like(x)
    shape = x.shape
    rest = tuple(i for i in range(len(shape)) if i not in axis)
    order = (*rest, *axis)
    flat = xp.reshape(
        xp.permute_dims(x, order),
        (*(shape[i] for i in rest), math.prod(shape[i] for i in axis)),
    )
    last = len(rest)
    before = _shifted(xp, _cumulative_prod(xp, flat, last), last, 1, 1)
    after = _shifted(xp, _cumulative_prod(xp, flat, last, backwards=True), last, -1, 1)
    out = xp.reshape(before * after, tuple(shape[i] for i in order))
    return xp.permute_dims(out, tuple(order.index(i) for i in range(len(shape))))


def _conj(xp: Any, x: Any) -> Any:
    return xp.conj(x) if is_complex(x.dtype) else x


def _prod_vjp(xp: Any, g: Any, _y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return spread(xp, g, x.shape, axis, keepdims) * _conj(xp, _others(xp, x, axis))


def _prod_jvp(xp: Any, t: Any, _y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return xp.sum(t[0] * _others(xp, x, axis), axis=axis, keepdims=keepdims)


_PROD = OpFacts(reduction="prod")
prod_op = General("prod", _prod_vjp, _prod_jvp, batch=by_axis(), facts=_PROD)
integer_prod_op = on_integers("prod", _PROD)


def _recurrence(xp: Any, a: Any, b: Any, axis: int, step: int) -> Any:
    """s of s[k] = a[k] s[k-1] + b[k] (``step`` 1, or k+1 for -1), in log2(n) passes.

    After a pass with distance d each s[k] holds the terms of its last 2 d places, and a[k]
    the product that carries the next ones on (Hillis and Steele, 1986).
    """
    n, d = b.shape[axis], 1
    while d < n:
        b = b + a * _shifted(xp, b, axis, step * d, 0)
        if 2 * d < n:
            a = a * _shifted(xp, a, axis, step * d, 1)
        d *= 2
    return b


def _before(xp: Any, y: Any, axis: int, include_initial: bool) -> Any:
    """The product that each element of the operand was multiplied to."""
    return y[_at(axis, 0, -1)] if include_initial else _shifted(xp, y, axis, 1, 1)


def _cumulative_vjp(xp: Any, g: Any, y: Any, x: Any, axis: int, include_initial: bool) -> Any:
    if include_initial:
        g = g[_at(axis, 1)]
    # What reaches y[k] comes from its own cotangent and, times x[k+1], from that of y[k+1].
    total = _recurrence(xp, _shifted(xp, _conj(xp, x), axis, -1, 1), g, axis, -1)
    return total * _conj(xp, _before(xp, y, axis, include_initial))


def _cumulative_jvp(xp: Any, t: Any, y: Any, x: Any, axis: int, include_initial: bool) -> Any:
    out = _recurrence(xp, x, t[0] * _before(xp, y, axis, include_initial), axis, 1)
    if include_initial:
        zero = xp.zeros_like(y[_at(axis, 0, 1)])
        out = xp.concat([zero, out], axis=axis)
    return out


cumulative_prod_op = General("cumulative_prod", _cumulative_vjp, _cumulative_jvp, batch=by_axis())
integer_cumulative_prod_op = on_integers("cumulative_prod")


def prod(x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False) -> Any:
    """The product over the given axes (all by default).

    Integers and booleans multiply in the default integer type, floats in their own, unless
    ``dtype`` says otherwise. The derivative by an element is the product of the others, also
    where elements are 0.

    >>> pg.grad(pg.prod)(pg.asarray([0.0, 2.0, 3.0]))
    Array([6., 0., 0.], dtype=float64, device=cpu)
    """
    axes = normalise_axes("prod", axis, len(x.shape))
    params = {"axis": axes, "keepdims": bool(keepdims)}
    return accumulate(prod_op, integer_prod_op, x, dtype, params)


def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """The running product along an axis, which may be left out for a one-dimensional array.

    ``include_initial`` puts a 1 in front. Data types and zeros as in `prod`. Raises
    ArgumentValueError where the axis is missing or out of range.

    >>> pg.cumulative_prod(pg.asarray([1.0, 2.0, 3.0]))
    Array([1., 2., 6.], dtype=float64, device=cpu)
    """
    axis = only_axis("cumulative_prod", axis, len(x.shape))
    params = {"axis": axis, "include_initial": bool(include_initial)}
    return accumulate(cumulative_prod_op, integer_cumulative_prod_op, x, dtype, params)
