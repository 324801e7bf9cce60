"""The cases of scipy.linalg."""

import numpy as np
from other_code import POS, M, N, S, V, W, case
from scipy import linalg

case("linalg.det", linalg.det, S)
case("linalg.inv", linalg.inv, S)
case("linalg.solve", linalg.solve, S, V[:3])
case("linalg.solve transposed", lambda a, b: linalg.solve(a, b, transposed=True), S, M[:3])
case("linalg.solve positive", lambda a, b: linalg.solve(a @ a.T, b, assume_a="pos"), S, V[:3])
case(
    "linalg.solve symmetric", lambda a, b: linalg.solve(a, b, assume_a="sym", lower=True), S, V[:3]
)
for o in (None, "fro", "nuc", 1, -1, 2, -2, np.inf):
    case(f"linalg.norm {o}", lambda x, o=o: linalg.norm(x, o), S)
case("linalg.expm", linalg.expm, S)
case("linalg.expm batched", linalg.expm, np.stack([S, S.T]) / 2)
case("linalg.cosm", linalg.cosm, S / 3)
case("linalg.sinm", linalg.sinm, S / 3)
case("linalg.tanm", linalg.tanm, S / 5)
case("linalg.coshm", linalg.coshm, S / 3)
case("linalg.sinhm", linalg.sinhm, S / 3)
case("linalg.tanhm", linalg.tanhm, S / 3)
case("linalg.cholesky", lambda a: linalg.cholesky(a @ a.T), S)
case("linalg.cholesky lower", lambda a: linalg.cholesky(a @ a.T, lower=True), S)
case("linalg.cho_solve", lambda a, b: linalg.cho_solve(linalg.cho_factor(a @ a.T), b), S, V[:3])
case(
    "linalg.cho_solve lower",
    lambda a, b: linalg.cho_solve(linalg.cho_factor(a @ a.T, lower=True), b),
    S,
    V[:3],
)
case("linalg.eigh", lambda a: linalg.eigh(a + a.T)[0], S)
case("linalg.eigh vectors", lambda a: abs(linalg.eigh(a + a.T)[1]), S)
case("linalg.eigh generalised", lambda a, b: linalg.eigh(a + a.T, b @ b.T)[0], S, S.T)
case(
    "linalg.eigh generalised vectors",
    lambda a, b: abs(linalg.eigh(a + a.T, b @ b.T)[1]),
    S,
    S.T + 1,
)
case(
    "linalg.eigh some", lambda a: linalg.eigh(a + a.T, subset_by_index=[1, 2], eigvals_only=True), S
)
case("linalg.eigvalsh", lambda a: linalg.eigvalsh(a + a.T), S)
case("linalg.eigvals", lambda a: abs(linalg.eigvals(a @ a.T)), S)
case("linalg.svd", lambda a: linalg.svd(a, full_matrices=False)[1], M)
case("linalg.svd vectors", lambda a: abs(linalg.svd(a, full_matrices=False)[0]), M)
case("linalg.svdvals", linalg.svdvals, M)
case("linalg.qr", lambda a: abs(linalg.qr(a)[1]), M)
case("linalg.qr economic", lambda a: abs(linalg.qr(a, mode="economic")[0]), M)
case("linalg.qr r", lambda a: abs(linalg.qr(a, mode="r")[0]), M)
case("linalg.lstsq", lambda a, b: linalg.lstsq(a, b)[0], M, V[:6])
case("linalg.lstsq residues", lambda a, b: linalg.lstsq(a, b)[1], M, N)
case("linalg.pinv", linalg.pinv, M)
for low in (False, True):
    for t in (0, 1, 2):
        case(
            f"linalg.solve_triangular lower={low}, trans={t}",
            lambda a, b, low=low, t=t: linalg.solve_triangular(
                a, b, lower=low, trans=t, unit_diagonal=low
            ),
            S,
            V[:3],
        )
case("linalg.solve_sylvester", linalg.solve_sylvester, S, S.T, S)
case("linalg.solve_continuous_lyapunov", linalg.solve_continuous_lyapunov, S, S)
case("linalg.solve_discrete_lyapunov", linalg.solve_discrete_lyapunov, S / 9, S)
case("linalg.polar", lambda a: linalg.polar(a)[0], M)
case("linalg.polar positive", lambda a: linalg.polar(a)[1], M)
case("linalg.polar left", lambda a: linalg.polar(a, "left")[1], S)
case("linalg.orth", lambda a: abs(linalg.orth(a)), M)
case("linalg.sqrtm", lambda a: linalg.sqrtm(a @ a.T), S)
case("linalg.sqrtm general", lambda a: linalg.sqrtm(a), S + 3 * np.eye(3))
case("linalg.lu L", lambda a: linalg.lu(a)[1], S - 3 * np.eye(3))
case("linalg.lu U", lambda a: linalg.lu(a)[2], S - 3 * np.eye(3))
case("linalg.lu tall L", lambda a: linalg.lu(a, permute_l=True)[0], M)
case("linalg.lu tall U", lambda a: linalg.lu(a, permute_l=True)[1], M)
case("linalg.lu wide", lambda a: linalg.lu(a.T)[2], M)
case("linalg.subspace_angles", linalg.subspace_angles, M[:, :2], N[:, :2])
case("linalg.subspace_angles unequal", linalg.subspace_angles, M[:, :2], N[:, :1])
case("linalg.toeplitz", linalg.toeplitz, V)
case("linalg.toeplitz row", linalg.toeplitz, V[:4], W[:3])
case("linalg.hankel", linalg.hankel, V)
case("linalg.hankel row", linalg.hankel, V[:3], W[:4])
case("linalg.circulant", linalg.circulant, V)
case("linalg.companion", linalg.companion, POS)
case("linalg.leslie", linalg.leslie, V[:4], W[:3])
for m in ("full", "same", "valid"):
    case("linalg.convolution_matrix " + m, lambda a, m=m: linalg.convolution_matrix(a, 4, m), V)
    case(
        "linalg.convolution_matrix short " + m,
        lambda a, m=m: linalg.convolution_matrix(a, 5, m),
        V[:3],
    )
case("linalg.khatri_rao", linalg.khatri_rao, S, M)
case(
    "linalg.solve_toeplitz",
    lambda c, r, b: linalg.solve_toeplitz((c + 3 * np.eye(4)[0], r), b),
    V[:4],
    W[:4],
    POS[:4],
)
case("linalg.matmul_toeplitz", lambda c, x: linalg.matmul_toeplitz(c, x), V[:4], POS[:4])
case("linalg.solve_circulant", linalg.solve_circulant, V + np.eye(8)[0] * 9, W)
case(
    "linalg.solve_banded",
    lambda ab, b: linalg.solve_banded((1, 1), ab, b),
    M[:3] + np.array([0, 3, 0])[:, None],
    V[:3],
)
case(
    "linalg.solveh_banded",
    lambda ab, b: linalg.solveh_banded(ab, b),
    np.abs(M[:2]) * np.array([0.1, 3])[:, None] + np.array([0, 1.0])[:, None],
    V[:3],
)
case(
    "linalg.solveh_banded lower",
    lambda ab, b: linalg.solveh_banded(ab, b, lower=True),
    np.abs(M[:2]) * np.array([3, 0.1])[:, None] + np.array([1.0, 0])[:, None],
    V[:3],
)
