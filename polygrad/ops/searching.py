"""Searching functions: places of elements. They carry no gradient."""

from typing import Any

from polygrad.core.kinds import Nondifferentiable
from polygrad.core.trace import bind
from polygrad.ops.manipulation import normalise_axes, normalise_axis

argmax_op = Nondifferentiable("argmax")
argmin_op = Nondifferentiable("argmin")
all_op = Nondifferentiable("all")
any_op = Nondifferentiable("any")


def _place(op: Any, name: str, x: Any, axis: int | None, keepdims: bool) -> Any:
    if axis is not None:
        axis = normalise_axis(name, axis, len(x.shape))
    return bind(op, (x,), {"axis": axis, "keepdims": bool(keepdims)})


def argmax(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the first largest element along an axis, or of the flattened array.

    >>> pg.argmax(pg.asarray([1.0, 3.0, 2.0])).item()
    1
    """
    return _place(argmax_op, "argmax", x, axis, keepdims)


def argmin(x: Any, /, *, axis: int | None = None, keepdims: bool = False) -> Any:
    """The index of the first smallest element along an axis, or of the flattened array.

    >>> pg.argmin(pg.asarray([1.0, 3.0, 2.0])).item()
    0
    """
    return _place(argmin_op, "argmin", x, axis, keepdims)


def all(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001
    """Whether all elements along the axes are true (not zero).

    >>> pg.all(pg.asarray([True, False])).item()
    False
    """
    axes = normalise_axes("all", axis, len(x.shape))
    return bind(all_op, (x,), {"axis": axes, "keepdims": bool(keepdims)})


def any(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:  # noqa: A001
    """Whether any element along the axes is true (not zero).

    >>> pg.any(pg.asarray([True, False])).item()
    True
    """
    axes = normalise_axes("any", axis, len(x.shape))
    return bind(any_op, (x,), {"axis": axes, "keepdims": bool(keepdims)})
