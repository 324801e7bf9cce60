"""scipy.ndimage: sums and moments of labelled regions."""

from collections.abc import Callable
from typing import Any

from polygrad import ops
from polygrad.scipy_functions.table import array, inexact, integers, stand_in


def _regions(x: Any, labels: Any, index: Any) -> tuple[Any, tuple[int, ...]]:
    """For each region the share of every element in it (0 or 1), and the shape of the answer."""
    flat = int(x.size)
    if labels is None:
        return ops.ones((1, flat), dtype=x.dtype, device=x.device), ()
    labels = ops.reshape(ops.broadcast_to(array(labels), x.shape), (-1,))
    if index is None:
        return ops.astype(ops.expand_dims(labels > 0, axis=0), x.dtype), ()
    index = array(index)
    shape = tuple(index.shape)
    wanted = ops.reshape(index, (-1, 1))
    return ops.astype(wanted == labels, x.dtype), shape


def _enter(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function ``f(sums, x)`` of one number a region, ``sums`` adding up a region."""

    def enter(measure: Callable[..., Any]) -> Callable[..., Any]:
        def function(input: Any, labels: Any = None, index: Any = None) -> Any:  # noqa: A002
            x = inexact(input)
            inside, shape = _regions(x, labels, index)
            flat = ops.reshape(x, (-1,))
            return ops.reshape(measure(inside, flat), shape)

        function.__name__ = function.__qualname__ = names[0]
        function.__doc__ = f"scipy.ndimage.{names[0]}."
        stand_in(*(f"ndimage.{name}" for name in names))(function)
        return function

    return enter


def _mean(inside: Any, x: Any) -> Any:
    return ops.matmul(inside, x) / ops.sum(inside, axis=1)


def _variance(inside: Any, x: Any) -> Any:
    gap = x - ops.expand_dims(_mean(inside, x), axis=1)
    return ops.sum(inside * ops.square(gap), axis=1) / ops.sum(inside, axis=1)


_enter("sum_labels", "sum")(ops.matmul)
_enter("mean")(_mean)
_enter("variance")(_variance)
_enter("standard_deviation")(lambda inside, x: ops.sqrt(_variance(inside, x)))


def _or_zero(found: Any, inside: Any) -> Any:
    """0 for a region without elements."""
    return ops.where(ops.any(inside > 0, axis=1), found, ops.zeros_like(found))


def _extreme(name: str, reduce: Callable[..., Any], end: float) -> None:
    def measure(inside: Any, x: Any) -> Any:
        found = reduce(ops.where(inside > 0, x, ops.full_like(x, end)), axis=1)
        return _or_zero(found, inside)

    _enter(name)(measure)


_extreme("maximum", ops.max, -float("inf"))
_extreme("minimum", ops.min, float("inf"))


@stand_in("ndimage.center_of_mass")
def center_of_mass(input: Any, labels: Any = None, index: Any = None) -> Any:  # noqa: A002
    """scipy.ndimage.center_of_mass, as a tuple of coordinates, or a list of such."""
    x = inexact(input)
    inside, shape = _regions(x, labels, index)
    mass = ops.reshape(x, (-1,))
    total = ops.matmul(inside, mass)
    found = []
    for axis, n in enumerate(x.shape):
        steps = ops.reshape(
            ops.arange(n, dtype=x.dtype, device=x.device),
            tuple(n if i == axis else 1 for i in range(len(x.shape))),
        )
        place = ops.reshape(ops.broadcast_to(steps, x.shape), (-1,))
        found.append(ops.matmul(inside, mass * place) / total)
    if shape == ():
        return tuple(part[0] for part in found)
    return [tuple(part[i] for part in found) for i in range(shape[0])]


@stand_in("ndimage.median")
def median(input: Any, labels: Any = None, index: Any = None) -> Any:  # noqa: A002
    """scipy.ndimage.median."""
    x = inexact(input)
    inside, shape = _regions(x, labels, index)
    flat = ops.reshape(x, (-1,))
    values = []
    for row in (ops.stop_gradient(inside) > 0).tolist():
        places = [i for i, kept in enumerate(row) if kept]
        values.append(ops.median(ops.take(flat, integers(places, x))))
    return ops.reshape(ops.stack(values), shape)


@stand_in("ndimage.extrema")
def extrema(input: Any, labels: Any = None, index: Any = None) -> Any:  # noqa: A002
    """scipy.ndimage.extrema: least and largest values, and their places."""
    x = inexact(input)
    inside, shape = _regions(x, labels, index)
    flat = ops.reshape(x, (-1,))
    found: list[Any] = []
    for end, pick in ((float("inf"), ops.argmin), (-float("inf"), ops.argmax)):
        held = ops.where(inside > 0, flat, ops.full_like(flat, end))
        places = pick(ops.stop_gradient(held), axis=1)
        best = _or_zero(ops.take(flat, places), inside)
        found.append((ops.reshape(best, shape), places.tolist()))
    spots = [[_place(k, x.shape) for k in places] for _, places in found]
    (low, _), (high, _) = found
    if shape == ():
        return low, high, spots[0][0], spots[1][0]
    return low, high, spots[0], spots[1]


def _place(k: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The coordinates of the k-th element."""
    found: list[int] = []
    for n in reversed(shape):
        found.insert(0, k % n)
        k //= n
    return tuple(found)
