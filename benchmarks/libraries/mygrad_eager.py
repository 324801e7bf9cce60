"""MyGrad."""

from collections.abc import Callable
from typing import Any

import mygrad as mg
from mygrad.nnet import softmax_crossentropy

from benchmarks.cases import LEARNING_RATE, Chain, Mlp

NAME = "MyGrad"


def version() -> str:
    """The installed version."""
    return mg.__version__


def mlp(case: Mlp) -> Callable[[], Any]:
    """A training step."""
    weights = [mg.tensor(w) for w in case.weights()]
    x, labels = case.data()

    def step() -> Any:
        h = x
        for i in range(0, len(weights) - 2, 2):
            h = mg.tanh(mg.matmul(h, weights[i]) + weights[i + 1])
        loss = softmax_crossentropy(mg.matmul(h, weights[-2]) + weights[-1], labels)
        loss.backward()
        for weight in weights:
            weight.data -= LEARNING_RATE * weight.grad
        return loss.data

    return step


def chain(case: Chain) -> Callable[[], Any]:
    """The gradient."""
    x = mg.tensor(case.data())

    def gradient() -> Any:
        mg.sum(mg.tanh(x) * mg.exp(-(x**2)) + mg.log1p(x**2)).backward()
        return x.grad

    return gradient
