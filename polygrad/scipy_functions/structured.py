"""scipy.linalg: matrices made of a few numbers, and systems with them."""

from typing import Any

from polygrad import ops
from polygrad.ops import linalg
from polygrad.scipy_functions.rerun import asarray
from polygrad.scipy_functions.table import constant, inexact, integers, stand_in, together


def _gathered(values: Any, rows: int, columns: int, place: Any) -> Any:
    """The matrix with ``values[..., place(i, j)]`` at (i, j)."""
    places = [[place(i, j) for j in range(columns)] for i in range(rows)]
    return values[..., integers(places, values)]


def _two_parts(c: Any, r: Any) -> Any:
    """First column and row of a Toeplitz or Hankel matrix, of one type."""
    return (inexact(c), None) if r is None else together(c, r)


@stand_in("linalg.toeplitz")
def toeplitz(c: Any, r: Any = None) -> Any:
    """scipy.linalg.toeplitz."""
    c, r = _two_parts(c, r)
    if r is None:
        r = ops.conj(c) if ops.isdtype(c.dtype, "complex floating") else c
    m, n = c.shape[-1], r.shape[-1]
    return _gathered(
        ops.concat([c, r[..., 1:]], axis=-1), m, n, lambda i, j: i - j if i >= j else m + j - i - 1
    )


@stand_in("linalg.hankel")
def hankel(c: Any, r: Any = None) -> Any:
    """scipy.linalg.hankel."""
    c, r = _two_parts(c, r)
    r = ops.zeros_like(c) if r is None else r
    m, n = c.shape[-1], r.shape[-1]
    return _gathered(ops.concat([c, r[..., 1:]], axis=-1), m, n, lambda i, j: i + j)


@stand_in("linalg.circulant")
def circulant(c: Any) -> Any:
    """scipy.linalg.circulant."""
    c = inexact(c)
    n = c.shape[-1]
    return _gathered(c, n, n, lambda i, j: (i - j) % n)


@stand_in("linalg.companion")
def companion(a: Any) -> Any:
    """scipy.linalg.companion."""
    a = inexact(a)
    n = a.shape[-1] - 1
    top = -a[..., 1:] / a[..., :1]
    low = ops.eye(n, dtype=a.dtype, device=a.device)[:-1, :]
    low = ops.broadcast_to(low, (*a.shape[:-1], n - 1, n))
    return ops.concat([ops.expand_dims(top, axis=-2), low], axis=-2)


@stand_in("linalg.solve_banded")
def solve_banded(
    l_and_u: Any,
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """scipy.linalg.solve_banded, with the whole matrix."""
    ab, b = together(ab, b)
    return linalg.solve(_banded(ab, *l_and_u), b)


def _banded(ab: Any, low: int, up: int) -> Any:
    """The matrix whose diagonals are the rows of ``ab``, the uppermost first."""
    n = ab.shape[-1]
    flat = ops.concat([ops.reshape(ab, (-1,)), constant([0.0], ab)])
    return _gathered(flat, n, n, lambda i, j: (up + i - j) * n + j if -low <= j - i <= up else -1)


@stand_in("linalg.solveh_banded")
def solveh_banded(
    ab: Any,
    b: Any,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Any:
    """scipy.linalg.solveh_banded, with the whole matrix."""
    ab, b = together(ab, b)
    width = ab.shape[0] - 1
    half = _banded(ab, width if lower else 0, 0 if lower else width)
    other = ops.matrix_transpose(half)
    if ops.isdtype(ab.dtype, "complex floating"):
        other = ops.conj(other)
    return linalg.solve(half + other - ops.tril(ops.triu(half)), b)


@stand_in("linalg.solve_toeplitz")
def solve_toeplitz(c_or_cr: Any, b: Any, check_finite: bool = True) -> Any:
    """scipy.linalg.solve_toeplitz, with the whole matrix."""
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    return linalg.solve(*together(toeplitz(c, r), b))


@stand_in("linalg.block_diag")
def block_diag(*arrs: Any) -> Any:
    """scipy.linalg.block_diag; a block may be a list with tracked numbers in it."""
    blocks = [asarray(block) for block in arrs or ([],)]
    dtype = ops.result_type(*blocks)
    blocks = [ops.reshape(b, (1,) * (2 - len(b.shape)) + tuple(b.shape)) for b in blocks]
    lead = ops.broadcast_shapes(*(b.shape[:-2] for b in blocks))
    width, before, rows = sum(b.shape[-1] for b in blocks), 0, []
    for block in blocks:
        block = ops.broadcast_to(ops.astype(block, dtype), (*lead, *block.shape[-2:]))
        after = width - before - block.shape[-1]
        widths = [(0, 0)] * (len(block.shape) - 1) + [(before, after)]
        rows.append(ops.pad(block, widths))
        before += block.shape[-1]
    return ops.concat(rows, axis=-2)
