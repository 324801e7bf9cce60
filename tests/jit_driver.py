"""What the tests of compiled functions under transforms share."""

import itertools
from typing import Any

import numpy as np
import pytest

import polygrad as pg
from polygrad.compile.function import Function

X = np.asarray([0.3, 0.5, -0.2])
Y = np.asarray([1.0, 2.0, 0.4])
ROWS = np.stack([X, 2.0 * X, -Y])


def equal(got: Any, expected: Any, rtol: float = 1e-9) -> None:
    """The same arrays of the same kinds."""
    left, right = pg.tree.leaves(got), pg.tree.leaves(expected)
    for a, b in zip(left, right, strict=True):
        assert type(a) is type(b)
        if isinstance(a, str):
            assert a == b
            continue
        assert getattr(a, "dtype", None) == getattr(b, "dtype", None)
        a, b = (pg.to_numpy(x) if pg.is_array(x) else x for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-11)


class Counted:
    """A function that counts how often its body runs."""

    def __init__(self, f: Any) -> None:
        self.f, self.runs = f, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.runs += 1
        return self.f(*args, **kwargs)


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Function]:
    """The compiled functions that ran, in order."""
    found: list[Function] = []
    real = Function.run

    def run(self: Function, operands: Any) -> Any:
        found.append(self)
        return real(self, operands)

    monkeypatch.setattr(Function, "run", run)
    return found


def inner(x: Any, y: Any) -> Any:
    return pg.sum(pg.tanh(x * y) ** 2) + pg.sum(pg.exp(x[..., :1]) * y)


def wavy(x: Any) -> Any:
    return pg.sum(pg.tanh(x) * pg.exp(-x * x) + pg.log1p(x * x))


def mlp(w: Any, x: Any, labels: Any) -> Any:
    h = x
    for i in range(0, len(w) - 2, 2):
        h = pg.tanh(h @ w[i] + w[i + 1])
    return pg.mean(pg.nn.softmax_cross_entropy(h @ w[-2] + w[-1], labels))


def data(dtype: str = "float64") -> Any:
    rng = np.random.default_rng(0)
    sizes = (6, 8, 8, 3)
    w = []
    for n, m in itertools.pairwise(sizes):
        w += [rng.normal(size=(n, m)).astype(dtype) * 0.5, rng.normal(size=m).astype(dtype)]
    return w, rng.normal(size=(5, 6)).astype(dtype), rng.integers(0, 3, 5)
