"""A program with buffers of its own, and the steps of a call."""

from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.cuda.piece_run import PieceRun
from polygrad.compile.cuda.pieces import Piece
from polygrad.compile.cuda.steps import Library, Product
from polygrad.compile.graph import Value

Program = Any  # polygrad.compile.cuda.program.Program, which imports this module


class Run:
    """A program with buffers of its own, for calls one after the other."""

    def __init__(self, program: Program) -> None:
        self.program, self.host = program, program.host
        host, memory, graph = self.host, program.memory, program.graph
        self.kernels = program.kernels()
        self.buffers = [host.buffer(max(n, 1)) for n in memory.sizes]
        self.fixed: dict[Value, Any] = {v: host.in_order(a) for v, a in graph.constants.items()}
        for value, number in memory.place.items():
            self.fixed[value] = host.array_in(self.buffers[number], value.shape, self.dtype(value))
        self.calls = 0
        self.begun = False
        """Whether anything of the latest call has been given to the GPU."""
        needed = max((plan.workspace for plan in program.plans.values()), default=0)
        self.workspace = host.buffer(needed) if needed else None
        self.steps: list[Callable[[dict[Value, Any]], None]] = []
        for part in program.parts:
            if isinstance(part, Piece):
                self.steps.append(PieceRun(self, part))
            elif isinstance(part, Product):
                self.steps.append(self.product(part))
            else:
                self.steps.append(self._library(part))

    def dtype(self, value: Value) -> Any:
        """The library's data type of a value."""
        return self.program.backend.raw_dtype(value.dtype)

    def __call__(self, inputs: tuple[Any, ...]) -> list[Any]:
        program = self.program
        self.calls += 1
        self.begun = False
        known = dict(self.fixed)
        for value, given in zip(program.graph.inputs, inputs, strict=True):
            known[value] = given if value.weak else self.host.in_order(given)
        for equation in program.schedule.host:
            given = [known[x] if isinstance(x, Value) else x for x in equation.inputs]
            known[equation.out] = equation.op.facts.python(*given)
        for step in self.steps:
            step(known)
        return [known[v] for v in program.schedule.results]

    def make(self, values: Sequence[Value], known: dict[Value, Any]) -> None:
        """Memory for results."""
        memory = self.program.memory
        for value in values:
            if value in memory.fresh:
                given = memory.instead.get(value)
                if given is None or not self.host.may_write(known[given]):
                    known[value] = self.host.empty(value.shape, self.dtype(value))
                else:
                    known[value] = known[given]

    def array(self, value: Value, known: dict[Value, Any]) -> Any:
        """A value as an array, through reshapes."""
        base = value if value.weak else self.program.schedule.base(value)
        array = known[base]
        return array if base is value else array.reshape(value.shape)

    def product(self, step: Product) -> Callable[[dict[Value, Any]], None]:
        """A product by the library, on arrays."""
        out, (left, right), (flip, other) = step.equation.out, step.operands, step.flips

        def product(known: dict[Value, Any]) -> None:
            if out not in known:
                self.make([out], known)
            a, b = self.array(left, known), self.array(right, known)
            self.begun = True
            self.host.product(a.mT if flip else a, b.mT if other else b, known[out])

        return product

    def _library(self, step: Library) -> Callable[[dict[Value, Any]], None]:
        host, equation = self.host, step.equation
        if equation is None:
            source, copy = step.values[0], step.outputs[0]

            def copied(known: dict[Value, Any]) -> None:
                known[copy] = host.copy(self.array(source, known)).reshape(copy.shape)

            return copied
        op, backend = equation.op, self.program.backend
        impl = op.impls.get(backend) or op.implement(backend)
        plain = op.facts.elementwise and not all(
            isinstance(x, Value) and x.weak for x in equation.inputs
        )
        results = set(self.program.schedule.results)

        def call(known: dict[Value, Any]) -> None:
            given = []
            for x in equation.inputs:
                one = self.array(x, known) if isinstance(x, Value) else x
                # A number among arrays keeps their data type; other ops take arrays only.
                weak = isinstance(x, Value) and x.weak and not plain
                given.append(host.asarray(one) if weak else one)
            self.begun = True
            made = impl(*given, **equation.params)
            for value, one in zip(equation.outputs, made if op.multiple else (made,), strict=True):
                one = host.in_order(host.asarray(one))
                known[value] = host.own(one, given) if value in results else one

        return call
