"""Stand-ins for numpy.linalg's decompositions, and for what is made of them.

NumPy reads one triangle of a matrix that it takes for Hermitian, and so do these: the gradient is
that of the function as called, 0 in the other triangle. ``pg.linalg`` reads the Hermitian part
(x + x^H) / 2 instead.
"""

import functools
import sys
from typing import Any

from polygrad import ops
from polygrad.core.batch import leading
from polygrad.core.kinds import General
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentValueError, UnknownValueError
from polygrad.numpy_functions.table import array, known, numpy_function
from polygrad.ops import linalg
from polygrad.ops.linalg.common import check_matrix, explained
from polygrad.ops.linalg.spectral import eigh_op


def exact(a: Any) -> Any:
    """As an array of floating-point numbers, which integers become as float64."""
    a = array(a)
    return a if as_dtype(a.dtype).is_inexact else ops.astype(a, ops.float64)


def from_triangle(a: Any, uplo: str = "L") -> Any:
    """The Hermitian matrix that one triangle of ``a`` stands for; its diagonal is real."""
    a, side = exact(a), uplo.upper()
    if side not in ("L", "U"):
        raise ArgumentValueError(f"UPLO: got {uplo!r}, expected 'L' or 'U'")
    if len(a.shape) < 2:
        return a  # refused by what it is handed to
    strict = ops.tril(a, k=-1) if side == "L" else ops.triu(a, k=1)
    middle = ops.tril(ops.triu(a))
    if as_dtype(a.dtype).is_complex:
        middle = ops.astype(ops.real(middle), a.dtype)
        return strict + middle + ops.conj(ops.matrix_transpose(strict))
    return strict + middle + ops.matrix_transpose(strict)


@numpy_function("linalg.cholesky")
def cholesky(a: Any, /, *, upper: bool = False) -> Any:
    """numpy.linalg.cholesky."""
    return linalg.cholesky(from_triangle(a, "U" if upper else "L"), upper=upper)


def _eigh_upper(xp: Any, x: Any) -> Any:
    with explained("eigh", "look for nan or infinities in the matrix"):
        try:
            return xp.linalg.eigh(x, UPLO="U")
        except TypeError:  # the standard's function has no such argument
            return xp.linalg.eigh(x)


# The signs of the vectors are those that LAPACK gives where it reads the upper triangle.
eigh_upper_op = General(
    "eigh_upper",
    eigh_op.vjp,
    eigh_op.jvp,
    _eigh_upper,
    multiple=True,
    partial=True,
    batch=leading,
)


@numpy_function("linalg.eigh")
def eigh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803
    """numpy.linalg.eigh."""
    a = from_triangle(a, UPLO)
    check_matrix("eigh", a, square=True)
    op = eigh_upper_op if UPLO.upper() == "U" else eigh_op
    return linalg.EighResult(*bind(op, (a,), {}))


@numpy_function("linalg.eigvalsh")
def eigvalsh(a: Any, UPLO: str = "L") -> Any:  # noqa: N803
    """numpy.linalg.eigvalsh."""
    return linalg.eigvalsh(from_triangle(a, UPLO))


@numpy_function("linalg.qr")
def qr(a: Any, mode: str = "reduced") -> Any:
    """numpy.linalg.qr."""
    a = exact(a)
    if mode != "r":
        return linalg.qr(a, mode=mode)
    return linalg.qr(a, mode="reduced")[1]


@numpy_function("linalg.svd")
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:  # fmt: skip # noqa: E501
    """numpy.linalg.svd."""
    a = exact(a)
    if not hermitian:
        return linalg.svd(a, full_matrices=full_matrices) if compute_uv else linalg.svdvals(a)
    if not compute_uv:
        return ops.sort(ops.abs(eigvalsh(a)), axis=-1, descending=True)
    values, vectors = eigh(a)
    order = ops.flip(ops.argsort(ops.abs(values), axis=-1), axis=-1)
    turn = ops.take_along_axis(ops.sign(values), order, axis=-1)
    size = ops.take_along_axis(ops.abs(values), order, axis=-1)
    u = ops.take_along_axis(vectors, ops.expand_dims(order, axis=-2), axis=-1)
    turned = u * ops.astype(ops.expand_dims(turn, axis=-2), u.dtype)
    return linalg.SVDResult(u, size, ops.conj(ops.matrix_transpose(turned)))


@numpy_function("linalg.svdvals")
def svdvals(x: Any, /) -> Any:
    """numpy.linalg.svdvals."""
    return linalg.svdvals(exact(x))


@numpy_function("linalg.pinv")
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = 1e-15) -> Any:
    """numpy.linalg.pinv, whose cut is 1e-15 times the largest singular value by default."""
    a = from_triangle(a) if hermitian else exact(a)
    if rcond is not None and rtol != 1e-15:
        raise ArgumentValueError("numpy.linalg.pinv: got rcond and rtol, expected one of them")
    return linalg.pinv(a, rtol=rtol if rcond is None else rcond)


@numpy_function("linalg.matrix_rank")
def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:  # noqa: N803
    """numpy.linalg.matrix_rank; carries no gradient."""
    a = ops.stop_gradient(exact(A))
    if len(a.shape) < 2:
        return ops.astype(ops.any(a != 0), ops.int64)
    if 0 in a.shape[-2:]:
        return ops.zeros(tuple(a.shape[:-2]), dtype=ops.int64, device=a.device)
    if tol is not None and rtol is not None:
        raise ArgumentValueError("numpy.linalg.matrix_rank: got tol and rtol, expected one of them")
    s = svd(a, compute_uv=False, hermitian=hermitian)
    if tol is None:
        share = max(a.shape[-2:]) * float(ops.finfo(a.dtype).eps) if rtol is None else array(rtol)
        tol = ops.max(s, axis=-1) * share
    return ops.count_nonzero(s > ops.expand_dims(array(tol), axis=-1), axis=-1)


@functools.cache
def _complex_always() -> bool:
    """Whether the installed NumPy gives eigenvalues as complex numbers always, as 2.5 does."""
    numpy: Any = sys.modules["numpy"]
    return bool(numpy.linalg.eigvals(numpy.eye(1)).dtype.kind == "c")


def real_where_possible(name: str, values: Any, of: Any) -> Any:
    """Eigenvalues of a real matrix as real numbers where all are, as NumPy gives them.

    Raises UnknownValueError while jit or vmap runs: a data type cannot depend on values there.
    """
    if as_dtype(of.dtype).is_complex or (name.startswith("linalg.") and _complex_always()):
        return values
    if not known(values):
        raise UnknownValueError(
            f"numpy.{name} inside jit or vmap: whether the result is real or complex depends on "
            "the values; use pg.linalg.eigvals or pg.linalg.eig, which are complex always, or pass "
            "complex numbers"
        )
    return ops.real(values) if bool(ops.all(ops.imag(ops.stop_gradient(values)) == 0)) else values


@numpy_function("linalg.eigvals")
def eigvals(a: Any) -> Any:
    """numpy.linalg.eigvals."""
    a = exact(a)
    return real_where_possible("linalg.eigvals", linalg.eigvals(a), a)


@numpy_function("linalg.eig")
def eig(a: Any) -> Any:
    """numpy.linalg.eig."""
    a = exact(a)
    values, vectors = linalg.eig(a)
    real = real_where_possible("linalg.eig", values, a)
    if as_dtype(real.dtype).is_complex:
        return linalg.EigResult(values, vectors)
    return linalg.EigResult(real, ops.real(vectors))
