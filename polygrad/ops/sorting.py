"""Sorting functions: the derivative goes with each element to its place."""

from typing import Any

from polygrad.core.batch import by_axis
from polygrad.core.kinds import General, Nondifferentiable
from polygrad.core.trace import bind
from polygrad.errors import ShapeError
from polygrad.ops.manipulation import normalise_axis


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
