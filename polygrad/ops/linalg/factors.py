"""Triangular factorisations: Cholesky and QR."""

from typing import Any, NamedTuple

from polygrad.core.batch import leading
from polygrad.core.kinds import General
from polygrad.core.op import is_complex
from polygrad.core.trace import bind
from polygrad.errors import ArgumentValueError
from polygrad.ops.linalg.common import adjoint, check_matrix, explained, hermitian, skew

_INDEFINITE = "expected Hermitian positive definite matrices; add a multiple of the identity"
_DEPENDENT = "Q and R have no derivative where the columns of x depend on one another"


class QRResult(NamedTuple):
    """An orthonormal factor and an upper triangular one."""

    Q: Any
    R: Any


def _cholesky(xp: Any, x: Any, upper: bool) -> Any:
    with explained("cholesky", _INDEFINITE):
        return xp.linalg.cholesky(hermitian(xp, x), upper=upper)


def _half_diagonal(xp: Any, x: Any) -> Any:
    """The lower triangle with half of its diagonal: the half of a Hermitian matrix."""
    return (xp.tril(x) + xp.tril(x, k=-1)) * 0.5


def _cholesky_vjp(xp: Any, g: Any, ans: Any, _x: Any, upper: bool) -> Any:
    low, g = (adjoint(xp, ans), adjoint(xp, g)) if upper else (ans, g)
    up = adjoint(xp, low)
    middle = hermitian(xp, _half_diagonal(xp, xp.matmul(up, g)))
    half = adjoint(xp, xp._solve_triangular(up, middle, True))
    return hermitian(xp, xp._solve_triangular(up, half, True))


def _cholesky_jvp(xp: Any, t: Any, ans: Any, x: Any, upper: bool) -> Any:
    low = adjoint(xp, ans) if upper else ans
    half = xp._solve_triangular(low, hermitian(xp, t[0]), False)
    middle = xp._solve_triangular(low, adjoint(xp, half), False)
    out = xp.matmul(low, _half_diagonal(xp, middle))
    return adjoint(xp, out) if upper else out


cholesky_op = General("cholesky", _cholesky_vjp, _cholesky_jvp, _cholesky, batch=leading)


def cholesky(x: Any, /, *, upper: bool = False) -> Any:
    """The lower triangular L with x = L @ L^H, for Hermitian positive definite matrices.

    With ``upper`` its adjoint, x = U^H @ U. Only the Hermitian part (x + x^H) / 2 is looked at,
    so the gradient is Hermitian. Raises ShapeError for matrices that are not square,
    LinearAlgebraError where one is not positive definite (libraries on GPUs may give nan
    instead). Derivative: Murray, Differentiation of the Cholesky decomposition, 2016.

    >>> pg.linalg.cholesky(pg.asarray([[4.0, 2.0], [2.0, 2.0]]))
    Array([[2., 0.],
           [1., 1.]], dtype=float64, device=cpu)
    """
    check_matrix("cholesky", x, square=True)
    return bind(cholesky_op, (x,), {"upper": bool(upper)})


def _turning(xp: Any, x: Any) -> Any:
    """The skew-Hermitian matrix with the strictly lower triangle of ``x``.

    Its diagonal is the imaginary part of that of ``x``, for then R keeps a real one.
    """
    lower = xp.tril(x, k=-1)
    out = lower - adjoint(xp, lower)
    if not is_complex(x.dtype):
        return out
    return out + xp.tril(xp.triu(skew(xp, x)))


def _turning_transpose(xp: Any, x: Any) -> Any:
    return 2 * _half_diagonal(xp, skew(xp, x))


def _over(xp: Any, x: Any, r: Any, upper: bool) -> Any:
    """x @ r^-1, with a triangular r."""
    with explained("qr", _DEPENDENT):
        return adjoint(xp, xp._solve_triangular(adjoint(xp, r), adjoint(xp, x), not upper))


