"""A program with buffers of its own: how its pieces are started, captured and replayed."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.cuda.function import Function
from polygrad.compile.cuda.host import ALIGNMENT
from polygrad.compile.cuda.pieces import Piece
from polygrad.compile.cuda.steps import Library, Product
from polygrad.compile.graph import Value

Program = Any  # polygrad.compile.cuda.program.Program, which imports this module
GRAPHS = 4
"""Graphs of one piece with products, for as many sets of addresses; others run step by step."""


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
                if given is None:
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
            made = impl(*given, **equation.params)
            for value, one in zip(equation.outputs, made if op.multiple else (made,), strict=True):
                one = host.in_order(host.asarray(one))
                known[value] = host.own(one, given) if value in results else one

        return call


class PieceRun:
    """A piece on the buffers of one run."""

    def __init__(self, run: Run, piece: Piece) -> None:
        self.run, self.piece, self.host = run, piece, run.host
        # A graph for each set of addresses of what products read and write.
        self.graphs: dict[tuple[int, ...], Callable[[], None]] = {}
        self.table = self.host.buffer(8 * len(piece.outside)) if piece.outside else None
        kernels = run.kernels
        self.tables = [(kernels[f"table{b - a}"], a, b) for a, b in piece.spans()]
        self.at = 0 if self.table is None else self.host.address(self.table)
        self.products = {product: run.product(product) for product in piece.products}

    def __call__(self, known: dict[Value, Any]) -> None:
        run, host = self.run, self.host
        run.make(self.piece.made, known)
        if self.table is not None:
            entries = [self._bits(v, known[v]) for v in self.piece.outside]
            for kernel, a, b in self.tables:
                host.launch(kernel, (1, 1), 1, (self.at + 8 * a, *entries[a:b]))
        replay = self._graph(known) if self.piece.captured else None
        if replay is None:
            self._start(known, None)
        else:
            replay()

    def _graph(self, known: dict[Value, Any]) -> Callable[[], None] | None:
        """The graph for the addresses of this call, captured if need be."""
        run = self.run
        places = {v: self.host.address(known[v]) for v in self.piece.places}
        key = tuple(places.values())
        found = self.graphs.get(key)
        if found is not None or run.calls == 1 or run.program.refused:
            return found
        if len(self.graphs) >= GRAPHS or any(address % ALIGNMENT for address in key):
            return None
        try:
            found = self.graphs[key] = self.host.capture(lambda: self._start(known, places))
        except Exception as error:
            run.program.refuse(error)
        return found

    def _start(self, known: dict[Value, Any], captured: dict[Value, int] | None) -> None:
        """Start the steps; ``captured`` are the addresses for products that are captured."""
        run, host = self.run, self.host
        for step in self.piece.steps:
            if isinstance(step, Function):
                if not step.empty:
                    self._launch(step, known)
            elif captured is None:
                self.products[step](known)
            else:
                base = run.program.schedule.base
                left, right = (captured[base(v)] for v in step.operands)
                workspace = 0 if run.workspace is None else host.address(run.workspace)
                plan = run.program.plans[step]
                plan(left, right, captured[step.equation.out], workspace)

    def _launch(self, kernel: Function, known: dict[Value, Any]) -> None:
        values = kernel.arguments(self.piece.outside)
        args = [known[v] if v.weak else self.host.address(known[v]) for v in values]
        if any(v in self.piece.outside for v in kernel.parameters):
            args.insert(0, self.at)
        args = [int(x) if type(x) is bool else x for x in args]
        compiled = self.run.kernels[kernel.name]
        self.host.launch(compiled, kernel.grid, kernel.threads, tuple(args))

    def _bits(self, value: Value, given: Any) -> int:
        """An entry of the table."""
        if not value.weak:
            return self.host.address(given)
        if value.dtype.group == "real floating":
            return int(struct.unpack("<q", struct.pack("<d", given))[0])
        return int(given)
