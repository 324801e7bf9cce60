"""Linear systems, inverses and determinants, with derivatives that hold at singular matrices."""

from typing import Any, NamedTuple

from polygrad.core.batch import leading, unbatched_ndim
from polygrad.core.kinds import General, unbroadcast
from polygrad.core.op import is_complex
from polygrad.core.trace import bind
from polygrad.errors import ShapeError
from polygrad.ops.linalg.common import (
    adjoint,
    check_inexact,
    check_matrix,
    conjugate,
    embed,
    explained,
    hermitian,
    real_part,
    rounding,
    skew,
)
from polygrad.ops.manipulation import broadcast_shapes, expand_dims

_SINGULAR = "the matrix has no inverse; add a multiple of the identity, or use pg.linalg.pinv"


class SlogdetResult(NamedTuple):
    """Sign and logarithm of the absolute value of a determinant."""

    sign: Any
    logabsdet: Any


def _inv(xp: Any, x: Any) -> Any:
    with explained("inv", _SINGULAR):
        return xp.linalg.inv(x)


def _inv_vjp(xp: Any, g: Any, ans: Any, _x: Any) -> Any:
    back = adjoint(xp, ans)
    return -xp.matmul(back, xp.matmul(g, back))


inv_op = General(
    "inv",
    _inv_vjp,
    lambda xp, t, ans, x: -xp.matmul(ans, xp.matmul(t[0], ans)),
    _inv,
    batch=leading,
)


def inv(x: Any, /) -> Any:
    """The inverse of square matrices, shape (..., N, N).

    Raises ShapeError for matrices that are not square, LinearAlgebraError for singular ones
    (libraries on GPUs may give infinities instead). To solve a system, `solve` is faster and
    more accurate. Derivative: Giles, Collected matrix derivative results, 2008, 2.2.3.

    >>> pg.linalg.inv(pg.asarray([[2.0, 0.0], [0.0, 4.0]]))
    Array([[0.5 , 0.  ],
           [0.  , 0.25]], dtype=float64, device=cpu)
    """
    check_matrix("inv", x, square=True)
    return bind(inv_op, (x,), {})


def check_system(name: str, x1: Any, x2: Any) -> None:
    """Raise a named error unless ``x1`` @ X = ``x2`` is a system, or a stack of systems."""
    check_matrix(name, x1, "x1", square=True)
    check_inexact(name, x2, "x2")
    a, b = tuple(x1.shape), tuple(x2.shape)
    if not b or (b[0] if len(b) == 1 else b[-2]) != a[-1]:
        raise ShapeError(
            f"{name}: x1 has shape {a} and x2 {b}, expected x2 of shape ({a[-1]},) or "
            f"(..., {a[-1]}, K)"
        )
    broadcast_shapes(a[:-2], b[:-2])