def _qr(xp: Any, x: Any, mode: str) -> Any:
    return xp.linalg.qr(x, mode=mode)


def _qr_vjp(xp: Any, g: Any, ans: Any, _x: Any, mode: str) -> Any:
    k = min(_x.shape[-2:])
    if 0 in _x.shape:
        return xp.zeros(_x.shape, dtype=ans[0].dtype, device=xp.device_of(ans[0]))
    q, q_rest, r = ans[0][..., :k], ans[0][..., k:], ans[1][..., :k, :]
    g_q, g_r = g[0][..., :k], g[1][..., :k, :]
    if mode == "complete" and _x.shape[-2] > k:
        back = xp.matmul(adjoint(xp, g[0][..., k:]), q)
        g_q = g_q - xp.matmul(q_rest, back)
    # Columns beyond a square matrix are R there: R_rest = Q^H x_rest.
    r, r_rest = r[..., :k], r[..., k:]
    g_r, g_r_rest = g_r[..., :k], g_r[..., k:]
    wide = _x.shape[-1] > k
    if wide:
        g_q = g_q + xp.matmul(q, xp.matmul(r_rest, adjoint(xp, g_r_rest)))
    b = xp.matmul(adjoint(xp, q), g_q) - xp.matmul(g_r, adjoint(xp, r))
    inner = g_q + xp.matmul(q, _turning_transpose(xp, b) - b)
    out = _over(xp, inner, adjoint(xp, r), False)
    return xp.concat([out, xp.matmul(q, g_r_rest)], axis=-1) if wide else out


def _qr_jvp(xp: Any, t: Any, ans: Any, x: Any, mode: str) -> Any:
    k = min(x.shape[-2:])
    if 0 in x.shape:
        return tuple(xp.zeros_like(part) for part in ans)
    q, q_rest, r = ans[0][..., :k], ans[0][..., k:], ans[1][..., :k, :]
    qh = adjoint(xp, q)
    moved = _over(xp, t[0][..., :k], r[..., :k], True)
    inner = xp.matmul(qh, moved)
    dq = moved - xp.matmul(q, inner - _turning(xp, inner))
    dr = xp.triu(xp.matmul(qh, t[0] - xp.matmul(dq, r)))
    if mode == "complete" and x.shape[-2] > k:
        rest = xp.matmul(q, xp.matmul(adjoint(xp, dq), q_rest))
        dq = xp.concat([dq, -rest], axis=-1)
        dr = xp.concat([dr, xp.zeros_like(ans[1][..., k:, :])], axis=-2)
    return dq, dr


qr_op = General("qr", _qr_vjp, _qr_jvp, _qr, multiple=True, batch=leading)


def qr(x: Any, /, *, mode: str = "reduced") -> QRResult:
    """Orthonormal Q and upper triangular R with x = Q @ R, for matrices of shape (..., M, N).

    ``mode`` "reduced" gives Q (..., M, K) and R (..., K, N), K = min(M, N); "complete" gives
    Q (..., M, M) and R (..., M, N). The derivative holds where the first K columns of ``x`` are
    independent; asking for it where R is exactly singular raises LinearAlgebraError. The columns
    that "complete" adds are any basis of the space that is left, so only functions that don't
    depend on which one have a derivative through them. Raises ArgumentValueError for another
    mode. Derivative: Roberts and Roberts, QR and LQ Decomposition Matrix Backpropagation
    Algorithms for Square, Wide, and Deep Matrices, 2020.

    >>> q, r = pg.linalg.qr(pg.asarray([[1.0, 2.0], [0.0, 3.0], [0.0, 0.0]]))
    >>> q.shape, r.shape
    ((3, 2), (2, 2))
    """
    check_matrix("qr", x)
    if mode not in ("reduced", "complete"):
        raise ArgumentValueError(f"qr: got mode {mode!r}, expected 'reduced' or 'complete'")
    return QRResult(*bind(qr_op, (x,), {"mode": mode}))
