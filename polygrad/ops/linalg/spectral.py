"""Eigenvalues of Hermitian matrices and singular values, also where they repeat.

The gauge
---------
Eigenvectors and singular vectors are not unique: each has a free sign (a free phase when
complex), and vectors of a repeated value can be mixed freely. A derivative exists for functions
that don't depend on that choice, and those are what the rules here are for. The phases are
chosen to stand still (eigh), or to turn equally in U and V (svd).

Two values closer than rounding can tell apart count as repeated. The textbook formulas divide
by their difference there, which gives nan. A perturbation that would separate the two values
has an off-diagonal part E, in the basis of their vectors, which the diagonal of values cannot
hold. The rules put it into the vectors, half of E / s on each side, so that the product of the
factors follows the perturbation exactly:

    d(V diag(w) V^H) = dx,    d(U diag(S) V^H) = dx.

So first and second derivatives are right for every function that is a formula in that product,
the part of it that belongs to the largest values included, and first derivatives for symmetric
functions of the values alone (their sum, their maximum). They cannot be right for all others:
the cotangents of a function of another kind at repeated values, V diag(exp(w)) V^H or the
projection V V^H, do not hold the slope of that function across the values, which its derivative
needs. Write these without the decomposition, or for matrices with separate values. In the space
of repeated zeros even the product's off-diagonal slope is lost (U S is 0 there), and is taken
as 0.
"""

from typing import Any, NamedTuple

from polygrad.core.batch import leading
from polygrad.core.kinds import General
from polygrad.core.trace import bind
from polygrad.ops.linalg.common import (
    adjoint,
    check_matrix,
    embed,
    explained,
    hermitian,
    real_part,
    rounding,
    skew,
)

_NO_CONVERGENCE = "look for nan or infinities in the matrix"


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and the eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


class SVDResult(NamedTuple):
    """Left singular vectors, singular values in descending order, adjoint right vectors."""

    U: Any
    S: Any
    Vh: Any


def _reciprocal(xp: Any, x: Any, allowed: Any) -> Any:
    """1 / x where allowed, else 0; no division by zero happens, not even in a dead branch."""
    one, zero = xp.ones_like(x), xp.zeros_like(x)
    return xp.where(allowed, one / xp.where(allowed, x, one), zero)


