"""Places that an index names several times, in terms of the array API standard.

NumPy writes in order, so the last value stands; other libraries leave open which one does, and
a plain ``x[key] = value`` adds nothing up. What is here needs no writing into arrays, so that it
also serves libraries whose arrays cannot change.
"""

import math
from collections.abc import Callable
from typing import Any


def numbered(xp: Any, key: Any, shape: tuple[int, ...], getitem: Any, device: Any) -> Any:
    """The places that an index names, as numbers from 0 in an array of what it reads.

    Where a library reads something else out of range, the number is that of no place, the size.
    """
    size = math.prod(shape)
    found = getitem(xp.reshape(xp.arange(size, device=device), shape), key)
    return xp.where(found < 0, xp.full_like(found, size), found)


def last_values(
    xp: Any,
    value: Any,
    key: Any,
    shape: tuple[int, ...],
    getitem: Any,
    latest: Callable[[Any, int], Any],
) -> Any:
    """The values of ``x[key] = value``, with that of the last write to a place in all of them.

    Then it makes no difference in which order a library writes. ``latest(places, size)`` says
    for each write which one is the last to the same place, a number up to ``size``.
    """
    if math.prod(getattr(value, "shape", ())) <= 1:
        return value
    places = numbered(xp, key, shape, getitem, xp.device_of(value))
    if math.prod(places.shape) <= 1:
        return value
    winners = latest(xp.reshape(places, (-1,)), math.prod(shape))
    value = xp.reshape(xp.broadcast_to(value, places.shape), (-1,))
    return xp.reshape(xp.take(value, winners, axis=0), places.shape)


def latest_by_sorting(xp: Any) -> Callable[[Any, int], Any]:
    """``latest`` of `last_values` for any library that follows the standard."""

    def latest(places: Any, size: int) -> Any:
        order = xp.argsort(places, stable=True)
        ends = xp.searchsorted(xp.take(places, order, axis=0), places, side="right")
        return xp.take(order, ends - 1, axis=0)

    return latest


def added(xp: Any, value: Any, key: Any, shape: tuple[int, ...], getitem: Any) -> Any:
    """Zeros of a shape with ``value`` added at the places of an index with integer arrays.

    The values are put in the order of their places. Then each takes up its neighbour before it
    where that has the same place, at distances of 1, 2, 4, ..., after which the last one of each
    place holds the sum.
    """
    device = xp.device_of(value)
    places = numbered(xp, key, shape, getitem, device)
    value = xp.reshape(xp.broadcast_to(value, places.shape), (-1,))
    places = xp.reshape(places, (-1,))
    count, size = places.shape[0], math.prod(shape)
    if count == 0 or size == 0:
        return xp.zeros(shape, dtype=value.dtype, device=device)
    order = xp.argsort(places, stable=True)
    places, value = xp.take(places, order, axis=0), xp.take(value, order, axis=0)
    boolean = xp.isdtype(value.dtype, "bool")
    distance = 1
    while distance < count:
        same = places[distance:] == places[:-distance]
        moved = value[:-distance]
        moved = xp.where(same, moved, xp.zeros_like(moved))
        after = value[distance:]
        after = xp.logical_or(after, moved) if boolean else after + moved
        value = xp.concat([value[:distance], after], axis=0)
        distance *= 2
    ends, hit = _last_of_each(xp, places, size, device)
    found = xp.take(value, ends, axis=0)
    return xp.reshape(xp.where(hit, found, xp.zeros_like(found)), shape)


def replaced(xp: Any, x: Any, value: Any, key: Any, getitem: Any) -> Any:
    """``x[key] = value`` in a copy, for arrays that cannot be written; the last value stands."""
    device, shape = xp.device_of(x), tuple(x.shape)
    places = numbered(xp, key, shape, getitem, device)
    value = xp.reshape(xp.broadcast_to(xp.astype(value, x.dtype), places.shape), (-1,))
    places = xp.reshape(places, (-1,))
    if places.shape[0] == 0 or math.prod(shape) == 0:
        return x
    order = xp.argsort(places, stable=True)
    ends, hit = _last_of_each(xp, xp.take(places, order, axis=0), math.prod(shape), device)
    found = xp.take(value, xp.take(order, ends, axis=0), axis=0)
    return xp.reshape(xp.where(hit, found, xp.reshape(x, (-1,))), shape)


def _last_of_each(xp: Any, places: Any, size: int, device: Any) -> tuple[Any, Any]:
    """Where in sorted places each number up to ``size`` is last, and whether it is among them."""
    everywhere = xp.arange(size, dtype=places.dtype, device=device)
    ends = xp.searchsorted(places, everywhere, side="right") - 1
    ends = xp.where(ends < 0, xp.zeros_like(ends), ends)
    return ends, xp.take(places, ends, axis=0) == everywhere
