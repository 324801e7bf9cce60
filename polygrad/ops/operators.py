"""Python's operators and NumPy-style methods of Array, made from the functions."""

from collections.abc import Callable
from typing import Any

from polygrad.array import Array, is_array
from polygrad.core.trace import PYTHON_SCALARS
from polygrad.errors import ArgumentTypeError
from polygrad.ops import (
    arithmetic,
    comparison,
    creation,
    datatypes,
    indexing,
    linear_algebra,
    manipulation,
)

_BINARY = {
    "add": arithmetic.add,
    "sub": arithmetic.subtract,
    "mul": arithmetic.multiply,
    "truediv": arithmetic.divide,
    "floordiv": arithmetic.floor_divide,
    "mod": arithmetic.remainder,
    "pow": arithmetic.pow,
    "matmul": linear_algebra.matmul,
    "and": comparison.bitwise_and,
    "or": comparison.bitwise_or,
    "xor": comparison.bitwise_xor,
    "lshift": comparison.bitwise_left_shift,
    "rshift": comparison.bitwise_right_shift,
}
_COMPARE = {
    "lt": comparison.less,
    "le": comparison.less_equal,
    "gt": comparison.greater,
    "ge": comparison.greater_equal,
    "eq": comparison.equal,
    "ne": comparison.not_equal,
}
_UNARY = {
    "neg": arithmetic.negative,
    "pos": arithmetic.positive,
    "abs": arithmetic.abs,
    "invert": comparison.bitwise_invert,
}


def _operand(value: Any) -> bool:
    return type(value) is Array or type(value) in PYTHON_SCALARS or is_array(value)


def _forward(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Array, other: Any) -> Any:
        return function(self, other) if _operand(other) else NotImplemented

    return method


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Array, other: Any) -> Any:
        return function(other, self) if _operand(other) else NotImplemented

    return method


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Array) -> Any:
        return function(self)

    return method


def rebind(array: Array, new: Array) -> None:
    """Let the handle ``array`` stand for the value ``new`` from now on."""
    array._value, array._trace, array._node = new._value, new._trace, new._node


_ORDER = {
    "bool": 0, "unsigned integer": 1, "signed integer": 1, "real floating": 2,
    "complex floating": 3,
}  # fmt: skip


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """``x += y``: the handle takes the new value, in the shape and data type it had."""

    def method(self: Array, other: Any) -> Any:
        if not _operand(other):
            return NotImplemented
        out = function(self, other)
        if out.shape != self.shape or out.dtype != self.dtype:
            if _ORDER[out.dtype.kind] > _ORDER[self.dtype.kind]:
                raise ArgumentTypeError(
                    f"an in-place operator would store {out.dtype} in an array of {self.dtype}; "
                    "write x = x + y, or convert x first with pg.astype"
                )
            out = datatypes.astype(manipulation.broadcast_to(out, self.shape), self.dtype)
        rebind(self, out)
        return self

    return method


def _setitem(self: Array, key: Any, value: Any) -> None:
    rebind(self, indexing.index_set(self, value, key))


def _transpose(self: Array, *axes: Any) -> Any:
    """The axes in another order, all reversed by default (NumPy's method)."""
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
    if not order:
        order = tuple(reversed(range(self.ndim)))
    return manipulation.permute_dims(self, tuple(order))


def _reshape(self: Array, *shape: Any, copy: bool | None = None) -> Any:
    """Another shape, given as one tuple or as several numbers (NumPy's method)."""
    wanted = shape[0] if len(shape) == 1 else shape
    return manipulation.reshape(self, wanted, copy=copy)


# NumPy's methods of arrays that are no function of that name and signature; the others come
# from polygrad.numpy_functions.
_METHODS: dict[str, Callable[..., Any]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "flatten": lambda self: manipulation.reshape(self, (-1,), copy=True),
    "astype": lambda self, dtype, copy=True: datatypes.astype(self, dtype, copy=copy),
    "copy": lambda self: creation.asarray(self, copy=True),
}
_PROPERTIES: dict[str, Callable[..., Any]] = {
    "mT": manipulation.matrix_transpose,
    "T": _transpose,
    "real": arithmetic.real,
    "imag": arithmetic.imag,
}


def install() -> None:
    """Give Array its operators; called once by `polygrad.ops`."""
    for name, function in _BINARY.items():
        setattr(Array, f"__{name}__", _forward(function))
        setattr(Array, f"__r{name}__", _reflected(function))
        setattr(Array, f"__i{name}__", _in_place(function))
    for name, function in _COMPARE.items():
        setattr(Array, f"__{name}__", _forward(function))
    for name, function in _UNARY.items():
        setattr(Array, f"__{name}__", _unary(function))
    Array.__hash__ = None  # type: ignore[assignment]  # == compares elements
    setattr(Array, "__getitem__", indexing.getitem)
    setattr(Array, "__setitem__", _setitem)
    for name, function in _METHODS.items():
        setattr(Array, name, function)
    for name, function in _PROPERTIES.items():
        setattr(Array, name, property(function))
