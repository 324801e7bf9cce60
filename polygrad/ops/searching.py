"""Searching and sorting: places and numbers of elements, and elements in order.

Only what is sorted carries a gradient, which goes with each element to its place.
"""

from typing import Any

from polygrad.core.batch import by_axis, refuse
from polygrad.core.kinds import General, Nondifferentiable
from polygrad.core.op import OpFacts
from polygrad.core.trace import bind
from polygrad.errors import ArgumentValueError, ShapeError
from polygrad.ops.bisection import searchsorted_rule
from polygrad.ops.creation import scalar_beside
from polygrad.ops.manipulation import normalise_axes, normalise_axis

argmax_op = Nondifferentiable("argmax", batch=by_axis())
argmin_op = Nondifferentiable("argmin", batch=by_axis())
all_op = Nondifferentiable("all", batch=by_axis(), facts=OpFacts(reduction="all"))
any_op = Nondifferentiable("any", batch=by_axis(), facts=OpFacts(reduction="any"))
count_nonzero_op = Nondifferentiable("count_nonzero", batch=by_axis())
nonzero_op = Nondifferentiable(
    "nonzero",
    lambda xp, x: tuple(xp.nonzero(x)),
    multiple=True,
    batch=refuse,
    facts=OpFacts(value_shaped="use pg.where(x != 0, ..., ...)"),
)


def _search(xp: Any, x1: Any, x2: Any, *sorter: Any, side: str) -> Any:
    return xp.searchsorted(x1, x2, side=side, sorter=sorter[0] if sorter else None)


searchsorted_op = Nondifferentiable("searchsorted", _search, batch=searchsorted_rule)


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


def count_nonzero(x: Any, /, *, axis: Any = None, keepdims: bool = False) -> Any:
    """How many elements along the axes (all by default) are not zero.

    >>> pg.count_nonzero(pg.asarray([0.0, 3.0, 2.0])).item()
    2
    """
    axes = normalise_axes("count_nonzero", axis, len(x.shape))
    return bind(count_nonzero_op, (x,), {"axis": axes, "keepdims": bool(keepdims)})


def nonzero(x: Any, /) -> tuple[Any, ...]:
    """The indices of the elements that are not zero: an array for each axis.

    Their length depends on the data. Raises ShapeError for an array without axes.

    >>> pg.nonzero(pg.asarray([0.0, 3.0, 2.0]))[0]
    Array([1, 2], dtype=int64, device=cpu)
    """
    if not x.shape:
        raise ShapeError("nonzero: got an array without axes, expected at least one axis")
    return bind(nonzero_op, (x,), {})


def searchsorted(x1: Any, x2: Any, /, *, side: str = "left", sorter: Any = None) -> Any:
    """Where in the ascending ``x1`` each element of ``x2`` belongs to keep the order.

    ``side`` "left" puts it before elements that equal it, "right" after them. ``sorter`` holds
    indices that sort ``x1`` where it is not sorted. Raises ShapeError unless ``x1`` has one
    axis, and ArgumentValueError for another ``side``.

    >>> pg.searchsorted(pg.asarray([1.0, 2.0, 4.0]), pg.asarray([2.0, 3.0]))
    Array([1, 2], dtype=int64, device=cpu)
    """
    if len(x1.shape) != 1:
        raise ShapeError(f"searchsorted: got x1 of shape {tuple(x1.shape)}, expected one axis")
    if side not in ("left", "right"):
        raise ArgumentValueError(f"searchsorted: got side {side!r}, expected 'left' or 'right'")
    x2 = scalar_beside(x2, x1)
    rest = () if sorter is None else (sorter,)
    return bind(searchsorted_op, (x1, x2, *rest), {"side": side})


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


# -- sorting ---------------------------------------------------------------------------------------


def _places(xp: Any, x: Any, axis: int, descending: bool, stable: bool) -> Any:
    return xp.argsort(x, axis=axis, descending=descending, stable=stable)


def _sort_vjp(xp: Any, g: Any, _y: Any, x: Any, axis: int, descending: bool, stable: bool) -> Any:
    inverse = xp.argsort(_places(xp, x, axis, descending, stable), axis=axis)
    return xp.take_along_axis(g, inverse, axis=axis)


def _sort_jvp(xp: Any, t: Any, _y: Any, x: Any, axis: int, descending: bool, stable: bool) -> Any:
    return xp.take_along_axis(t[0], _places(xp, x, axis, descending, stable), axis=axis)


sort_op = General("sort", _sort_vjp, _sort_jvp, batch=by_axis())
argsort_op = Nondifferentiable("argsort", batch=by_axis())


def _sorted(op: Any, name: str, x: Any, axis: int, descending: bool, stable: bool) -> Any:
    if not x.shape:
        raise ShapeError(f"{name}: got an array without axes, expected at least one axis")
    options = {
        "axis": normalise_axis(name, axis, len(x.shape)),
        "descending": bool(descending),
        "stable": bool(stable),
    }
    return bind(op, (x,), options)


def sort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The elements along an axis in ascending order, or in descending order.

    Each gradient goes back to the element that was moved; equal elements keep their order.
    Raises ArgumentValueError for an axis out of range.

    >>> pg.sort(pg.asarray([3.0, 1.0, 2.0]))
    Array([1., 2., 3.], dtype=float64, device=cpu)
    >>> pg.grad(lambda x: pg.sort(x)[0])(pg.asarray([3.0, 1.0, 2.0]))
    Array([0., 1., 0.], dtype=float64, device=cpu)
    """
    return _sorted(sort_op, "sort", x, axis, descending, stable)


def argsort(x: Any, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """The indices that sort the elements along an axis; they carry no gradient.

    >>> pg.argsort(pg.asarray([3.0, 1.0, 2.0]))
    Array([1, 2, 0], dtype=int64, device=cpu)
    """
    return _sorted(argsort_op, "argsort", x, axis, descending, stable)
