"""polygrad, compiled to a program over NumPy alone."""

import os
from collections.abc import Callable
from typing import Any

import polygrad as pg
from benchmarks.cases import LEARNING_RATE, Chain, Mlp

NAME = "polygrad jit"
os.environ.setdefault("POLYGRAD_NATIVE", "0")  # see polygrad_native.py


def version() -> str:
    """The installed version."""
    return pg.__version__


def mlp(case: Mlp) -> Callable[[], Any]:
    """A training step; the weights are given away, so that it updates them in place."""
    weights, (x, labels) = case.weights(), case.data()

    def loss(weights: Any, x: Any, labels: Any) -> Any:
        *pairs, w, b = weights
        for i in range(0, len(pairs), 2):
            x = pg.tanh(x @ pairs[i] + pairs[i + 1])
        return pg.mean(pg.nn.softmax_cross_entropy(x @ w + b, labels))

    def update(weights: Any, x: Any, labels: Any) -> Any:
        value, grads = pg.value_and_grad(loss)(weights, x, labels)
        pairs = zip(weights, grads, strict=True)
        return value, [weight - LEARNING_RATE * g for weight, g in pairs]

    compiled = pg.jit(update, donate_argnums=0)
    _settle(compiled, case.weights(), x, labels)

    def step() -> Any:
        nonlocal weights
        value, weights = compiled(weights, x, labels)
        return value

    return step


def _settle(compiled: Any, *args: Any) -> None:
    """Compile, and wait for native code where there is any."""
    for _ in range(3):
        compiled(*args)
    native = compiled.lower(*args).native
    if native is not None:
        native.wait()


def chain(case: Chain) -> Callable[[], Any]:
    """The gradient."""
    x = case.data()
    gradient = pg.jit(
        pg.grad(lambda x: pg.sum(pg.tanh(x) * pg.exp(-(x**2)) + pg.log1p(x**2))),
    )
    _settle(gradient, x)
    return lambda: gradient(x)
