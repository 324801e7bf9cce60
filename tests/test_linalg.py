"""What the rows of tests/rows/linalg.py leave open: repeated values, singular matrices."""

import inspect
from collections.abc import Callable
from typing import Any

import array_api_strict
import numpy as np
import pytest

import polygrad as pg

L = pg.linalg
RNG = np.random.default_rng(11)
REAL, COMPLEX = [RNG.normal(size=(4, 4)), RNG.normal(size=(4, 4)) + 1j * RNG.normal(size=(4, 4))]
WEIGHT = RNG.normal(size=(4, 4))


def hermitian(x: Any) -> Any:
    return (x + np.conj(x.mT)) / 2


def unitary(x: Any) -> Any:
    return np.linalg.qr(x)[0]


def from_svd(x: Any) -> Any:
    u, s, vh = L.svd(x, full_matrices=False)
    return (u * s) @ vh


def from_eigh(x: Any) -> Any:
    w, v = L.eigh(x)
    return (v * w) @ pg.conj(v).mT


# -- the standard ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(array_api_strict.linalg.__dict__) & set(L.__all__)))
def test_signatures(name: str) -> None:
    ours, standard = getattr(L, name), getattr(array_api_strict.linalg, name)
    if inspect.isclass(ours):
        assert ours._fields == standard._fields
        return
    found = inspect.signature(ours).parameters.values()
    wanted = inspect.signature(standard).parameters.values()
    assert [(p.name, p.kind) for p in found] == [(p.name, p.kind) for p in wanted]
    for got, expected in zip(found, wanted, strict=True):
        assert got.default == expected.default


def test_the_extension_is_complete() -> None:
    standard = (
        "cholesky cross det diagonal eigh eigvalsh inv matmul matrix_norm matrix_power matrix_rank "
        "matrix_transpose outer pinv qr slogdet solve svd svdvals tensordot trace vecdot "
        "vector_norm"
    )
    assert not set(standard.split()) - set(L.__all__)
    assert L is pg.ops.linalg


def test_named_tuples() -> None:
    x = pg.asarray(REAL)
    assert L.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert L.qr(x)._fields == ("Q", "R")
    assert L.slogdet(x)._fields == ("sign", "logabsdet")
    assert L.svd(x)._fields == ("U", "S", "Vh")
    assert pg.grad(lambda x: pg.sum(L.svd(x).S))(x).shape == (4, 4)


def test_numbers_of_axes_at_the_edges() -> None:
    assert L.vector_norm(pg.asarray(-1.5)).item() == 1.5
    assert L.vector_norm(pg.asarray(3 + 4j)).item() == 5.0
    assert pg.grad(L.vector_norm)(-1.5) == -1.0
    assert L.vector_norm(pg.zeros((0, 2)), axis=0).tolist() == [0.0, 0.0]
    assert L.matrix_norm(pg.zeros((0, 2))).item() == 0.0
    assert L.matrix_rank(pg.zeros((3, 0, 2))).tolist() == [0, 0, 0]


@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_tolerances(device: str) -> None:
    x = pg.asarray(np.stack([np.eye(2), np.diag([1.0, 0.01])]), device=device)
    rtol = pg.asarray([0.1, 0.1], device=device)
    assert L.matrix_rank(x, rtol=rtol).tolist() == [2, 1]
    assert L.matrix_rank(x, rtol=1e-3).tolist() == [2, 2]
    assert L.pinv(x, rtol=rtol).tolist() == [np.eye(2).tolist(), [[1.0, 0.0], [0.0, 0.0]]]
    g = pg.grad(lambda x: pg.sum(L.pinv(x, rtol=rtol)[:, 0, 0]))(x)
    assert g.tolist() == [[[-1.0, 0.0], [0.0, 0.0]]] * 2


# -- repeated singular values and eigenvalues ------------------------------------------------------

