"""PyTorch through torch.compile, on the CPU."""

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.cases import LEARNING_RATE, Chain, Mlp

NAME = "torch.compile"


def version() -> str:
    """The installed version."""
    return torch.__version__


def mlp(case: Mlp) -> Callable[[], Any]:
    """A training step, forward and backward compiled."""
    weights = [torch.tensor(w, requires_grad=True) for w in case.weights()]
    x, labels = map(torch.tensor, case.data())

    @torch.compile
    def loss(weights: Any, x: Any, labels: Any) -> Any:
        h = x
        for i in range(0, len(weights) - 2, 2):
            h = torch.tanh(h @ weights[i] + weights[i + 1])
        return torch.nn.functional.cross_entropy(h @ weights[-2] + weights[-1], labels)

    def step() -> Any:
        value = loss(weights, x, labels)
        grads = torch.autograd.grad(value, weights)
        with torch.no_grad():
            for weight, g in zip(weights, grads, strict=True):
                weight.sub_(g, alpha=LEARNING_RATE)
        return value.detach()

    return step


def chain(case: Chain) -> Callable[[], Any]:
    """The gradient, forward and backward compiled."""
    x = torch.tensor(case.data(), requires_grad=True)

    @torch.compile
    def value(x: Any) -> Any:
        return (torch.tanh(x) * torch.exp(-(x**2)) + torch.log1p(x**2)).sum()

    return lambda: torch.autograd.grad(value(x), x)[0]
