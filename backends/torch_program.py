"""Compiled programs on PyTorch: a graph of its own operators, which torch.compile takes."""

from collections.abc import Callable
from typing import Any

import torch
from torch.fx.experimental.proxy_tensor import make_fx

from polygrad import locks

LANGUAGE = "library"
NUMBERS = False


def array(number: Any) -> Any:
    """A number as a tensor; PyTorch would compile for its value."""
    return torch.tensor(number, dtype=_TYPES[type(number)])


_TYPES = {
    bool: torch.bool, int: torch.int64, float: torch.float64, complex: torch.complex128
}  # fmt: skip


def compile_program(program: Callable[..., Any]) -> Callable[..., Any]:
    """The program by torch.compile, at its first call.

    It is run once on tensors without data, so that what PyTorch compiles is a list of its
    operators, and not the code that called them.
    """
    lock = locks.new()
    compiled: list[Any] = []

    def run(*tensors: Any) -> Any:
        with lock:
            if not compiled:
                # One object for two arguments would be one argument for good.
                apart = [torch.empty_like(x, requires_grad=x.requires_grad) for x in tensors]
                operators = make_fx(program, tracing_mode="fake")(*apart)
                compiled.append(torch.compile(operators, fullgraph=True, dynamic=False))
        return compiled[0](*tensors)

    return run
