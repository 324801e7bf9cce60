"""Functions that join, split and repeat arrays."""

import math
from collections.abc import Sequence
from typing import Any

from polygrad.array import wrap
from polygrad.core.batch import by_axis, refuse_examples
from polygrad.core.kinds import Linear
from polygrad.core.op import OpFacts
from polygrad.core.trace import bind
from polygrad.errors import ArgumentValueError, ShapeError
from polygrad.ops.creation import as_operand
from polygrad.ops.datatypes import check_same_library
from polygrad.ops.indexing import getitem, take
from polygrad.ops.manipulation import broadcast_arrays, broadcast_to, normalise_axis, reshape


def _transpose_concat(xp: Any, g: Any, *arrays: Any, axis: int) -> list[Any]:
    found, start = [], 0
    for x in arrays:
        stop = start + x.shape[axis]
        found.append(g[(*(slice(None),) * axis, slice(start, stop), ...)])
        start = stop
    return found


concat_op = Linear(
    "concat",
    _transpose_concat,
    lambda xp, *arrays, axis: xp.concat(arrays, axis=axis),
    operands=None,
    batch=by_axis(),
    facts=OpFacts(joins="concat", cost=5),
)
stack_op = Linear(
    "stack",
    lambda xp, g, *arrays, axis: [g[(*(slice(None),) * axis, i, ...)] for i in range(len(arrays))],
    lambda xp, *arrays, axis: xp.stack(arrays, axis=axis),
    operands=None,
    batch=by_axis(new=1),
    facts=OpFacts(joins="stack", cost=5),
)


class _Unstack(Linear):
    """One op with many answers: its transpose is one stack, not a sum of padded slices."""

    __slots__ = ()
    multiple = True


unstack_op = _Unstack(
    "unstack",
    lambda xp, g, x, axis: xp.stack(g, axis=axis),
    lambda xp, x, axis: tuple(
        [xp.getitem(x, (*(slice(None),) * axis, i, ...)) for i in range(x.shape[axis])]
    ),
    batch=by_axis(),
)


def concat(arrays: Any, /, *, axis: int | None = 0) -> Any:
    """Arrays joined along an axis they have, or flattened and joined for ``axis`` None.

    >>> pg.concat([pg.zeros(1), pg.ones(2)])
    Array([0., 1., 1.], dtype=float64, device=cpu)
    """
    arrays = _several("concat", arrays)
    if axis is None:
        arrays = [reshape(x, (-1,)) for x in arrays]
        axis = 0
    axis = normalise_axis("concat", axis, len(arrays[0].shape))
    rests = {(*x.shape[:axis], *x.shape[axis + 1 :]) for x in arrays}
    if len(rests) > 1 or len({len(x.shape) for x in arrays}) > 1:
        shapes = ", ".join(str(tuple(x.shape)) for x in arrays)
        raise ShapeError(
            f"concat: got the shapes {shapes}, expected equal ones but for axis {axis}"
        )
    return bind(concat_op, tuple(arrays), {"axis": axis})


def stack(arrays: Any, /, *, axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis.

    >>> pg.stack([pg.zeros(2), pg.ones(2)]).shape
    (2, 2)
    """
    arrays = _several("stack", arrays)
    axis = normalise_axis("stack", axis, len(arrays[0].shape) + 1)
    if len({tuple(x.shape) for x in arrays}) > 1:
        shapes = ", ".join(str(tuple(x.shape)) for x in arrays)
        raise ShapeError(f"stack: got the shapes {shapes}, expected equal ones")
    return bind(stack_op, tuple(arrays), {"axis": axis})


def _several(name: str, arrays: Any) -> list[Any]:
    found = list(arrays)
    if not found:
        raise ArgumentValueError(f"{name}: got no arrays, expected at least one")
    check_same_library(name, found)
    return found


def unstack(x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The slices of ``x`` along an axis, as a tuple.

    >>> [part.shape for part in pg.unstack(pg.zeros((2, 3)))]
    [(3,), (3,)]
    """
    axis = normalise_axis("unstack", axis, len(x.shape))
    return bind(unstack_op, (x,), {"axis": axis}) if x.shape[axis] else ()


def tile(x: Any, repetitions: Sequence[int], /) -> Any:
    """``x`` repeated as a whole along each axis.

    >>> pg.tile(pg.asarray([1.0, 2.0]), (2,))
    Array([1., 2., 1., 2.], dtype=float64, device=cpu)
    """
    repetitions = (repetitions,) if isinstance(repetitions, int) else tuple(repetitions)
    ndim = max(len(x.shape), len(repetitions))
    times = (1,) * (ndim - len(repetitions)) + repetitions
    shape = (1,) * (ndim - len(x.shape)) + tuple(x.shape)
    # Each axis becomes (repetition, axis), which broadcasts and then folds together.
    apart = tuple(n for length in shape for n in (1, length))
    wide = tuple(n for t, length in zip(times, shape, strict=True) for n in (t, length))
    folded = tuple(t * length for t, length in zip(times, shape, strict=True))
    return reshape(broadcast_to(reshape(x, apart), wide), folded)


LARGEST = 2**36
"""Elements along an axis that no repetition goes beyond."""


def repeat(x: Any, repeats: Any, /, *, axis: int | None = None) -> Any:
    """Each element of ``x`` (or slice along ``axis``) repeated in place.

    ``repeats`` is a number, or one number for each element in a list or array. Its values
    decide the shape of the result.

    >>> pg.repeat(pg.asarray([1.0, 2.0]), 2)
    Array([1., 1., 2., 2.], dtype=float64, device=cpu)
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = normalise_axis("repeat", axis, len(x.shape))
    n = x.shape[axis]
    refuse_examples("repeat", "repeats", repeats, "pass the same repeats for all of them")
    counts = repeats if isinstance(repeats, int | list | tuple) else wrap(repeats).tolist()
    counts = [counts] if isinstance(counts, int) else list(counts)
    counts = counts * n if len(counts) == 1 else counts
    if len(counts) != n or any(count < 0 for count in counts):
        raise ArgumentValueError(
            f"repeat: got {len(counts)} repeats, expected one number or {n}, none negative"
        )
    if sum(counts) > LARGEST:
        raise ArgumentValueError(
            f"repeat: got repeats that make {sum(counts)} of an axis of length {n}, expected at "
            f"most {LARGEST}, which is more than memory holds"
        )
    places = [i for i, count in enumerate(counts) for _ in range(count)]
    if not places:
        return getitem(x, (*(slice(None),) * axis, slice(0, 0), ...))
    return take(x, as_operand(places, x, "repeat"), axis=axis)


def meshgrid(*arrays: Any, indexing: str = "xy") -> Any:
    """Coordinate arrays of the grid that one-dimensional arrays span.

    ``indexing`` "xy" puts the first array along the second axis, "ij" along the first. The
    answer is a list; the standard of 2025.12, which the environment variable
    ``POLYGRAD_API_VERSION`` chooses, wants a tuple.

    >>> [g.shape for g in pg.meshgrid(pg.zeros(2), pg.zeros(3))]
    [(3, 2), (3, 2)]
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentValueError(f"meshgrid: got indexing {indexing!r}, expected 'xy' or 'ij'")
    n = len(arrays)
    grids = []
    for i, x in enumerate(arrays):
        shape = [1] * n
        shape[i] = math.prod(x.shape)
        if indexing == "xy" and n > 1:
            shape[0], shape[1] = shape[1], shape[0]
        grids.append(reshape(x, tuple(shape)))
    return broadcast_arrays(*grids)
