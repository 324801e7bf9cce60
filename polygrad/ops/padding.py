"""pad: an array with borders, put together from slices of it."""

from collections.abc import Callable
from operator import index
from typing import Any

from polygrad.array import is_number
from polygrad.errors import ArgumentTypeError, ArgumentValueError
from polygrad.ops.creation import as_operand, asarray, full, zeros
from polygrad.ops.datatypes import astype, device_of
from polygrad.ops.indexing import getitem, index_set
from polygrad.ops.joining import concat
from polygrad.ops.manipulation import broadcast_to


def _edge(i: int, n: int) -> int:
    return min(max(i, 0), n - 1)


def _wrap(i: int, n: int) -> int:
    return i % n


def _reflect(i: int, n: int) -> int:
    if n == 1:
        return 0
    i %= 2 * (n - 1)
    return min(i, 2 * (n - 1) - i)


def _symmetric(i: int, n: int) -> int:
    i %= 2 * n
    return min(i, 2 * n - 1 - i)


# Which element of an axis of length n stands at place i, for places outside it, too.
_MODES: dict[str, Callable[[int, int], int]] = {
    "edge": _edge, "reflect": _reflect, "symmetric": _symmetric, "wrap": _wrap,
}  # fmt: skip


def pad(x: Any, pad_width: Any, /, mode: str = "constant", *, constant_values: Any = 0) -> Any:
    """``x`` with borders along its axes, as in ``numpy.pad``.

    ``pad_width`` is a number, a pair (before, after), or one such pair for each axis. ``mode``
    says what the border holds: "constant" ``constant_values`` (given like ``pad_width``; a
    number may be a tracked array), "edge" the nearest element, "reflect" the mirror image
    without the edge element, "symmetric" with it, "wrap" the elements from the other end.
    Differentiable.

    Raises ArgumentValueError for another mode, a negative width, or an empty axis to repeat
    elements of; ArgumentTypeError for widths that do not fit the number of axes.

    >>> pg.pad(pg.asarray([1.0, 2.0, 3.0]), (1, 2), mode="reflect")
    Array([2., 1., 2., 3., 2., 1.], dtype=float64, device=cpu)
    """
    shape = tuple(x.shape)
    widths = [(_whole(b), _whole(a)) for b, a in _pairs(pad_width, len(shape), "pad_width")]
    if any(type(w) is not int or w < 0 for pair in widths for w in pair):
        raise ArgumentValueError(
            f"pad: got pad_width {pad_width!r}, expected integers, none negative"
        )
    if mode == "constant":
        return _constant(x, widths, constant_values)
    find = _MODES.get(mode)
    if find is None:
        known = ", ".join(repr(name) for name in ("constant", *_MODES))
        raise ArgumentValueError(f"pad: got mode {mode!r}, expected one of {known}")
    for axis, (before, after) in enumerate(widths):
        n = shape[axis]
        if before or after:
            if n == 0:
                raise ArgumentValueError(
                    f"pad: axis {axis} is empty, so mode {mode!r} has nothing to repeat; "
                    "use mode='constant'"
                )
            x = _gather(x, [find(i, n) for i in range(-before, n + after)], axis)
    return x


def _whole(width: Any) -> Any:
    """An integer of any kind, NumPy's too, as Python's; anything else as it is."""
    return width if isinstance(width, bool) or not hasattr(width, "__index__") else index(width)


def _pairs(given: Any, ndim: int, name: str) -> list[tuple[Any, Any]]:
    """One pair for each axis out of a number, a pair, or several pairs."""
    given = given.tolist() if getattr(given, "shape", None) else given
    if not isinstance(given, tuple | list):
        return [(given, given)] * ndim
    rows = [tuple(r) if isinstance(r, tuple | list) else r for r in given]
    if not any(isinstance(r, tuple) for r in rows):
        if len(rows) in (1, 2):
            return [(rows[0], rows[-1])] * ndim
    elif len(rows) in (1, ndim) and all(isinstance(r, tuple) and len(r) in (1, 2) for r in rows):
        return [(r[0], r[-1]) for r in (rows * ndim if len(rows) == 1 else rows)]
    raise ArgumentTypeError(
        f"pad: got {name} {given!r} for an array with {ndim} axes, expected a number, a pair "
        "(before, after), or a pair for each axis"
    )


def _constant(x: Any, widths: list[tuple[int, int]], values: Any) -> Any:
    fills = _pairs(values, len(x.shape), "constant_values")
    plain = {v for pair in fills for v in pair if isinstance(v, int | float | complex)}
    inside = tuple(
        slice(before, before + n) for (before, _), n in zip(widths, x.shape, strict=True)
    )
    shape = tuple(b + n + a for (b, a), n in zip(widths, x.shape, strict=True))
    x = as_operand(x, x, "pad: x")
    like: dict[str, Any] = {"dtype": x.dtype, "device": device_of(x)}
    if len(plain) == 1 and all(isinstance(v, int | float | complex) for p in fills for v in p):
        fill = plain.pop()
        canvas = zeros(shape, **like) if fill == 0 else full(shape, fill, **like)
        return index_set(_kind_of(canvas, x), x, inside) if shape else x
    for axis, ((before, after), (low, high)) in enumerate(zip(widths, fills, strict=True)):
        parts = [x]
        for count, fill, place in ((before, low, 0), (after, high, len(parts))):
            if count:
                sides = tuple(count if i == axis else n for i, n in enumerate(x.shape))
                value = as_operand(fill, x, "pad")
                if is_number(value):  # whose range this checks
                    value = asarray(value, dtype=x.dtype)
                border = broadcast_to(astype(value, x.dtype), sides)
                parts.insert(place if place == 0 else len(parts), border)
        x = concat(parts, axis=axis)
    return x


def _kind_of(made: Any, x: Any) -> Any:
    """A new Array as the kind of array that ``x`` is."""
    return made if type(made) is type(x) else made._value


def _gather(x: Any, places: list[int], axis: int) -> Any:
    """The elements of an axis at ``places``, as few slices: their transposes are slices, too."""
    before = (slice(None),) * axis
    parts = []
    start = 0
    while start < len(places):
        stop = start + 1
        step = places[stop] - places[start] if stop < len(places) else 1
        step = step if step in (-1, 0, 1) else 1
        while stop < len(places) and places[stop] - places[stop - 1] == step:
            stop += 1
        first, last = places[start], places[stop - 1]
        if step == 0:
            part = getitem(x, (*before, slice(first, first + 1), Ellipsis))
            sides = tuple(stop - start if i == axis else n for i, n in enumerate(x.shape))
            parts.append(broadcast_to(part, sides))
        else:
            end = last + step
            run = slice(first, None if end < 0 else end, step)
            parts.append(getitem(x, (*before, run, Ellipsis)))
        start = stop
    return parts[0] if len(parts) == 1 else concat(parts, axis=axis)
