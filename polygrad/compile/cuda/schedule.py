"""What runs: which values are written to memory, and which of them one kernel computes together.

Everything else is computed where it is needed, in the kernels of what needs it.
"""

from polygrad.compile import index as indexing
from polygrad.compile.cuda.epilogue import attach
from polygrad.compile.cuda.pull import Puller
from polygrad.compile.cuda.steps import Group, Library, Product, Root, Step, Tiled
from polygrad.compile.cuda.supported import is_product, kernelable, typed
from polygrad.compile.cuda.tiles import tiled
from polygrad.compile.graph import Equation, Graph, Value
from polygrad.compile.index import identity, is_alias
from polygrad.compile.passes.expand import class_places

DEAR = 6
"""Cost from which on a value is kept for a second kernel instead of computed again."""
LARGEST = 400
"""Cost of the code of one kernel from which on it is divided."""
TOTALS = 48
"""Reductions of one kernel: a thread has some 200 registers for totals, 48 of 8 bytes take 96."""


class Schedule:
    """The steps of a graph. ``results`` are the values in memory that are its outputs."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.producers = graph.producers()
        self.stored: set[Value] = set()
        self.host: list[Equation] = []  # arithmetic on Python numbers
        self.fixed: dict[Value, Step] = {}  # what is no kernel, by what it defines
        self._mark()
        self._results()
        while True:
            self.steps: list[Step] = []
            self._arrange()
            again = self._shared()
            if not again:
                break
            self.stored |= again
        attach(self)

    # -- what has to be in memory ------------------------------------------------------------------

    def base(self, x: Value) -> Value:
        """The value whose memory another one is, through reshapes."""
        while x not in self.stored and (e := self.producers.get(x)) is not None and is_alias(e):
            x = e.inputs[0]
        return x

    def keep(self, x: Value) -> None:
        """Have a value in memory, if it is not there anyway."""
        x = self.base(x)
        if x in self.producers and not x.weak:
            self.stored.add(x)

    def _mark(self) -> None:
        costs: dict[Value, int] = {}
        for equation in self.graph.equations:
            if equation.outputs[0].weak:
                self.host.append(equation)
            elif is_product(equation):
                self._product(equation, costs)
            elif not kernelable(equation):
                for x in equation.values:
                    self.keep(x)
                step = Library(equation, tuple(equation.values), equation.outputs)
                self.fixed.update((out, step) for out in equation.outputs)
                self.stored.update(equation.outputs)
            else:
                self._weigh(equation, costs)

    def _weigh(self, equation: Equation, costs: dict[Value, int]) -> None:
        op, out = equation.op, equation.out
        alias = is_alias(equation)
        if alias:
            self.keep(equation.inputs[0])
        if op is class_places and equation.inputs[0].ndim != 1:
            self.keep(equation.inputs[0])
        # Whether each element looks through an index array.
        joined = bool(op.facts.joins or op.facts.triangle)
        looks = joined and op.facts.indices is not None and len(equation.inputs) > op.facts.indices
        total = indexing.element_cost(equation)
        for x in equation.values:
            if x in self.stored or x.weak:
                continue
            joins = joined and not looks
            once = equation.op.facts.elementwise or op.facts.view or joins
            grows = not once or (x.size < out.size and not joins)
            if costs.get(x, 0) >= DEAR and grows and not op.facts.reduction and not alias:
                self.keep(x)
            else:
                total += costs.get(x, 0)
        if op.facts.reduction or looks or (total > LARGEST and not alias):
            self.stored.add(out)
        costs[out] = total

    def _product(self, equation: Equation, costs: dict[Value, int]) -> None:
        out = equation.out
        self.stored.add(out)
        if tiled(equation):
            for x in equation.inputs:  # each element is used by a tile for each of its columns
                if costs.get(x, 0) >= DEAR:
                    self.keep(x)
            self.fixed[out] = Tiled(equation, [Root(out, out)])
            return
        operands, flips = [], []
        for x in equation.inputs:
            flip = False
            while (inner := self.producers.get(x)) is not None and x not in self.stored:
                if not indexing.is_transpose(inner):
                    break
                flip, x = not flip, inner.inputs[0]
            self.keep(x)
            operands.append(x)
            flips.append(flip)
        self.fixed[out] = Product(equation, (operands[0], operands[1]), (flips[0], flips[1]))

    def _results(self) -> None:
        """Outputs in memory of their own: what has none, or is there already, is copied."""
        self.results: list[Value] = []
        self.copies: list[Root] = []
        for value in self.graph.outputs:
            equation = self.producers.get(value)
            own = equation is not None and not is_alias(equation) and value not in self.results
            if value.weak or own:
                self.keep(value)
                self.results.append(value)
            else:
                new = Value(value.shape, value.dtype, value.device)
                self.copies.append(Root(new, value))
                self.results.append(new)

    # -- steps -------------------------------------------------------------------------------------

    def _arrange(self) -> None:
        self.place: dict[Value, int] = {}
        for equation in self.graph.equations:
            out = equation.outputs[0]
            if out.weak or out not in self.stored:
                continue
            if out in self.fixed:
                self.place.update((o, len(self.steps)) for o in equation.outputs)
                self.steps.append(self.fixed[out])
            elif equation.op.facts.reduction:
                axes = tuple(equation.params["axis"])
                self._join(Root(out, equation.inputs[0], axes, equation.op.facts.reduction))
            else:
                self._join(Root(out, out))
        for root in self.copies:
            if typed(root.source):
                self._join(root)
            else:
                base = (self.base(root.source),)
                self.place[root.value] = len(self.steps)
                self.steps.append(Library(None, base, (root.value,)))

    def _join(self, root: Root) -> None:
        """Put a root in the first kernel that can take it, or in one of its own."""
        space = root.source.shape
        names = [f"i{d}" if n != 1 else "" for d, n in enumerate(space)]
        here = identity(names)
        puller = Puller(self.producers, self.stored, lambda value: "p")
        puller.get(root.source, here, root.source is root.value)
        reads = {value for value, _ in puller.reads}
        first = max((self.place.get(x, 0) for x in root.value.after), default=0)
        for value, at in puller.reads:
            place = self.place.get(value)
            if place is None:
                continue
            step = self.steps[place]
            fits = (
                isinstance(step, Group) and step.space == space and at == here
                and any(r.value is value and not r.op for r in step.roots)
            )  # fmt: skip
            first = max(first, place if fits else place + 1)
        chosen = None
        for number in range(first, len(self.steps)):
            step = self.steps[number]
            if not isinstance(step, Group) or step.space != space:
                continue
            if step.cost + puller.cost > LARGEST:
                continue
            if root.op and (step.axes not in (None, root.axes) or step.totals >= TOTALS):
                continue
            chosen = number
            break
        if chosen is None:
            chosen = len(self.steps)
            self.steps.append(Group(space))
        group = self.steps[chosen]
        assert isinstance(group, Group)
        group.roots.append(root)
        group.reads |= reads
        group.cost += puller.cost
        self.place[root.value] = chosen

    def _shared(self) -> set[Value]:
        """Values that several kernels would compute, and that cost more than to read them again."""
        where: dict[Value, set[int]] = {}
        for at, step in enumerate(self.steps):
            for root in step.roots if isinstance(step, Group) else ():
                where.setdefault(root.source, set()).add(at)
        costs: dict[Value, int] = {}
        again: set[Value] = set()
        for equation in self.graph.equations:
            own = indexing.element_cost(equation)
            total = own + sum(0 if x in self.stored else costs.get(x, 0) for x in equation.values)
            costs.update((out, total) for out in equation.outputs)
        for equation in reversed(self.graph.equations):
            out = equation.outputs[0]
            if out.weak:
                continue
            places = where.get(out, set())
            kept = out in self.stored
            if not kept and len(places) > 1 and costs[out] >= DEAR and not is_alias(equation):
                again.add(out)
                places = set()  # its operands are read once, where it is computed
            other = out in self.fixed and not isinstance(self.fixed[out], Tiled)
            if other or equation.op.facts.reduction:
                continue
            if kept:
                places = {self.place[out]} if out in self.place else set()
            for x in equation.values:
                if x not in self.stored:
                    where.setdefault(x, set()).update(places)
        return again
