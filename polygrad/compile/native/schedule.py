"""Which values are written to memory, and which of them one loop computes together.

Everything else is computed where it is needed, in the loops of what needs it.
"""

from dataclasses import dataclass, field
from typing import Any

from polygrad.compile import index as indexing
from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.index import identity, is_alias
from polygrad.compile.native.parts import Part, parts
from polygrad.compile.native.prepare import FACTORS, MATMUL
from polygrad.compile.native.pull import Puller
from polygrad.compile.native.text import Code
from polygrad.compile.passes.expand import class_places

DEAR = 6
"""Cost from which on a value is kept for a second loop instead of computed again."""
LARGEST = 400
"""Cost of the code of one loop from which on it is divided."""
DEEP = 60
"""Ops one behind the other from which on a value is stored, so that a loop's code stays short."""
SMALL = 4096
"""Elements up to which loops are joined though they have no operand in common."""


@dataclass(eq=False)
class Root:
    """A value that a loop writes: as it is, or reduced over axes of the loop's space."""

    value: Value
    source: Any  # what is computed at each element: a value, a number, or None for 0
    axes: tuple[int, ...] = ()
    op: str = ""  # the reduction
    copy: int | None = None  # the number of an output that is a copy of ``source``
    part: Part | None = None  # where ``source`` is a part of the value


@dataclass(eq=False)
class Loop:
    """A loop over a space, and what it writes."""

    space: tuple[int, ...]
    roots: list[Root] = field(default_factory=list)
    reads: set[Value] = field(default_factory=set)
    cost: int = 0


@dataclass(eq=False)
class Product:
    """A matrix product of values in memory; whether each is read transposed."""

    equation: Equation
    left: Value
    right: Value
    flips: tuple[bool, bool]
    small: bool


@dataclass(eq=False)
class Factor:
    """A factor of a matrix, or a triangular system; whether the matrix is read transposed."""

    equation: Equation
    operands: tuple[Value, ...]
    flip: bool = False


Step = Loop | Product | Factor


