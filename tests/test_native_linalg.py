"""Cholesky factors and triangular systems as native code."""

import numpy as np
import pytest
from test_native import _native_code, native, runs  # noqa: F401

import polygrad as pg
from polygrad.errors import LinearAlgebraError

SIZES = [1, 2, 3, 8, 33, 70]


def matrices(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) / shape[-1] + 2 * np.eye(*shape[-2:])).astype(dtype)


def columns(shape, dtype):
    return np.random.default_rng(1).standard_normal(shape).astype(dtype)


def near(got, expected, dtype):
    tolerance = 1e-12 if dtype == "float64" else 2e-5
    assert np.asarray(got).dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("stack", [(), (3,), (2, 2)])
def test_cholesky(n, dtype, stack):
    a = matrices((*stack, n, n), dtype)
    positive = a @ a.swapaxes(-1, -2)
    positive[..., 0, -1] += 0.125  # of which the Hermitian part is taken
    j = native(pg.linalg.cholesky, positive)
    (got,) = runs(j, positive)
    near(got, pg.linalg.cholesky(positive.astype("float64")), dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 5), (3, 1), (8, 16), (33, 37), (70, 3), (70, 80)])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("flip", [False, True])
def test_solve_triangular(n, k, dtype, upper, flip):
    a, b = matrices((n, n), dtype), columns((n, k), dtype)

    def f(a, b):
        return pg.linalg.solve_triangular(a.T if flip else a, b * 2.0, upper=upper)

    (got,) = runs(native(f, a, b), a, b)
    whole = (a.T if flip else a).astype("float64")
    triangle = np.triu(whole) if upper else np.tril(whole)
    near(got, np.linalg.solve(triangle, 2.0 * b), dtype)


@pytest.mark.parametrize(
    "shapes", [((3, 5, 5), (3, 5, 2)), ((5, 5), (3, 5, 2)), ((3, 5, 5), (5, 2))]
)
def test_stacks(shapes):
    a, b = matrices(shapes[0], "float64"), columns(shapes[1], "float64")
    j = native(pg.linalg.solve_triangular, a, b)
    (got,) = runs(j, a, b)
    near(got, np.linalg.solve(np.tril(a), b), "float64")


def test_gradients_of_a_likelihood():
    def f(s, x):
        kernel = pg.exp(-((x[:, None] - x[None, :]) ** 2) / s) + 0.1 * pg.eye(len(x))
        factor = pg.linalg.cholesky(kernel)
        solved = pg.linalg.solve_triangular(factor, pg.sin(x))
        return pg.sum(solved**2) + 2.0 * pg.sum(pg.log(pg.linalg.diagonal(factor)))

    x = np.linspace(-1.0, 2.0, 40)
    for g in (pg.value_and_grad(f), pg.hessian(f)):
        j = native(g, np.asarray(0.7), x)
        assert runs(j, np.asarray(0.7), x) is not None
        got, expected = j(np.asarray(0.7), x), g(np.asarray(0.7), x)
        pg.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-8), got, expected)


def test_what_has_no_factor_raises_as_ever():
    j = native(pg.linalg.cholesky, np.eye(3))
    assert runs(j, -np.eye(3)) is None
    assert runs(j, np.full((3, 3), np.nan)) is None
    with pytest.raises(LinearAlgebraError, match="positive definite"):
        j(-np.eye(3))
    j = native(pg.linalg.solve_triangular, np.eye(3), np.ones((3, 1)))
    singular = np.diag([1.0, 0.0, 1.0])
    assert runs(j, singular, np.ones((3, 1))) is None
    with pytest.raises(LinearAlgebraError, match="zero on the diagonal"):
        j(singular, np.ones((3, 1)))


@pytest.mark.parametrize("k", [-9, -2, 0, 1, 9])
def test_triangles_and_diagonals(k):
    x = columns((2, 4, 6), "float64")
    for f in (pg.tril, pg.triu):
        j = native(lambda x, f=f: f(x * 2.0, k=k) + 1.0, x)
        (got,) = runs(j, x)
        near(got, f(x * 2.0, k=k) + 1.0, "float64")
    if abs(k) < 4:
        j = native(lambda x: pg.linalg.diagonal(x * x, offset=k), x)
        (got,) = runs(j, x)
        near(got, np.diagonal(x * x, k, -2, -1), "float64")
