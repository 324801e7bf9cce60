"""PyTorch, eager, on the CPU."""

from collections.abc import Callable
from typing import Any

import torch

from benchmarks.cases import LEARNING_RATE, Case
from benchmarks.libraries import torch_models

NAME = "torch eager"
MISSING: dict[str, str] = {}


def version() -> str:
    """The installed version."""
    return torch.__version__


def prepare(case: Case, model: Any = None) -> Callable[[], Any]:
    """What to time; ``model`` stands for the function of the case where it is given."""
    model = model or getattr(torch_models, case.kind)
    arguments, data = torch_models.tensors(case)

    def gradient() -> Any:
        return torch.autograd.grad(model(arguments, *data), arguments)

    def both() -> Any:
        value = model(arguments, *data)
        return [value.detach(), *torch.autograd.grad(value, arguments)]

    def step() -> Any:
        value = model(arguments, *data)
        grads = torch.autograd.grad(value, arguments)
        with torch.no_grad():
            for argument, g in zip(arguments, grads, strict=True):
                argument.sub_(g, alpha=LEARNING_RATE)
        return [value.detach(), *torch_models.arrays(case, arguments)]

    return {"gradient": gradient, "value and gradient": both, "step": step}[case.wants]
