"""A backward pass written by hand in NumPy, with updates in place: the mark to reach."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import LEARNING_RATE, Chain, Mlp

NAME = "NumPy by hand"


def version() -> str:
    """The installed version."""
    return np.__version__


def mlp(case: Mlp) -> Callable[[], Any]:
    """A training step."""
    weights, (x, labels) = case.weights(), case.data()
    rows = np.arange(case.batch)
    last = len(weights) // 2 - 1

    def step() -> Any:
        h, kept = x, []
        for i in range(last + 1):
            kept.append(h)
            h = h @ weights[2 * i]
            h += weights[2 * i + 1]
            if i < last:
                np.tanh(h, out=h)
        h -= h.max(axis=1, keepdims=True)
        e = np.exp(h)
        total = e.sum(axis=1, keepdims=True)
        loss = np.mean(np.log(total[:, 0]) - h[rows, labels])
        g = e
        g /= total
        g[rows, labels] -= 1
        g /= case.batch
        for i in range(last, -1, -1):
            weight, bias, h = weights[2 * i], weights[2 * i + 1], kept[i]
            by_weight, by_bias = h.T @ g, g.sum(axis=0)
            if i:
                g = g @ weight.T
                h *= h
                np.subtract(1, h, out=h)
                g *= h
            by_weight *= LEARNING_RATE
            weight -= by_weight
            by_bias *= LEARNING_RATE
            bias -= by_bias
        return loss

    return step


def chain(case: Chain) -> Callable[[], Any]:
    """The gradient in plain NumPy expressions."""
    x = case.data()

    def gradient() -> Any:
        t, e = np.tanh(x), np.exp(-(x**2))
        return (1 - t**2) * e + t * e * (-2 * x) + 2 * x / (1 + x**2)

    return gradient