REPEATED = {
    "identity": np.eye(4),
    "scaled": -3 * np.eye(4),
    "pairs": np.diag([2.0, 2.0, 1.0, 1.0]),
    "orthogonal": unitary(REAL),
    "unitary": unitary(COMPLEX),
    "tall": unitary(REAL)[:, :2],
    "wide": unitary(COMPLEX)[:2, :],
}
REPEATED_HERMITIAN = {
    "identity": np.eye(4),
    "scaled": -3 * np.eye(4),
    "pairs": np.diag([2.0, 2.0, -1.0, -1.0]),
    "turned": hermitian(unitary(REAL) @ np.diag([2.0, 2, 2, 1]) @ unitary(REAL).T),
    "complex": hermitian(unitary(COMPLEX) @ np.diag([2.0, 2, -2, -2]) @ unitary(COMPLEX).conj().T),
}


def close(got: Any, expected: Any, atol: float = 1e-10) -> None:
    np.testing.assert_allclose(np.asarray(got), expected, rtol=0, atol=atol)


def cubes(product: Callable[..., Any], weight: Any) -> Callable[..., Any]:
    """A smooth function of a product that should give the matrix back."""

    def f(x: Any) -> Any:
        y = product(x)
        return pg.sum(
            weight * (pg.real(y) ** 3 + pg.imag(y) ** 2 if y.dtype == "complex128" else y**3)
        )

    return f


def right_or_nan(got: Any, expected: Any) -> None:
    """No wrong finite number: what is not nan is right."""
    got = np.asarray(got)
    close(np.where(np.isnan(got), expected, got), expected)


def _all_modes(f: Callable[..., Any], same: Callable[..., Any], x: Any, t: Any) -> None:
    """``f`` takes the decomposition apart and multiplies it again, ``same`` does nothing."""
    expected, second = pg.jvp(pg.grad(same), (x,), (t,))
    close(pg.grad(f)(x), expected)
    right_or_nan(pg.jvp(f, (x,), (t,))[1], pg.jvp(same, (x,), (t,))[1])
    right_or_nan(pg.jvp(pg.grad(f), (x,), (t,))[1], second)
    pull = lambda f: pg.grad(lambda x: pg.sum(pg.real(pg.conj(t) * pg.grad(f)(x))))(x)
    real = not np.iscomplexobj(x)
    pull = pull if not real else lambda f: pg.grad(lambda x: pg.sum(t * pg.grad(f)(x)))(x)
    right_or_nan(pull(f), pull(same))


@pytest.mark.parametrize("name", REPEATED)
def test_svd_product_where_singular_values_repeat(name: str) -> None:
    x = REPEATED[name]
    weight = WEIGHT[: x.shape[0], : x.shape[1]]
    t = (COMPLEX if np.iscomplexobj(x) else REAL)[: x.shape[0], : x.shape[1]]
    _all_modes(cubes(from_svd, weight), cubes(lambda x: x, weight), x, t)


@pytest.mark.parametrize("name", REPEATED_HERMITIAN)
def test_eigh_product_where_eigenvalues_repeat(name: str) -> None:
    x = REPEATED_HERMITIAN[name]
    t = COMPLEX if np.iscomplexobj(x) else REAL
    part = lambda x: (x + pg.conj(x).mT) / 2 if x.dtype == "complex128" else (x + x.mT) / 2
    _all_modes(cubes(from_eigh, WEIGHT), cubes(part, WEIGHT), x, t)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_single_precision_repeats_too(dtype: str) -> None:
    x, weight = unitary(REAL).astype(dtype), WEIGHT.astype(dtype)
    g = pg.grad(lambda x: pg.sum(weight * from_svd(x)))(x)
    assert g.dtype == dtype
    close(g, weight, 1e-5)


def test_largest_part_of_a_product() -> None:
    """The part of the two largest values, which repeat, against finite differences."""
    x = unitary(REAL) @ np.diag([3.0, 3.0, 1.0, 0.5]) @ unitary(COMPLEX.real)

    def f(x: Any) -> Any:
        u, s, vh = L.svd(x)
        return pg.sum(WEIGHT * ((u[:, :2] * s[:2]) @ vh[:2, :]))

    pg.testing.check_grads(f, (x,), order=1, modes=["rev"])


