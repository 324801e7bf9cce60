"""Arrays that are put together: what is joined, set or added at an index is written by parts."""

from collections.abc import Iterator
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import Index, Line, is_slot


def indexed_shape(key: Any, shape: tuple[int, ...], arrays: Any) -> tuple[int, ...]:
    """The shape of what an index chooses.

    >>> indexed_shape((slice(1, None), Ellipsis, None), (3, 4), ())
    (2, 4, 1)
    """
    found: list[int] = []
    used = sum(part is not None and part is not Ellipsis for part in key)
    axis, chosen = 0, False
    for part in key:
        if part is None:
            found.append(1)
        elif part is Ellipsis:
            rest = len(shape) - used
            found += shape[axis : axis + rest]
            axis += rest
        else:
            if isinstance(part, slice):
                found.append(len(range(*part.indices(shape[axis]))))
            elif is_slot(part) and not chosen:
                chosen = True
                found += indexing.broadcast_shape([a.shape for a in arrays])
            axis += 1
    return (*found, *shape[axis:])


class Part:
    """One part: the space of its loop, its source (None for zeros), and where it is written."""

    def __init__(self, equation: Equation, source: Any, space: tuple[int, ...]) -> None:
        self.equation, self.source, self.space = equation, source, space
        self.adds = False
        self.serial = False  # whether two elements may be written to one place

    def index(self, here: Index) -> Index:
        """The index of the source."""
        return indexing.broadcast(here, self.source.shape)

    def place(self, puller: Any, here: Index) -> Line:
        """The place of the element at an index of the space, in the answer."""
        return indexing.flat(here, indexing.strides(self.space))


class Offset(Part):
    """An array that is joined to others along an axis."""

    axis = 0
    start = 0

    def index(self, here: Index) -> Index:
        """The index of the source, which has no new axis."""
        stacked = self.source.ndim < len(here)
        return (*here[: self.axis], *here[self.axis + 1 :]) if stacked else here

    def place(self, puller: Any, here: Index) -> Line:
        moved = list(here)
        moved[self.axis] = moved[self.axis].plus(Line(self.start, ()))
        return indexing.flat(tuple(moved), indexing.strides(self.equation.out.shape))


class Indexed(Part):
    """What is set or added at an index."""

    arrays: tuple[Value, ...] = ()

    def place(self, puller: Any, here: Index) -> Line:
        shape, key = self.equation.out.shape, self.equation.params["index"]
        if self.arrays:
            chosen = puller.gathered(shape, key, self.arrays, here)
        else:
            chosen = indexing.basic(key, shape, here)
        return indexing.flat(chosen, indexing.strides(shape))


def parts(equation: Equation) -> Iterator[Part]:
    """The parts of an answer, in the order they are written."""
    facts, params, out = equation.op.facts, equation.params, equation.out
    if facts.indices is None:
        start = 0
        for x in equation.inputs:
            space = x.shape
            if facts.joins == "stack":
                axis = params["axis"] % out.ndim
                space = (*space[:axis], 1, *space[axis:])
            part = Offset(equation, x, space)
            part.axis, part.start = params["axis"] % out.ndim, start
            start += space[part.axis]
            yield part
        return
    first = facts.indices
    yield Part(equation, equation.inputs[0] if facts.joins == "set" else None, out.shape)
    arrays = equation.inputs[first:]
    space = indexed_shape(params["index"], out.shape, arrays)
    indexed = Indexed(equation, equation.inputs[first - 1], space)
    indexed.arrays, indexed.adds, indexed.serial = arrays, facts.joins == "add", bool(arrays)
    yield indexed
