"""Statistical functions: reductions along axes."""

import math
from typing import Any

from polygrad.core.kinds import General, Linear
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.ops.arithmetic import abs as absolute
from polygrad.ops.arithmetic import square
from polygrad.ops.datatypes import astype
from polygrad.ops.exponential import sqrt
from polygrad.ops.manipulation import normalise_axes, normalise_axis


def spread(xp: Any, g: Any, shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> Any:
    """A reduced array broadcast back over the axes it was reduced along."""
    if not keepdims:
        g = xp.reshape(g, tuple(1 if i in axis else n for i, n in enumerate(shape)))
    return xp.broadcast_to(g, shape)


def count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    """How many elements each reduction over the axes takes together."""
    return math.prod(shape[i] for i in axis)


sum_op = Linear("sum", lambda xp, g, x, axis, keepdims: spread(xp, g, x.shape, axis, keepdims))
mean_op = Linear(
    "mean",
    lambda xp, g, x, axis, keepdims: spread(
        xp, g / (count(x.shape, axis) or 1), x.shape, axis, keepdims
    ),
)


def _extreme_share(
    xp: Any, ans: Any, x: Any, axis: tuple[int, ...], keepdims: bool
) -> tuple[Any, Any]:
    """Where the extreme value stands, and how many places share it."""
    hit = xp.astype(x == spread(xp, ans, x.shape, axis, keepdims), x.dtype)
    return hit, xp.sum(hit, axis=axis, keepdims=True)


def _extreme_vjp(xp: Any, g: Any, ans: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    hit, ties = _extreme_share(xp, ans, x, axis, keepdims)
    return spread(xp, g, x.shape, axis, keepdims) * (hit / ties)


def _extreme_jvp(xp: Any, t: Any, ans: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    hit, ties = _extreme_share(xp, ans, x, axis, keepdims)
    return xp.sum(t[0] * (hit / ties), axis=axis, keepdims=keepdims)


max_op = General("max", _extreme_vjp, _extreme_jvp)
min_op = General("min", _extreme_vjp, _extreme_jvp)


def _reduce(op: Any, name: str, x: Any, axis: Any, keepdims: bool) -> Any:
    axes = normalise_axes(name, axis, len(x.shape))
    return bind(op, (x,), {"axis": axes, "keepdims": bool(keepdims)})


def sum(  # noqa: A001
    x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
) -> Any:
    """The sum over the given axes (all by default).

    Integers and booleans add up in the default integer type, floats in their own, unless
    ``dtype`` says otherwise.

    >>> pg.sum(pg.asarray([1.0, 2.0, 3.0]))
    Array(6., dtype=float64, device=cpu)
    """
    return _reduce(sum_op, "sum", _for_sum(x, dtype), axis, keepdims)


def _for_sum(x: Any, dtype: Any) -> Any:
    source = as_dtype(x.dtype)
    if dtype is None:
        if source.is_inexact:
            return x
        dtype = {"unsigned integer": "uint64"}.get(source.kind, "int64")
    return x if source == as_dtype(dtype) else astype(x, dtype)


def mean(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The arithmetic mean over the given axes (all by default).

    >>> pg.grad(pg.mean)(pg.asarray([1.0, 3.0]))
    Array([0.5, 0.5], dtype=float64, device=cpu)
    """
    return _reduce(mean_op, "mean", x, axis, keepdims)


def max(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001
    """The largest element over the given axes (all by default).

    Elements that tie for the largest share its gradient equally.

    >>> pg.grad(pg.max)(pg.asarray([3.0, 1.0, 3.0]))
    Array([0.5, 0. , 0.5], dtype=float64, device=cpu)
    """
    return _reduce(max_op, "max", x, axis, keepdims)


def min(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001
    """The smallest element over the given axes (all by default); ties as in `max`.

    >>> pg.grad(pg.min)(pg.asarray([3.0, 1.0, 3.0]))
    Array([0., 1., 0.], dtype=float64, device=cpu)
    """
    return _reduce(min_op, "min", x, axis, keepdims)


def var(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The variance over the given axes: the mean squared distance from the mean.

    The sum of squares is divided by N - ``correction``.

    >>> pg.var(pg.asarray([1.0, 3.0]))
    Array(1., dtype=float64, device=cpu)
    """
    axes = normalise_axes("var", axis, len(x.shape))
    centred = x - mean(x, axis=axes, keepdims=True)
    if as_dtype(x.dtype).is_complex:
        centred = absolute(centred)
    n = count(x.shape, axes) - correction
    total = sum(square(centred), axis=axes, keepdims=keepdims)
    return total / (n if n > 0 else float("nan"))


def std(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The standard deviation over the given axes: the square root of `var`.

    >>> pg.std(pg.asarray([1.0, 3.0]))
    Array(1., dtype=float64, device=cpu)
    """
    return sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


def _cumulate(xp: Any, x: Any, axis: int) -> Any:
    return xp.cumulative_sum(x, axis=axis)


cumulative_sum_op = Linear(
    "cumulative_sum",
    lambda xp, g, x, axis: xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis),
    _cumulate,
)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """The running sum along an axis, which may be left out for a one-dimensional array.

    ``include_initial`` puts a 0 in front.

    >>> pg.cumulative_sum(pg.asarray([1.0, 2.0, 3.0]))
    Array([1., 3., 6.], dtype=float64, device=cpu)
    """
    from polygrad.ops.creation import zeros
    from polygrad.ops.manipulation import concat

    if axis is None:
        if len(x.shape) != 1:
            raise ArgumentValueError(
                f"cumulative_sum: axis is needed for an array with {len(x.shape)} axes"
            )
        axis = 0
    axis = normalise_axis("cumulative_sum", axis, len(x.shape))
    out = bind(cumulative_sum_op, (_for_sum(x, dtype),), {"axis": axis})
    if include_initial:
        shape = tuple(1 if i == axis else n for i, n in enumerate(x.shape))
        first = zeros(shape, dtype=out.dtype, device=out.device)
        out = concat([first, out], axis=axis)
    return out