def test_symmetric_functions_of_repeated_values() -> None:
    x = unitary(REAL) * 2.0
    close(pg.grad(lambda x: pg.sum(L.svdvals(x) ** 2))(x), 2 * x)
    close(pg.grad(lambda x: pg.sum(L.svd(x).S ** 2))(x), 2 * x)
    close(pg.grad(lambda x: pg.sum(pg.log(L.svdvals(x))))(x), np.linalg.inv(x).T)
    close(pg.grad(lambda x: pg.sum(pg.exp(L.eigvalsh(x))))(np.eye(4)), np.e * np.eye(4))
    close(pg.grad(lambda x: L.matrix_norm(x, ord="nuc"))(np.eye(3)), np.eye(3))


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", [(4, 4), (4, 3), (3, 4)])
def test_rank_deficient_svd_is_right_or_nan(shape: Any, rank: int) -> None:
    x = REAL[: shape[0], :rank] @ REAL[:rank, : shape[1]]
    weight = WEIGHT[: shape[0], : shape[1]]
    right_or_nan(pg.grad(lambda x: pg.sum(weight * from_svd(x)))(x), weight)
    assert np.all(np.isfinite(pg.grad(lambda x: pg.sum(L.svdvals(x)) + pg.sum(L.pinv(x)))(x)))
    close(pg.grad(lambda x: pg.sum(L.svdvals(x) ** 2))(x), 2 * x)


# -- determinants ----------------------------------------------------------------------------------


def minors(x: Any) -> Any:
    """The matrix of cofactors, by its definition."""
    n = x.shape[0]
    return np.asarray(
        [
            [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) for j in range(n)]
            for i in range(n)
        ]
    )


@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("base", [REAL, COMPLEX], ids=["real", "complex"])
def test_det_at_every_rank(rank: int, base: Any) -> None:
    x = base[:, :rank] @ base[:rank, :]
    t = base[::-1] + 1
    loss = (lambda x: L.det(x)) if base is REAL else (lambda x: pg.real(L.det(x)))
    close(pg.grad(loss)(x), np.conj(minors(x)))
    close(pg.jvp(L.det, (x,), (t,))[1], np.sum(minors(x) * t))
    # A cofactor is a polynomial: its central difference with this step is exact to rounding.
    h = 1e-3
    slope = (minors(x + h * t) - minors(x - h * t)) / (2 * h)
    second = pg.jvp(pg.grad(loss), (x,), (t,))[1]
    close(second, np.conj(slope), 1e-4)
    again = pg.jvp(lambda x: pg.jvp(L.det, (x,), (t,))[1], (x,), (t,))[1]
    close(again, np.sum(slope * t), 1e-3)


def test_third_derivative_of_det_where_singular_values_repeat() -> None:
    t = REAL
    along = lambda f: lambda x: pg.jvp(f, (x,), (t,))[1]
    # det(1 + h t) = ... + h^3 e3(t): the third derivative is 6 e3, a symmetric polynomial.
    coefficients = np.poly(t)
    close(along(along(along(L.det)))(np.eye(4)), -6 * coefficients[3], 1e-8)


def test_slogdet_where_det_overflows() -> None:
    x = 1e200 * np.eye(4) + REAL
    close(L.slogdet(pg.asarray(x)).logabsdet.item(), 4 * np.log(1e200), 1e-9)
    g = pg.grad(lambda x: L.slogdet(x).logabsdet)(x)
    np.testing.assert_allclose(g, np.linalg.inv(x).T, rtol=1e-12)


def test_slogdet_at_a_singular_matrix() -> None:
    x = np.zeros((2, 2))
    assert L.slogdet(x).logabsdet == -np.inf
    with pytest.raises(pg.errors.LinearAlgebraError, match="slogdet.*use det"):
        pg.grad(lambda x: L.slogdet(x).logabsdet)(x)


