"""A graph with derivatives in it, split: what is computed first, and what waits for cotangents.

The first part depends on the primal inputs alone. It hands on what the later parts read of it; how
much that is decides on the memory that a training step holds between its two passes.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.index import is_view


class Part(NamedTuple):
    """A graph that runs later, on what the first one hands on and on arrays of its own.

    Its inputs are the values that ``reads`` names (an operand of the first graph by its place; or,
    counted on from those, one of its outputs), then those at ``used`` among the other inputs.
    """

    graph: Graph
    reads: tuple[int, ...]
    used: tuple[int, ...]


def split(
    joint: Graph, primals: int, groups: Sequence[Sequence[Value]], lazily: bool = True
) -> tuple[Graph, list[Part]]:
    """The part of a graph that only needs its first ``primals`` inputs, and those that need more.

    ``groups`` are the outputs of each later part: the last ones of ``joint``, in order. The others
    are the first outputs of the first part. ``lazily``: what only a later part uses is computed
    there, if the first one hands on its operands anyway.
    """
    inputs, others = joint.inputs[:primals], joint.inputs[primals:]
    outputs = list(joint.outputs[: len(joint.outputs) - sum(map(len, groups))])
    parts = [_Later(joint, group, others) for group in groups]
    if lazily:
        own = set(_needed(joint, outputs))
        for part in parts:
            part.take_over(own, {*inputs, *joint.constants})
    known = {*inputs, *joint.constants, *outputs}
    outputs += dict.fromkeys(v for part in parts for v in part.reads if v not in known)
    first = _graph(joint, inputs, _needed(joint, outputs), outputs)
    place = {v: len(inputs) + i for i, v in reversed(list(enumerate(outputs)))}
    place.update((v, i) for i, v in enumerate(inputs))
    found = []
    for part, group in zip(parts, groups, strict=True):
        reads = [*part.reads, *(v for v in inputs if v in part.needed)]
        used = tuple([i for i, v in enumerate(others) if v in part.needed])
        given = [*reads, *(others[i] for i in used)]
        graph = _graph(joint, given, part.equations(), group)
        found.append(Part(graph, tuple([place[v] for v in reads]), used))
    return first, found


def _needed(joint: Graph, outputs: Iterable[Value]) -> list[Equation]:
    """The equations that outputs depend on. Whole: derivatives may use answers not used so far."""
    needed, found = set(outputs), []
    for equation in reversed(joint.equations):
        if not needed.isdisjoint(equation.outputs):
            needed.update(equation.values)
            found.append(equation)
    return found[::-1]


def _graph(
    joint: Graph, inputs: Iterable[Value], equations: Sequence[Equation], outputs: Sequence[Value]
) -> Graph:
    used = {v for equation in equations for v in equation.values}.union(outputs)
    constants = {v: array for v, array in joint.constants.items() if v in used}
    return Graph(inputs, constants, equations, outputs, joint.name)


class _Later:
    """The equations of a part that runs later, and the answers of the first one that it reads."""

    def __init__(self, joint: Graph, outputs: Sequence[Value], others: Sequence[Value]) -> None:
        self._joint = joint
        self.needed = set(outputs)
        self.reads: list[Value] = []
        self._chosen: set[Equation] = set()
        later = set(others)
        for equation in joint.equations:
            if not later.isdisjoint(equation.values):
                later.update(equation.outputs)
        for equation in reversed(joint.equations):
            if self.needed.isdisjoint(equation.outputs):
                continue
            if not later.isdisjoint(equation.outputs) or _always_again(equation):
                self._choose(equation)
            else:
                self.reads += [v for v in equation.outputs if v in self.needed]

    def _choose(self, equation: Equation) -> None:
        self._chosen.add(equation)
        self.needed.update(equation.values)

    def take_over(self, own: set[Equation], given: set[Value]) -> None:
        """Compute here, and do not read, what takes only what is at hand.

        Of what the first part computes for itself, ``own``, only where that is cheap.
        """
        at_hand = {*given, *self.reads, *(v for e in self._chosen for v in e.outputs)}
        # In order, so that what is only used here adds to what is at hand.
        for equation in self._joint.equations:
            if equation not in own and at_hand.issuperset(equation.values):
                at_hand.update(equation.outputs)
        wanted = set(self.reads)
        for equation in reversed(self._joint.equations):
            if wanted.isdisjoint(equation.outputs):
                continue
            here = equation not in own or _cheap(equation)
            if here and at_hand.issuperset(equation.values):
                self._choose(equation)
                wanted.update(equation.values)
                self.reads = [v for v in self.reads if v not in equation.outputs]

    def equations(self) -> list[Equation]:
        """Those of this part, in order."""
        return [equation for equation in self._joint.equations if equation in self._chosen]


def _always_again(equation: Equation) -> bool:
    """Whether an answer is not worth keeping: a view, or a Python number."""
    return is_view(equation) or equation.outputs[0].weak


def _cheap(equation: Equation) -> bool:
    """Whether to compute an answer takes no longer than to read one that was kept."""
    return equation.op.facts.elementwise and equation.op.facts.cost == 1