def stacked(xp: Any, a: Any, b: Any) -> tuple[Any, Any]:
    """Matrices with the leading axes of both."""
    batch = broadcast_shapes(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
    if a.shape[:-2] != batch:
        a = xp.broadcast_to(a, (*batch, *a.shape[-2:]))
    if b.shape[:-2] != batch:
        b = xp.broadcast_to(b, (*batch, *b.shape[-2:]))
    return a, b


def _solve(xp: Any, a: Any, b: Any) -> Any:
    """As the standard has it: a vector has exactly one axis, leading axes broadcast."""
    vector = len(b.shape) == 1
    if vector:
        b = xp.expand_dims(b, axis=-1)
    a, b = stacked(xp, a, b)
    with explained("solve", _SINGULAR):
        out = xp.linalg.solve(a, b)
    return out[..., 0] if vector else out


def _columns(xp: Any, x: Any, b: Any) -> Any:
    """An answer of `solve` as matrices, also where the right-hand side ``b`` is a vector."""
    return xp.expand_dims(x, axis=-1) if len(b.shape) == 1 else x


def _solve_vjp(xp: Any, g: Any, ans: Any, a: Any, _b: Any) -> Any:
    right = _solve(xp, adjoint(xp, a), _columns(xp, g, _b))
    left = -xp.matmul(right, adjoint(xp, _columns(xp, ans, _b)))
    right = right[..., 0] if len(_b.shape) == 1 else right
    return unbroadcast(xp, left, a.shape), unbroadcast(xp, right, _b.shape)


def _solve_jvp(xp: Any, t: Any, ans: Any, a: Any, b: Any) -> Any:
    change = None if t[1] is None else xp.broadcast_to(t[1], ans.shape)
    if t[0] is not None:
        moved = xp.matmul(t[0], _columns(xp, ans, b))
        moved = moved[..., 0] if len(b.shape) == 1 else moved
        change = -moved if change is None else change - moved
    if len(b.shape) == 1:
        return _solve(xp, a, xp.expand_dims(change, axis=-1))[..., 0]
    return _solve(xp, a, change)


def _solve_batch(op: Any, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
    """A batch of vectors is not a matrix: each becomes one with a single column."""
    a, b = values
    if unbatched_ndim(b, batched[1]) > 1:
        return leading(op, size, values, batched, params)
    column = expand_dims(b, axis=-1)
    return leading(op, size, [a, column], batched, params)[..., 0]


solve_op = General("solve", _solve_vjp, _solve_jvp, _solve, batch=_solve_batch)


def solve(x1: Any, x2: Any, /) -> Any:
    """The solution X of x1 @ X = x2, for square x1 of shape (..., N, N).

    ``x2`` is one vector, shape (N,), or matrices of shape (..., N, K); leading axes broadcast.
    Raises ShapeError where the shapes do not fit, LinearAlgebraError for a singular ``x1``
    (libraries on GPUs may give infinities instead). Derivative: Giles 2008, 2.3.1.

    >>> pg.linalg.solve(pg.asarray([[2.0, 0.0], [0.0, 4.0]]), pg.asarray([1.0, 1.0]))
    Array([0.5 , 0.25], dtype=float64, device=cpu)
    """
    check_system("solve", x1, x2)
    return bind(solve_op, (x1, x2), {})


def _exclusive(xp: Any, s: Any) -> Any:
    """The product of all elements before each one, along the last axis."""
    return xp.cumulative_prod(s, axis=-1, include_initial=True)[..., :-1]


def _over(xp: Any, x: Any, tiny: Any) -> Any:
    """1 / x, 0 where x is rounding; no division by zero happens."""
    usable, one = xp.abs(x) > tiny, xp.ones_like(x)
    return xp.where(usable, one / xp.where(usable, x, one), xp.zeros_like(x))


def _gaps(xp: Any, s: Any) -> tuple[Any, Any]:
    """1 / (s_j - s_i), with 1 / (s_i + s_j) for equal values, and 1 / (s_i + s_j)."""
    n = s.shape[-1]
    row, column = xp.expand_dims(s, axis=-2), xp.expand_dims(s, axis=-1)
    gap, both = row - column, row + column
    if n == 0:
        return gap, both
    tiny = rounding(s, (n, n)) * xp.max(xp.abs(s), axis=-1, keepdims=True)
    tiny = xp.expand_dims(tiny, axis=-1)
    same = xp.eye(n, dtype=xp.bool, device=xp.device_of(s))
    split = _over(xp, xp.where(xp.abs(gap) > tiny, gap, both), tiny)
    return xp.where(same, xp.zeros_like(split), split), _over(xp, both, tiny)


def _inverse_adjoint(xp: Any, u: Any) -> Any:
    """``u`` with orthonormal columns as the adjoint of its inverse, also to first order."""
    return 2 * u - xp.matmul(u, xp.matmul(adjoint(xp, u), u))


def _factors_vjp(xp: Any, g: Any, ans: Any, _x: Any) -> Any:
    (g_u, g_s, g_vh), (u, s, vh) = g, ans
    uh, v = adjoint(xp, u), adjoint(xp, vh)
    split, both = _gaps(xp, s)
    left, right = xp.matmul(uh, g_u), adjoint(xp, xp.matmul(g_vh, v))
    middle = hermitian(xp, split * (left + right)) + skew(xp, both * (left - right))
    middle = middle + embed(xp, g_s, s.shape[-1], s.shape[-1])
    outer = adjoint(xp, _inverse_adjoint(xp, v))
    return xp.matmul(_inverse_adjoint(xp, u), xp.matmul(middle, outer))


def _factors_jvp(xp: Any, t: Any, ans: Any, _x: Any) -> Any:
    u, s, vh = ans
    v = _inverse_adjoint(xp, adjoint(xp, vh))
    middle = xp.matmul(adjoint(xp, _inverse_adjoint(xp, u)), xp.matmul(t[0], v))
    split, both = _gaps(xp, s)
    symmetric, turning = split * hermitian(xp, middle), both * skew(xp, middle)
    du, ds = xp.matmul(u, symmetric + turning), real_part(xp, xp.linalg.diagonal(middle))
    return du, ds, xp.matmul(adjoint(xp, symmetric - turning), vh)


# Factors of a square matrix for functions of their product alone, as the determinant is: where
# singular values repeat, the vectors take half of what would separate the values on each side.
factors_op = General(
    "factors",
    _factors_vjp,
    _factors_jvp,
    lambda xp, x: tuple(xp.linalg.svd(x, full_matrices=False)),
    multiple=True,
    batch=leading,
)


def _spectrum(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """Factors x = u diag(s) vh as the derivatives of the determinant use them.

    Returns the inverses of ``u`` and ``vh``, det(u) det(vh), and s. The inverses are not
    written as adjoints: then the formulas hold for any factors, which keeps their derivatives
    right where singular values repeat.
    """
    with explained("det", "look for nan or infinities in it"):
        u, s, vh = bind(factors_op, (x,), {})
        return xp.linalg.inv(u), xp.linalg.inv(vh), xp.linalg.det(u) * xp.linalg.det(vh), s


def _adjugate(xp: Any, x: Any) -> Any:
    u, v, sign, s = _spectrum(xp, x)
    others = _exclusive(xp, s) * xp.flip(_exclusive(xp, xp.flip(s, axis=-1)), axis=-1)
    others = others * xp.expand_dims(sign, axis=-1)
    return xp.matmul(v * xp.expand_dims(others, axis=-2), u)


def _all_but_two(xp: Any, s: Any) -> Any:
    """The product of all ``s`` but the i-th and the j-th, 0 on the diagonal; no division."""
    n = s.shape[-1]
    before = xp.expand_dims(_exclusive(xp, s), axis=-1)
    after = xp.expand_dims(xp.flip(_exclusive(xp, xp.flip(s, axis=-1)), axis=-1), axis=-2)
    wide = xp.broadcast_to(xp.expand_dims(s, axis=-2), (*s.shape, n))
    later = xp.triu(xp.ones((n, n), dtype=s.dtype, device=xp.device_of(s)), k=1) > 0
    between = _exclusive(xp, xp.where(later, wide, xp.ones_like(wide)))
    upper = xp.triu(before * between * after, k=1)
    return upper + xp.matrix_transpose(upper)


def _adjugate_map(xp: Any, t: Any, s: Any) -> Any:
    """The derivative of the adjugate of diag(s) along ``t``; it is its own transpose."""
    rest = _all_but_two(xp, s)
    d = xp.linalg.diagonal(t)
    on = xp.sum(rest * xp.expand_dims(d, axis=-2), axis=-1)
    return embed(xp, on, s.shape[-1], s.shape[-1]) - rest * t


def _adjugate_vjp(xp: Any, g: Any, _ans: Any, x: Any) -> Any:
    u, v, sign, s = _spectrum(xp, x)
    u, v = adjoint(xp, u), adjoint(xp, v)
    g = g * conjugate(xp, sign)[..., None, None]
    return xp.matmul(u, xp.matmul(_adjugate_map(xp, xp.matmul(v, xp.matmul(g, u)), s), v))


def _adjugate_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    u, v, sign, s = _spectrum(xp, x)
    middle = _adjugate_map(xp, xp.matmul(u, xp.matmul(t[0], v)), s)
    return xp.matmul(v, xp.matmul(middle * sign[..., None, None], u))


adjugate_op = General("adjugate", _adjugate_vjp, _adjugate_jvp, _adjugate, batch=leading)


def _det_vjp(xp: Any, g: Any, _ans: Any, x: Any) -> Any:
    return g[..., None, None] * adjoint(xp, bind(adjugate_op, (x,), {}))


def _det_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    cofactors = xp.matrix_transpose(bind(adjugate_op, (x,), {}))
    return xp.sum(cofactors * t[0], axis=(-2, -1))


det_op = General("det", _det_vjp, _det_jvp, lambda xp, x: xp.linalg.det(x), batch=leading)


def det(x: Any, /) -> Any:
    """The determinant of square matrices, shape (..., N, N) to (...).

    Its derivatives are right at singular matrices too: they are cofactors (Jacobi's formula;
    Magnus and Neudecker, Matrix Differential Calculus, 8.3), computed from the singular
    values without division. Raises ShapeError for matrices that are not square.

    >>> pg.grad(pg.linalg.det)(pg.asarray([[1.0, 2.0], [2.0, 4.0]]))
    Array([[ 4., -2.],
           [-2.,  1.]], dtype=float64, device=cpu)
    """
    check_matrix("det", x, square=True)
    return bind(det_op, (x,), {})


def _inverse_for_slogdet(xp: Any, x: Any) -> Any:
    with explained("slogdet", "log|det x| has no derivative at a singular matrix; use det"):
        return xp.linalg.inv(x)


def _slogdet_vjp(xp: Any, g: Any, ans: Any, x: Any) -> Any:
    g_sign, g_log = g
    back = adjoint(xp, _inverse_for_slogdet(xp, x))
    if is_complex(x.dtype):
        turn = xp.imag(xp.conj(g_sign) * ans[0])
        g_log = xp.astype(g_log, x.dtype) - xp.astype(turn, x.dtype) * 1j
    return back * g_log[..., None, None]


def _slogdet_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    inverse = _inverse_for_slogdet(xp, x)
    change = xp.sum(xp.matrix_transpose(inverse) * t[0], axis=(-2, -1))
    if not is_complex(x.dtype):
        return None, change
    turn = xp.astype(xp.imag(change), x.dtype) * 1j
    return ans[0] * turn, xp.real(change)


slogdet_op = General(
    "slogdet",
    _slogdet_vjp,
    _slogdet_jvp,
    lambda xp, x: xp.linalg.slogdet(x),
    multiple=True,
    batch=leading,
)


def slogdet(x: Any, /) -> SlogdetResult:
    """Sign and logarithm of the absolute value of the determinant of square matrices.

    Does not overflow where `det` does. The sign of a complex determinant is det / |det|, and
    has a derivative. At a singular matrix ``logabsdet`` is -inf, and asking for its derivative
    raises LinearAlgebraError. Raises ShapeError for matrices that are not square.

    >>> pg.linalg.slogdet(pg.asarray([[0.0, 1.0], [1.0, 0.0]]))
    SlogdetResult(sign=Array(-1., dtype=float64, device=cpu), logabsdet=Array(0., dtype=float64, device=cpu))
    """  # noqa: E501
    check_matrix("slogdet", x, square=True)
    return SlogdetResult(*bind(slogdet_op, (x,), {}))
