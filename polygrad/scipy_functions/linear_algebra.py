"""scipy.linalg: determinants, systems, decompositions."""

from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError, ShapeError
from polygrad.numpy_functions.products import norm as numpy_norm
from polygrad.ops import linalg
from polygrad.scipy_functions.table import adjoint, inexact, no_stand_in, stand_in, together


@stand_in("linalg.det")
def det(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """scipy.linalg.det."""
    return linalg.det(inexact(a))


@stand_in("linalg.inv")
def inv(
    a: Any,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: Any = None,
    lower: bool = False,
) -> Any:
    """scipy.linalg.inv."""
    return linalg.inv(_assumed(inexact(a), assume_a, lower))


@stand_in("linalg.solve")
def solve(
    a: Any,
    b: Any,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: Any = None,
    transposed: bool = False,
) -> Any:
    """scipy.linalg.solve."""
    a, b = together(a, b)
    a = _assumed(a, assume_a, lower)
    return linalg.solve(ops.matrix_transpose(a) if transposed else a, b)


def _assumed(a: Any, kind: Any, lower: bool) -> Any:
    """The matrix that SciPy reads of ``a`` under an assumption about it."""
    if kind in ("upper triangular", "lower triangular"):
        return ops.triu(a) if kind.startswith("upper") else ops.tril(a)
    if kind in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        return _symmetric(a, lower, kind not in ("sym", "symmetric"))
    if kind in ("diagonal", "tridiagonal"):
        width = 0 if kind == "diagonal" else 1
        return ops.triu(ops.tril(a, k=width), k=-width)
    if kind in (None, "gen", "general"):
        return a
    raise no_stand_in("linalg.solve", f"assume_a={kind!r}")


def _symmetric(a: Any, lower: bool, conjugate: bool) -> Any:
    """The matrix of which ``a`` holds one triangle."""
    half = ops.tril(a, k=-1) if lower else ops.triu(a, k=1)
    other = adjoint(half) if conjugate else ops.matrix_transpose(half)
    return half + other + ops.tril(ops.triu(a))


@stand_in("linalg.solve_triangular")
def solve_triangular(
    a: Any,
    b: Any,
    trans: Any = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Any:
    """scipy.linalg.solve_triangular."""
    a, b = together(a, b)
    a = ops.tril(a) if lower else ops.triu(a)
    if unit_diagonal:
        eye = ops.eye(a.shape[-1], dtype=a.dtype, device=a.device)
        a = a - ops.tril(ops.triu(a)) + eye
    if trans in (1, "T"):
        a = ops.matrix_transpose(a)
    elif trans in (2, "C"):
        a = adjoint(a)
    return linalg.solve_triangular(a, b, upper=not lower if trans in (0, "N") else lower)


@stand_in("linalg.norm")
def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False, check_finite: bool = True) -> Any:  # fmt: skip # noqa: A002, E501
    """scipy.linalg.norm."""
    return numpy_norm(a, ord, axis, keepdims)


@stand_in("linalg.cholesky")
def cholesky(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Any:
    """scipy.linalg.cholesky."""
    a = _symmetric(inexact(a), lower, True)
    return linalg.cholesky(a, upper=not lower)


@stand_in("linalg.cho_factor")
def cho_factor(
    a: Any, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Any, bool]:
    """scipy.linalg.cho_factor, with zeros in the other triangle."""
    return cholesky(a, lower), lower


@stand_in("linalg.cho_solve")
def cho_solve(
    c_and_lower: Any, b: Any, overwrite_b: bool = False, check_finite: bool = True
) -> Any:
    """scipy.linalg.cho_solve."""
    factor, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    return solve_triangular(
        factor, solve_triangular(factor, b, first, lower=lower), second, lower=lower
    )


@stand_in("linalg.eigh")
def eigh(
    a: Any,
    b: Any = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,  # noqa: A002
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: Any = None,
) -> Any:
    """scipy.linalg.eigh; with ``b`` through the Cholesky factor of it."""
    if type != 1 or subset_by_value is not None:
        raise no_stand_in("linalg.eigh", f"type={type} or subset_by_value")
    a, b = (inexact(a), None) if b is None else together(a, b)
    a = _symmetric(a, lower, True)
    first, last = (0, a.shape[-1] - 1) if subset_by_index is None else subset_by_index
    chosen = (..., slice(int(first), int(last) + 1))
    if b is not None:
        back = linalg.inv(linalg.cholesky(_symmetric(b, lower, True)))
        a = ops.matmul(ops.matmul(back, a), adjoint(back))
    if eigvals_only:
        return linalg.eigvalsh(a)[chosen]
    values, vectors = linalg.eigh(a)
    if b is not None:
        vectors = ops.matmul(adjoint(back), vectors)
    return values[chosen], vectors[chosen]


@stand_in("linalg.eigvalsh")
def eigvalsh(a: Any, b: Any = None, **options: Any) -> Any:
    """scipy.linalg.eigvalsh."""
    return eigh(a, b, eigvals_only=True, **options)


@stand_in("linalg.eigvals")
def eigvals(
    a: Any,
    b: Any = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """scipy.linalg.eigvals."""
    if homogeneous_eigvals:
        raise no_stand_in("linalg.eigvals", "homogeneous_eigvals=True")
    if b is not None:
        a, b = together(a, b)
        a = linalg.solve(b, a)
    return linalg.eigvals(inexact(a))


@stand_in("linalg.svd")
def svd(
    a: Any,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """scipy.linalg.svd."""
    a = inexact(a)
    if not compute_uv:
        return linalg.svdvals(a)
    return tuple(linalg.svd(a, full_matrices=full_matrices))


@stand_in("linalg.svdvals")
def svdvals(a: Any, overwrite_a: bool = False, check_finite: bool = True) -> Any:
    """scipy.linalg.svdvals."""
    return linalg.svdvals(inexact(a))


@stand_in("linalg.qr")
def qr(
    a: Any,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """scipy.linalg.qr."""
    if pivoting or mode == "raw":
        raise no_stand_in("linalg.qr", "pivoting=True or mode='raw'")
    if mode not in ("full", "r", "economic"):
        raise ArgumentValueError(
            f"scipy.linalg.qr: got mode {mode!r}, expected 'full', 'r', 'economic' or 'raw'"
        )
    a = inexact(a)
    tall = a.shape[-2] > a.shape[-1] and mode != "economic"
    if mode == "r":
        r = linalg.qr(a).R
        if tall:
            below = (*r.shape[:-2], a.shape[-2] - a.shape[-1], a.shape[-1])
            r = ops.concat([r, ops.zeros(below, dtype=r.dtype, device=r.device)], axis=-2)
        return (r,)
    return tuple(linalg.qr(a, mode="complete" if tall else "reduced"))


@stand_in("linalg.lstsq")
def lstsq(
    a: Any,
    b: Any,
    cond: Any = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: Any = None,
) -> Any:
    """scipy.linalg.lstsq: the solution through the pseudoinverse."""
    a, b = together(a, b)
    m, n = a.shape[-2:]
    rtol = float(ops.finfo(a.dtype).eps) if cond is None else cond
    x = ops.matmul(linalg.pinv(a, rtol=rtol), b)
    rank = linalg.matrix_rank(a, rtol=rtol)
    residues = ops.sum(ops.square(ops.abs(ops.matmul(a, x) - b)), axis=0)
    if m <= n or rank.item() < n:
        residues = ops.zeros((0,), dtype=residues.dtype, device=residues.device)
    return x, residues, rank.item(), linalg.svdvals(a)


@stand_in("linalg.pinv")
def pinv(
    a: Any,
    *,
    atol: Any = None,
    rtol: Any = None,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """scipy.linalg.pinv."""
    a = inexact(a)
    if atol is not None:
        raise no_stand_in("linalg.pinv", "atol")
    rtol = max(a.shape[-2:]) * float(ops.finfo(a.dtype).eps) if rtol is None else rtol
    out = linalg.pinv(a, rtol=rtol)
    return (out, linalg.matrix_rank(a, rtol=rtol)) if return_rank else out


@stand_in("linalg.lu")
def lu(
    a: Any,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
    p_indices: bool = False,
) -> Any:
    """scipy.linalg.lu, by elimination with partial pivoting."""
    a = inexact(a)
    if len(a.shape) < 2:
        raise ShapeError(f"scipy.linalg.lu: got shape {a.shape}, expected matrices")
    if len(a.shape) > 2:
        lead = a.shape[:-2]
        flat = ops.reshape(a, (-1, *a.shape[-2:]))
        each = [lu(flat[i, ...], permute_l, p_indices=p_indices) for i in range(flat.shape[0])]
        stacks = [ops.stack(parts) for parts in zip(*each, strict=True)]
        return tuple(ops.reshape(part, (*lead, *part.shape[1:])) for part in stacks)
    m, n = a.shape
    order = ops.arange(m, device=a.device)
    columns: list[Any] = []
    rows: list[Any] = []
    rest = a
    for k in range(min(m, n)):
        swap = _exchange(rest[:, 0])
        whole = ops.concat([ops.arange(k, device=a.device), swap + k])
        order = ops.take(order, whole)
        columns = [ops.take(c, whole) for c in columns]
        rest = ops.take(rest, swap, axis=0)
        pivot = rest[0, :]
        safe = ops.where(pivot[0] == 0, ops.ones_like(pivot[0]), pivot[0])
        column = rest[:, 0] / safe
        one = ops.ones((1,), dtype=a.dtype, device=a.device)
        columns.append(_shifted(ops.concat([one, column[1:]]), k))
        rows.append(_shifted(pivot, k))
        rest = rest[1:, 1:] - ops.expand_dims(column[1:], axis=1) * pivot[1:]
    low, up = ops.stack(columns, axis=1), ops.stack(rows, axis=0)
    places = ops.argsort(order)
    if permute_l:
        return ops.take(low, places, axis=0), up
    if p_indices:
        return places, low, up
    eye = ops.eye(m, dtype=ops.real(a).dtype, device=a.device)
    return ops.take(eye, places, axis=0), low, up


def _exchange(column: Any) -> Any:
    """The order that changes the first place with that of the pivot, chosen as LAPACK does."""
    column = ops.stop_gradient(column)
    if ops.isdtype(column.dtype, "complex floating"):
        sizes = ops.abs(ops.real(column)) + ops.abs(ops.imag(column))
    else:
        sizes = ops.abs(column)
    best, places = ops.argmax(sizes), ops.arange(column.shape[0], device=column.device)
    return ops.where(places == 0, best, ops.where(places == best, ops.zeros_like(places), places))


def _shifted(x: Any, k: int) -> Any:
    """``x`` after ``k`` zeros."""
    return ops.concat([ops.zeros((k,), dtype=x.dtype, device=x.device), x]) if k else x
