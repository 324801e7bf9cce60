"""A graph as kernels, matrix products and calls of the library, and how they are run.

Kernels between products and library calls make a *piece*. From the second call on a piece is one
CUDA graph, where the library can capture it. Buffers never move, so their addresses are in the
graph; those of inputs and results change from call to call, and a piece finds them, and Python
numbers, in a table on the device that one small kernel fills just before. Without capture the
same kernels are started one by one.
"""

import dataclasses
import struct
import warnings
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from polygrad.compile.cuda.elements import PRELUDE
from polygrad.compile.cuda.host import Host
from polygrad.compile.cuda.kernel import Kernel
from polygrad.compile.cuda.memory import Launch, Memory, written
from polygrad.compile.cuda.schedule import Group, Library, Product, Schedule, prepare
from polygrad.compile.elements import PYTHON_OPERATORS, by_element
from polygrad.compile.graph import Graph, Value
from polygrad.errors import CaptureWarning

WORTH = 2
"""Kernels from which on a piece is captured: a graph costs two launches."""
ENTRIES = 128
"""Entries of a table that one kernel writes; its parameters have to fit in 4 KiB."""


@dataclasses.dataclass(frozen=True)
class Launches:
    """What one call of a program gives to the GPU.

    ``kernels`` are generated ones, ``products`` are matrix products, ``library`` are ops that run
    as functions of the array library (each one launch or more), ``tables`` are small kernels that
    write addresses, ``captured`` are the kernels among those generated that run inside of
    ``graphs`` CUDA graphs.
    """

    kernels: int
    products: int
    library: int
    tables: int
    captured: int
    graphs: int

    @property
    def enqueued(self) -> int:
        """How often Python gives work to the GPU, a CUDA graph counted once."""
        direct = self.kernels - self.captured
        return direct + self.products + self.library + self.tables + self.graphs


class Piece:
    """Kernels that run one after the other; ``outside`` are the entries of their table."""

    def __init__(self, kernels: list[Kernel], fixed: set[Value]) -> None:
        self.kernels = kernels
        values = dict.fromkeys(v for kernel in kernels for v in kernel.parameters)
        changing = [v for v in values if v not in fixed]
        captured = len(kernels) >= WORTH
        self.outside = {v: i for i, v in enumerate(changing)} if captured else {}
        self.captured = captured
        self.made = [v for kernel in kernels for v in written(kernel)]

    def spans(self) -> list[tuple[int, int]]:
        """The stretches of the table that one kernel writes each."""
        count = len(self.outside)
        return [(i, min(i + ENTRIES, count)) for i in range(0, count, ENTRIES)]


