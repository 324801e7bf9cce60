"""polygrad, eager, on NumPy arrays."""

from collections.abc import Callable
from typing import Any

import polygrad as pg
from benchmarks.cases import LEARNING_RATE, Chain, Mlp

NAME = "polygrad eager"


def version() -> str:
    """The installed version."""
    return pg.__version__


def mlp(case: Mlp) -> Callable[[], Any]:
    """A training step."""
    weights, (x, labels) = case.weights(), case.data()

    def loss(weights: Any, x: Any) -> Any:
        *pairs, w, b = weights
        for i in range(0, len(pairs), 2):
            x = pg.tanh(x @ pairs[i] + pairs[i + 1])
        return pg.mean(pg.nn.softmax_cross_entropy(x @ w + b, labels))

    value_and_grad = pg.value_and_grad(loss)

    def step() -> Any:
        value, grads = value_and_grad(weights, x)
        for weight, g in zip(weights, grads, strict=True):
            g *= LEARNING_RATE
            weight -= g
        return value

    return step


def chain(case: Chain) -> Callable[[], Any]:
    """The gradient."""
    x = case.data()
    gradient = pg.grad(
        lambda x: pg.sum(pg.tanh(x) * pg.exp(-(x**2)) + pg.log1p(x**2)),
    )
    return lambda: gradient(x)
