"""Fusion: elementwise equations over one shape, and reductions of their answers, share a loop.

A loop runs over blocks of rows that fit in a cache, so that what one equation writes is still
there when the next one reads it. The first ``split`` axes of the loop's shape are the rows: an
operand either spans all of them or none.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from polygrad.compile.graph import Equation, Graph, Value


@dataclass
class Loop:
    """Equations that run block by block over one shape.

    Each has answers of that shape, or is a reduction of one, and the loop's last use of it.
    """

    shape: tuple[int, ...]
    split: int
    equations: list[Equation] = field(default_factory=list)
    made: set[Value] = field(default_factory=set)
    """Answers of the loop's shape."""
    reduced: set[Value] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return math.prod(self.shape[: self.split])

    @property
    def width(self) -> int:
        """The number of elements of a row."""
        return math.prod(self.shape[self.split :])


Step = Equation | Loop


def fuse(
    graph: Graph,
    takes: Callable[[Equation], bool],
    smallest: int,
    widest: int,
) -> list[Step]:
    """The equations of a graph as steps: by themselves, or in loops over ``smallest`` elements
    or more, of rows no wider than ``widest``.

    ``takes`` says whether an equation can run in a loop at all. Steps keep an order in which
    each runs after what it needs.
    """
    steps: list[Step] = []
    place: dict[Value, int] = {}  # the step that defines each value
    loops: dict[tuple[int, ...], list[int]] = {}  # the places of the loops over each shape
    for equation in graph.equations:
        at = _join(steps, place, loops, equation, widest) if takes(equation) else None
        if at is None:
            loop = _start(equation, widest) if takes(equation) else None
            big = loop is not None and math.prod(loop.shape) >= smallest
            steps.append(loop if big and loop is not None else equation)
            at = len(steps) - 1
            if big and loop is not None:
                loops.setdefault(loop.shape, []).append(at)
        for out in equation.outputs:
            place[out] = at
    return [s.equations[0] if isinstance(s, Loop) and len(s.equations) == 1 and _light(s) else s for s in steps]  # fmt: skip # noqa: E501


def _light(loop: Loop) -> bool:
    """Whether a loop of one equation gains nothing: memory alone bounds it."""
    return loop.equations[0].op.facts.cost == 1


def _join(
    steps: list[Step],
    place: dict[Value, int],
    loops: dict[tuple[int, ...], list[int]],
    equation: Equation,
    widest: int,
) -> int | None:
    """Add an equation to the earliest loop that can take it; its place, or None."""
    before = (*equation.values, *equation.outputs[0].after)
    first = max((place.get(x, -1) for x in before), default=-1)
    reduction = bool(equation.op.facts.reduction)
    if first >= 0 and isinstance(steps[first], Loop):
        loop = steps[first]
        assert isinstance(loop, Loop)
        if not loop.reduced.isdisjoint(equation.values):
            first += 1  # it needs a finished reduction
        if reduction and equation.inputs[0] not in loop.made:
            return None
    elif reduction:
        return None
    places = loops.get((equation.inputs[0] if reduction else equation.out).shape, [])
    for at in places[bisect_left(places, first) :]:
        if reduction and at > first:
            break
        candidate = steps[at]
        if isinstance(candidate, Loop) and _takes(candidate, equation, widest):
            return at
    return None


def _start(equation: Equation, widest: int) -> Loop | None:
    if not equation.op.facts.elementwise:
        return None
    shape = equation.out.shape
    loop = Loop(shape, len(shape))
    return loop if _takes(loop, equation, widest) else None


def _takes(loop: Loop, equation: Equation, widest: int) -> bool:
    """Add an equation to a loop if it fits."""
    if equation.op.facts.reduction:
        split = _split_of_reduction(loop, equation)
    elif equation.out.shape == loop.shape:
        split = split_of(loop.shape, [x.shape for x in equation.values if x not in loop.made])
    else:
        return False
    split = min(split, loop.split)
    if split == 0 or math.prod(loop.shape[split:]) > widest:
        return False
    loop.split = split
    loop.equations.append(equation)
    (loop.reduced if equation.op.facts.reduction else loop.made).add(equation.out)
    return True


def _split_of_reduction(loop: Loop, equation: Equation) -> int:
    axes = tuple(equation.params["axis"])
    ndim = len(loop.shape)
    if len(axes) == ndim:
        return ndim
    if sorted(axes) == list(range(len(axes))):
        return len(axes)  # the leading axes: parts of blocks are added up
    return min(axes)  # within a row


def split_of(shape: tuple[int, ...], operands: Sequence[tuple[int, ...]]) -> int:
    """How many leading axes all operands either span or do not have at all.

    >>> split_of((4, 5, 6), [(4, 5, 6), (5, 6), ()])
    1
    """
    split = len(shape)
    for operand in operands:
        if operand == shape or math.prod(operand) == 1:
            continue
        full = (1,) * (len(shape) - len(operand)) + operand
        spans = full[0] == shape[0] and shape[0] != 1
        n = 0
        while n < len(shape) and (full[n] == shape[n] if spans else full[n] == 1):
            n += 1
        split = min(split, n)
    return split
