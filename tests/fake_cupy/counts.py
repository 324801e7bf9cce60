"""Kernels and host reads of eager ops on the stand-in; run by tests/test_cupy_logic.py."""

import cupy
import numpy as np
import pytest
from cupy._core import counted

import polygrad as pg
from polygrad.core.op import OPS

UNARY = [
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "exp", "expm1",
    "floor", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "logical_not",
    "negative", "positive", "reciprocal", "round", "sign", "signbit", "sin", "sinh", "sqrt",
    "square", "tan", "tanh", "trunc", "stop_gradient",
]  # fmt: skip
BINARY = [
    "add", "atan2", "copysign", "divide", "equal", "floor_divide", "greater", "greater_equal",
    "hypot", "less", "less_equal", "logaddexp", "logical_and", "logical_or", "logical_xor",
    "maximum", "minimum", "multiply", "nextafter", "not_equal", "pow", "remainder", "subtract",
]  # fmt: skip
SEVERAL = {"reciprocal": 2, "floor_divide": 7}
"""Kernels of those that have no function of CuPy to themselves."""


def counts(f, *args):
    counted.update(launches=0, reads=0)
    f(*args)
    return dict(counted)


@pytest.fixture
def x():
    return pg.asarray(np.array([[0.5, 0.25], [2.0, 0.75]]), device="cuda:0")


@pytest.mark.parametrize("name", UNARY + BINARY)
def test_an_elementwise_op_is_one_kernel_and_reads_nothing(name, x):
    f, others = getattr(pg, name), [()] if name in UNARY else [(x,), (0.5,)]
    for args in others:
        found = counts(f, x, *args)
        assert found["reads"] == 0
        assert found["launches"] <= SEVERAL.get(name, 1), found


@pytest.mark.parametrize(
    ("call", "launches"),
    [
        (lambda x: pg.clip(x, 0.0, 1.0), 1),
        (lambda x: pg.clip(x, x - x, 1.0), 3),
        (lambda x: pg.clip(x, 0.0), 1),
        (lambda x: pg.clip(x, max=1.0), 1),
        (lambda x: pg.clip(x), 1),
        (lambda x: pg.where(x > 0.3, x, 0.0), 2),
        (lambda x: pg.sum(x, axis=0), 1),
        (lambda x: pg.max(x), 1),
        (lambda x: pg.mean(x), 2),
        (lambda x: pg.astype(x, pg.float32), 1),
        (lambda x: x @ x, 1),
        (lambda x: pg.concat([x, x]), 1),
        (lambda x: pg.softmax(x, axis=-1), 8),
        (lambda x: pg.logsumexp(x, axis=-1), 30),
        (lambda x: pg.std(x), 9),
        (lambda x: pg.tril(x), 3),
        (lambda x: x[::-1, 0], 0),
        (lambda x: pg.reshape(x, (4,)), 1),
    ],
)
def test_kernels_of_other_ops(call, launches, x):
    found = counts(call, x)
    assert found["reads"] == 0
    assert found["launches"] <= launches, found


@pytest.mark.parametrize(
    "f",
    [
        lambda x: pg.sum(pg.clip(x, 0.0, 1.0) ** 2),
        lambda x: pg.sum(pg.tanh(x) / (1.0 + pg.abs(x))),
        lambda x: pg.logsumexp(pg.where(x > 0.3, x, -1.0)),
        lambda x: pg.sum(pg.maximum(x, 0.5) + pg.sqrt(x)),
        lambda x: pg.mean(pg.softmax(x @ x, axis=-1)[:, 0]),
        lambda x: pg.max(x) + pg.std(x),
    ],
)
def test_gradients_read_nothing(f, x):
    assert counts(pg.value_and_grad(f), x)["reads"] == 0
    assert counts(lambda x: pg.jvp(f, (x,), (x,)), x)["reads"] == 0


@pytest.mark.parametrize(
    ("low", "high"), [(0.3, 1.0), (1.0, 0.3), (np.nan, 1.0), (0.3, np.inf), (0, 1)]
)
def test_clip_is_that_of_numpy(low, high, x):
    host = np.append(pg.to_numpy(x), np.nan)
    got = pg.clip(pg.asarray(host, device="cuda:0"), low, high)
    np.testing.assert_array_equal(pg.to_numpy(got), pg.clip(host, low, high))
    again = x.device.backend.xp.clip(pg.asarray(host, device="cuda:0")._value, low, high)
    np.testing.assert_array_equal(again.host, pg.clip(host, low, high))


def test_reads_are_counted(x):
    for call in (float, bool, int, lambda v: v.item(), pg.to_numpy):
        assert counts(call, pg.sum(x))["reads"] == 1
    assert counts(lambda x: x[x > 0.3], x)["reads"] == 1
    assert type(x._value) is cupy.ndarray
    assert len(OPS) > 100
