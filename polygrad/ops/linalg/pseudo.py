"""What singular values decide: the pseudo-inverse and the rank."""

from typing import Any

from polygrad.array import is_array
from polygrad.core.batch import raise_ndim, spread, unbatched_ndim
from polygrad.core.kinds import General, Nondifferentiable
from polygrad.core.trace import bind
from polygrad.errors import ArgumentTypeError
from polygrad.ops.datatypes import finfo
from polygrad.ops.linalg.common import adjoint, check_matrix, explained

_NO_CONVERGENCE = "look for nan or infinities in the matrix"


def _cut(xp: Any, s: Any, rtol: Any) -> Any:
    """Where the singular values count as not zero."""
    largest = xp.max(s, axis=-1, keepdims=True)
    return s > largest * (rtol if isinstance(rtol, float) else xp.expand_dims(rtol, axis=-1))


def _batch(op: Any, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """The tolerance has the leading axes of the matrices only."""
    ndim = unbatched_ndim(values[0], batched[0]) - 2
    rest = [raise_ndim(v, b, ndim) for v, b in zip(values[1:], batched[1:], strict=True)]
    return spread(op, size, [values[0], *rest], batched, params)


def _pinv(xp: Any, x: Any, *tolerance: Any, rtol: Any) -> Any:
    if 0 in x.shape:
        return xp.matrix_transpose(xp.zeros_like(x))
    with explained("pinv", _NO_CONVERGENCE):
        u, s, vh = xp.linalg.svd(x, full_matrices=False)
    keep = _cut(xp, s, *tolerance, *(() if tolerance else (rtol,)))
    one = xp.ones_like(s)
    inverse = xp.where(keep, one / xp.where(keep, s, one), xp.zeros_like(s))
    return xp.matmul(adjoint(xp, vh) * xp.expand_dims(inverse, axis=-2), adjoint(xp, u))


def _dropped(xp: Any, x: Any, tolerance: Any, rtol: Any) -> tuple[Any, Any, Any, Any]:
    """What singular values add that the tolerance drops although they are not 0.

    Returns u, vh and weights a, b such that d pinv = (as if they were 0) + v (a e^H + b e) u^H,
    e = u^H dx v, by element: the divided differences of 1 / s, 0 below the tolerance.
    """
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    keep = _cut(xp, s, *tolerance, *(() if tolerance else (rtol,)))
    pair = xp.expand_dims(keep, axis=-1) & (xp.expand_dims(keep, axis=-2) == False)  # noqa: E712
    large, small = xp.expand_dims(s, axis=-1), xp.expand_dims(s, axis=-2)
    one, zero = xp.ones_like(large * small), xp.zeros_like(large * small)
    large, small = xp.where(pair, large, one), xp.where(pair, small, zero)
    ratio = small / (large * (large - small) * (large + small))
    square = ratio * small / large
    return u, vh, square + xp.matrix_transpose(square), ratio + xp.matrix_transpose(ratio)


def _pinv_vjp(xp: Any, g: Any, ans: Any, x: Any, *tolerance: Any, rtol: Any) -> Any:
    if 0 in x.shape:
        return (xp.zeros_like(x), *(None for _ in tolerance))
    p, gh, ph = ans, adjoint(xp, g), adjoint(xp, ans)
    inner = xp.matmul(ph, xp.matmul(g, ph))
    left = xp.matmul(gh, xp.matmul(p, ph))
    right = xp.matmul(ph, xp.matmul(p, gh))
    out = left - xp.matmul(x, xp.matmul(p, left)) + right - xp.matmul(xp.matmul(right, p), x)
    out = out - inner
    if tolerance or rtol > _default(x):
        u, vh, square, ratio = _dropped(xp, x, tolerance, rtol)
        e = xp.matmul(vh, xp.matmul(g, u))
        middle = adjoint(xp, square * e) + ratio * e
        out = out + xp.matmul(u, xp.matmul(middle, vh))
    return (out, *(None for _ in tolerance))


def _pinv_jvp(xp: Any, t: Any, ans: Any, x: Any, *tolerance: Any, rtol: Any) -> Any:
    if 0 in x.shape:
        return xp.zeros_like(ans)
    p, th, ph = ans, adjoint(xp, t[0]), adjoint(xp, ans)
    left = xp.matmul(p, xp.matmul(ph, th))
    right = xp.matmul(th, xp.matmul(ph, p))
    out = left - xp.matmul(xp.matmul(left, x), p) + right - xp.matmul(p, xp.matmul(x, right))
    out = out - xp.matmul(p, xp.matmul(t[0], p))
    if tolerance or rtol > _default(x):
        u, vh, square, ratio = _dropped(xp, x, tolerance, rtol)
        v, uh = adjoint(xp, vh), adjoint(xp, u)
        e = xp.matmul(uh, xp.matmul(t[0], v))
        out = out + xp.matmul(v, xp.matmul(square * adjoint(xp, e) + ratio * e, uh))
    return out


pinv_op = General("pinv", _pinv_vjp, _pinv_jvp, _pinv, derivative=(True, False), batch=_batch)


def _default(x: Any) -> float:
    """The tolerance that drops rounding."""
    return max(x.shape[-2:]) * float(finfo(x.dtype).eps)


def _tolerance(name: str, x: Any, rtol: Any) -> tuple[tuple[Any, ...], float | None]:
    """The relative tolerance as an operand, or as a number."""
    if rtol is None:
        return (), _default(x)
    if is_array(rtol):
        return (rtol,), None
    if isinstance(rtol, int | float):
        return (), float(rtol)
    raise ArgumentTypeError(f"{name}: rtol is {type(rtol).__name__}, expected a number or an array")


def pinv(x: Any, /, *, rtol: Any = None) -> Any:
    """The Moore-Penrose pseudo-inverse of matrices of shape (..., M, N), shape (..., N, M).

    Singular values up to ``rtol`` times the largest count as zero; ``rtol`` is a number or an
    array with the leading axes of ``x``, by default max(M, N) times the precision of the data
    type. The derivative is that along matrices of the same rank, where it exists: Golub and
    Pereyra, The Differentiation of Pseudo-Inverses, 1973, (4.12), and that of the divided
    differences for values that ``rtol`` drops although they are not 0. Raises LinearAlgebraError
    where the singular values do not converge.

    >>> pg.linalg.pinv(pg.asarray([[2.0, 0.0], [0.0, 0.0]]))
    Array([[0.5, 0. ],
           [0. , 0. ]], dtype=float64, device=cpu)
    """
    check_matrix("pinv", x)
    operand, number = _tolerance("pinv", x, rtol)
    return bind(pinv_op, (x, *operand), {"rtol": number})


def _rank(xp: Any, x: Any, *tolerance: Any, rtol: Any) -> Any:
    if 0 in x.shape[-2:]:
        return xp.zeros(x.shape[:-2], dtype=xp.int64, device=xp.device_of(x))
    with explained("matrix_rank", _NO_CONVERGENCE):
        s = xp.linalg.svdvals(x)
    keep = _cut(xp, s, *tolerance, *(() if tolerance else (rtol,)))
    return xp.sum(xp.astype(keep, xp.int64), axis=-1)


rank_op = Nondifferentiable("matrix_rank", _rank, batch=_batch)


def matrix_rank(x: Any, /, *, rtol: Any = None) -> Any:
    """The number of singular values above ``rtol`` times the largest; carries no gradient.

    ``rtol`` as in `pinv`. For matrices of shape (..., M, N), integers of shape (...).

    >>> pg.linalg.matrix_rank(pg.asarray([[1.0, 2.0], [2.0, 4.0]])).item()
    1
    """
    check_matrix("matrix_rank", x)
    operand, number = _tolerance("matrix_rank", x, rtol)
    return bind(rank_op, (x, *operand), {"rtol": number})
