"""polygrad, compiled to a program over NumPy alone."""

import os
from collections.abc import Callable
from typing import Any

import polygrad as pg
from benchmarks.cases import LEARNING_RATE, Case
from benchmarks.libraries import polygrad_models

NAME = "polygrad jit"
MISSING: dict[str, str] = {}
os.environ.setdefault("POLYGRAD_NATIVE", "0")  # see polygrad_native.py


def version() -> str:
    """The installed version."""
    return pg.__version__


def compiled(case: Case) -> Any:
    """The compiled function of the arguments and the data; a step is given its arguments."""
    model = getattr(polygrad_models, case.kind)
    if case.wants == "gradient":
        return pg.jit(pg.grad(model))

    def both(arguments: Any, *data: Any) -> Any:
        value, grads = pg.value_and_grad(model)(arguments, *data)
        return [value, *grads]

    def step(arguments: Any, *data: Any) -> Any:
        value, grads = pg.value_and_grad(model)(arguments, *data)
        pairs = zip(arguments, grads, strict=True)
        return [value, *(a - LEARNING_RATE * g for a, g in pairs)]

    return pg.jit(step, donate_argnums=0) if case.wants == "step" else pg.jit(both)


def prepare(case: Case) -> Callable[[], Any]:
    """What to time, with native code in use where there is any."""
    function = compiled(case)
    arguments, data = case.arguments(), case.data()
    native = function.lower(arguments, *data).native
    if native is not None:
        native.wait()
    if case.wants != "step":
        return lambda: function(arguments, *data)

    def step() -> Any:
        nonlocal arguments
        out = function(arguments, *data)
        arguments = out[1:]
        return out

    return step
