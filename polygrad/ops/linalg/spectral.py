"""Eigenvalues of Hermitian matrices and singular values, also where they repeat.

The gauge
---------
Eigenvectors and singular vectors are not unique: each has a free sign (a free phase when
complex), and vectors of a repeated value can be mixed freely. A derivative exists for functions
that don't depend on that choice, and those are what the rules here are for. The phases are
chosen to stand still (eigh), or to turn equally in U and V (svd).

Two values closer than rounding can tell apart count as repeated. The derivative of their vectors
divides by the difference, and does not exist: forward mode gives nan there (and so do second
derivatives). A function of the matrix, V diag(f(w)) V^H, does have a derivative, but it holds the
slope f', which the cotangents G of the vectors at a repeated value do not tell in general:

    V^H g_v = 2 V^H G V f(w),    g_w = diag(V^H G V) f'(w).

Reverse mode answers where they do tell: the product itself (f(w) = w, g_w is 1 / w times half of
the diagonal), a projection (f' = 0, g_w = 0), vectors that no cotangent reaches. All else is nan.
Two things look like these and are not, so that the number is wrong: a function with f(w) = 0 at
the repeated value, where no cotangent arrives either, and a product to which an off-diagonal
element of another function is added. Without a cotangent of the vectors, repeated values share
theirs equally: right for symmetric functions of the values (their sum), and a subgradient of
their largest and smallest. Write other functions of a matrix without the decomposition, as
scipy.linalg.expm and its like do.
"""

import math
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


