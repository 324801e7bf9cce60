"""What a random program means: NumPy's functions, and loops and branches in plain Python.

It also notices where a program is no good as a test: where a result is not finite, or hangs on a
rounding error (a comparison of nearly equal numbers, a sort with ties, a kink).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

LARGEST = 1e4
MARGIN = 1e-3


class Unfit(Exception):
    """The program depends on rounding, or its numbers are too large to compare."""


def apart(*arrays: Any) -> None:
    """Raise Unfit where numbers are so close that rounding decides which is the larger."""
    if any(np.asarray(a).dtype.kind in "fc" for a in arrays):
        a, b = (np.asarray(x) for x in arrays)
        if np.any(np.abs(a - b * 1.0) < MARGIN):
            raise Unfit("nearly equal numbers are compared")


def distinct(x: Any, axis: Any = None) -> None:
    """Raise Unfit where floating-point numbers that are ordered nearly tie."""
    x = np.asarray(x)
    if x.dtype.kind != "f" or x.size < 2:
        return
    line = np.sort(x, axis=axis) if axis is not None else np.sort(x, axis=None)
    if np.any(np.diff(line, axis=-1 if axis is None else axis) < MARGIN):
        raise Unfit("nearly equal numbers are ordered")


def _compared(name: str) -> Callable[..., Any]:
    def function(a: Any, b: Any) -> Any:
        apart(a, b)
        return getattr(np, name)(a, b)

    return function


def _ordered(name: str) -> Callable[..., Any]:
    def function(x: Any, **options: Any) -> Any:
        distinct(x, options.get("axis"))
        return getattr(np, name)(x, **options)

    return function


def _rounded(name: str) -> Callable[..., Any]:
    def function(x: Any) -> Any:
        x = np.asarray(x)
        if x.dtype.kind == "f":
            apart(2 * x, np.round(2 * x))  # whole and half numbers
        return getattr(np, name)(x)

    return function


class Reference:
    """The namespace of a program when it is run to find out what is right."""

    def __init__(self) -> None:
        for name in ("less", "less_equal", "greater", "greater_equal", "maximum", "minimum"):
            setattr(self, name, _compared(name))
        for name in ("equal", "not_equal"):
            setattr(self, name, _compared(name))
        for name in ("max", "min", "sort", "argmax", "argmin", "argsort"):
            setattr(self, name, _ordered(name))
        for name in ("floor", "ceil", "round", "trunc"):
            setattr(self, name, _rounded(name))

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    @staticmethod
    def abs(x: Any) -> Any:
        """NumPy's, away from the kink."""
        x = np.asarray(x)
        if x.dtype.kind in "fc":
            apart(np.abs(x), 0.0)
        return np.abs(x)

    @staticmethod
    def sign(x: Any) -> Any:
        """NumPy's, away from the step."""
        apart(x, 0.0)
        return np.sign(x)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        """NumPy's, away from the kinks."""
        apart(x, low)
        apart(x, high)
        return np.clip(x, low, high)

    @staticmethod
    def astype(x: Any, dtype: Any) -> Any:
        """NumPy's; a number that becomes an integer is away from whole numbers."""
        x, kind = np.asarray(x), np.dtype(dtype).kind
        if x.dtype.kind == "f" and kind in "iub":
            apart(x, np.round(x))
            if kind == "u" and np.any(x < 0):
                raise Unfit("a negative number becomes unsigned")
        return x.astype(dtype)

    @staticmethod
    def fori_loop(lower: int, upper: int, body: Callable[..., Any], init: Any) -> Any:
        """The loop as Python runs it."""
        for i in range(lower, upper):
            init = body(i, init)
        return init

    @staticmethod
    def while_loop(test: Callable[..., Any], body: Callable[..., Any], init: Any) -> Any:
        """The loop as Python runs it."""
        while test(init):
            init = body(init)
        return init

    @staticmethod
    def scan(f: Callable[..., Any], init: Any, xs: Any) -> Any:
        """The loop as Python runs it."""
        ys = []
        for x in xs:
            init, y = f(init, x)
            ys.append(y)
        return init, np.stack(ys)

    @staticmethod
    def cond(pred: Any, true_fun: Any, false_fun: Any, *operands: Any) -> Any:
        """The branch as Python takes it."""
        return true_fun(*operands) if pred else false_fun(*operands)


def check_result(value: Any) -> None:
    """Raise Unfit for what cannot be compared."""
    value = np.asarray(value)
    if value.dtype.kind in "fc" and value.size:
        if not np.all(np.isfinite(value)):
            raise Unfit("not finite")
        if np.max(np.abs(value)) > LARGEST:
            raise Unfit("too large")
    elif value.dtype.kind in "iu" and value.size and np.max(np.abs(value.astype("f8"))) > LARGEST:
        raise Unfit("too large")
