"""Half precision, large integers and long sums: totals are kept in a wider type."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import polygrad as pg

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def rows(value: float) -> Callable[[], np.ndarray]:
    return lambda: np.full((2, 70_000), value, np.float16)


# Each of functions whose totals or squares leave half precision, while the answer does not.
FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[[], Any]]] = {
    "sum": (lambda x: pg.sum(x, axis=-1), rows(0.3)),
    "sum over rows": (lambda x: pg.sum(x, axis=0), lambda: np.ones((5000, 3), np.float16)),
    "product": (lambda x: pg.prod(x), lambda: np.array([300, 300, 0.1, 0.1], np.float16)),
    "running sum": (
        lambda x: pg.cumulative_sum(x, axis=0)[-1],
        lambda: np.ones((5000, 2), np.float16),
    ),
    "running product": (
        lambda x: pg.cumulative_prod(x)[-1],
        lambda: np.array([300, 300, 0.1, 0.1], np.float16),
    ),
    "mean": (lambda x: pg.mean(x), rows(1.0)),
    "mean of rows": (lambda x: pg.mean(x, axis=-1), rows(3.0)),
    "var": (lambda x: pg.var(x), lambda: np.tile(np.array([200, -200], np.float16), 2000)),
    "std": (lambda x: pg.std(x), lambda: np.tile(np.array([300, -300], np.float16), 2000)),
    "nanmean": (lambda x: pg.nanmean(x), rows(2.0)),
    "nanvar": (lambda x: pg.nanvar(x), lambda: np.tile(np.array([200, -200], np.float16), 2000)),
    "nanstd": (lambda x: pg.nanstd(x), lambda: np.tile(np.array([300, -300], np.float16), 2000)),
    "logsumexp": (lambda x: pg.logsumexp(x, axis=-1), rows(1.0)),
    "weighted": (
        lambda x: pg.special.logsumexp(x, axis=-1, b=pg.ones_like(x)),
        rows(1.0),
    ),
    "softmax": (lambda x: 1000 * pg.softmax(x)[0, :2], rows(1.0)),
    "log_softmax": (lambda x: pg.log_softmax(x)[0, :2], rows(1.0)),
    "vector_norm": (lambda x: pg.linalg.vector_norm(x), rows(1.0)),
    "3-norm": (lambda x: pg.linalg.vector_norm(x, ord=3), rows(1.0)),
    "matrix_norm": (lambda x: pg.linalg.matrix_norm(x), rows(1.0)),
    "nuclear norm": (
        lambda x: pg.linalg.matrix_norm(x, ord="nuc"),
        lambda: np.array([[200, 50], [100, 300]], np.float16),
    ),
    "mse": (lambda x: pg.nn.mse(x, pg.zeros_like(x)), rows(200.0)),
    "cross-entropy": (
        lambda x: pg.nn.softmax_cross_entropy(x, pg.astype(x[:, 0] * 0, pg.int32)),
        rows(1.0),
    ),
}  # fmt: skip


def check(name: str, run: Callable[..., Any], convert: Callable[..., Any] = np.asarray) -> None:
    f, make = FUNCTIONS[name]
    x = make()
    expected = pg.to_numpy(f(pg.asarray(x.astype(np.float64))))
    got = run(f)(convert(x))
    assert str(got.dtype).endswith("float16")
    np.testing.assert_allclose(pg.to_numpy(got), expected, rtol=2e-3)
    loss = lambda x: pg.sum(f(x))
    slope = pg.to_numpy(pg.grad(loss)(pg.asarray(x.astype(np.float64))))
    found = pg.to_numpy(run(pg.grad(loss))(convert(x)))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, slope, rtol=3e-3, atol=6e-8)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("run", [lambda f: f, pg.jit], ids=["eager", "jit"])
def test_totals_are_kept_in_single_precision(name: str, run: Callable[..., Any]) -> None:
    check(name, run)


@pytest.mark.backends
@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("name", ["sum over rows", "running sum", "mean", "std", "logsumexp",
                                  "log_softmax", "vector_norm", "mse", "cross-entropy"])  # fmt: skip # noqa: E501
def test_on_other_libraries(backend: str, name: str) -> None:
    place = pg.device(f"{backend}:cpu")
    check(name, lambda f: f, lambda x: pg.asarray(x, device=place))


def test_rules_add_up_in_single_precision() -> None:
    x = np.ones((5000, 2), np.float16)
    bias = pg.grad(lambda b: pg.sum(pg.asarray(x) + b) / 2)(np.zeros(2, np.float16))
    assert pg.to_numpy(bias).tolist() == [2500, 2500]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int8])
@pytest.mark.parametrize("where", ["pg", "numpy"])
def test_means_of_integers(dtype: Any, where: str) -> None:
    top = np.iinfo(dtype).max
    x = np.array([top, top, top - 2, top // 2], dtype)
    tracked = pg.asarray(x)
    names = ["mean", "var", "std", "nanmean", "nanvar", "nanstd"]
    for name in names if where == "pg" else [*names, "average"]:
        expected = getattr(np, name)(x.astype(np.float64))
        for f in (lambda x, n=name: getattr(pg if where == "pg" else np, n)(x),):
            for got in (f(tracked), pg.jit(f)(x)):
                assert str(got.dtype).endswith("float64")
                assert float(got) == pytest.approx(expected, rel=1e-12), name
    weights = pg.asarray(np.array([1, 2, 3, 4], dtype))
    assert float(np.average(tracked, weights=weights)) == pytest.approx(
        np.average(x.astype(float), weights=[1, 2, 3, 4])
    )


@pytest.mark.parametrize("shape", ["equal", "uniform", "alternating"])
@pytest.mark.parametrize("length", [100_000, pytest.param(10_000_000, marks=pytest.mark.slow)])
def test_long_sums(shape: str, length: int) -> None:
    x = np.full(length, 0.1, np.float32)
    if shape == "uniform":
        x = np.random.default_rng(0).random(length, np.float32)
    elif shape == "alternating":
        x[1::2] = -0.05
    whole = math.fsum(x)
    square = math.fsum(x.astype(np.float64) ** 2)
    mean = whole / length
    spread = square / length - mean**2
    functions = (
        (pg.sum, whole, 3e-7),
        (pg.mean, mean, 3e-7),
        (pg.linalg.vector_norm, math.sqrt(square), 2e-6),
        *([(pg.var, spread, 3e-6)] if shape != "equal" else []),
    )
    for function, expected, rtol in functions:
        for run in (function, pg.jit(function)):
            for _ in range(2):
                assert float(run(x)) == pytest.approx(expected, rel=rtol), function


@pytest.mark.parametrize("name", ["sum", "mean", "var"])
def test_sums_of_many_rows(name: str) -> None:
    x = np.full((1_000_000, 2), 0.1, np.float32)
    x[::2] = 0.3
    expected = getattr(np, name)(x.astype(np.float64), axis=0)
    f = lambda x: getattr(pg, name)(x, axis=0)
    for run in (f, pg.jit(f)):
        got = run(x)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=2e-6)
