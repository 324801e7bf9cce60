"""NumPy's methods of arrays: the functions of the table with the array in front."""

from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.array import Array
from polygrad.core.views import rebind
from polygrad.numpy_functions.table import FUNCTIONS, call

# ndarray's methods that are functions of the same name.
_NAMES = [
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "choose", "clip", "compress",
    "cumprod", "cumsum", "diagonal", "dot", "max", "mean", "min", "nonzero", "prod", "ptp",
    "repeat", "round", "searchsorted", "squeeze", "std", "sum", "take",
    "trace", "var",
]  # fmt: skip


def _method(name: str) -> Callable[..., Any]:
    function = FUNCTIONS[name]

    def method(self: Array, *args: Any, **options: Any) -> Any:
        if "out" in options:
            return call(name, (self, *args), options)
        return function(self, *args, **options)

    method.__name__, method.__doc__ = name.rpartition(".")[2], function.__doc__ or f"{name}."
    return method


def _sort(self: Array, axis: int = -1, kind: Any = None, *, stable: Any = None) -> None:
    """Sort the array in place: the handle takes the sorted value."""
    rebind(self, ops.sort(self, axis=axis))


def _fill(self: Array, value: Any) -> None:
    """Fill the array with one value, in place."""
    rebind(self, ops.astype(ops.full_like(self, value), self.dtype))


def _conj(self: Array) -> Any:
    """The complex conjugate; of real numbers it is the array itself, as NumPy's method has it."""
    if not self.dtype.is_complex:
        return self
    return ops.conj(self)


def install() -> None:
    """Give Array NumPy's methods; called when one is first looked up."""
    for name in _NAMES:
        setattr(Array, name, _method(f"numpy.{name}"))
    setattr(Array, "sort", _sort)
    setattr(Array, "fill", _fill)
    setattr(Array, "conj", _conj)
    setattr(Array, "conjugate", _conj)
