"""What the linear algebra functions share: checks of their arguments, and small formulas."""

import contextlib
from collections.abc import Iterator
from typing import Any

from polygrad.array import is_array
from polygrad.core.op import is_complex
from polygrad.dtypes import as_dtype
from polygrad.errors import ArgumentTypeError, DTypeError, LinearAlgebraError, ShapeError
from polygrad.ops.datatypes import finfo


def check_matrix(name: str, x: Any, argument: str = "x", *, square: bool = False) -> None:
    """Raise a named error unless ``x`` is a stack of floating-point matrices."""
    check_inexact(name, x, argument)
    shape = tuple(x.shape)
    if len(shape) < 2:
        raise ShapeError(
            f"{name}: {argument} has shape {shape}, expected a matrix or a stack of matrices, "
            "shape (..., M, N); add axes with pg.expand_dims"
        )
    if square and shape[-1] != shape[-2]:
        raise ShapeError(
            f"{name}: {argument} has shape {shape}, expected square matrices, shape (..., N, N)"
        )


def check_inexact(name: str, x: Any, argument: str = "x") -> None:
    """Raise a named error unless ``x`` is a floating-point array."""
    check_array(name, x, argument)
    dtype = as_dtype(x.dtype)
    if not dtype.is_inexact:
        raise DTypeError(
            f"{name}: {argument} has dtype {dtype}, expected a floating-point type; convert it "
            f"with pg.astype({argument}, pg.float64)"
        )


def check_array(name: str, x: Any, argument: str = "x") -> None:
    """Raise ArgumentTypeError unless ``x`` is an array."""
    if not is_array(x):
        raise ArgumentTypeError(
            f"{name}: {argument} is {type(x).__name__}, expected an array; pass "
            f"pg.asarray({argument})"
        )


@contextlib.contextmanager
def explained(name: str, remedy: str) -> Iterator[None]:
    """The library's own linear algebra error, raised anew as LinearAlgebraError."""
    try:
        yield
    except Exception as error:
        # Each library has a class of this name, some of them without a common base.
        if not type(error).__name__.endswith("LinAlgError"):
            raise
        raise LinearAlgebraError(f"{name}: {error}; {remedy}") from error


def adjoint(xp: Any, x: Any) -> Any:
    """The conjugate transpose of each matrix."""
    x = xp.matrix_transpose(x)
    return xp.conj(x) if is_complex(x.dtype) else x


def conjugate(xp: Any, x: Any) -> Any:
    """The conjugate of complex arrays; real ones as they are."""
    return xp.conj(x) if is_complex(x.dtype) else x


def real_part(xp: Any, x: Any) -> Any:
    """The real part of complex arrays; real ones as they are."""
    return xp.real(x) if is_complex(x.dtype) else x


def hermitian(xp: Any, x: Any) -> Any:
    """The Hermitian part (x + x^H) / 2 of each matrix."""
    return x * 0.5 + adjoint(xp, x) * 0.5


def skew(xp: Any, x: Any) -> Any:
    """The skew-Hermitian part (x - x^H) / 2 of each matrix."""
    return x * 0.5 - adjoint(xp, x) * 0.5


def embed(xp: Any, d: Any, rows: int, columns: int, offset: int = 0) -> Any:
    """Zero matrices with the vectors ``d`` on their diagonal: the transpose of `diagonal`."""
    before = max(-offset, 0)
    after = rows - before - d.shape[-1]
    parts = [
        xp.zeros((*d.shape[:-1], n), dtype=d.dtype, device=xp.device_of(d)) for n in (before, after)
    ]
    if before or after:
        d = xp.concat([parts[0], d, parts[1]], axis=-1)
    place = xp.eye(rows, columns, k=offset, dtype=xp.bool, device=xp.device_of(d))
    return xp.where(
        place, xp.expand_dims(d, axis=-1), xp.zeros((), dtype=d.dtype, device=xp.device_of(d))
    )


def rounding(s: Any, shape: tuple[int, ...]) -> float:
    """The relative size below which computed singular values or eigenvalues are noise.

    The factorisations are exact for a matrix within a small multiple of N eps of the one given
    (Golub and Van Loan, Matrix Computations, 5.4 and 8.1).
    """
    return 8.0 * max(shape[-2:]) * float(finfo(s.dtype).eps)
