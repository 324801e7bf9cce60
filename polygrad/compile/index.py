"""Indices as sums of loop variables, and how an op that only looks at its operand maps them.

A `Line` is ``constant + sum of factor * variable``; an index is a tuple of lines, one an axis.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from polygrad.compile.graph import Equation, Value


class Line(NamedTuple):
    """A number that depends on variables by known factors."""

    constant: int
    terms: tuple[tuple[str, int], ...]

    def times(self, factor: int) -> "Line":
        """The multiple."""
        if factor == 0:
            return ZERO
        return Line(self.constant * factor, tuple([(v, c * factor) for v, c in self.terms]))

    def plus(self, other: "Line") -> "Line":
        """The sum."""
        total = dict(self.terms)
        for variable, factor in other.terms:
            total[variable] = total.get(variable, 0) + factor
        terms = tuple(sorted((v, c) for v, c in total.items() if c))
        return Line(self.constant + other.constant, terms)


ZERO = Line(0, ())
Index = tuple[Line, ...]


def variable(name: str, offset: int = 0) -> Line:
    """A variable by itself."""
    return Line(offset, ((name, 1),))


def identity(names: Iterable[str]) -> Index:
    """The index of the element that loops are at, by their variables; "" for an axis of one."""
    return tuple([variable(n) if n else ZERO for n in names])


def strides(shape: Sequence[int]) -> list[int]:
    """The distance of neighbours on each axis, in elements, of an array in C order."""
    return [math.prod(shape[i + 1 :]) for i in range(len(shape))]


def flat(index: Index, steps: Iterable[int]) -> Line:
    """The place in memory."""
    total = ZERO
    for line, step in zip(index, steps, strict=True):
        total = total.plus(line.times(step))
    return total


def broadcast(index: Index, shape: tuple[int, ...]) -> Index:
    """The index of an operand of ``shape`` that is broadcast to the axes of ``index``."""
    rest = index[len(index) - len(shape) :]
    return tuple([ZERO if n == 1 else line for n, line in zip(shape, rest, strict=True)])


def broadcast_shape(shapes: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that shapes broadcast to, which they do."""
    ordered = list(shapes)
    ndim = max(map(len, ordered))
    padded = [(1,) * (ndim - len(shape)) + shape for shape in ordered]
    return tuple([max(lengths) for lengths in zip(*padded, strict=True)])


def is_view(equation: Equation) -> bool:
    """Whether an answer is in the memory of its first operand, for a library with strides."""
    facts = equation.op.facts
    return bool(facts.view) and (facts.indices is None or len(equation.inputs) == facts.indices)


def is_transpose(equation: Equation) -> bool:
    """Whether an answer is its operand with the last two axes swapped."""
    view, x = equation.op.facts.view, equation.inputs[0]
    if view == "permute":
        n = x.ndim
        return n > 1 and list(equation.params["axes"]) == [*range(n - 2), n - 1, n - 2]
    return view == "transpose"


def element_cost(equation: Equation) -> int:
    """About how many simple operations an element of the answer is worth, beside its operands."""
    facts = equation.op.facts
    return 5 if facts.view and not is_view(equation) else facts.cost


def is_alias(equation: Equation) -> bool:
    """Whether an answer is the memory of its operand in another shape, so that it has an index
    only as a place in memory."""
    x = equation.inputs[0]
    return (
        equation.op.facts.view == "reshape"
        and isinstance(x, Value)
        and not same_axes(x.shape, equation.out.shape)
    )


def same_axes(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether a reshape only adds and drops axes of length 1."""
    return [n for n in old if n != 1] == [n for n in new if n != 1]


def through(equation: Equation, index: Index) -> Index:
    """The index of the operand for one of the answer; for views without index arrays."""
    view, params, x = equation.op.facts.view, equation.params, equation.inputs[0]
    if view == "broadcast":
        return broadcast(index, x.shape)
    if view == "permute":
        found = [ZERO] * len(index)
        for line, axis in zip(index, params["axes"], strict=True):
            found[axis] = line
        return tuple(found)
    if view == "transpose":
        return (*index[:-2], index[-1], index[-2])
    if view == "flip":
        axes = params.get("axis")
        axes = range(len(index)) if axes is None else (axes,) if isinstance(axes, int) else axes
        mirrored = [Line(n - 1, ()).plus(i.times(-1)) for i, n in zip(index, x.shape, strict=True)]
        wanted = {a % len(index) for a in axes}
        return tuple([mirrored[a] if a in wanted else index[a] for a in range(len(index))])
    if view == "diagonal":
        offset, i = params["offset"], index[-1]
        row, column = Line(max(-offset, 0), ()), Line(max(offset, 0), ())
        return (*index[:-1], i.plus(row), i.plus(column))
    if view == "reshape":
        lines = iter([i for i, n in zip(index, equation.out.shape, strict=True) if n != 1])
        return tuple([ZERO if n == 1 else next(lines) for n in x.shape])
    return basic(params["index"], x.shape, index)


def basic(key: tuple[Any, ...], shape: tuple[int, ...], index: Index) -> Index:
    """Integers, slices, None and the ellipsis."""
    return _walked(key, shape, index, 0, None)


def gathered(
    key: tuple[Any, ...],
    shape: tuple[int, ...],
    arrays: Sequence[Any],
    index: Index,
    place: Callable[[Any, Index, int], Line],
) -> Index:
    """The index in an array of ``shape`` where index arrays stand in the key.

    ``place(array, index, length)`` is the element of an index array, for an axis of that length.
    """
    waiting = iter(arrays)

    def slot(chosen: Index, length: int) -> Line:
        array = next(waiting)
        return place(array, broadcast(chosen, array.shape), length)

    return _walked(key, shape, index, max(len(a.shape) for a in arrays), slot)


def _walked(
    key: tuple[Any, ...],
    shape: tuple[int, ...],
    index: Index,
    count: int,
    slot: Callable[[Index, int], Line] | None,
) -> Index:
    """The parts of a key in turn; its index arrays have ``count`` axes together."""
    used = sum(part is not None and part is not Ellipsis for part in key)
    found: list[Line] = []
    at, chosen = 0, None
    for part in key:
        if part is None:
            at += 1
        elif part is Ellipsis:
            for _ in range(len(shape) - used):
                found.append(index[at])
                at += 1
        elif isinstance(part, slice):
            start, _, step = part.indices(shape[len(found)])
            found.append(Line(start, ()).plus(index[at].times(step)))
            at += 1
        elif slot is None:
            found.append(Line(part % shape[len(found)], ()))
        else:
            assert is_slot(part)
            if chosen is None:
                chosen = index[at : at + count]
                at += count
            found.append(slot(chosen, shape[len(found)]))
    return (*found, *index[at:])


def is_slot(part: Any) -> bool:
    """Whether a part of a key stands for an index array."""
    return not (part is None or part is Ellipsis or isinstance(part, int | slice))
