"""HIPS/autograd."""

from collections.abc import Callable
from importlib.metadata import version as installed
from typing import Any

import autograd
import autograd.numpy as anp
from autograd.scipy.special import logsumexp

from benchmarks.cases import LEARNING_RATE, Chain, Mlp

NAME = "autograd"


def version() -> str:
    """The installed version."""
    return installed("autograd")


def mlp(case: Mlp) -> Callable[[], Any]:
    """A training step."""
    weights, (x, labels) = case.weights(), case.data()
    rows = anp.arange(case.batch)

    def loss(weights: Any) -> Any:
        h = x
        for i in range(0, len(weights) - 2, 2):
            h = anp.tanh(anp.dot(h, weights[i]) + weights[i + 1])
        logits = anp.dot(h, weights[-2]) + weights[-1]
        return anp.mean(logsumexp(logits, axis=1) - logits[rows, labels])

    value_and_grad = autograd.value_and_grad(loss)

    def step() -> Any:
        value, grads = value_and_grad(weights)
        for weight, g in zip(weights, grads, strict=True):
            weight -= LEARNING_RATE * g
        return value

    return step


def chain(case: Chain) -> Callable[[], Any]:
    """The gradient."""
    x = case.data()
    gradient = autograd.grad(
        lambda x: anp.sum(anp.tanh(x) * anp.exp(-(x**2)) + anp.log1p(x**2)),
    )
    return lambda: gradient(x)
