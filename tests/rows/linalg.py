"""The linear algebra extension; its special points are in tests/test_linalg.py."""

from typing import Any

import numpy as np
from op_table import at, case, real, row

import polygrad as pg
from polygrad.core.trace import bind
from polygrad.ops.linalg.solving import adjugate_op

inf = float("inf")


def hermitian(x: Any) -> Any:
    """The part of a matrix that eigh, eigvalsh and cholesky look at."""
    return (x + np.conj(x.swapaxes(-1, -2))) / 2


def square(n: int, *batch: int, seed: int = 0) -> Any:
    """Square matrices that are far from singular."""
    return real(*batch, n, n, seed=seed) + 3 * np.eye(n)


def positive(n: int, *batch: int) -> Any:
    """Matrices whose Hermitian part is positive definite."""
    return real(*batch, n, n, low=-1, high=1) + 2 * n * np.eye(n)


def with_adjoint(a: Any, s: Any, b: Any) -> Any:
    return pg.matmul(a * s[..., None, :], b)


def from_svd(result: Any) -> Any:
    """What of U, S and Vh does not depend on signs or phases."""
    u, s, vh = result
    k = s.shape[-1]
    u, rest, vh, rest_h = u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]
    return [
        s,
        with_adjoint(u, s * s, vh),
        with_adjoint(u, s, pg.conj(u.mT)),
        pg.matmul(pg.conj(vh.mT), vh * s[..., :, None]),
        pg.matmul(rest, pg.conj(rest.mT)),
        pg.matmul(pg.conj(rest_h.mT), rest_h),
    ]


def general_eig(x: Any) -> Any:
    """NumPy's, which gives real results where all eigenvalues are real."""
    return tuple(np.linalg.eig(x.astype(np.result_type(x, np.complex64))))


def from_eigh(result: Any) -> Any:
    """The same for eigenvalues and eigenvectors."""
    w, v = result
    return [w, with_adjoint(v, w * w * w, pg.conj(v.mT))]


def from_eig(result: Any) -> Any:
    """Functions of general eigenvalues and eigenvectors that no phase and order change."""
    w, v = result
    lengths = pg.sum(pg.abs(v) ** 4 * pg.abs(pg.exp(w / 4))[..., None, :], axis=-1)
    return [pg.sum(w * w * w, axis=-1), lengths, pg.matmul(v * w[..., None, :], pg.linalg.inv(v))]


def from_qr(result: Any) -> Any:
    """The same for the columns that only "complete" has."""
    q, r = result
    k = min(r.shape[-2:])
    rest = q[..., k:]
    return [q[..., :k], r, pg.matmul(rest, pg.conj(rest.mT))]


