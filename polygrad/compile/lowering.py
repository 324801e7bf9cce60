"""From a graph to a program: passes, then the backend's compiler, or a replay."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from polygrad.compile.cost import Cost, cost
from polygrad.compile.delegate import delegate
from polygrad.compile.graph import Graph
from polygrad.compile.native import Tier, offer
from polygrad.compile.numbers import Numbers, numbers
from polygrad.compile.passes import optimise
from polygrad.compile.passes.expand import expand
from polygrad.compile.passes.release import release
from polygrad.compile.program import Writer
from polygrad.compile.replay import replay
from polygrad.device import current_device

if TYPE_CHECKING:  # loaded where there is a GPU
    from polygrad.compile.cuda.pieces import Launches
    from polygrad.compile.cuda.program import Program
    from polygrad.compile.cuda.tier import Kernels


class Lowered:
    """A compiled program: its graph, its source, and what it costs."""

    def __init__(self, graph: Graph, donated: Sequence[bool]) -> None:
        self.graph = optimise(graph)
        self._donated = tuple(donated)
        self._source: str | None = None
        self.native: Tier | None = None
        """Native code: its state, its source, and a way to wait for it."""
        self._kernels: Program | None = None
        self._tier: Kernels | None = None
        self._how = "op by op"
        target = _target(graph)
        if target is None:
            self.graph = release(self.graph)
            self.run = replay(self.graph)
        elif getattr(target[0], "LANGUAGE", "python") == "cuda":
            self._write_kernels(*target)
        elif getattr(target[0], "LANGUAGE", "python") == "library":
            self.graph = release(self.graph)
            self.run = delegate(self.graph, target[0], target[1].name)
            self._how = f"the compiler of {target[1].name}"
        else:
            self._generate(*target)

    def _generate(self, target: Any, backend: Any) -> None:
        plain = self.graph
        self.graph = release(optimise(expand(plain)))
        writer = Writer(self.graph, self._donated, target, backend)
        self._source = writer.source()
        make, _ = writer.build()
        idle: list[Any] = []  # runs that are not under way, each with buffers of its own

        def run(*inputs: Any) -> Any:
            try:
                program = idle.pop()
            except IndexError:
                program = make()
            try:
                out = program(*inputs)
            except Exception as error:
                if not any(self._donated):
                    replay(plain)(*inputs)  # raises what the op says, with what it was given
                raise error
            idle.append(program)
            return out

        self.run = run
        self.native = offer(self.graph, target.native(), run, self._take_over)

    def _write_kernels(self, host: Any, backend: Any) -> None:
        from polygrad.compile.cuda.tier import Kernels

        plain = self.graph
        self.graph = release(optimise(expand(plain)))
        self._tier = Kernels(plain, self.graph, self._donated, backend, host)
        self._kernels, self._source = self._tier.program, self._tier.source
        self.run = self._tier.run

    @property
    def state(self) -> str:
        """In words: what takes the calls, and why it is nothing faster.

        >>> x = pg.asarray([1.0, 2.0], device="strict")
        >>> pg.jit(lambda x: pg.sum(x * x)).lower(x).state
        'op by op'
        """
        if self._tier is not None:
            return self._tier.state
        if self.native is not None:
            return f"Python calls of the library; native code: {self.native.state}"
        return self._how

    @property
    def launches(self) -> "Launches | None":
        """What one call gives to a GPU: see `polygrad.compile.cuda.pieces.Launches`.

        None where no CUDA kernels take the calls.
        """
        return None if self._tier is None else self._tier.launches

    def _take_over(self, run: Any) -> None:
        self.run = run

    def cost(self) -> Cost:
        """Arithmetic, memory traffic and memory of one call; see `polygrad.compile.cost.Cost`."""
        return cost(self.graph)

    def source(self) -> str:
        """The generated code; the graph, where it is replayed op by op."""
        return str(self.graph) if self._source is None else self._source


def _target(graph: Graph) -> Any:
    """The target and backend of a graph on one device, or None."""
    values = [*graph.inputs, *graph.constants, *(o for e in graph.equations for o in e.outputs)]
    devices = {value.device.name: value.device for value in values if not value.weak}
    if len(devices) > 1:
        return None
    device = next(iter(devices.values()), None) or current_device()
    target = device.backend.target()
    return None if target is None else (target, device.backend)


class _WithNumbers(Lowered):
    """A program with arithmetic on Python numbers before it."""

    def __init__(self, numbers: Numbers, donated: Sequence[bool]) -> None:
        super().__init__(numbers.graph, numbers.donated(donated))
        self._numbers = numbers

        def run(*inputs: Any) -> Any:
            return numbers.run(self._program, inputs)

        self._program, self.run = self.run, run

    def _take_over(self, run: Any) -> None:
        self._program = run


def lower(graph: Graph, donated: Sequence[bool]) -> Lowered:
    """Compile a graph for the backend its arrays belong to."""
    target = _target(graph)
    kernels = target is not None and getattr(target[0], "LANGUAGE", "python") == "cuda"
    found = numbers(graph, convert=not kernels)
    return Lowered(graph, donated) if found is None else _WithNumbers(found, donated)
