"""Functions of a matrix at repeated eigenvalues and singular values: right, or nan."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polygrad as pg

L = pg.linalg
RNG = np.random.default_rng(5)
WEIGHT = RNG.normal(size=(3, 3))
Q = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
POINTS = {
    "twice": 2 * np.eye(3),
    "once": np.eye(3),
    "none": np.zeros((3, 3)),
    "pair": Q @ np.diag([3.0, 1.0, 1.0]) @ Q.T,
    "rank": Q @ np.diag([3.0, 0.0, 0.0]) @ Q.T,
}
# f, f' and the divided difference at two values.
FUNCTIONS: dict[str, Any] = {
    "product": (lambda w: w, lambda w: 1 + 0 * w),
    "exp": (pg.exp, np.exp),
    "square": (lambda w: w * w, lambda w: 2 * w),
    "sin": (pg.sin, np.cos),
    "projection": (lambda w: 1 + 0 * w, lambda w: 0 * w),
}


def right(f: Any, slope: Any, x: Any, weight: Any) -> Any:
    """The gradient of sum(weight * f(x)) by divided differences (Daleckii and Krein)."""
    w, v = np.linalg.eigh(x)
    gap = w[:, None] - w[None, :]
    near = np.abs(gap) < 1e-9
    value = np.asarray(f(pg.asarray(w)))
    differences = (value[:, None] - value[None, :]) / np.where(near, 1, gap)
    differences = np.where(near, slope(w)[:, None], differences)
    inner = v.T @ (weight + weight.T) @ v / 2
    return v @ (differences * inner) @ v.T


def right_or_nan(got: Any, expected: Any) -> None:
    got = np.asarray(got)
    np.testing.assert_allclose(np.where(np.isnan(got), expected, got), expected, atol=1e-10)


def of_eigh(f: Callable[..., Any], weight: Any) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        w, v = L.eigh(x)
        return pg.sum(weight * ((v * f(w)) @ v.mT))

    return run


def of_svd(f: Callable[..., Any], weight: Any) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        u, s, vh = L.svd(x)
        return pg.sum(weight * ((u * f(s)) @ vh))

    return run


@pytest.mark.parametrize("weight", [np.ones((3, 3)), WEIGHT], ids=["ones", "weight"])
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("point", POINTS)
def test_no_wrong_finite_number(point: str, name: str, weight: Any) -> None:
    (f, slope), x = FUNCTIONS[name], POINTS[point]
    expected = right(f, slope, x, weight)
    run = of_eigh(f, weight)
    right_or_nan(pg.grad(run)(x), expected)
    right_or_nan(pg.jit(pg.grad(run))(x), expected)
    for t in (WEIGHT + WEIGHT.T, np.ones((3, 3))):
        right_or_nan(pg.jvp(run, (x,), (t,))[1], np.sum(expected * t))
    # On these matrices, and Hermitian changes of them, an odd function of the singular values
    # is that of the eigenvalues.
    if name in ("product", "sin"):
        got = np.asarray(pg.grad(of_svd(f, weight + weight.T))(x))
        right_or_nan((got + got.T) / 4, expected)


def test_what_cotangents_tell_is_right() -> None:
    for point in ("twice", "once", "pair"):
        x = POINTS[point]
        got = pg.grad(of_eigh(lambda w: w, WEIGHT))(x)
        np.testing.assert_allclose(got, (WEIGHT + WEIGHT.T) / 2, atol=1e-12)
    x = POINTS["pair"]
    low = lambda x: pg.sum(WEIGHT * (lambda v: v[:, :2] @ v[:, :2].mT)(L.eigh(x)[1]))
    top = lambda x: pg.sum(WEIGHT * (lambda v: v[:, 2:] @ v[:, 2:].mT)(L.eigh(x)[1]))
    np.testing.assert_allclose(pg.grad(low)(x), -np.asarray(pg.grad(top)(x)), atol=1e-12)
    pg.testing.check_grads(top, (x,), order=1)


@pytest.mark.parametrize("values", [L.eigvalsh, lambda x: L.eigh(x)[0], L.svdvals])
def test_repeated_values_share_their_derivative(values: Callable[..., Any]) -> None:
    x, t = 2 * np.eye(3), WEIGHT + WEIGHT.T
    for pick in (pg.max, pg.min, lambda w: w[1]):
        np.testing.assert_allclose(
            pg.grad(lambda x, pick=pick: pick(values(x)))(x), np.eye(3) / 3, atol=1e-12
        )
    tangent = pg.jvp(lambda x: pg.max(values(x)), (x,), (t,))[1]
    np.testing.assert_allclose(tangent, np.trace(t) / 3)
    grad = pg.grad(lambda x: pg.sum(pg.exp(values(x))))(x)
    np.testing.assert_allclose(grad, np.exp(2) * np.eye(3), rtol=1e-12)


def test_second_derivatives_at_repeated_values() -> None:
    t = WEIGHT + WEIGHT.T
    for f, expected in ((lambda w: w, 0 * t), (lambda w: w * w, 2 * t), (pg.exp, np.exp(2) * t)):
        grad = pg.grad(lambda x, f=f: pg.sum(f(L.eigvalsh(x))))
        right_or_nan(pg.jvp(grad, (2 * np.eye(3),), (t,))[1], expected)
        again = pg.grad(lambda x, grad=grad: pg.sum(t * grad(x)))(2 * np.eye(3))
        right_or_nan(again, expected)


def test_eigenvectors_that_rounding_tells_apart_only() -> None:
    x = POINTS["pair"]
    f = lambda x: pg.sum(WEIGHT * pg.real(L.eig(x)[1]) ** 2)
    assert np.isnan(np.asarray(pg.grad(f)(x))).any()
    assert np.isnan(np.asarray(pg.jvp(lambda x: L.eig(x)[1], (x,), (WEIGHT,))[1])).any()


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (2, 4)])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_pinv_that_drops_values_which_are_not_zero(shape: Any, dtype: str) -> None:
    x = RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if dtype[0] == "c" else 0)
    s = np.linalg.svdvals(x)
    rtol = float(1.1 * s[-1] / s[0])
    pg.testing.check_grads(lambda x: L.pinv(x, rtol=rtol), (x,), order=2)
    pg.testing.check_grads(lambda x: np.linalg.pinv(x, rtol), (x,), order=1)


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        (lambda n: n * n, 2.0),
        (lambda n: (2 * n) ** 2, 8.0),
        (pg.cos, -1.0),
        (lambda n: n**2, 2.0),
        (lambda n: n * pg.sin(n), 2.0),
    ],
)
def test_second_derivatives_of_functions_of_a_norm_at_zero(f: Any, expected: float) -> None:
    run, x = lambda x: f(L.vector_norm(x)), np.zeros(2)
    assert pg.grad(run)(x).tolist() == [0.0, 0.0]
    hessian = expected * np.eye(2)
    right_or_nan(pg.hessian(run)(x), hessian)
    right_or_nan(pg.jit(pg.hessian(run))(x), hessian)
    right_or_nan(pg.jacrev(pg.grad(run))(x), hessian)
    right_or_nan(pg.jacfwd(pg.grad(run))(x), hessian)
    again = pg.grad(lambda x: pg.sum(pg.grad(run)(x)))(x)
    right_or_nan(again, [expected, expected])
    right_or_nan(pg.hessian(lambda x: f(np.linalg.norm(x)))(x), hessian)


@pytest.mark.parametrize("std", [pg.std, np.std])
def test_the_square_of_a_deviation_of_equal_elements(std: Any) -> None:
    x = np.ones(3)
    expected = pg.hessian(pg.var)(x)
    np.testing.assert_allclose(pg.hessian(lambda x: std(x) ** 2)(x), expected)
    np.testing.assert_allclose(pg.jit(pg.hessian(lambda x: std(x) ** 2))(x), expected)