def norm(x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


def matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro") -> Any:
    return np.linalg.norm(x, axis=(-2, -1), keepdims=keepdims, ord=ord)


def trace(x: Any, offset: int = 0, dtype: Any = None) -> Any:
    return np.trace(x, offset=offset, axis1=-2, axis2=-1, dtype=dtype)


def rank(x: Any, rtol: Any = None) -> Any:
    s = np.linalg.svd(x, compute_uv=False)
    rtol = np.asarray(1e-6 if rtol is None else rtol)
    return np.sum(s > rtol[..., None] * s.max(axis=-1, keepdims=True), axis=-1)


def solve(a: Any, b: Any) -> Any:
    return np.linalg.solve(a, b[:, None])[..., 0] if b.ndim == 1 else np.linalg.solve(a, b)


def solve_triangular(a: Any, b: Any, upper: bool = False) -> Any:
    return solve(np.triu(a) if upper else np.tril(a), b)


def cholesky(x: Any, upper: bool = False) -> Any:
    low = np.linalg.cholesky(hermitian(x))
    return np.conj(low.swapaxes(-1, -2)) if upper else low


low_rank = real(4, 2) @ real(2, 3, seed=1)

ROWS = [
    row(
        "linalg.cholesky",
        case(positive(3)),
        case(positive(2, 2), upper=True),
        case(positive(1)),
        case(np.zeros((0, 0))),
        case(np.zeros((0, 2, 2))),
        reference=cholesky,
        complex=True,
    ),
    row(
        "linalg.cross",
        case(real(3), real(3, seed=1)),
        case(real(2, 3), real(3, seed=1)),
        case(real(3, 2), real(3, 1, seed=1), axis=-2),
        case(real(0, 3), real(3)),
        reference=np.cross,
        complex=True,
    ),
    row(
        "linalg.det",
        *[case(square(n)) for n in (1, 2, 3)],
        case(real(3, 3)),
        case(real(2, 3, 3)),
        case(np.zeros((0, 0))),
        case(np.zeros((0, 2, 2))),
        reference=np.linalg.det,
        complex=True,
        special=[
            at(np.zeros((2, 2)), grad=np.zeros((2, 2)), value=0),
            at(np.zeros((1, 1)), grad=np.ones((1, 1)), value=0),
            at(np.diag([2.0, 3.0, 0.0]), grad=np.diag([0.0, 0.0, 6.0]), value=0),
            at(np.diag([2.0, 0.0, 0.0]), grad=np.zeros((3, 3)), value=0),
        ],
    ),
    row(
        "linalg.diagonal",
        case(real(3, 3)),
        case(real(2, 3, 4), offset=1),
        case(real(2, 4, 3), offset=-2),
        case(real(2, 3), offset=7),
        case(np.zeros((0, 3))),
        reference=lambda x, offset=0: np.diagonal(x, offset=offset, axis1=-2, axis2=-1),
        complex=True,
    ),
    row(
        "linalg.eigh",
        case(real(3, 3)),
        case(real(2, 2, 2)),
        case(real(1, 1)),
        case(np.zeros((0, 0))),
        reference=lambda x: np.linalg.eigh(hermitian(x)),
        project=from_eigh,
        complex=True,
    ),
    row(
        "linalg.eigvalsh",
        case(real(3, 3)),
        case(real(2, 2, 2)),
        case(np.zeros((0, 0))),
        reference=lambda x: np.linalg.eigvalsh(hermitian(x)),
        complex=True,
        rtol=1e-11,
    ),
    row(
        "linalg.eig",
        case(real(3, 3)),
        case(real(2, 2, 2)),
        case(real(1, 1)),
        case(np.asarray([[0.0, -1.0], [2.0, 0.5]])),
        case(np.zeros((0, 0))),
        reference=general_eig,
        project=from_eig,
        complex=True,
        rtol=1e-10,
    ),
    row(
        "linalg.eigvals",
        case(real(3, 3)),
        case(real(2, 2, 2)),
        case(np.zeros((0, 0))),
        reference=lambda x: general_eig(x)[0],
        project=lambda w: [pg.sum(w * w * w, axis=-1)],
        complex=True,
        rtol=1e-10,
    ),
    row(
        "linalg.inv",
        *[case(square(n)) for n in (1, 3)],
        case(square(2, 2)),
        case(np.zeros((0, 0))),
        reference=np.linalg.inv,
        complex=True,
    ),
    row(
        "linalg.matmul",
        case(real(2, 3), real(5, 3, 4, seed=1)),
        reference=np.matmul,
        complex=True,
    ),
    row(
        "adjugate of linalg.det",
        *[case(square(n)) for n in (1, 2, 4)],
        case(real(2, 3, 3)),
        case(np.zeros((0, 0))),
        call=lambda x: bind(adjugate_op, (x,), {}),
        reference=lambda x: np.linalg.det(x)[..., None, None] * np.linalg.inv(x),
        complex=True,
        rtol=1e-11,
    ),
    row(
        "linalg.matrix_norm",
        *[
            case(real(*shape), ord=ord, keepdims=keepdims)
            for shape, keepdims in [((3, 3), False), ((2, 2, 3), True), ((3, 2), False)]
            for ord in ("fro", "nuc", 1, -1, 2, -2, inf, -inf)
        ],
        case(real(2, 2)),
        case(real(2, 2), ord=None),
        reference=matrix_norm,
        complex=True,
        special=[
            at(np.zeros((2, 2)), grad=np.zeros((2, 2)), value=0),
            at(np.eye(2), ord="nuc", grad=np.eye(2), value=2),
            at(np.eye(2), ord=2, grad=np.eye(2) / 2, value=1),
            at(np.ones((2, 2)), ord=1, grad=np.full((2, 2), 0.5), value=2),
        ],
    ),
    row(
        "linalg.matrix_power",
        *[case(square(3), n) for n in (1, 2, 5, -1, -3)],
        case(square(2, 2), 3),
        case(square(2), 0),
        reference=np.linalg.matrix_power,
        complex=True,
    ),
    row(
        "linalg.matrix_rank",
        case(real(3, 4)),
        case(low_rank, rtol=1e-5),
        reference=rank,
        gradient="none",
    ),
    row(
        "linalg.matrix_transpose", case(real(2, 3, 4)), reference=lambda x: x.swapaxes(-1, -2)
    ),
    row("linalg.outer", case(real(2), real(3, seed=1)), case(real(0), real(2)), complex=True,
        reference=np.outer),
    row(
        "linalg.pinv",
        case(real(3, 3)),
        case(real(4, 2)),
        case(real(2, 2, 4)),
        case(real(3, 2), rtol=1e-3),
        case(np.zeros((0, 3))),
        reference=lambda x, rtol=None: np.linalg.pinv(x),
        complex=True,
        rtol=1e-11,
    ),
    row(
        "linalg.qr",
        *[
            case(real(*shape), mode=mode)
            for shape in [(3, 3), (4, 2), (2, 2, 4)]
            for mode in ("reduced", "complete")
        ],
        case(real(1, 1)),
        case(np.zeros((0, 2))),
        reference=np.linalg.qr,
        project=from_qr,
        complex=True,
    ),
    row(
        "linalg.slogdet",
        case(real(3, 3)),
        case(square(2, 2)),
        case(real(1, 1)),
        case(np.zeros((0, 0))),
        reference=np.linalg.slogdet,
        complex=True,
    ),
    row(
        "linalg.solve",
        case(square(3), real(3, seed=1)),
        case(square(3), real(3, 2, seed=1)),
        case(square(2, 3), real(2, 4, seed=1)),
        case(square(2), real(3, 2, 4, seed=1)),
        case(square(2, 3), real(2, seed=1)),
        case(square(2, 2, 1), real(3, 2, 1, seed=1)),
        case(np.zeros((0, 0)), np.zeros((0,))),
        reference=solve,
        complex=True,
    ),
    row(
        "linalg.solve_triangular",
        case(square(3), real(3, seed=1)),
        case(square(3), real(3, 2, seed=1), upper=True),
        case(square(2), real(2, 4, seed=1)),
        case(square(2), real(3, 2, 4, seed=1), upper=True),
        case(square(2, 3), real(2, 1, seed=1)),
        case(np.zeros((0, 0)), np.zeros((0,))),
        reference=solve_triangular,
        complex=True,
    ),
    row(
        "linalg.svd",
        *[
            case(real(*shape), full_matrices=full)
            for shape in [(3, 3), (4, 2), (2, 3, 4)]
            for full in (False, True)
        ],
        case(real(1, 1)),
        case(np.zeros((0, 2)), full_matrices=False),
        reference=np.linalg.svd,
        project=from_svd,
        complex=True,
        rtol=1e-11,
    ),
    row(
        "linalg.svdvals",
        case(real(3, 3)),
        case(real(2, 4, 2)),
        case(real(2, 4)),
        case(np.zeros((0, 2))),
        reference=lambda x: np.linalg.svd(x, compute_uv=False),
        complex=True,
    ),
    row(
        "linalg.tensordot",
        case(real(2, 3), real(3, 4, seed=1), axes=1),
        reference=np.tensordot,
        complex=True,
    ),
    row(
        "linalg.trace",
        case(real(3, 3)),
        case(real(2, 3, 4), offset=1),
        case(real(4, 3), offset=-1),
        case(np.zeros((0, 3))),
        case(np.arange(4).reshape(2, 2)),
        reference=trace,
        complex=True,
    ),
    row("linalg.vecdot", case(real(2, 3), real(3, seed=1)), reference=np.vecdot, complex=True),
    row(
        "linalg.vector_norm",
        *[case(real(2, 3), ord=p) for p in (2, 1, inf, -inf, 3, 0.5, -1, 2.5, 0)],
        *[case(real(2, 3, 2), ord=p, axis=(0, -1), keepdims=True) for p in (2, 1, inf, 4)],
        case(real(2, 3), axis=1),
        case(real(2, 3), axis=-2, ord=3),
        case(np.zeros((0,))),
        reference=norm,
        complex=True,
        special=[
            at(np.zeros(2), grad=np.zeros(2), value=0),
            at(np.zeros(2), ord=3, grad=np.zeros(2), value=0),
            at(np.zeros(2), ord=1, grad=np.zeros(2), value=0),
            at(np.zeros(2), ord=inf, grad=np.zeros(2), value=0),
            at(np.asarray([3.0, 0.0]), ord=1.5, grad=np.asarray([1.0, 0.0]), value=3),
            at(np.asarray([1.0, -1.0, 0.5]), ord=inf, grad=np.asarray([0.5, -0.5, 0]), value=1),
        ],
    ),
]  # fmt: skip
