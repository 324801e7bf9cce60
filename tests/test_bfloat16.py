"""bfloat16 on NumPy by the package ml_dtypes, and on PyTorch and JAX."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.errors import DTypeError

ml_dtypes = pytest.importorskip("ml_dtypes")
BF = np.dtype(ml_dtypes.bfloat16)
X = np.array([[1.0, 2.0, -0.5], [0.25, -3.0, 1.5]], dtype=BF)

FUNCTIONS = {
    "elementwise": lambda x: pg.tanh(x) * pg.exp(-x) + x / x,
    "power": lambda x: (x * x + x * x) ** pg.abs(x),
    "matmul": lambda x: pg.matmul(x, pg.matrix_transpose(x)),
    "einsum": lambda x: pg.einsum("ij,kj->ik", x, x),
    "sum": lambda x: pg.sum(x, axis=0),
    "mean": lambda x: pg.mean(x * x),
    "softmax": lambda x: pg.softmax(x, axis=1),
    "logsumexp": lambda x: pg.logsumexp(x),
    "max": lambda x: pg.max(x, axis=1),
    "where": lambda x: pg.where(x > 0, x * x, 0.0),
    "clip": lambda x: pg.clip(x, -1.0, 1.25),
    "index": lambda x: x[:, pg.asarray([0, 0, 2], device=pg.asarray(x).device)] * x[:, 1:2],
    "sort": lambda x: pg.sort(x, axis=1) * x,
    "concat": lambda x: pg.concat([x, x * x]),
    "at": lambda x: pg.at(x)[0].add(x[1]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name: str) -> None:
    """To bfloat16's eight digits what double precision gives; the data type stays."""
    f, wide = FUNCTIONS[name], pg.asarray(X.astype(np.float64))
    g = pg.grad(lambda x: pg.sum(f(x)))
    x = pg.asarray(X)
    for run in (f, pg.jit(f), g, pg.jit(g)):
        found = run(x)
        assert found.dtype == pg.bfloat16
        narrow = pg.to_numpy(found).astype(np.float64)
        np.testing.assert_allclose(narrow, pg.to_numpy(run(wide)), rtol=0.04, atol=0.06)


def test_a_python_number_beside_it_has_one_answer_everywhere() -> None:
    """Single precision, as ml_dtypes has it; the gradient is bfloat16 again."""
    f = lambda x: x * 2.5 + 1
    assert f(X).dtype == f(pg.asarray(X)).dtype == pg.jit(f)(X).dtype == pg.float32
    assert pg.grad(lambda x: pg.sum(f(x)))(X).dtype == BF
    assert pg.jit(pg.grad(lambda x: pg.sum(f(x))))(X).dtype == BF


def test_types() -> None:
    assert pg.isdtype(X.dtype, "real floating")
    for kind in (pg.bfloat16, X.dtype, X, pg.asarray(X)):
        limits = pg.finfo(kind)
        assert (limits.eps, limits.bits) == (2.0**-7, 16)
        assert limits.dtype == pg.bfloat16
    assert pg.result_type(pg.bfloat16, pg.float32) == pg.float32
    assert pg.result_type(X, 1.0) == pg.bfloat16
    assert pg.can_cast(pg.bfloat16, pg.float32)
    made = pg.astype(pg.asarray([1.0, 2.5]), pg.bfloat16)
    assert (made.dtype, made.tolist()) == (pg.bfloat16, [1.0, 2.5])
    for one in (pg.zeros(2, dtype="bfloat16"), pg.linspace(0, 1, 3, dtype=pg.bfloat16)):
        assert one.dtype == pg.bfloat16
    f = lambda v: pg.sum(pg.astype(v, pg.bfloat16) ** 2)
    assert pg.grad(f)(np.array([1.0, 2.0], np.float32)).dtype == np.float32


def test_files(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    path = tmp_path / "weights.safetensors"
    model = {"a": X, "b": np.arange(3), "c": pg.asarray(X)[0]}
    pg.io.save(path, model)
    back = pg.io.load(path, model)
    assert back["a"].dtype == BF
    np.testing.assert_array_equal(back["a"], X)
    np.testing.assert_array_equal(back["b"], np.arange(3))
    assert back["c"].dtype == pg.bfloat16


def test_eight_bits_are_refused_by_name() -> None:
    x = np.array([1.0, 2.0], dtype=ml_dtypes.float8_e4m3fn)
    for use in (pg.asarray, pg.grad(lambda v: pg.sum(v)), pg.jit(lambda v: v)):
        with pytest.raises(DTypeError, match="float8_e4m3fn"):
            use(x)


def test_without_the_package_the_remedy_is_named() -> None:
    code = (
        "import sys; sys.modules['ml_dtypes'] = None\n"
        "import polygrad as pg\n"
        "try: pg.zeros(2, dtype=pg.bfloat16)\n"
        "except pg.errors.BackendError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install ml_dtypes" in done.stdout


@pytest.mark.backends
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_other_libraries(name: str) -> None:
    pytest.importorskip(name)
    x: Any = pg.astype(pg.asarray(X.astype(np.float32), device=name), pg.bfloat16)
    for word in ("elementwise", "matmul", "softmax", "where", "index"):
        g = pg.grad(lambda x, f=FUNCTIONS[word]: pg.sum(f(x)))
        found = g(x)
        assert found.dtype == pg.bfloat16
        wide = pg.to_numpy(pg.astype(found, pg.float32))
        np.testing.assert_allclose(wide, g(X.astype(np.float64)), rtol=0.04, atol=0.06)
