"""PyTorch, eager, on the CPU."""

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.cases import LEARNING_RATE, Chain, Mlp

NAME = "torch eager"


def version() -> str:
    """The installed version."""
    return torch.__version__


def mlp(case: Mlp) -> Callable[[], Any]:
    """A training step."""
    weights = [torch.tensor(w, requires_grad=True) for w in case.weights()]
    x, labels = map(torch.tensor, case.data())

    def step() -> Any:
        h = x
        for i in range(0, len(weights) - 2, 2):
            h = torch.tanh(h @ weights[i] + weights[i + 1])
        loss = torch.nn.functional.cross_entropy(h @ weights[-2] + weights[-1], labels)
        grads = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, g in zip(weights, grads, strict=True):
                weight.sub_(g, alpha=LEARNING_RATE)
        return loss.detach()

    return step


def chain(case: Chain) -> Callable[[], Any]:
    """The gradient."""
    x = torch.tensor(case.data(), requires_grad=True)

    def gradient() -> Any:
        out = (torch.tanh(x) * torch.exp(-(x**2)) + torch.log1p(x**2)).sum()
        return torch.autograd.grad(out, x)[0]

    return gradient