# -- norms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("square", [lambda y: y**2, lambda y: pg.square(y), lambda y: y**2.0])
def test_squared_norm_at_zero(square: Callable[..., Any]) -> None:
    f = lambda x: square(L.vector_norm(x))
    x, e = np.zeros(3), np.asarray([1.0, 2.0, 3.0])
    assert pg.grad(f)(x).tolist() == [0.0, 0.0, 0.0]
    assert pg.jvp(pg.grad(f), (x,), (e,))[1].tolist() == [2.0, 4.0, 6.0]
    assert pg.grad(lambda x: pg.sum(e * pg.grad(f)(x)))(x).tolist() == [2.0, 4.0, 6.0]
    g = pg.grad(lambda x: square(L.matrix_norm(x)))(COMPLEX)
    close(g, 2 * COMPLEX)
    close(pg.grad(lambda x: L.vector_norm(x, ord=3) ** 2)(e), 2 * e**2 / np.sum(e**3) ** (1 / 3))


def test_norms_of_higher_order_at_zeros() -> None:
    x = np.asarray([0.0, 2.0, -1.0])
    for p in (1.5, 2, 2.5, 3, 4):
        pg.testing.check_grads(lambda x, p=p: L.vector_norm(x, ord=p), (x,), order=1)
        second = pg.jvp(pg.grad(lambda x, p=p: L.vector_norm(x, ord=p)), (x,), (x + 1,))[1]
        assert np.all(np.isfinite(second))
    assert pg.grad(lambda x: L.vector_norm(x, ord=0))(x).tolist() == [0.0, 0.0, 0.0]
    assert L.vector_norm(x, ord=0) == 2.0


# -- against torch ---------------------------------------------------------------------------------

Z = COMPLEX
CASES: dict[str, tuple[Callable[..., Any], Any]] = {
    "cholesky": (lambda m, x: m.linalg.cholesky(x @ m.conj(x).mT), Z),
    "upper": (lambda m, x: m.linalg.cholesky(x @ m.conj(x).mT, upper=True), Z),
    "det": (lambda m, x: m.linalg.det(x), Z),
    "slogdet": (lambda m, x: m.linalg.slogdet(x)[0] * m.linalg.slogdet(x)[1], Z),
    "inv": (lambda m, x: m.linalg.inv(x), Z),
    "pinv": (lambda m, x: m.linalg.pinv(x), Z[:, :2]),
    "solve": (lambda m, x: m.linalg.solve(x, x[:, :2] * x[0, 0]), Z),
    "qr": (lambda m, x: m.linalg.qr(x)[0] @ m.conj(m.linalg.qr(x)[1]), Z),
    "qr tall": (lambda m, x: m.linalg.qr(x)[0] * m.linalg.qr(x)[1][0, 0], Z[:, :2]),
    "qr wide": (lambda m, x: m.linalg.qr(x)[1], Z[:2, :]),
    "eigvalsh": (lambda m, x: m.linalg.eigvalsh(x + m.conj(x).mT), Z),
    "eigh": (lambda m, x: abs(m.linalg.eigh(x + m.conj(x).mT)[1]) ** 2, Z),
    "svdvals": (lambda m, x: m.linalg.svdvals(x), Z[:, :3]),
    "svd": (lambda m, x: abs(m.linalg.svd(x, full_matrices=False)[0]) ** 2, Z[:, :3]),
    "svd wide": (lambda m, x: abs(m.linalg.svd(x, full_matrices=False)[2]) ** 2, Z[:2, :]),
    "norm": (lambda m, x: m.linalg.vector_norm(x, ord=3), Z),
    "matrix_power": (lambda m, x: m.linalg.matrix_power(x, -2), Z),
    "cross": (lambda m, x: m.linalg.cross(x[:, :3], x[:, 1:] ** 2), Z),
    "nuc": (lambda m, x: m.linalg.matrix_norm(x, ord="nuc"), Z),
}  # fmt: skip


