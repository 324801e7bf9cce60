"""Python's operators and NumPy-style methods of Array, made from the functions."""

import weakref
from collections.abc import Callable
from typing import Any

from polygrad.array import Array, is_array
from polygrad.core.op import OPS
from polygrad.core.trace import PYTHON_SCALARS, bind
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

_NO_PARAMS: dict[str, Any] = {}
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
    op = OPS.get(function.__name__)
    if op is not None and function is not arithmetic.pow:
        # What the function would do, without its frame: operators are the hottest path.
        def direct(self: Array, other: Any) -> Any:
            if type(other) is Array or _operand(other):
                return bind(op, (self, other), _NO_PARAMS)
            return NotImplemented

        return direct

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
    """Let the handle ``array`` stand for the value ``new`` from now on.

    Where it is a view of another array, as ``x[0]`` and ``x.T`` are, that array changes with
    it: in-place code that relies on shared memory works on handles.
    """
    array._value, array._trace, array._node = new._value, new._trace, new._node
    view = _view(array)
    if view is not None:
        source, _, put, key = view
        rebind(source, put(source, array, key))


def _view(part: Array) -> tuple[Array, Callable[..., Any], Callable[..., Any], Any] | None:
    """What ``part`` is a view of, how it is taken and put back; None if that is gone."""
    try:
        reference, get, put, key = part._view
    except AttributeError:
        return None
    source = reference()
    return None if source is None else (source, get, put, key)


def _reference(source: Array) -> Callable[[], Array | None]:
    """A weak reference, so that a view keeps no graph alive; a view of a view keeps that one."""
    return weakref.ref(source) if _view(source) is None else lambda: source


def _refresh(part: Array) -> None:
    """Bring a view up to date with its array, before something is written to it."""
    view = _view(part)
    if view is not None:
        source, get, _, key = view
        _refresh(source)
        now = get(source, key)
        part._value, part._trace, part._node = now._value, now._trace, now._node


def _put_item(source: Array, new: Array, key: Any) -> Any:
    return indexing.index_set(source, new, key)


def _put_shape(source: Array, new: Array, _: Any) -> Any:
    return manipulation.reshape(new, source.shape)


def _put_order(source: Array, new: Array, order: tuple[int, ...]) -> Any:
    inverse = sorted(range(len(order)), key=order.__getitem__)
    return manipulation.permute_dims(new, inverse)


_SIMPLE = frozenset((int, slice, type(Ellipsis), type(None)))


def _getitem(self: Array, key: Any, /) -> Array:
    """``self[key]``; see `polygrad.ops.indexing.getitem`."""
    out = indexing.getitem(self, key)
    parts = key if type(key) is tuple else (key,)
    if _SIMPLE.issuperset(map(type, parts)):
        out._view = (_reference(self), indexing.getitem, _put_item, key)
    return out


def reshaped(array: Array, shape: Any) -> Array:
    """A view with another shape."""
    out = manipulation.reshape(array, shape)
    out._view = (_reference(array), manipulation.reshape, _put_shape, out.shape)
    return out


def reordered(array: Array, order: tuple[int, ...]) -> Array:
    """A view with the axes in another order."""
    out = manipulation.permute_dims(array, order)
    out._view = (_reference(array), manipulation.permute_dims, _put_order, order)
    return out


_ORDER = {
    "bool": 0, "unsigned integer": 1, "signed integer": 1, "real floating": 2,
    "complex floating": 3,
}  # fmt: skip


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """``x += y``: the handle takes the new value, in the shape and data type it had."""

    def method(self: Array, other: Any) -> Any:
        if not _operand(other):
            return NotImplemented
        _refresh(self)
        out = function(self, other)
        if out.shape != self.shape or out.dtype != self.dtype:
            if _ORDER[out.dtype.group] > _ORDER[self.dtype.group]:
                raise ArgumentTypeError(
                    f"an in-place operator would store {out.dtype} in an array of {self.dtype}; "
                    "write x = x + y, or convert x first with pg.astype"
                )
            out = datatypes.astype(manipulation.broadcast_to(out, self.shape), self.dtype)
        rebind(self, out)
        return self

    return method


def _setitem(self: Array, key: Any, value: Any) -> None:
    _refresh(self)
    rebind(self, indexing.index_set(self, value, key))


def _transpose(self: Array, *axes: Any) -> Any:
    """The axes in another order, all reversed by default (NumPy's method)."""
    order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
    if not order:
        order = tuple(reversed(range(self.ndim)))
    return reordered(self, tuple(axis % self.ndim for axis in order))


def _swapaxes(self: Array, axis1: int, axis2: int) -> Any:
    """Two axes exchanged (NumPy's method)."""
    order = list(range(self.ndim))
    i = manipulation.normalise_axis("swapaxes", axis1, self.ndim)
    j = manipulation.normalise_axis("swapaxes", axis2, self.ndim)
    order[i], order[j] = order[j], order[i]
    return reordered(self, tuple(order))


def _matrix_transpose(self: Array) -> Any:
    """The last two axes exchanged."""
    if self.ndim < 2:
        return manipulation.matrix_transpose(self)  # raises
    *rest, last, final = range(self.ndim)
    return reordered(self, (*rest, final, last))


def _reshape(self: Array, *shape: Any, copy: bool | None = None) -> Any:
    """Another shape, given as one tuple or as several numbers (NumPy's method)."""
    wanted = shape[0] if len(shape) == 1 else shape
    return manipulation.reshape(self, wanted, copy=True) if copy else reshaped(self, wanted)


def _ravel(self: Array) -> Any:
    """The elements in one axis (NumPy's method)."""
    return reshaped(self, (-1,))


def _flatten(self: Array) -> Any:
    """A copy with the elements in one axis (NumPy's method)."""
    return manipulation.reshape(self, (-1,), copy=True)


def _astype(self: Array, dtype: Any, copy: bool = True) -> Any:
    """The array in another data type; see `polygrad.astype`."""
    return datatypes.astype(self, dtype, copy=copy)


def _copy(self: Array) -> Any:
    """The same values in memory of their own, tracked as the array is."""
    return creation.asarray(self, copy=True)


# NumPy's methods of arrays that are no function of that name and signature; the others come
# from polygrad.numpy_functions.
_METHODS: dict[str, Callable[..., Any]] = {
    "reshape": _reshape,
    "transpose": _transpose,
    "ravel": _ravel,
    "swapaxes": _swapaxes,
    "flatten": _flatten,
    "astype": _astype,
    "copy": _copy,
}
_PROPERTIES: dict[str, Callable[..., Any]] = {
    "mT": _matrix_transpose,
    "flat": _ravel,
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
    setattr(Array, "__getitem__", _getitem)
    setattr(Array, "__setitem__", _setitem)
    for name, function in _METHODS.items():
        setattr(Array, name, function)
    for name, function in _PROPERTIES.items():
        setattr(Array, name, property(function))