class Schedule:
    """The steps of a graph."""

    def __init__(self, graph: Graph, inline: int) -> None:
        self.graph, self.inline = graph, inline
        self.producers = graph.producers()
        self.users = graph.users()
        self.stored: set[Value] = set()
        self.products: dict[Value, Product | Factor] = {}
        self._mark()
        while True:
            self.steps: list[Step] = []
            self._arrange()
            again = self._shared()
            if not again:
                break
            self.stored |= again

    # -- what has to be in memory ---------------------------------------------------------------

    def keep(self, x: Value) -> None:
        """Have a value in memory, if it is not there anyway."""
        while (equation := self.producers.get(x)) is not None and is_alias(equation):
            x = equation.inputs[0]
        if x in self.producers:
            self.stored.add(x)

    def _mark(self) -> None:
        costs: dict[Value, int] = {}
        depths: dict[Value, int] = {}
        for equation in self.graph.equations:
            op, out = equation.op, equation.out
            if op is MATMUL:
                self._product(equation)
            elif op in FACTORS:
                self._factor(equation)
            elif op.facts.reduction or op.facts.joins:
                self.stored.add(out)
            elif is_alias(equation) or (op is class_places and equation.inputs[0].ndim != 1):
                self.keep(equation.inputs[0])
            total = indexing.element_cost(equation)
            for x in equation.values:
                if x in self.stored:
                    continue
                dear = costs.get(x, 0) >= DEAR and (
                    x.size < out.size or not equation.op.facts.elementwise
                )
                if dear and not op.facts.reduction and not is_alias(equation):
                    view = (op.facts.view and x.size >= out.size) or op.facts.joins
                    if not view:
                        self.keep(x)
                        continue
                total += costs.get(x, 0)
            depth = 1 + max([depths.get(x, 0) for x in equation.values], default=0)
            if (total > LARGEST or depth > DEEP) and not is_alias(equation):
                self.stored.add(out)
            depths[out] = 0 if out in self.stored else depth
            costs[out] = total
        for value in self.graph.outputs:
            if value in self.producers and not is_alias(self.producers[value]):
                self.stored.add(value)

    def _product(self, equation: Equation) -> None:
        a, b = equation.inputs
        size = a.size * (b.shape[-1] if b.ndim > 1 else 1)
        small = size <= self.inline
        found = []
        for i, x in enumerate((a, b)):
            x, flip = (x, False) if small and i == 1 else self._turned(x)
            self.keep(x)
            found.append((x, flip))
        self.stored.add(equation.out)
        (left, f), (right, g) = found
        self.products[equation.out] = Product(equation, left, right, (f, g), small)

    def _factor(self, equation: Equation) -> None:
        matrix, *others = equation.inputs
        flip = False
        if others:  # a Cholesky factor is that of the Hermitian part
            matrix, flip = self._turned(matrix)
        for x in (matrix, *others):
            self.keep(x)
        self.stored.add(equation.out)
        self.products[equation.out] = Factor(equation, (matrix, *others), flip)

    def _turned(self, x: Value) -> tuple[Value, bool]:
        """What a matrix is the transpose of, and whether it is."""
        flip = False
        while (inner := self.producers.get(x)) is not None and indexing.is_transpose(inner):
            flip, x = not flip, inner.inputs[0]
        return x, flip

    # -- loops ----------------------------------------------------------------------------------

    def _arrange(self) -> None:
        self.place: dict[Value, int] = {}
        for equation in self.graph.equations:
            out = equation.out
            if out not in self.stored:
                continue
            if out in self.products:
                self.place[out] = len(self.steps)
                self.steps.append(self.products[out])
                continue
            if equation.op.facts.joins:
                self._parts(equation)
                continue
            if equation.op.facts.reduction:
                axes = tuple(equation.params["axis"])
                root = Root(out, equation.inputs[0], axes, equation.op.facts.reduction)
            else:
                root = Root(out, out)
            self._join(root)
        seen: set[Value] = set()
        for number, value in enumerate(self.graph.outputs):
            if value not in self.stored or value in seen:
                self._join(Root(value, value, copy=number))
            seen.add(value)

    def _parts(self, equation: Equation) -> None:
        """A loop for each part, in their order."""
        for part in parts(equation):
            loop = Loop(part.space, [Root(equation.out, part.source, part=part)], cost=2)
            if isinstance(part.source, Value):
                loop.cost += self._cost(part.source)
            self.place[equation.out] = len(self.steps)
            self.steps.append(loop)

    def _cost(self, value: Value) -> int:
        here = identity([f"%i{d}" for d in range(value.ndim)])
        puller = Puller(Code(), self.producers, self.stored, lambda _: "%p")
        puller.get(value, here)
        return puller.cost

    def trial(self, root: Root, space: tuple[int, ...]) -> Puller:
        """The code of a root, for what it reads and costs."""
        puller = Puller(Code(), self.producers, self.stored, lambda value: "%p")
        names = [f"%i{d}" if n != 1 else "" for d, n in enumerate(space)]
        puller.get(root.source, identity(names), root.source is root.value and root.copy is None)
        return puller

    def _join(self, root: Root) -> None:
        space = root.source.shape
        puller = self.trial(root, space)
        names = [f"%i{d}" if n != 1 else "" for d, n in enumerate(space)]
        here = identity(names)
        reads = {value for value, _ in puller.reads}
        first = max((self.place.get(x, 0) for x in root.value.after), default=0)
        for value, at in puller.reads:
            place = self.place.get(value)
            if place is None:
                continue
            step = self.steps[place]
            fits = (
                isinstance(step, Loop) and step.space == space and at == here
                and any(r.value is value and not r.op and r.part is None for r in step.roots)
            )  # fmt: skip
            first = max(first, place if fits else place + 1)
        size = root.source.size
        chosen = len(self.steps)
        for number in range(first, len(self.steps)):
            step = self.steps[number]
            if (
                not isinstance(step, Loop)
                or step.roots[0].part is not None
                or step.space != space
                or step.cost + puller.cost > LARGEST
            ):
                continue
            if size <= SMALL or not reads.isdisjoint(step.reads | {r.value for r in step.roots}):
                chosen = number
                break
        if chosen == len(self.steps):
            self.steps.append(Loop(space))
        loop = self.steps[chosen]
        assert isinstance(loop, Loop)
        loop.roots.append(root)
        loop.reads |= reads
        loop.cost += puller.cost
        if root.copy is None:
            self.place[root.value] = chosen

    def _shared(self) -> set[Value]:
        """Values that several loops would compute, and that cost more than to read them again."""
        where: dict[Value, set[int]] = {}
        for at, step in enumerate(self.steps):
            if isinstance(step, Loop):
                for root in step.roots:
                    if not isinstance(root.source, Value):
                        continue
                    where.setdefault(root.source, set()).add(at)
        costs: dict[Value, int] = {}
        for equation in self.graph.equations:
            own = indexing.element_cost(equation)
            costs[equation.out] = own + sum(
                0 if x in self.stored else costs.get(x, 0) for x in equation.values
            )
        again: set[Value] = set()
        for equation in reversed(self.graph.equations):
            out = equation.out
            places = where.get(out, set())
            kept = out in self.stored
            if not kept and len(places) > 1 and costs[out] >= DEAR and not is_alias(equation):
                again.add(out)
                places = set()  # its operands are read once, where it is computed
            if out in self.products or equation.op.facts.reduction or equation.op.facts.joins:
                continue
            if kept:
                places = {self.place[out]} if out in self.place else set()
            for x in equation.values:
                if x not in self.stored:
                    where.setdefault(x, set()).update(places)
        return again
