"""Elements of arrays that are put together: joined, set or added at an index, made triangular.

Which operand an element comes from is a branch in the code. Where an index array says it, the
thread of an element looks through the array for its own place, in order: a sum has the same
digits in every run, and of several values for one place the last one stands.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.cuda.totals import combined
from polygrad.compile.cuda.types import converted
from polygrad.compile.graph import Equation, Value
from polygrad.compile.index import ZERO, Index, Line, is_slot, variable
from polygrad.core.op import OPS
from polygrad.dtypes import DTYPES

Puller = Any  # polygrad.compile.cuda.pull.Puller, which imports this module


def _joined(puller: Puller, equation: Equation, index: Index) -> str:
    """An element of arrays one behind the other along an axis, which is new for a stack."""
    out, stacked = equation.out, equation.op is OPS["stack"]
    axis = equation.params["axis"] % out.ndim
    found: str = puller.start(out.dtype)
    place = puller.placed(index[axis])
    first = 0
    for x in equation.inputs:
        last = first + (1 if stacked else x.shape[axis])
        if last > first:
            own = () if stacked else (index[axis].plus(Line(-first, ())),)
            inside = (*index[:axis], *own, *index[axis + 1 :])
            with puller.block(f"{'else ' if first else ''}if ({place} < {last})"):
                puller.set(found, puller.get(x, indexing.broadcast(inside, x.shape)))
        first = last
    return found


def _triangle(puller: Puller, equation: Equation, index: Index) -> str:
    row, column = puller.placed(index[-2]), puller.placed(index[-1])
    compared = "<=" if equation.op is OPS["tril"] else ">="
    found: str = puller.start(equation.out.dtype)
    with puller.block(f"if ({column} - {row} {compared} {equation.params['k']})"):
        puller.set(found, puller.get(equation.inputs[0], index))
    return found


def _indexed(puller: Puller, equation: Equation, index: Index) -> str:
    """An element of an array in which values are set, or added to zeros, at an index."""
    out, sets = equation.out, equation.op is OPS["index_set"]
    value, *arrays = equation.inputs[1:] if sets else equation.inputs
    found: str = puller.start(out.dtype)
    if sets:
        puller.set(found, puller.get(equation.inputs[0], index))
    walk = _Walk(puller, equation.params["index"], out.shape, index)
    with ExitStack() as blocks:
        blocks.enter_context(puller.block(f"if ({' && '.join(walk.conditions) or 'true'})"))
        source = walk.source
        if arrays:
            shape = indexing.broadcast_shape([a.shape for a in arrays])
            here = []
            for count in shape:
                name = puller.name()
                head = f"for (int {name} = 0; {name} < {count}; ++{name})"
                blocks.enter_context(puller.block(head))
                here.append(variable(name) if count != 1 else ZERO)
            same = walk.same(arrays, tuple(here))
            blocks.enter_context(puller.block(f"if ({same})"))
            source = [*source[: walk.at], *here, *source[walk.at :]]
        x = puller.get(value, indexing.broadcast(tuple(source), value.shape))
        x = converted(x, value.dtype, out.dtype)
        puller.set(found, x if sets else combined("sum", out.dtype, found, x))
    return found


class _Walk:
    """An index met by an element of the array that it is an index of.

    ``source`` is the index of the value, without the axes of index arrays, which belong before
    number ``at``; ``conditions`` say whether there is one, ``wanted`` what index arrays have to
    hold, each with the length of its axis.
    """

    def __init__(
        self, puller: Puller, key: tuple[Any, ...], shape: tuple[int, ...], index: Index
    ) -> None:
        self.puller = puller
        self.source: list[Line] = []
        self.conditions: list[str] = []
        self.wanted: list[tuple[str, int]] = []
        self.at = 0
        used = sum(part is not None and part is not Ellipsis for part in key)
        axis = 0
        for part in key:
            if part is None:
                self.source.append(ZERO)
                continue
            if part is Ellipsis:
                rest = len(shape) - used
                self.source += index[axis : axis + rest]
                axis += rest
                continue
            if isinstance(part, slice):
                self._slice(range(*part.indices(shape[axis])), shape[axis], index[axis])
            elif is_slot(part):
                self.at = self.at if self.wanted else len(self.source)
                self.wanted.append((puller.placed(index[axis]), shape[axis]))
            else:
                self.conditions.append(f"{puller.placed(index[axis])} == {part % shape[axis]}")
            axis += 1
        self.source += index[axis:]

    def _slice(self, places: range, length: int, line: Line) -> None:
        if places == range(length):
            self.source.append(line)
            return
        if not places:
            self.conditions.append("false")
            self.source.append(ZERO)
            return
        place, wide = self.puller.placed(line), DTYPES["int64"]
        first, step = places.start, abs(places.step)
        away = f"{place} - {first}" if places.step > 0 else f"{first} - {place}"
        away = self.puller.put(wide, away)
        self.conditions.append(f"{away} >= 0 && {away} < {step * len(places)}")
        if step > 1:
            self.conditions.append(f"{away} % {step} == 0")
            away = self.puller.put(wide, f"{away} / {step}")
        self.source.append(variable(away))

    def same(self, arrays: Sequence[Value], here: Index) -> str:
        """Whether index arrays hold, at an index of theirs, what is wanted."""
        found = []
        for array, (place, length) in zip(arrays, self.wanted, strict=True):
            x = self.puller.get(array, indexing.broadcast(here, array.shape))
            x = converted(x, array.dtype, DTYPES["int64"])
            found.append(f"pg_wrap<long long>({x}, {length}) == {place}")
        return " && ".join(found)


_JOINED: dict[str, Callable[[Puller, Equation, Index], str]] = {
    "concat": _joined,
    "stack": _joined,
    "scatter_add": _indexed,
    "index_set": _indexed,
    "tril": _triangle,
    "triu": _triangle,
}
JOINED = {OPS[name]: function for name, function in _JOINED.items()}
"""The element of an answer at an index, by op."""