@pytest.mark.parametrize("kind", ["complex", "real", "batched"])
@pytest.mark.parametrize("name", CASES)
def test_gradients_of_torch(name: str, kind: str) -> None:
    torch = pytest.importorskip("torch")
    f, x = CASES[name]
    x = x.real if kind == "real" else x
    if kind == "batched":
        if any(s in name for s in ("solve", "qr tall", "cross")):
            pytest.skip("the function of this test indexes the first axes")
        x = np.stack([x, x[::-1] + 1])

    def loss(m: Any, x: Any) -> Any:
        y = f(m, x)
        parts = [m.real(y), m.imag(y)] if "complex" in str(y.dtype) else [y]
        return sum(m.sum(m.sin(part) * (i + 1)) for i, part in enumerate(parts))

    given = torch.tensor(x.copy(), requires_grad=True)
    value = loss(torch, given)
    value.backward()
    ours, g = pg.value_and_grad(lambda x: loss(pg, x))(x)
    close(ours, value.item(), 1e-9)
    scale = max(1.0, float(np.max(np.abs(given.grad.numpy()))))
    close(g / scale, given.grad.numpy() / scale, 1e-9)


# -- vmap ------------------------------------------------------------------------------------------

VMAPPED = {
    "solve": lambda x, b: L.solve(x, b),
    "solve matrix": lambda x, b: L.solve(x, b[:, None] * b),
    "solve fixed": lambda x, b: L.solve(x, pg.ones(4)),
    "fixed solve": lambda x, b: L.solve(pg.asarray(REAL), b),
    "svd": lambda x, b: L.svd(x).S,
    "eigh": lambda x, b: L.eigh(x).eigenvalues,
    "qr": lambda x, b: L.qr(x).R,
    "cholesky": lambda x, b: L.cholesky(x @ x.mT + pg.eye(4)),
    "det": lambda x, b: L.det(x) + L.slogdet(x).logabsdet,
    "norm": lambda x, b: L.vector_norm(x, axis=-1),
    "pinv": lambda x, b: L.pinv(x[:, :2], rtol=1e-6 * b[0] ** 2),
    "rank": lambda x, b: L.matrix_rank(x, rtol=1e-6 * b[0] ** 2),
    "cross": lambda x, b: L.cross(x[:, :3], b[:3]),
    "diagonal": lambda x, b: L.diagonal(x, offset=1) + L.trace(x),
}


@pytest.mark.filterwarnings("error:vmap")
@pytest.mark.parametrize("name", VMAPPED)
def test_vmap(name: str) -> None:
    f = VMAPPED[name]
    xs, bs = RNG.normal(size=(3, 4, 4)), RNG.normal(size=(3, 4))
    out = pg.vmap(f)(xs, bs)
    expected = [f(pg.asarray(x), pg.asarray(b)) for x, b in zip(xs, bs, strict=True)]
    close(out, np.stack([np.asarray(e) for e in expected]))
    if name == "rank":
        return
    g = pg.grad(lambda xs: pg.sum(pg.vmap(f)(xs, bs) ** 2))(xs)
    alone = [
        pg.grad(lambda x, b=b: pg.sum(f(x, pg.asarray(b)) ** 2))(x)
        for x, b in zip(xs, bs, strict=True)
    ]
    np.testing.assert_allclose(g, np.stack(alone), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("upper", [False, True])
def test_large_triangular_systems_are_solved_by_halves(upper: bool) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((2, 150, 150)) / 150 + 2 * np.eye(150)
    b = rng.standard_normal((2, 150, 3))
    triangle = np.triu(a) if upper else np.tril(a)
    for device in ("cpu", "strict"):
        x, y = (pg.asarray(value, device=device) for value in (a, b))
        got = pg.to_numpy(pg.linalg.solve_triangular(x, y, upper=upper))
        np.testing.assert_allclose(triangle @ got, b, rtol=1e-12, atol=1e-12)
    pg.testing.check_grads(
        lambda a, b: pg.linalg.solve_triangular(a, b, upper=upper), (a, b), order=1
    )


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_tracked_eigenvectors_have_the_signs_of_numpys(uplo: str) -> None:
    x = RNG.normal(size=(2, 5, 5))
    seen = []

    def f(x: Any) -> Any:
        w, v = np.linalg.eigh(x, uplo)
        seen.append(pg.to_numpy(pg.stop_gradient(v)))
        return pg.sum(v**3) + pg.sum(w**2)

    pg.grad(f)(x)
    np.testing.assert_allclose(seen[0], np.linalg.eigh(x, uplo)[1], atol=1e-10)
    pg.testing.check_grads(f, (x,), order=1)
