"""polygrad, eager, on NumPy arrays."""

from collections.abc import Callable
from typing import Any

import polygrad as pg
from benchmarks.cases import LEARNING_RATE, Case
from benchmarks.libraries import polygrad_models

NAME = "polygrad eager"
MISSING: dict[str, str] = {}


def version() -> str:
    """The installed version."""
    return pg.__version__


def prepare(case: Case) -> Callable[[], Any]:
    """What to time."""
    model = getattr(polygrad_models, case.kind)
    arguments, data = case.arguments(), case.data()
    if case.wants == "gradient":
        gradient = pg.grad(model)
        return lambda: gradient(arguments, *data)
    value_and_grad = pg.value_and_grad(model)

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
