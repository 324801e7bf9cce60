"""Batch rules of indexing: where the batch axis goes in the index, and in the result.

With index arrays the axes they make come first in the result when they are apart in the index,
and in place when they are side by side (NumPy's rule, which the array libraries share). The
batch has to end up in front either way.
"""

from typing import Any

from polygrad.core import op as op_module
from polygrad.core.batch import raise_ndim, spread_batch, unbatched_ndim
from polygrad.core.op import Op
from polygrad.core.trace import bind
from polygrad.dtypes import as_dtype
from polygrad.errors import IndexingError

Moves = tuple[list[int], list[int]]


def _batch_index(
    slot: Any, size: int, ndim: int, index: tuple[Any, ...], arrays: list[Any], batched: list[bool]
) -> tuple[tuple[Any, ...], list[Any], Moves | None]:
    """The index into an array with the batch in front; its arrays; axes of its result to move."""
    if not arrays:
        return (slice(None), *index), [], None
    width = max(unbatched_ndim(a, b) for a, b in zip(arrays, batched, strict=True))
    before, side_by_side = _layout(slot, ndim, index, arrays)
    if not any(batched):
        moves = None if side_by_side else ([width], [0])
        return (slice(None), *index), arrays, moves
    if any(as_dtype(a.dtype).group == "bool" for a in arrays):
        raise IndexingError(
            "x[mask] inside vmap: the number of elements would differ between examples; use "
            "pg.where(mask, x, other)"
        )
    xp = op_module.traced_namespace
    lined_up = [raise_ndim(a, b, width) for a, b in zip(arrays, batched, strict=True)]
    device = xp.device_of(next(a for a, b in zip(arrays, batched, strict=True) if b))
    examples = xp.reshape(xp.arange(size, device=device), (size, *(1,) * width))
    if type(examples._value) is type(lined_up[0]):
        examples = examples._value  # raw beside raw
    place = before if side_by_side else 0
    moves = None
    if place:
        moves = (list(range(1, width + 1)), list(range(place + 1, place + width + 1)))
    return (slot, *index), [examples, *lined_up], moves


def _layout(slot: Any, ndim: int, index: tuple[Any, ...], arrays: list[Any]) -> tuple[int, bool]:
    """How many axes of the result precede those of the index arrays; if these are together."""
    rest = iter(arrays)
    lengths = []  # axes of the indexed array that each entry takes
    for part in index:
        if part is slot:
            array = next(rest)
            is_mask = as_dtype(array.dtype).group == "bool"
            lengths.append(len(array.shape) if is_mask else 1)
        else:
            lengths.append(0 if part is None or part is Ellipsis else 1)
    advanced = [i for i, part in enumerate(index) if part is slot or type(part) in (int, bool)]
    first, last = advanced[0], advanced[-1]
    before = 0
    for part in index[:first]:
        before += ndim - sum(lengths) if part is Ellipsis else 1
    return before, last - first + 1 == len(advanced)


def _undo(moves: Moves | None, value: Any) -> Any:
    return (
        value if moves is None else op_module.traced_namespace.moveaxis(value, moves[1], moves[0])
    )


def getitem_rule(slot: Any) -> Any:
    """The batch rule of x[index]."""

    def rule(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
        x = spread_batch(values[0], batched[0], size)
        index, arrays, moves = _batch_index(
            slot, size, len(x.shape) - 1, params["index"], values[1:], batched[1:]
        )
        out = bind(op, (x, *arrays), {"index": index})
        return out if moves is None else op_module.traced_namespace.moveaxis(out, *moves)

    return rule


def scatter_rule(slot: Any) -> Any:
    """The batch rule of the transpose of x[index]."""

    def rule(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
        shape = params["shape"]
        index, arrays, moves = _batch_index(
            slot, size, len(shape), params["index"], values[1:], batched[1:]
        )
        value = _undo(moves, spread_batch(values[0], batched[0], size))
        return bind(op, (value, *arrays), {"index": index, "shape": (size, *shape)})

    return rule


def index_set_rule(slot: Any, getitem_op: Op) -> Any:
    """The batch rule of a copy of x with x[index] = value."""

    def rule(op: Op, size: int, values: list[Any], batched: list[bool], params: Any) -> Any:
        xp = op_module.traced_namespace
        x = spread_batch(values[0], batched[0], size)
        index, arrays, moves = _batch_index(
            slot, size, len(x.shape) - 1, params["index"], values[2:], batched[2:]
        )
        read = bind(getitem_op, (x, *arrays), {"index": index})
        shape = read.shape if moves is None else xp.moveaxis(read, *moves).shape
        value = raise_ndim(values[1], batched[1], len(shape) - 1)
        value = _undo(moves, xp.broadcast_to(value, shape))
        return bind(op, (x, value, *arrays), {"index": index})

    return rule
