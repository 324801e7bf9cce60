"""Norms of vectors and matrices, with derivative 0 where they have a kink at zero."""

import math
from typing import Any

from polygrad.core.batch import by_axis
from polygrad.core.kinds import General
from polygrad.core.trace import apply, bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError
from polygrad.ops.arithmetic import abs as absolute
from polygrad.ops.comparison import not_equal
from polygrad.ops.datatypes import astype, in_wide
from polygrad.ops.declare import length
from polygrad.ops.linalg.common import check_inexact, check_matrix, conjugate, real_part
from polygrad.ops.linalg.spectral import svdvals
from polygrad.ops.manipulation import expand_dims, normalise_axes
from polygrad.ops.manipulation import squeeze as without
from polygrad.ops.statistical import max as largest
from polygrad.ops.statistical import min as smallest
from polygrad.ops.statistical import spread
from polygrad.ops.statistical import sum as total


def _slope(xp: Any, ans: Any, x: Any, axis: tuple[int, ...], keepdims: bool, p: float) -> Any:
    """The derivative of the p-norm by each element, x / |x| (|x| / norm)^(p - 1)."""
    norm = spread(xp, ans, x.shape, axis, keepdims)
    safe = xp.where(norm == 0, xp.ones_like(norm), norm)
    if p == 2:
        return x / safe
    size = xp.abs(x)
    zero = size == 0
    size = xp.where(zero, xp.ones_like(size), size)
    slope = x / size * (size / safe) ** (p - 1)
    return xp.where(zero, xp.zeros_like(slope), slope)


def _norm(xp: Any, x: Any, axis: tuple[int, ...], keepdims: bool, p: float) -> Any:
    return xp.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=p)


def _norm_vjp(xp: Any, g: Any, ans: Any, x: Any, axis: Any, keepdims: bool, p: float) -> Any:
    return spread(xp, g, x.shape, axis, keepdims) * _slope(xp, ans, x, axis, keepdims, p)


def _norm_jvp(xp: Any, t: Any, ans: Any, x: Any, axis: Any, keepdims: bool, p: float) -> Any:
    slope = conjugate(xp, _slope(xp, ans, x, axis, keepdims, p))
    return xp.sum(real_part(xp, slope * t[0]), axis=axis, keepdims=keepdims)


class _Norm(General):
    """The p-norm."""

    __slots__ = ()

    def dispatch(self, operands: Any, params: Any) -> Any:
        """The Euclidean one as a length where it is differentiated more than once."""
        found = length(operands, params["axis"]) if params["p"] == 2 else None
        if found is None:
            return bind(self, operands, params)
        return found if params["keepdims"] else without(found, axis=params["axis"])


norm_op = _Norm("vector_norm", _norm_vjp, _norm_jvp, _norm, batch=by_axis())


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:  # noqa: A002
    """The norm of vectors along one or several axes (all by default), a real array.

    ``ord`` is inf (the largest absolute value), -inf (the smallest), 0 (how many elements are
    not zero), or a number p: sum(|x| ** p) ** (1 / p). The derivative of an element that is 0 is
    taken as 0, and so is that of the norm at 0 (its subgradient of least length); elements that
    tie for the largest share it. Second derivatives of functions of the Euclidean norm are
    right at 0 too, as those of ``vector_norm(x) ** 2``, and nan where there are none. Raises
    ArgumentValueError for any other ``ord``.

    >>> x = pg.asarray([3.0, 4.0])
    >>> pg.linalg.vector_norm(x).item(), pg.grad(pg.linalg.vector_norm)(x)
    (5.0, Array([0.6, 0.8], dtype=float64, device=cpu))
    """
    check_inexact("vector_norm", x)
    if isinstance(ord, bool | str) or not isinstance(ord, int | float) or math.isnan(ord):
        raise ArgumentValueError(
            f"vector_norm: got ord={ord!r}, expected inf, -inf or a number such as 2; "
            "'fro' and 'nuc' are orders of pg.linalg.matrix_norm"
        )
    axes = normalise_axes("vector_norm", axis, len(x.shape))
    return in_wide(lambda x: _vector_norm(x, axes, bool(keepdims), ord), x)


def _vector_norm(x: Any, axes: tuple[int, ...], keepdims: bool, ord: Any) -> Any:  # noqa: A002
    if ord == math.inf:
        return largest(absolute(x), axis=axes, keepdims=keepdims)
    if ord == -math.inf:
        return smallest(absolute(x), axis=axes, keepdims=keepdims)
    if ord == 1:
        return total(absolute(x), axis=axes, keepdims=keepdims)
    if ord == 0:
        counted = astype(not_equal(x, 0), _real(x.dtype))
        return total(counted, axis=axes, keepdims=keepdims)
    if not axes:
        return absolute(x)
    return apply(norm_op, (x,), {"axis": axes, "keepdims": keepdims, "p": ord})


def _real(dtype: Any) -> str:
    """The real data type of the same precision."""
    dtype = as_dtype(dtype)
    return f"float{dtype.bits // 2}" if dtype.is_complex else dtype.name


_BY_VALUES = {"nuc": total, 2: largest, -2: smallest}
_BY_SUMS = {
    1: (largest, -2),
    -1: (smallest, -2),
    math.inf: (largest, -1),
    -math.inf: (smallest, -1),
}


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:  # noqa: A002
    """The norm of matrices of shape (..., M, N), a real array of shape (...).

    ``ord`` is "fro" (or None: the root of the sum of squares), "nuc" (the sum of the singular
    values), 2 and -2 (the largest and the smallest of them), 1 and -1 (the largest and smallest
    sum of absolute values of a column), inf and -inf (of a row). Derivatives at kinks as in
    `vector_norm`. Raises ArgumentValueError for any other ``ord``, ShapeError for fewer than
    two axes.

    >>> pg.linalg.matrix_norm(pg.asarray([[1.0, -2.0], [3.0, 4.0]]), ord=1).item()
    6.0
    """
    check_matrix("matrix_norm", x)
    if ord is None or (isinstance(ord, str) and ord == "fro"):
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    known = isinstance(ord, str | int | float) and not isinstance(ord, bool)
    if known and (ord in _BY_VALUES or ord in _BY_SUMS):
        check_inexact("matrix_norm", x)
        return in_wide(lambda x: _matrix_norm(x, bool(keepdims), ord), x)
    raise ArgumentValueError(
        f"matrix_norm: got ord={ord!r}, expected 'fro', 'nuc', 1, -1, 2, -2, inf or -inf; for "
        "the norm of all elements as one vector use vector_norm(x, axis=(-2, -1), ord=...)"
    )


def _matrix_norm(x: Any, keepdims: bool, ord: Any) -> Any:  # noqa: A002
    if ord in _BY_VALUES:
        out = _BY_VALUES[ord](svdvals(x), axis=-1, keepdims=keepdims)
        return expand_dims(out, axis=-1) if keepdims else out
    reduce, axis = _BY_SUMS[ord]
    sums = total(absolute(x), axis=axis, keepdims=True)
    out = reduce(sums, axis=-3 - axis, keepdims=True)
    return out if keepdims else without(out, axis=(-2, -1))