def _pairs(xp: Any, s: Any, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Denominators for each pair of values, see the gauge above.

    Returns 1 / (s_j - s_i), with 1 / (s_i + s_j) in its place for two different vectors of one
    value; 1 / (s_i + s_j); and 1 / s_i. Each is 0 where the denominator is rounding.
    """
    n = s.shape[-1]
    row, column = xp.expand_dims(s, axis=-2), xp.expand_dims(s, axis=-1)
    gap, both = row - column, row + column
    noise = rounding(s, shape) * xp.max(xp.abs(s), axis=-1, keepdims=True)
    tiny = xp.expand_dims(noise, axis=-1)
    apart, usable = xp.abs(gap) > tiny, xp.abs(both) > tiny
    different = xp.eye(n, dtype=xp.bool, device=xp.device_of(s)) == False  # noqa: E712
    split = _reciprocal(xp, xp.where(apart, gap, both), apart | (usable & different))
    return split, _reciprocal(xp, both, usable), _reciprocal(xp, s, xp.abs(s) > noise)


def _inverse_adjoint(xp: Any, u: Any) -> Any:
    """``u`` with orthonormal columns as the adjoint of its inverse.

    The two are equal, and differ in their derivative once a repeated value has stretched the
    vectors: this is one Newton step for the inverse, exact in value and first derivative. It
    makes second derivatives of functions of the product right as well.
    """
    return 2 * u - xp.matmul(u, xp.matmul(adjoint(xp, u), u))


def _eigh(xp: Any, x: Any) -> Any:
    with explained("eigh", _NO_CONVERGENCE):
        return xp.linalg.eigh(hermitian(xp, x))


def _eigh_vjp(xp: Any, g: Any, ans: Any, _x: Any) -> Any:
    (g_w, g_v), (w, v) = g, ans
    n = _x.shape[-1]
    if 0 in _x.shape:
        return xp.zeros_like(v)
    split, _, _ = _pairs(xp, w, _x.shape)
    middle = split * xp.matmul(adjoint(xp, v), g_v) + embed(xp, g_w, n, n)
    outer = _inverse_adjoint(xp, v)
    return xp.matmul(outer, xp.matmul(hermitian(xp, middle), adjoint(xp, outer)))


def _eigh_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    w, v = ans
    if 0 in x.shape:
        return xp.zeros_like(w), xp.zeros_like(v)
    split, _, _ = _pairs(xp, w, x.shape)
    outer = _inverse_adjoint(xp, v)
    middle = xp.matmul(adjoint(xp, outer), xp.matmul(hermitian(xp, t[0]), outer))
    return real_part(xp, xp.linalg.diagonal(middle)), xp.matmul(v, split * middle)


eigh_op = General("eigh", _eigh_vjp, _eigh_jvp, _eigh, multiple=True, batch=leading)


def eigh(x: Any, /) -> EighResult:
    """Eigenvalues and orthonormal eigenvectors of Hermitian matrices, shape (..., N, N).

    Returns ``(eigenvalues, eigenvectors)``: x = v @ diag(w) @ v^H, w real and ascending. Only
    the Hermitian part (x + x^H) / 2 is looked at. The derivative is for functions that do not
    depend on the sign, phase or mixing of the eigenvectors; at repeated eigenvalues it is right
    for functions of the product v @ diag(w) @ v^H and symmetric functions of w (the docstring
    of `polygrad.ops.linalg.spectral` tells why no other rule does better). Raises ShapeError
    for matrices that are not square, LinearAlgebraError where the iteration does not converge.
    Derivative: Magnus and Neudecker, Matrix Differential Calculus, 8.8; Giles 2008, 3.1.

    >>> pg.linalg.eigh(pg.asarray([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
    Array([1., 2.], dtype=float64, device=cpu)
    """
    check_matrix("eigh", x, square=True)
    return EighResult(*bind(eigh_op, (x,), {}))


def _eigvalsh(xp: Any, x: Any) -> Any:
    with explained("eigvalsh", _NO_CONVERGENCE):
        return xp.linalg.eigvalsh(hermitian(xp, x))


def _eigvalsh_vjp(xp: Any, g: Any, _ans: Any, x: Any) -> Any:
    v = xp.linalg.eigh(hermitian(xp, x)).eigenvectors
    return xp.matmul(v * xp.expand_dims(g, axis=-2), adjoint(xp, v))


def _eigvalsh_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    v = xp.linalg.eigh(hermitian(xp, x)).eigenvectors
    middle = xp.matmul(adjoint(xp, v), xp.matmul(hermitian(xp, t[0]), v))
    return real_part(xp, xp.linalg.diagonal(middle))


eigvalsh_op = General("eigvalsh", _eigvalsh_vjp, _eigvalsh_jvp, _eigvalsh, batch=leading)


def eigvalsh(x: Any, /) -> Any:
    """Eigenvalues of Hermitian matrices, real and in ascending order, shape (..., N).

    As `eigh`, and with the same errors. Repeated eigenvalues have a derivative for symmetric
    functions of them (their sum, or the sum of their powers).

    >>> pg.linalg.eigvalsh(pg.asarray([[2.0, 0.0], [0.0, 1.0]]))
    Array([1., 2.], dtype=float64, device=cpu)
    """
    check_matrix("eigvalsh", x, square=True)
    return bind(eigvalsh_op, (x,), {})


def _svd(xp: Any, x: Any, full: bool) -> Any:
    with explained("svd", _NO_CONVERGENCE):
        return xp.linalg.svd(x, full_matrices=full)


def _thin(u: Any, vh: Any, k: int) -> tuple[Any, Any, Any, Any]:
    """The vectors that belong to the k singular values, and the rest of each basis."""
    return u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]


def _svd_vjp(xp: Any, g: Any, ans: Any, _x: Any, full: bool) -> Any:
    k = min(_x.shape[-2:])
    if 0 in _x.shape:
        return xp.zeros(_x.shape, dtype=ans[0].dtype, device=xp.device_of(ans[0]))
    s, g_s = ans[1], g[1]
    u, u_rest, vh, vh_rest = _thin(ans[0], ans[2], k)
    g_u, g_u_rest, g_vh, g_vh_rest = _thin(g[0], g[2], k)
    uh, v = adjoint(xp, u), adjoint(xp, vh)
    split, both, inverse = _pairs(xp, s, _x.shape)
    left, right = xp.matmul(uh, g_u), adjoint(xp, xp.matmul(g_vh, v))
    middle = hermitian(xp, split * (left + right)) + skew(xp, both * (left - right))
    middle = middle + embed(xp, g_s, k, k)
    u_out, v_out = _inverse_adjoint(xp, u), adjoint(xp, _inverse_adjoint(xp, v))
    out = xp.matmul(u_out, xp.matmul(middle, v_out))
    if _x.shape[-2] > k:
        outside = g_u - xp.matmul(u_out, left)
        if full:
            outside = outside - xp.matmul(u_rest, xp.matmul(adjoint(xp, g_u_rest), u))
        out = out + xp.matmul(outside * xp.expand_dims(inverse, axis=-2), v_out)
    if _x.shape[-1] > k:
        outside = g_vh - xp.matmul(adjoint(xp, right), v_out)
        if full:
            outside = outside - xp.matmul(vh, xp.matmul(adjoint(xp, g_vh_rest), vh_rest))
        out = out + xp.matmul(u_out * xp.expand_dims(inverse, axis=-2), outside)
    return out


def _svd_jvp(xp: Any, t: Any, ans: Any, x: Any, full: bool) -> Any:
    k = min(x.shape[-2:])
    if 0 in x.shape:
        return tuple(xp.zeros_like(part) for part in ans)
    s = ans[1]
    u, u_rest, vh, vh_rest = _thin(ans[0], ans[2], k)
    uh = adjoint(xp, _inverse_adjoint(xp, u))
    v = _inverse_adjoint(xp, adjoint(xp, vh))
    split, both, inverse = _pairs(xp, s, x.shape)
    tv, uht = xp.matmul(t[0], v), xp.matmul(uh, t[0])
    middle = xp.matmul(uh, tv)
    symmetric, turning = split * hermitian(xp, middle), both * skew(xp, middle)
    du = xp.matmul(u, symmetric + turning)
    dvh = xp.matmul(adjoint(xp, symmetric - turning), vh)
    if x.shape[-2] > k:
        du = du + (tv - xp.matmul(u, middle)) * xp.expand_dims(inverse, axis=-2)
        if full:
            back = xp.matmul(adjoint(xp, tv * xp.expand_dims(inverse, axis=-2)), u_rest)
            du = xp.concat([du, -xp.matmul(u, back)], axis=-1)
    if x.shape[-1] > k:
        dvh = dvh + xp.expand_dims(inverse, axis=-1) * (uht - xp.matmul(middle, vh))
        if full:
            back = xp.matmul(vh_rest, adjoint(xp, uht * xp.expand_dims(inverse, axis=-1)))
            dvh = xp.concat([dvh, -xp.matmul(back, vh)], axis=-2)
    return du, real_part(xp, xp.linalg.diagonal(middle)), dvh


svd_op = General("svd", _svd_vjp, _svd_jvp, _svd, multiple=True, batch=leading)


def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    """Singular value decomposition x = U @ diag(S) @ Vh of matrices of shape (..., M, N).

    S has shape (..., K), K = min(M, N), in descending order. U is (..., M, M) and Vh
    (..., N, N), or (..., M, K) and (..., K, N) with ``full_matrices`` False. Raises
    LinearAlgebraError where the iteration does not converge.

    The derivative is for functions that do not depend on the sign, phase or mixing of the
    singular vectors (nor on which basis completes U and Vh with ``full_matrices``). At repeated
    singular values it is right for functions of the product U @ diag(S) @ Vh and symmetric
    functions of S, see `polygrad.ops.linalg.spectral`; vectors of a singular value 0 pass no
    derivative on. Derivative: Giles 2008, 3.2; complex: Wan and Zhang, Automatic
    Differentiation for Complex Valued SVD, 2019.

    >>> x = pg.asarray([[1.0, 0.0], [0.0, 1.0]])
    >>> weight = pg.asarray([[1.0, 2.0], [3.0, 4.0]])
    >>> def f(x):
    ...     U, S, Vh = pg.linalg.svd(x)
    ...     return pg.sum(weight * ((U * S) @ Vh))
    >>> pg.grad(f)(x)
    Array([[1., 2.],
           [3., 4.]], dtype=float64, device=cpu)
    """
    check_matrix("svd", x)
    return SVDResult(*bind(svd_op, (x,), {"full": bool(full_matrices)}))


def _svdvals(xp: Any, x: Any) -> Any:
    with explained("svdvals", _NO_CONVERGENCE):
        return xp.linalg.svdvals(x)


def _svdvals_vjp(xp: Any, g: Any, _ans: Any, x: Any) -> Any:
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    return xp.matmul(u * xp.expand_dims(g, axis=-2), vh)


def _svdvals_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    middle = xp.matmul(adjoint(xp, u), xp.matmul(t[0], adjoint(xp, vh)))
    return real_part(xp, xp.linalg.diagonal(middle))


svdvals_op = General("svdvals", _svdvals_vjp, _svdvals_jvp, _svdvals, batch=leading)


def svdvals(x: Any, /) -> Any:
    """Singular values of matrices of shape (..., M, N), in descending order, (..., min(M, N)).

    As `svd`, and with the same errors; faster when nothing is differentiated.

    >>> pg.linalg.svdvals(pg.asarray([[3.0, 0.0], [0.0, 4.0]]))
    Array([4., 3.], dtype=float64, device=cpu)
    """
    check_matrix("svdvals", x)
    return bind(svdvals_op, (x,), {})