class Program:
    """The program of a graph; ``run(*inputs)`` returns the library arrays of the outputs.

    The names of its kernels begin with ``prefix``.
    """

    def __init__(
        self,
        graph: Graph,
        donated: Sequence[bool],
        backend: Any,
        host: Host,
        prefix: str = "k",
    ) -> None:
        self.prefix = prefix
        self.graph = prepare(graph)
        self.backend, self.host = backend, host
        self.schedule = Schedule(self.graph)
        self.steps: list[Launch] = []
        for step in self.schedule.steps:
            self._add(step)
        self.memory = Memory(self.schedule, self.steps, donated)
        self.fixed = {*self.graph.constants, *self.memory.place}
        self.parts: list[Piece | Product | Library] = self._pieces()
        pieces = [p for p in self.parts if isinstance(p, Piece)]
        captured = [p for p in pieces if p.captured]
        self.launches = Launches(
            sum(len(p.kernels) for p in pieces),
            sum(isinstance(p, Product) for p in self.parts),
            sum(isinstance(p, Library) for p in self.parts),
            sum(len(p.spans()) for p in pieces),
            sum(len(p.kernels) for p in captured),
            len(captured),
        )
        self.device = next(
            (v.device for v in (*self.memory.defined, *self.graph.inputs) if not v.weak), None
        )
        self._idle: dict[Hashable, list[Run]] = {}
        self._kernels: dict[str, Any] | None = None
        self.refused = False

    def _add(self, step: Any) -> None:
        if not isinstance(step, Group):
            self.steps.append(step)
            return
        count = sum(isinstance(s, Kernel) for s in self.steps)
        kernel = Kernel(
            f"{self.prefix}{count}", step, self.schedule.producers, self.schedule.stored
        )
        if not kernel.empty:
            self.steps.append(kernel)
            for second in kernel.seconds:
                self._add(second)
        elif any(r.value for r in step.roots):
            self.steps.append(kernel)  # arrays without elements

    def _pieces(self) -> list[Any]:
        found: list[Any] = []
        run: list[Kernel] = []
        for step in (*self.steps, None):
            if isinstance(step, Kernel):
                run.append(step)
                continue
            if run:
                found.append(Piece(run, self.fixed))
                run = []
            if step is not None:
                found.append(step)
        return found

    # -- the source --------------------------------------------------------------------------------

    def texts(self) -> dict[str, str]:
        """The kernels of the program in CUDA C++, by name; they use the functions of PRELUDE."""
        pieces = [p for p in self.parts if isinstance(p, Piece)]
        sizes = sorted({stop - start for p in pieces for start, stop in p.spans()})
        found = {f"table{n}": _table_kernel(n) for n in sizes}
        found.update((k.name, k.source(p.outside)) for p in pieces for k in p.kernels)
        return found

    def source(self) -> str:
        """The kernels, and, in comments, the order in which everything runs."""
        lines = []
        for part in self.parts:
            if isinstance(part, Piece):
                names = ", ".join(k.name for k in part.kernels)
                lines.append(f"// {'CUDA graph' if part.captured else 'kernel'}: {names}")
            elif isinstance(part, Product):
                lines.append(f"// product: {part.equation.out!r}")
            else:
                lines.append(f"// library: {part.equation.op.name if part.equation else 'copy'}")
        return "\n".join(lines) + "\n\n" + PRELUDE + "".join(self.texts().values())

    # -- running -----------------------------------------------------------------------------------

    def run(self, *inputs: Any) -> list[Any]:
        """The outputs of one call."""
        if self.device is None:
            return self._run(inputs)
        with self.host.on(self.device.raw):
            return self._run(inputs)

    def _run(self, inputs: tuple[Any, ...]) -> list[Any]:
        # What is under way in a stream may still use a run's buffers: only work that comes
        # after it in that stream may use them again.
        idle = self._idle.setdefault(self.host.place(), [])
        try:
            one = idle.pop()
        except IndexError:
            one = Run(self)
        found = one(inputs)
        idle.append(one)
        return found

    def kernels(self) -> dict[str, Any]:
        """The compiled kernels."""
        if self._kernels is None:
            texts = self.texts()
            source = PRELUDE + "".join(texts.values())
            self._kernels = self.host.load(source, list(texts)) if texts else {}
        return self._kernels

    def refuse(self, error: Exception) -> None:
        """Go on without capture."""
        if not self.refused:
            self.refused = True
            self.launches = dataclasses.replace(self.launches, captured=0, graphs=0)
            warnings.warn(
                f"jit: {self.graph.name} runs without CUDA graphs, kernel by kernel: they cannot "
                f"be captured here ({type(error).__name__}: {error})",
                CaptureWarning,
                stacklevel=2,
            )


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
        self.steps: list[Callable[[dict[Value, Any]], None]] = []
        for part in program.parts:
            if isinstance(part, Piece):
                self.steps.append(PieceRun(self, part))
            elif isinstance(part, Product):
                self.steps.append(self._product(part))
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
            known[equation.out] = PYTHON_OPERATORS[equation.op.name](*given)
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

    def _product(self, step: Product) -> Callable[[dict[Value, Any]], None]:
        out, (left, right), (flip, other) = step.equation.out, step.operands, step.flips

        def product(known: dict[Value, Any]) -> None:
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
        plain = by_element(op) and not all(isinstance(x, Value) and x.weak for x in equation.inputs)
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
        self.replay: Callable[[], None] | None = None
        self.table = self.host.buffer(8 * len(piece.outside)) if piece.outside else None
        kernels = run.kernels
        self.tables = [(kernels[f"table{b - a}"], a, b) for a, b in piece.spans()]
        self.at = 0 if self.table is None else self.host.address(self.table)
        self.kernels = [(kernels[k.name], k) for k in piece.kernels if not k.empty]

    def __call__(self, known: dict[Value, Any]) -> None:
        run, host = self.run, self.host
        run.make(self.piece.made, known)
        if self.table is not None:
            entries = [self._bits(v, known[v]) for v in self.piece.outside]
            for kernel, a, b in self.tables:
                host.launch(kernel, (1, 1), 1, (self.at + 8 * a, *entries[a:b]))
        if self.replay is not None:
            self.replay()
            return
        if self.piece.captured and run.calls > 1 and not run.program.refused:
            try:
                self.replay = host.capture(lambda: self._start(known))
            except Exception as error:
                run.program.refuse(error)
            else:
                self.replay()
                return
        self._start(known)

    def _start(self, known: dict[Value, Any]) -> None:
        for compiled, kernel in self.kernels:
            values = kernel.arguments(self.piece.outside)
            args = [known[v] if v.weak else self.host.address(known[v]) for v in values]
            if any(v in self.piece.outside for v in kernel.parameters):
                args.insert(0, self.at)
            args = [int(x) if type(x) is bool else x for x in args]
            self.host.launch(compiled, kernel.grid, kernel.threads, tuple(args))

    def _bits(self, value: Value, given: Any) -> int:
        """An entry of the table."""
        if not value.weak:
            return self.host.address(given)
        if value.dtype.kind == "real floating":
            return int(struct.unpack("<q", struct.pack("<d", given))[0])
        return int(given)


def _table_kernel(count: int) -> str:
    """A kernel that writes so many entries of a table."""
    parameters = ", ".join(f"unsigned long long x{i}" for i in range(count))
    body = " ".join(f"table[{i}] = x{i};" for i in range(count))
    return (
        f'extern "C" __global__ void table{count}(unsigned long long* table, {parameters}) '
        f"{{ {body} }}\n"
    )
