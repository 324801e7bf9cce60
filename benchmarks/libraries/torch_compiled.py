"""PyTorch through torch.compile, on the CPU: forward and backward compiled."""

import warnings
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.cases import Case
from benchmarks.libraries import torch_eager, torch_models
from benchmarks.libraries.torch_eager import version

__all__ = ["MISSING", "NAME", "prepare", "version"]
NAME = "torch.compile"
MISSING: dict[str, str] = {}
warnings.filterwarnings("ignore", category=FutureWarning, module="torch")  # of its own functions


def prepare(case: Case) -> Callable[[], Any]:
    """What to time."""
    return torch_eager.prepare(case, torch.compile(getattr(torch_models, case.kind)))
