"""Statistical functions: reductions along axes."""

import math
from typing import Any

from polygrad.array import raw_and_backend
from polygrad.core.batch import by_axis
from polygrad.core.kinds import Elementwise, General, Linear, Nondifferentiable
from polygrad.core.op import OpFacts
from polygrad.core.trace import apply, bind
from polygrad.dtypes import DType, as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.ops.arithmetic import abs as absolute
from polygrad.ops.arithmetic import square
from polygrad.ops.datatypes import astype, in_wide
from polygrad.ops.declare import length
from polygrad.ops.joining import concat
from polygrad.ops.manipulation import broadcast_to, normalise_axes, normalise_axis, squeeze


def spread(xp: Any, g: Any, shape: tuple[int, ...], axis: tuple[int, ...], keepdims: bool) -> Any:
    """A reduced array broadcast back over the axes it was reduced along."""
    if not keepdims and g.shape:
        g = xp.reshape(g, tuple(1 if i in axis else n for i, n in enumerate(shape)))
    return xp.broadcast_to(g, shape)


def count(shape: tuple[int, ...], axis: tuple[int, ...]) -> int:
    """How many elements each reduction over the axes takes together."""
    return math.prod(shape[i] for i in axis)


sum_op = Linear(
    "sum",
    lambda xp, g, x, axis, keepdims: spread(xp, g, x.shape, axis, keepdims),
    batch=by_axis(),
    facts=OpFacts(reduction="sum"),
)
mean_op = Linear(
    "mean",
    lambda xp, g, x, axis, keepdims: spread(
        xp, g / (count(x.shape, axis) or 1), x.shape, axis, keepdims
    ),
    batch=by_axis(),
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


max_op = General("max", _extreme_vjp, _extreme_jvp, batch=by_axis(), facts=OpFacts(reduction="max"))
min_op = General("min", _extreme_vjp, _extreme_jvp, batch=by_axis(), facts=OpFacts(reduction="min"))


def _reduce(op: Any, name: str, x: Any, axis: Any, keepdims: bool) -> Any:
    axes = normalise_axes(name, axis, len(x.shape))
    return bind(op, (x,), {"axis": axes, "keepdims": bool(keepdims)})


def sum(  # noqa: A001
    x: Any, /, *, axis: Any = None, dtype: Any = None, keepdims: bool = False
) -> Any:
    """The sum over the given axes (all by default).

    Integers and booleans add up in the default integer type, floats in their own, unless
    ``dtype`` says otherwise; half precision is added up in float32.

    >>> pg.sum(pg.asarray([1.0, 2.0, 3.0]))
    Array(6., dtype=float64, device=cpu)
    """
    axes = normalise_axes("sum", axis, len(x.shape))
    params = {"axis": axes, "keepdims": bool(keepdims)}
    return accumulate(sum_op, integer_sum_op, x, dtype, params)


def accumulate(op: Any, whole: Any, x: Any, dtype: Any, params: dict[str, Any]) -> Any:
    """Bind ``op``, or ``whole`` for integers, in the data type that sums and products have."""
    source = as_dtype(x.dtype)
    if dtype is not None:
        wanted = as_dtype(dtype)
    elif source.is_inexact:
        wanted = source
    else:
        backend = raw_and_backend(x)[1]
        wanted = as_dtype(backend.default_integer(source.group == "unsigned integer"))
    if wanted.is_inexact and wanted.bits == 16:
        # A running total in half precision would stop at 2048 ones.
        return in_wide(lambda x: bind(op, (x,), params), astype(x, wanted, copy=False))
    if source != wanted:
        x = astype(x, wanted)
    if wanted.is_inexact:
        return bind(op, (x,), params)
    return bind(whole, (x,), {**params, "dtype": wanted})


def on_integers(name: str, facts: OpFacts | None = None) -> Nondifferentiable:
    """The op for integers beside a sum or product: it would be widened without a data type."""

    def forward(xp: Any, x: Any, dtype: DType, **params: Any) -> Any:
        return getattr(xp, name)(x, dtype=getattr(xp, dtype.name), **params)

    return Nondifferentiable(f"{name}_integer", forward, batch=by_axis(), facts=facts)


integer_sum_op = on_integers("sum", OpFacts(reduction="sum"))


def mean(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """The arithmetic mean over the given axes (all by default).

    >>> pg.grad(pg.mean)(pg.asarray([1.0, 3.0]))
    Array([0.5, 0.5], dtype=float64, device=cpu)
    """
    return in_wide(lambda x: _reduce(mean_op, "mean", x, axis, keepdims), x)


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
    return in_wide(lambda x: _var(x, axes, correction, keepdims), x)


def _var(x: Any, axes: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    centred = x - mean(x, axis=axes, keepdims=True)
    if as_dtype(x.dtype).is_complex:
        centred = absolute(centred)
    n = count(x.shape, axes) - correction
    total = sum(square(centred), axis=axes, keepdims=keepdims)
    return total / (n if n > 0 else float("nan"))


def _root_rule(xp: Any, g: Any, y: Any, x: Any) -> Any:
    # A variance of 0 has the derivative 0 itself; 1 / (2 sqrt(0)) would make it nan.
    flat = x == 0
    half = 0.5 * g / xp.where(flat, xp.ones_like(y), y)
    return xp.where(flat, xp.zeros_like(half), half)


_root_op = Elementwise(
    "std_root",
    _root_rule,
    forward=lambda xp, x: xp.sqrt(x),
    facts=Elementwise.kind_facts._replace(composite=True),
)


class _Std(General):
    """The root of a variance, given the distances from the mean too, whose length it is."""

    __slots__ = ()

    def dispatch(self, operands: Any, params: Any) -> Any:
        """The length where it is differentiated more than once."""
        centred, _ = operands
        found = length((centred,), params["axis"])
        if found is None:
            return bind(self, operands, params)
        n = params["n"]
        found = found / (math.sqrt(n) if n > 0 else math.nan)
        return (found if params["keepdims"] else squeeze(found, axis=params["axis"]),)

    def inline(self, operands: Any, _params: Any) -> Any:
        """The root alone."""
        return (bind(_root_op, (operands[1],), {}),)


_std_op = _Std(
    "std",
    lambda xp, g, ans, _centred, v, **_: (None, _root_rule(xp, g[0], ans[0], v)),
    lambda xp, t, ans, _centred, v, **_: (
        None if t[1] is None else _root_rule(xp, t[1], ans[0], v),
    ),
    lambda xp, _centred, v, **_: (xp.sqrt(v),),
    multiple=True,
    derivative=(False, True),
    batch=by_axis(),
)


def std(x: Any, /, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The standard deviation over the given axes: the square root of `var`.

    Where all elements are equal its derivative is taken as 0; second derivatives of its functions
    are as for `pg.linalg.vector_norm`.

    >>> pg.std(pg.asarray([1.0, 3.0]))
    Array(1., dtype=float64, device=cpu)
    """
    axes = normalise_axes("std", axis, len(x.shape))
    return in_wide(lambda x: _std(x, axes, correction, keepdims), x)


def _std(x: Any, axes: tuple[int, ...], correction: float, keepdims: bool) -> Any:
    centred, n = x - mean(x, axis=axes, keepdims=True), count(x.shape, axes) - correction
    size = absolute(centred) if as_dtype(x.dtype).is_complex else centred
    v = sum(square(size), axis=axes, keepdims=keepdims) / (n if n > 0 else math.nan)
    return deviation(centred, v, axes, n, keepdims)


def deviation(centred: Any, variance: Any, axis: tuple[int, ...], n: float, keepdims: bool) -> Any:
    """The root of a variance of ``n`` degrees of freedom, given the distances from the mean."""
    params = {"axis": axis, "n": n, "keepdims": bool(keepdims)}
    return apply(_std_op, (centred, variance), params)[0]


def _transpose_cumulative(xp: Any, g: Any, x: Any, axis: int, include_initial: bool) -> Any:
    if include_initial:
        g = g[(*(slice(None),) * axis, slice(1, None), ...)]
    return xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis)


cumulative_sum_op = Linear("cumulative_sum", _transpose_cumulative, batch=by_axis())
integer_cumulative_sum_op = on_integers("cumulative_sum")


def only_axis(name: str, axis: int | None, ndim: int) -> int:
    """An axis as a number from 0, which has to be given for more than one axis."""
    if axis is None:
        if ndim != 1:
            raise ArgumentValueError(f"{name}: axis is needed for an array with {ndim} axes")
        return 0
    return normalise_axis(name, axis, ndim)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Any:
    """The running sum along an axis, which may be left out for a one-dimensional array.

    ``include_initial`` puts a 0 in front. Data types as in `sum`. Raises ArgumentValueError
    where the axis is missing or out of range.

    >>> pg.cumulative_sum(pg.asarray([1.0, 2.0, 3.0]))
    Array([1., 3., 6.], dtype=float64, device=cpu)
    """
    axis = only_axis("cumulative_sum", axis, len(x.shape))
    params = {"axis": axis, "include_initial": bool(include_initial)}
    return accumulate(cumulative_sum_op, integer_cumulative_sum_op, x, dtype, params)


def diff(
    x: Any,
    /,
    *,
    axis: int = -1,
    n: int = 1,
    prepend: Any = None,
    append: Any = None,
) -> Any:
    """The differences of neighbours along an axis, taken ``n`` times.

    ``prepend`` and ``append`` are joined to ``x`` before; they have its shape but for the axis, or
    are numbers.
    Raises ArgumentValueError for a negative ``n`` and ShapeError where shapes do not fit.

    >>> pg.diff(pg.asarray([1.0, 4.0, 9.0]))
    Array([3., 5.], dtype=float64, device=cpu)
    """
    if n < 0:
        raise ArgumentValueError(f"diff: got n={n}, expected 0 or more")
    axis = normalise_axis("diff", axis, len(x.shape))
    one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    parts = [
        part if part is x or part.shape else broadcast_to(part, one)
        for part in (prepend, x, append)
        if part is not None
    ]
    if len(parts) > 1:
        x = concat(parts, axis=axis)
    key, length = (slice(None),) * axis, x.shape[axis]
    if n >= length:
        return x[(*key, slice(0, 0), ...)]
    for stop in range(length - 1, length - 1 - n, -1):
        x = x[(*key, slice(1, stop + 1), ...)] - x[(*key, slice(0, stop), ...)]
    return x
