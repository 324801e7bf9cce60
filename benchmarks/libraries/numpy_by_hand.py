"""A backward pass written by hand in NumPy, with updates in place: the mark to reach."""

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import LEARNING_RATE, Case
from benchmarks.libraries import numpy_models

NAME = "NumPy by hand"
MISSING: dict[str, str] = {}


def version() -> str:
    """The installed version."""
    return np.__version__


def prepare(case: Case) -> Callable[[], Any]:
    """What to time."""
    value_and_grad = getattr(numpy_models, case.kind)
    arguments, data = case.arguments(), case.data()
    if case.wants == "gradient":
        return lambda: value_and_grad(arguments, *data)[1]

    def both() -> Any:
        value, grads = value_and_grad(arguments, *data)
        return [value, *grads]

    def step() -> Any:
        value, grads = value_and_grad(arguments, *data)
        for argument, g in zip(arguments, grads, strict=True):
            g *= LEARNING_RATE
            argument -= g
        return [value, *arguments]

    return step if case.wants == "step" else both
