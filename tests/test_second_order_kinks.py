"""Second derivatives of functions of lengths at 0, in every order of the modes, and by jit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polygrad as pg

L = pg.linalg
HALF = np.array([[0.5, -0.5], [-0.5, 0.5]])
EYE = np.eye(2)


def _complex_abs(x: Any) -> Any:
    return pg.abs(x[0] + 1j * x[1])


LENGTHS: dict[str, tuple[Callable[..., Any], Any]] = {
    "vector_norm": (L.vector_norm, EYE),
    "matrix_norm": (lambda x: L.matrix_norm(pg.reshape(x, (1, 2))), EYE),
    "numpy norm": (lambda x: np.linalg.norm(x), EYE),
    "keepdims": (lambda x: pg.sum(L.vector_norm(x[None, :], axis=1, keepdims=True)), EYE),
    "complex norm": (lambda x: L.vector_norm(x[:1] + 1j * x[1:]), EYE),
    "hypot": (lambda x: pg.hypot(x[0], x[1]), EYE),
    "hypot of three": (lambda x: pg.hypot(pg.hypot(x[0], 0.0), x[1]), EYE),
    "complex abs": (_complex_abs, EYE),
    "operator abs": (lambda x: abs(x[0] + 1j * x[1]), EYE),
    "std": (pg.std, HALF / 2),
    "numpy std": (lambda x: np.std(x), HALF / 2),
    "numpy std where": (lambda x: np.std(x, where=[True, True]), HALF / 2),
    "nanstd": (pg.nanstd, HALF / 2),
    "std correction": (lambda x: pg.std(x, correction=1), HALF),
    "of a map": (lambda x: L.vector_norm(pg.sin(x) * 3.0), 9 * EYE),
}  # fmt: skip
FUNCTIONS: dict[str, tuple[Callable[..., Any], float]] = {
    "n * n": (lambda n: n * n, 2.0),
    "n ** 2": (lambda n: n**2, 2.0),
    "square": (pg.square, 2.0),
    "(2 n) ** 2": (lambda n: (2 * n) ** 2, 8.0),
    "cos": (pg.cos, -1.0),
    "cosh": (pg.cosh, 1.0),
    "exp(-n n)": (lambda n: pg.exp(-n * n), -2.0),
    "n ** 3": (lambda n: n**3, 0.0),
    "n sin(n)": (lambda n: n * pg.sin(n), 2.0),
}


def hessians(f: Callable[..., Any], x: Any) -> dict[str, Any]:
    """The Hessian in every order of the modes."""
    units = np.eye(x.size)
    g = pg.grad(f)

    def along(v: Any) -> Callable[..., Any]:
        return lambda x: pg.jvp(f, (x,), (v,))[1]

    return {
        "hessian": pg.hessian(f)(x),
        "reverse of reverse": [pg.grad(lambda x, v=v: pg.sum(v * g(x)))(x) for v in units],
        "forward of reverse": [pg.jvp(g, (x,), (v,))[1] for v in units],
        "reverse of forward": [pg.grad(along(v))(x) for v in units],
        "forward of forward": [[pg.jvp(along(v), (x,), (w,))[1] for v in units] for w in units],
        "jacrev of jacrev": pg.jacrev(pg.jacrev(f))(x),
        "jacfwd of jacfwd": pg.jacfwd(pg.jacfwd(f))(x),
        "hvp": [pg.hvp(f, (x,), (v,))[0] for v in units],
        "vmap": pg.vmap(lambda v: pg.hvp(f, (x,), (v,))[0])(units),
    }


def check(f: Callable[..., Any], x: Any, expected: Any) -> None:
    """Twice forward is right along one direction, and nan along two."""
    for mode, found in hessians(f, x).items():
        found = np.asarray(found, dtype=float)
        if mode in ("forward of forward", "jacfwd of jacfwd"):
            found = np.where(np.isnan(found) & ~np.eye(x.size, dtype=bool), expected, found)
        np.testing.assert_allclose(found, expected, atol=1e-12, err_msg=mode)


@pytest.mark.parametrize("name", LENGTHS)
def test_of_each_length(name: str) -> None:
    n, metric = LENGTHS[name]
    for f, curvature in FUNCTIONS.values() if name == "vector_norm" else [FUNCTIONS["cos"]]:
        check(lambda x, f=f: f(n(x)), np.zeros(2), curvature * np.asarray(metric))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_of_each_function(name: str) -> None:
    f, curvature = FUNCTIONS[name]
    for n, metric in (LENGTHS["hypot"], LENGTHS["std correction"]):
        check(lambda x, n=n: f(n(x)), np.zeros(2), curvature * np.asarray(metric))
    check(lambda x: pg.sum(f(pg.abs(x))), np.zeros(2), curvature * EYE)


@pytest.mark.parametrize("name", ["vector_norm", "hypot", "complex abs", "std", "numpy norm"])
def test_compiled(name: str) -> None:
    n, metric = LENGTHS[name]
    expected = 4 * np.asarray(metric)
    f, x = (lambda x: n(x) ** 2 * 2), np.zeros(2)
    check(pg.jit(f), x, expected)
    for order in (pg.hessian(f), pg.jacrev(pg.grad(f)), pg.jacrev(pg.jit(pg.grad(f)))):
        np.testing.assert_allclose(pg.jit(order)(x), expected, atol=1e-12)
    product = pg.jit(lambda x, v: pg.hvp(f, (x,), (v,))[0])
    np.testing.assert_allclose(product(x, np.ones(2)), expected @ np.ones(2), atol=1e-12)


@pytest.mark.parametrize("name", ["vector_norm", "hypot", "complex abs"])
def test_none_where_there_is_none(name: str) -> None:
    """A length itself has a gradient by convention, and no second derivative."""
    n = LENGTHS[name][0]
    for f in (n, lambda x: pg.sin(n(x)), lambda x: n(x) * (1 + n(x))):
        assert pg.grad(f)(np.zeros(2)).tolist() == [0, 0]
        assert float(pg.jvp(f, (np.zeros(2),), (np.ones(2),))[1]) == 0
        assert float(pg.jit(lambda x, f=f: pg.jvp(f, (x,), (x + 1,))[1])(np.zeros(2))) == 0
        assert float(pg.jvp(pg.jit(f), (np.zeros(2),), (np.ones(2),))[1]) == 0
        for mode, found in hessians(f, np.zeros(2)).items():
            if mode not in ("forward of forward", "jacfwd of jacfwd"):
                assert np.isnan(np.asarray(found, dtype=float)).all(), mode


def test_abs_on_either_side() -> None:
    """In one dimension the curvature is the same on both sides of a kink."""
    for f, curvature in ((pg.abs, 0.0), (lambda x: pg.abs(x) * (1 + pg.abs(x)), 2.0)):
        assert pg.grad(pg.grad(f))(0.0) == curvature
        assert pg.hessian(f)(0.0) == curvature
        assert pg.hvp(f, (0.0,), (1.0,)) == (curvature,)


def test_away_from_zero_and_in_part() -> None:
    x = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]])
    expected = np.zeros((3, 2, 3, 2))
    for i in range(3):
        expected[i, :, i] = 2 * EYE
    for f in (
        lambda x: pg.sum(L.vector_norm(x, axis=1) ** 2),
        lambda x: pg.sum(pg.hypot(x[:, 0], x[:, 1]) ** 2),
        lambda x: pg.sum(pg.abs(x[:, 0] + 1j * x[:, 1]) ** 2),
        lambda x: pg.sum(pg.vmap(lambda row: L.vector_norm(row) ** 2)(x)),
        pg.checkpoint(lambda x: pg.sum(L.vector_norm(x, axis=1) ** 2)),
    ):
        np.testing.assert_allclose(pg.hessian(f)(x), expected, atol=1e-14)
        np.testing.assert_allclose(pg.jacrev(pg.grad(f))(x), expected, atol=1e-14)
        v = np.arange(6.0).reshape(3, 2)
        np.testing.assert_allclose(pg.hvp(f, (x,), (v,))[0], 2 * v, atol=1e-14)


def test_one_operand_of_hypot() -> None:
    for f in (
        lambda x: pg.hypot(x, 0.0) * pg.hypot(0.0, x),
        lambda x: pg.hypot(x, np.zeros(())) ** 2,
    ):
        assert pg.grad(pg.grad(f))(0.0) == 2
        assert pg.hessian(f)(0.0) == 2
        assert pg.hvp(f, (0.0,), (3.0,)) == (6.0,)


def test_two_directions_at_once_are_not_confused() -> None:
    """One recording, pulled back twice within one derivative."""

    def f(x: Any) -> Any:
        _, pull = pg.vjp(lambda x: L.vector_norm(x) ** 2, x)
        one = np.ones(())
        return pull(one)[0][0] + pull(one)[0][1]

    found = np.asarray(pg.grad(f)(np.zeros(2)))
    assert np.isnan(found).all() or found.tolist() == [2, 2]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_other_precisions(dtype: str) -> None:
    x = np.zeros(3, dtype)
    for f in (lambda x: L.vector_norm(x) ** 2, lambda x: pg.sum(pg.hypot(x, x * 0) ** 2)):
        found = pg.hessian(f)(x)
        assert found.dtype == getattr(pg, dtype)
        np.testing.assert_array_equal(np.asarray(found, float), 2 * np.eye(3))
