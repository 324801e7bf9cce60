"""Neighbourhoods along the axes of an array: what filters add up or compare."""

import math
from collections.abc import Sequence
from typing import Any

from polygrad import ops
from polygrad.errors import ArgumentValueError
from polygrad.scipy_functions.table import integers

# scipy.ndimage's names for what lies beyond the border, as those of pg.pad.
_MODES = {
    "constant": "constant",
    "grid-constant": "constant",
    "grid-mirror": "symmetric",
    "grid-wrap": "wrap",
    "mirror": "reflect",
    "nearest": "edge",
    "reflect": "symmetric",
    "wrap": "wrap",
}


def bordered(name: str, x: Any, axis: int, before: int, after: int, mode: str, cval: Any) -> Any:
    """``x`` with elements beyond both ends of an axis."""
    if mode not in _MODES:
        raise ArgumentValueError(
            f"scipy.{name}: got mode {mode!r}, expected one of {', '.join(map(repr, _MODES))}"
        )
    if before == after == 0:
        return x
    widths = [(0, 0)] * len(x.shape)
    widths[axis] = (before, after)
    # An axis without elements has no border to repeat, and no answer to be seen in.
    kind = _MODES[mode] if x.shape[axis] else "constant"
    options = {"constant_values": cval} if kind == "constant" else {}
    return ops.pad(x, widths, mode=kind, **options)


def windows(x: Any, size: int, axis: int, step: int = 1) -> Any:
    """All stretches of ``size`` elements along an axis, ``step`` apart, as a new last axis."""
    axis %= len(x.shape)
    count = (x.shape[axis] - size) // step + 1
    places = [[i * step + j for j in range(size)] for i in range(count)]
    moved = ops.moveaxis(x, axis, -1)
    found = ops.reshape(integers(places, x), (max(count, 0), size))
    return ops.moveaxis(moved[..., found], -2, axis)


def correlated(name: str, x: Any, weights: Any, axis: int, mode: str, cval: Any, origin: int) -> Any:  # fmt: skip # noqa: E501
    """The products of one-dimensional weights and the neighbourhoods along an axis, summed."""
    size = weights.shape[0]
    before = size // 2 + origin
    if not 0 <= before <= size - 1:
        raise ArgumentValueError(
            f"scipy.{name}: got origin {origin}, expected -({size} // 2) to ({size} - 1) // 2"
        )
    x = bordered(name, x, axis, before, size - 1 - before, mode, cval)
    return ops.matmul(windows(x, size, axis), weights)


def neighbourhoods(
    name: str,
    x: Any,
    sizes: Sequence[int],
    modes: Sequence[str],
    cval: Any,
    origins: Sequence[int],
) -> Any:
    """Every element's neighbourhood of ``sizes`` (one an axis), flat, as a new last axis."""
    ndim = len(x.shape)
    for axis, (size, mode, origin) in enumerate(zip(sizes, modes, origins, strict=True)):
        before = size // 2 + origin
        x = bordered(name, x, axis, before, size - 1 - before, mode, cval)
    for axis, size in enumerate(sizes):
        x = windows(x, size, axis)
    return ops.reshape(x, (*x.shape[:ndim], math.prod(sizes)))


def each(value: Any, count: int) -> list[Any]:
    """One value for each axis: the value itself, or the sequence given."""
    if isinstance(value, int | float | complex | str) or getattr(value, "shape", None) == ():
        return [value] * count
    return list(value)


def apply_along(matrix: Any, x: Any, axis: int) -> Any:
    """The linear map with this matrix along an axis."""
    moved = ops.moveaxis(x, axis, -1)
    return ops.moveaxis(ops.matmul(moved, ops.matrix_transpose(matrix)), -1, axis)
