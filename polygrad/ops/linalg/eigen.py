"""Eigenvalues and eigenvectors of general square matrices; both are complex.

An eigenvector is determined up to a complex factor, of which the library fixes the length to 1.
The rules let each vector's phase stand still, so they are for functions that do not depend on
the phases. Eigenvectors of a repeated eigenvalue have no derivative: what asks for it becomes
nan (a difference within rounding would be a wrong number). Functions of the eigenvalues alone
are not affected.
"""

import math
from typing import Any, NamedTuple

from polygrad.core.batch import leading
from polygrad.core.kinds import General
from polygrad.core.trace import bind
from polygrad.ops.linalg.common import adjoint, check_matrix, embed, explained, rounding

_NO_CONVERGENCE = "look for nan or infinities in the matrix"
_DEFECTIVE = "the matrix has too few eigenvectors for a derivative of its eigenvalues"


class EigResult(NamedTuple):
    """Eigenvalues in no particular order, and the eigenvectors as columns."""

    eigenvalues: Any
    eigenvectors: Any


def _over_gaps(xp: Any, middle: Any, w: Any) -> Any:
    """``middle[i, j] / (w[j] - w[i])``, zero where the entry is zero or i = j, nan for w equal."""
    gap = xp.expand_dims(w, axis=-2) - xp.expand_dims(w, axis=-1)
    unmoved = (middle == 0) | xp.eye(w.shape[-1], dtype=xp.bool, device=xp.device_of(w))
    sizes = xp.abs(w)
    noise = rounding(sizes, w.shape) * xp.max(sizes, axis=-1, keepdims=True)
    near = (xp.abs(gap) <= xp.expand_dims(noise, axis=-1)) & (unmoved == False)  # noqa: E712
    turned = middle / xp.where(unmoved | near, 1 + 0 * gap, gap)
    turned = xp.where(near, xp.full_like(turned, math.nan), turned)
    return xp.where(unmoved, xp.zeros_like(middle), turned)


def _along(xp: Any, overlap: Any, middle: Any) -> Any:
    """The real part of the diagonal of ``middle``, as a factor for the columns of ``overlap``."""
    size = xp.real(xp.linalg.diagonal(middle))
    return overlap * xp.astype(xp.expand_dims(size, axis=-2), overlap.dtype)


def _eig(xp: Any, x: Any) -> Any:
    with explained("eig", _NO_CONVERGENCE):
        return tuple(xp.linalg.eig(x))


def _solve(xp: Any, name: str, v: Any, right: Any) -> Any:
    with explained(name, _DEFECTIVE):
        return xp.linalg.solve(v, right)


def _eig_vjp(xp: Any, g: Any, ans: Any, _x: Any) -> Any:
    (g_w, g_v), (w, v) = g, ans
    n = _x.shape[-1]
    if 0 in _x.shape:
        return xp.zeros_like(v)
    vh = adjoint(xp, v)
    middle = xp.matmul(vh, g_v)
    middle = middle - _along(xp, xp.matmul(vh, v), middle)
    middle = _over_gaps(xp, middle, xp.conj(w)) + embed(xp, g_w, n, n)
    return _solve(xp, "eig", vh, xp.matmul(middle, vh))


def _eig_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    w, v = ans
    if 0 in x.shape:
        return xp.zeros_like(w), xp.zeros_like(v)
    middle = _solve(xp, "eig", v, xp.matmul(xp.astype(t[0], v.dtype), v))
    turned = _over_gaps(xp, middle, w)
    stretched = xp.matmul(xp.matmul(adjoint(xp, v), v), turned)
    return xp.linalg.diagonal(middle), xp.matmul(v, turned) - _along(xp, v, stretched)


eig_op = General("eig", _eig_vjp, _eig_jvp, _eig, multiple=True, batch=leading)


def eig(x: Any, /) -> EigResult:
    """Eigenvalues and eigenvectors of general square matrices, shape (..., N, N).

    Returns ``(eigenvalues, eigenvectors)``, complex also for a real ``x``: x @ v = v * w. The
    derivative is for functions that do not depend on the order of the eigenvalues and the phases
    of the eigenvectors; eigenvectors of repeated eigenvalues have none (nan). For Hermitian
    matrices use `eigh`. Raises ShapeError for matrices that are not square, LinearAlgebraError
    where the iteration does not converge. Derivative: Boeddeker, Hanebrink, Drude, Heymann and
    Haeb-Umbach, On the computation of complex-valued gradients with application to statistically
    optimum beamforming, 2017, 4.

    >>> pg.linalg.eig(pg.asarray([[0.0, -1.0], [1.0, 0.0]])).eigenvalues
    Array([0.+1.j, 0.-1.j], dtype=complex128, device=cpu)
    """
    check_matrix("eig", x, square=True)
    return EigResult(*bind(eig_op, (x,), {}))


def _eigvals(xp: Any, x: Any) -> Any:
    with explained("eigvals", _NO_CONVERGENCE):
        return xp.linalg.eigvals(x)


def _eigvals_vjp(xp: Any, g: Any, _ans: Any, x: Any) -> Any:
    if 0 in x.shape:
        return xp.zeros_like(x)
    vh = adjoint(xp, xp.linalg.eig(x)[1])
    return _solve(xp, "eigvals", vh, xp.expand_dims(g, axis=-1) * vh)


def _eigvals_jvp(xp: Any, t: Any, ans: Any, x: Any) -> Any:
    if 0 in x.shape:
        return xp.zeros_like(ans)
    v = xp.linalg.eig(x)[1]
    tangent = xp.matmul(xp.astype(t[0], v.dtype), v)
    return xp.linalg.diagonal(_solve(xp, "eigvals", v, tangent))


eigvals_op = General("eigvals", _eigvals_vjp, _eigvals_jvp, _eigvals, batch=leading)


def eigvals(x: Any, /) -> Any:
    """Eigenvalues of general square matrices, complex, in no particular order, shape (..., N).

    Errors as in `eig`. Repeated eigenvalues have a derivative for symmetric functions of them,
    unless the matrix lacks eigenvectors: then LinearAlgebraError or infinities.

    >>> pg.linalg.eigvals(pg.asarray([[0.0, -1.0], [1.0, 0.0]]))
    Array([0.+1.j, 0.-1.j], dtype=complex128, device=cpu)
    """
    check_matrix("eigvals", x, square=True)
    return bind(eigvals_op, (x,), {})
