"""Functions of SciPy and scikit-learn on tracked arrays: the table of tests and of a page.

Each case is called with plain NumPy arrays and with tracked ones. `Const` marks arrays that no
derivative is asked for. A case with a ``reason`` does not differentiate, and raises an error.
"""

import os

os.environ["SCIPY_ARRAY_API"] = "1"  # SciPy reads it once, when it is imported

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Const:
    """An argument that is an array, but no derivative by it is asked for."""

    value: Any


@dataclass(frozen=True)
class Case:
    """One function: how it is called, and why not where it cannot work."""

    library: str
    name: str
    call: Callable[..., Any]
    args: tuple[Any, ...]
    reason: str | None = None
    variant: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.variant}".strip()


CASES: list[Case] = []


def case(name: str, call: Callable[..., Any], *args: Any, reason: str | None = None, variant: str = "") -> None:  # fmt: skip # noqa: E501
    """Enter a case."""
    library = "scikit-learn" if name.startswith("sklearn") else "SciPy"
    CASES.append(Case(library, name, call, args, reason, variant))


rng = np.random.default_rng(7)
V = np.array([0.7, -1.3, 2.1, 0.4, -0.6, 1.5, -0.2, 0.95])
W = np.array([1.1, 0.3, -0.8, 1.9, 0.5, -1.2, 0.15, -0.4])
POS = np.array([0.7, 1.3, 2.1, 0.4, 0.6, 1.5, 0.25, 0.95])
M = rng.normal(size=(6, 3))
N = rng.normal(size=(6, 3))
S = rng.normal(size=(3, 3)) + 3 * np.eye(3)
UNIT = np.array([0.1, 0.3, 0.5, 0.7, 0.88])
GRID = np.linspace(0.0, 2.0, 9)
QUAT = np.array([[0.2, 0.5, -0.3, 0.9], [0.7, -0.1, 0.4, 0.3]])
VEC = np.array([[0.3, -0.2, 0.5], [1.0, 0.4, -0.7]])

COMPILED = "computes in compiled code on NumPy arrays"
FLOAT = "returns a Python float: float(x) of a tracked array would lose the gradient"
