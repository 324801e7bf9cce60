"""Python's operators and NumPy-style methods of Array, made from the functions."""

from collections.abc import Callable
from typing import Any

from polygrad.array import Array, _namespace, is_array
from polygrad.core.op import OPS
from polygrad.core.trace import PYTHON_SCALARS, bind
from polygrad.core.views import WRITING, has_views, rebind
from polygrad.errors import ArgumentTypeError
from polygrad.ops import (
    arithmetic,
    comparison,
    creation,
    datatypes,
    indexing,
    linear_algebra,
    manipulation,
    views,
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
    if type(value) is Array or type(value) in PYTHON_SCALARS or is_array(value):
        return True
    return isinstance(value, int | float | complex)  # a member of an IntEnum, for one


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
            if _ORDER[out.dtype.group] > _ORDER[self.dtype.group]:
                raise ArgumentTypeError(
                    f"an in-place operator cannot cast {out.dtype} to {self.dtype}, the dtype of "
                    "the array it writes to; "
                    "write x = x + y, or convert x first with pg.astype"
                )
            out = datatypes.astype(manipulation.broadcast_to(out, self.shape), self.dtype)
        if not self.shape and self._view is None and not has_views(self):
            return out  # one number, which others may hold too: as `n += 1` of a Python number
        rebind(self, out)
        return self

    return method


def _setitem(self: Array, key: Any, value: Any) -> None:
    with WRITING:
        rebind(self, indexing.index_set(self, value, key))


def _transpose(self: Array, *axes: Any) -> Any:
    """The axes in another order, all reversed by default (NumPy's method)."""
    together = len(axes) == 1 and (axes[0] is None or hasattr(axes[0], "__len__"))
    order = axes[0] if together else axes
    return views.permute_dims(self, order or tuple(reversed(range(self.ndim))))


def _swapaxes(self: Array, axis1: int, axis2: int) -> Any:
    """Two axes exchanged (NumPy's method)."""
    order = list(range(self.ndim))
    i = manipulation.normalise_axis("swapaxes", axis1, self.ndim)
    j = manipulation.normalise_axis("swapaxes", axis2, self.ndim)
    order[i], order[j] = order[j], order[i]
    return views.permute_dims(self, order)


def _reshape(self: Array, *shape: Any, order: str = "C", copy: bool | None = None) -> Any:
    """Another shape, given as one tuple or as several numbers (NumPy's method)."""
    wanted = shape[0] if len(shape) == 1 else shape
    if order == "C":
        return views.reshape(self, wanted, copy=copy)
    return _namespace().numpy_functions.shapes.reshape(self, wanted, order, copy=copy)


def _ravel(self: Array, order: str = "C") -> Any:
    """The elements in one axis (NumPy's method)."""
    if order == "C":
        return views.reshape(self, (-1,))
    return _namespace().numpy_functions.shapes.ravel(self, order)


def _sameness(self: Array, dtype: Any = None) -> Any:
    """All of the array, as a view (NumPy's method; data types are not reinterpreted)."""
    if dtype is not None and dtype != self.dtype:
        raise ArgumentTypeError(
            f"x.view({dtype!r}): the bytes of an array cannot be taken as a data type of another "
            "kind; convert the values with pg.astype"
        )
    return self[...]


def _assigned(name: str) -> Callable[..., None]:
    def assign(self: Array, value: Any) -> None:
        if name == "imag" and not self.dtype.is_complex:
            raise ArgumentTypeError(f"x.imag = value: x is {self.dtype}, which has no such part")
        getattr(self, name)[...] = value

    return assign


def _flatten(self: Array, order: str = "C") -> Any:
    """A copy with the elements in one axis (NumPy's method)."""
    if order == "C":
        return manipulation.reshape(self, (-1,), copy=True)
    return creation.asarray(_ravel(self, order), copy=True)


def _round(self: Array, ndigits: int | None = None) -> Any:
    """``round(x)``: an array still, whose slope is 0."""
    return _namespace().numpy_functions.elements.around(self, ndigits or 0)


def _divmod(self: Array, other: Any) -> Any:
    return (self // other, self % other) if _operand(other) else NotImplemented


def _rdivmod(self: Array, other: Any) -> Any:
    return (other // self, other % self) if _operand(other) else NotImplemented


def _itemsize(self: Array) -> int:
    """Bytes of one element."""
    return self.dtype.itemsize


def _nbytes(self: Array) -> int:
    """Bytes of all elements."""
    return self.size * self.dtype.itemsize


def _imag(self: Array) -> Any:
    """The imaginary part; of real numbers zeros, also where a library has no such function."""
    return views.imag(self) if self.dtype.is_complex else creation.zeros_like(self)


def _real(self: Array) -> Any:
    """The real part; of real numbers a view of all of them."""
    return views.real(self) if self.dtype.is_complex else self[...]


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
    "view": _sameness,
    "__round__": _round,
    "__divmod__": _divmod,
    "__rdivmod__": _rdivmod,
}
_PROPERTIES: dict[str, Callable[..., Any]] = {
    "mT": views.matrix_transpose,
    "flat": views.flat,
    "T": _transpose,
    "real": _real,
    "imag": _imag,
    "itemsize": _itemsize,
    "nbytes": _nbytes,
}
_ASSIGNED = ("flat", "real", "imag")


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
    setattr(Array, "__getitem__", views.getitem)
    setattr(Array, "__setitem__", _setitem)
    for name, function in _METHODS.items():
        setattr(Array, name, function)
    for name, function in _PROPERTIES.items():
        setter = _assigned(name) if name in _ASSIGNED else None
        setattr(Array, name, property(function, setter))