def _near(xp: Any, s: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Which pairs of values are equal up to rounding (each with itself too), and the rounding."""
    noise = rounding(s, shape) * xp.max(xp.abs(s), axis=-1, keepdims=True)
    gap = xp.expand_dims(s, axis=-2) - xp.expand_dims(s, axis=-1)
    return xp.abs(gap) <= xp.expand_dims(noise, axis=-1), noise


def _split(xp: Any, s: Any, near: Any) -> Any:
    """1 / (s_j - s_i), 0 for equal values."""
    gap = xp.expand_dims(s, axis=-2) - xp.expand_dims(s, axis=-1)
    return _reciprocal(xp, gap, near == False)  # noqa: E712


def _shared(xp: Any, d: Any, near: Any) -> Any:
    """The mean of ``d`` over each set of equal values."""
    part = xp.astype(near, d.dtype)
    return xp.matmul(part, xp.expand_dims(d, axis=-1))[..., 0] / xp.sum(part, axis=-1)


def _others(xp: Any, near: Any) -> Any:
    """The pairs of two different vectors of one value."""
    n = near.shape[-1]
    return near & (xp.eye(n, dtype=xp.bool, device=xp.device_of(near)) == False)  # noqa: E712


def _within(xp: Any, m: Any, s: Any, g_s: Any, near: Any, shape: tuple[int, ...]) -> Any:
    """What the cotangents m = V^H g_v and g_s tell of the pairs of equal values, see the gauge."""

    def anywhere(flags: Any) -> Any:
        """Whether a flag holds for any vector of the value, a column."""
        found = xp.any(near & xp.expand_dims(flags, axis=-2), axis=-1)
        return xp.expand_dims(found, axis=-1)

    diagonal, expected = real_part(xp, xp.linalg.diagonal(m)), 2 * s * g_s
    largest = xp.max(xp.max(xp.abs(m), axis=-1), axis=-1, keepdims=True)
    noise = rounding(s, shape) * (largest + xp.max(xp.abs(expected), axis=-1, keepdims=True))
    fits = anywhere(xp.abs(diagonal - expected) > noise) == False  # noqa: E712
    product = fits & anywhere(xp.abs(expected) > noise)
    unvalued = anywhere(g_s != 0) == False  # noqa: E712
    projection = unvalued & anywhere(xp.abs(diagonal) > noise)
    still = unvalued & (anywhere(xp.any(near & (m != 0), axis=-1)) == False)  # noqa: E712
    even = xp.abs(m - adjoint(xp, m)) <= xp.expand_dims(noise, axis=-1)
    slope = m * xp.expand_dims(_reciprocal(xp, 2 * s, s != 0), axis=-2)
    told = xp.where(product & even, slope, xp.full_like(m, math.nan))
    told = xp.where(projection & even | still, xp.zeros_like(m), told)
    return xp.where(_others(xp, near), told, xp.zeros_like(m))


def _unknown(xp: Any, pairs: Any, tangent: Any) -> Any:
    """nan at the pairs of vectors that are not defined, unless the matrix does not move."""
    moved = xp.any(xp.any(tangent != 0, axis=-1, keepdims=True), axis=-2, keepdims=True)
    zero = xp.zeros(pairs.shape, dtype=tangent.dtype, device=xp.device_of(tangent))
    return xp.where(pairs & moved, xp.full_like(zero, math.nan), zero)


def _eigh(xp: Any, x: Any) -> Any:
    with explained("eigh", _NO_CONVERGENCE):
        return xp.linalg.eigh(hermitian(xp, x))


def _eigh_vjp(xp: Any, g: Any, ans: Any, _x: Any, *, told: bool = True) -> Any:
    (g_w, g_v), (w, v) = g, ans
    n = _x.shape[-1]
    if 0 in _x.shape:
        return xp.zeros_like(v)
    near, _ = _near(xp, w, _x.shape)
    if g_v is None:
        return xp.matmul(v * xp.expand_dims(_shared(xp, g_w, near), axis=-2), adjoint(xp, v))
    g_w = xp.zeros_like(w) if g_w is None else g_w
    m = xp.matmul(adjoint(xp, v), g_v)
    inside = _within(xp, m, w, g_w, near, _x.shape) if told else _unknown(xp, _others(xp, near), m)
    middle = _split(xp, w, near) * m + inside
    middle = hermitian(xp, middle + embed(xp, g_w, n, n))
    return xp.matmul(v, xp.matmul(middle, adjoint(xp, v)))


def _eigh_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    w, v = ans
    if 0 in x.shape:
        return xp.zeros_like(w), xp.zeros_like(v)
    near, _ = _near(xp, w, x.shape)
    middle = xp.matmul(adjoint(xp, v), xp.matmul(hermitian(xp, t[0]), v))
    turned = _split(xp, w, near) * middle + _unknown(xp, _others(xp, near), t[0])
    return _shared(xp, real_part(xp, xp.linalg.diagonal(middle)), near), xp.matmul(v, turned)


eigh_op = General("eigh", _eigh_vjp, _eigh_jvp, _eigh, multiple=True, partial=True, batch=leading)


def _strict_eigh_vjp(xp: Any, g: Any, ans: Any, _x: Any) -> Any:
    return _eigh_vjp(xp, g, ans, _x, told=False)


# For the rules of the values alone. They share the slope of repeated values, on a path that the
# cotangents of these vectors do not see: so those tell nothing.
_strict_eigh_op = General(
    "eigh_for_values",
    _strict_eigh_vjp,
    _eigh_jvp,
    _eigh,
    multiple=True,
    partial=True,
    batch=leading,
)


def eigh(x: Any, /) -> EighResult:
    """Eigenvalues and orthonormal eigenvectors of Hermitian matrices, shape (..., N, N).

    Returns ``(eigenvalues, eigenvectors)``: x = v @ diag(w) @ v^H, w real and ascending. Only
    the Hermitian part (x + x^H) / 2 is looked at. The derivative is for functions that do not
    depend on the sign, phase or mixing of the eigenvectors. At repeated eigenvalues it is right
    for symmetric functions of w, in reverse mode mostly for the product v @ diag(w) @ v^H, and
    nan where the vectors have none (`polygrad.ops.linalg.spectral` says more). Raises ShapeError
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
    if 0 in x.shape:
        return xp.zeros_like(x)
    w, v = bind(_strict_eigh_op, (x,), {})
    shared = _shared(xp, g, _near(xp, w, x.shape)[0])
    return xp.matmul(v * xp.expand_dims(shared, axis=-2), adjoint(xp, v))


def _eigvalsh_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    if 0 in x.shape:
        return xp.zeros_like(ans)
    _, v = bind(_strict_eigh_op, (x,), {})
    middle = xp.matmul(adjoint(xp, v), xp.matmul(hermitian(xp, t[0]), v))
    return _shared(xp, real_part(xp, xp.linalg.diagonal(middle)), _near(xp, ans, x.shape)[0])


eigvalsh_op = General("eigvalsh", _eigvalsh_vjp, _eigvalsh_jvp, _eigvalsh, batch=leading)


def eigvalsh(x: Any, /) -> Any:
    """Eigenvalues of Hermitian matrices, real and in ascending order, shape (..., N).

    As `eigh`, and with the same errors. Repeated eigenvalues share their
    derivative equally, which is right for symmetric functions of them (their sum).

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


def _safe_pairs(xp: Any, s: Any, shape: tuple[int, ...]) -> tuple[Any, Any, Any, Any]:
    """Equal pairs; 1 / (s_i + s_j) and 1 / s_i, 0 for values of 0; and which those are."""
    near, noise = _near(xp, s, shape)
    both = xp.expand_dims(s, axis=-2) + xp.expand_dims(s, axis=-1)
    none = s <= noise
    usable = both > xp.expand_dims(noise, axis=-1)
    inverse = _reciprocal(xp, s, none == False)  # noqa: E712
    return near, _reciprocal(xp, both, usable), inverse, none


def _outside(xp: Any, out: Any, inverse: Any, none: Any, g_s: Any) -> Any:
    """The part of a cotangent across the space of the vectors, one a column: by 1 / s.

    A vector of a singular value 0 has no derivative: nan, unless no cotangent reaches it.
    """
    still = (g_s == 0) & (xp.any(out != 0, axis=-2) == False)  # noqa: E712
    lost = xp.expand_dims(none & (still == False), axis=-2)  # noqa: E712
    return xp.where(lost, xp.full_like(out, math.nan), out * xp.expand_dims(inverse, axis=-2))


def _svd_vjp(xp: Any, g: Any, ans: Any, _x: Any, full: bool, *, told: bool = True) -> Any:
    k = min(_x.shape[-2:])
    if 0 in _x.shape:
        return xp.zeros(_x.shape, dtype=ans[0].dtype, device=xp.device_of(ans[0]))
    s = ans[1]
    u, u_rest, vh, vh_rest = _thin(ans[0], ans[2], k)
    near, both, inverse, none = _safe_pairs(xp, s, _x.shape)
    if g[0] is None and g[2] is None:
        return xp.matmul(u * xp.expand_dims(_shared(xp, g[1], near), axis=-2), vh)
    g_s = xp.zeros_like(s) if g[1] is None else g[1]
    vectors = [xp.zeros_like(a) if c is None else c for c, a in ((g[0], ans[0]), (g[2], ans[2]))]
    g_u, g_u_rest, g_vh, g_vh_rest = _thin(vectors[0], vectors[1], k)
    uh, v = adjoint(xp, u), adjoint(xp, vh)
    left, right = xp.matmul(uh, g_u), adjoint(xp, xp.matmul(g_vh, v))
    turned = _split(xp, s, near) * (left + right)
    if told:
        turned = turned + _within(xp, left + right, s, g_s, near, _x.shape)
    else:
        turned = turned + _unknown(xp, _others(xp, near), left + right)
    middle = hermitian(xp, turned) + skew(xp, both * (left - right)) + embed(xp, g_s, k, k)
    out = xp.matmul(u, xp.matmul(middle, vh))
    if _x.shape[-2] > k:
        outside = g_u - xp.matmul(u, left)
        if full:
            outside = outside - xp.matmul(u_rest, xp.matmul(adjoint(xp, g_u_rest), u))
        out = out + xp.matmul(_outside(xp, outside, inverse, none, g_s), vh)
    if _x.shape[-1] > k:
        outside = g_vh - xp.matmul(adjoint(xp, right), vh)
        if full:
            outside = outside - xp.matmul(vh, xp.matmul(adjoint(xp, g_vh_rest), vh_rest))
        outside = _outside(xp, adjoint(xp, outside), inverse, none, g_s)
        out = out + xp.matmul(u, adjoint(xp, outside))
    return out


def _svd_jvp(xp: Any, t: Any, ans: Any, x: Any, full: bool) -> Any:
    k = min(x.shape[-2:])
    if 0 in x.shape:
        return tuple(xp.zeros_like(part) for part in ans)
    s = ans[1]
    u, u_rest, vh, vh_rest = _thin(ans[0], ans[2], k)
    uh, v = adjoint(xp, u), adjoint(xp, vh)
    near, both, inverse, none = _safe_pairs(xp, s, x.shape)
    tv, uht = xp.matmul(t[0], v), xp.matmul(uh, t[0])
    middle = xp.matmul(uh, tv)
    symmetric = _split(xp, s, near) * hermitian(xp, middle)
    symmetric = symmetric + _unknown(xp, _others(xp, near), t[0])
    turning = both * skew(xp, middle)
    if x.shape[-1] != x.shape[-2]:  # a vector of a singular value 0 turns to the outside
        lost = xp.expand_dims(none, axis=-1) & xp.expand_dims(none, axis=-2)
        turning = turning + _unknown(xp, lost & near, t[0])
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
    return du, _shared(xp, real_part(xp, xp.linalg.diagonal(middle)), near), dvh


svd_op = General("svd", _svd_vjp, _svd_jvp, _svd, multiple=True, partial=True, batch=leading)


def _strict_svd_vjp(xp: Any, g: Any, ans: Any, _x: Any, full: bool) -> Any:
    return _svd_vjp(xp, g, ans, _x, full, told=False)


_strict_svd_op = General(
    "svd_for_values", _strict_svd_vjp, _svd_jvp, _svd, multiple=True, partial=True, batch=leading
)


def svd(x: Any, /, *, full_matrices: bool = True) -> SVDResult:
    """Singular value decomposition x = U @ diag(S) @ Vh of matrices of shape (..., M, N).

    S has shape (..., K), K = min(M, N), in descending order. U is (..., M, M) and Vh
    (..., N, N), or (..., M, K) and (..., K, N) with ``full_matrices`` False. Raises
    LinearAlgebraError where the iteration does not converge.

    The derivative is for functions that do not depend on the sign, phase or mixing of the
    singular vectors (nor on which basis completes U and Vh with ``full_matrices``). At repeated
    singular values it is right for symmetric functions of S, in reverse mode mostly for the
    product U @ diag(S) @ Vh, and nan where the vectors have none, as those of a singular value 0
    (`polygrad.ops.linalg.spectral` says more). Derivative: Giles 2008, 3.2; complex: Wan and
    Zhang, Automatic Differentiation for Complex Valued SVD, 2019.

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
    if 0 in x.shape:
        return xp.zeros_like(x)
    u, s, vh = bind(_strict_svd_op, (x,), {"full": False})
    shared = _shared(xp, g, _near(xp, s, x.shape)[0])
    return xp.matmul(u * xp.expand_dims(shared, axis=-2), vh)


def _svdvals_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    if 0 in x.shape:
        return xp.zeros_like(ans)
    u, _, vh = bind(_strict_svd_op, (x,), {"full": False})
    middle = xp.matmul(adjoint(xp, u), xp.matmul(t[0], adjoint(xp, vh)))
    return _shared(xp, real_part(xp, xp.linalg.diagonal(middle)), _near(xp, ans, x.shape)[0])


svdvals_op = General("svdvals", _svdvals_vjp, _svdvals_jvp, _svdvals, batch=leading)


def svdvals(x: Any, /) -> Any:
    """Singular values of matrices of shape (..., M, N), in descending order, (..., min(M, N)).

    As `svd`, and with the same errors; faster when nothing is differentiated.

    >>> pg.linalg.svdvals(pg.asarray([[3.0, 0.0], [0.0, 4.0]]))
    Array([4., 3.], dtype=float64, device=cpu)
    """
    check_matrix("svdvals", x)
    return bind(svdvals_op, (x,), {})
