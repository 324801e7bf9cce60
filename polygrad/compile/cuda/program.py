"""A graph as kernels, matrix products and calls of the library, and how they are run.

Kernels between library calls make a *piece*, with the products of the library that can be
captured. From the second call on a piece is one CUDA graph, where the library can capture it.
Buffers never move, so their addresses are in the graph; those of inputs and results change from
call to call, and kernels find them, and Python numbers, in a table on the device that one small
kernel fills just before. A product has its addresses in the graph: a piece with products keeps a
graph for each of a few sets of them, and one that works on copies for all others. Without capture
the same steps are started one by one.
"""

import dataclasses
import warnings
import weakref
from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from polygrad import locks
from polygrad.compile.cuda.elements import PRELUDE
from polygrad.compile.cuda.function import Function
from polygrad.compile.cuda.host import Host
from polygrad.compile.cuda.kernel import Kernel
from polygrad.compile.cuda.memory import Launch, Memory
from polygrad.compile.cuda.pieces import Piece, Plans, counted, divided
from polygrad.compile.cuda.prepare import prepare
from polygrad.compile.cuda.run import Run
from polygrad.compile.cuda.schedule import Schedule
from polygrad.compile.cuda.steps import Library, Product, Step, Tiled
from polygrad.compile.cuda.tiles import TiledProduct
from polygrad.compile.graph import Graph, label
from polygrad.compile.native import cache
from polygrad.errors import BackendError, CaptureWarning

PLACES = 8
"""Streams for which buffers are kept, the latest used ones."""


class Interrupted(BackendError):
    """A program failed after it had begun to write over what was donated."""


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
        self.prefix, self.donated = prefix, tuple(donated)
        self.graph = prepare(graph)
        self.backend, self.host = backend, host
        self.schedule = Schedule(self.graph)
        self.steps: list[Launch] = []
        for step in self.schedule.steps:
            self._add(step)
        self.memory = Memory(self.schedule, self.steps, donated)
        self.device = next(
            (v.device for v in (*self.memory.defined, *self.graph.inputs) if not v.weak), None
        )
        fixed = {*self.graph.constants, *self.memory.place}
        self.plans = self._plans()
        self.parts = divided(self.steps, self.plans, fixed, self.schedule)
        self.launches = counted(self.parts)
        self._idle: dict[Hashable, list[Run]] = {}
        self._lock = locks.new()
        self._kernels: dict[str, Any] | None = None
        self.refused = ""
        """Why there are no CUDA graphs, if so."""
        self._copied: set[Piece] = set()
        _PROGRAMS.add(self)

    def _add(self, step: Step) -> None:
        if isinstance(step, Product | Library):
            self.steps.append(step)
            return
        count = sum(isinstance(s, Function) for s in self.steps)
        name, producers, stored = (
            f"{self.prefix}{count}",
            self.schedule.producers,
            self.schedule.stored,
        )
        kernel: Function
        if isinstance(step, Tiled):
            kernel = TiledProduct(name, step, producers, stored)
        else:
            kernel = Kernel(name, step, producers, stored)
        self.steps.append(kernel)  # without elements, too: its arrays are made
        for second in kernel.seconds:
            self._add(second)

    def _plans(self) -> Plans:
        """The products that can be captured; none of them where one does not work."""
        found: Plans = {}
        try:
            with self._on_device():
                for step in self.steps:
                    if isinstance(step, Product):
                        left, right = (
                            (x.shape, flip)
                            for x, flip in zip(step.operands, step.flips, strict=True)
                        )
                        out = step.equation.out
                        dtype = self.backend.raw_dtype(out.dtype)
                        plan = self.host.plan(left, right, out.shape, dtype)
                        if plan is not None:
                            found[step] = plan
        except Exception as error:
            warnings.warn(
                f"jit: the matrix products of {self.graph.name} stay outside of CUDA graphs: they "
                f"cannot be captured here ({type(error).__name__}: {error})",
                CaptureWarning,
                stacklevel=2,
            )
            return {}
        return found

    def _on_device(self) -> AbstractContextManager[Any]:
        return nullcontext() if self.device is None else self.host.on(self.device.raw)

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
        lines = [f"// {self.launches}"]
        for part in self.parts:
            if isinstance(part, Piece):
                names = ", ".join(_named(step) for step in part.steps)
                lines.append(f"// {'CUDA graph' if part.captured else 'kernel'}: {names}")
            elif isinstance(part, Product):
                lines.append(f"// {_named(part)}")
            else:
                lines.append(
                    f"// library: {label(part.equation.op.name) if part.equation else 'copy'}"
                )
        return "\n".join(lines) + "\n\n" + PRELUDE + "".join(self.texts().values())

    # -- running -----------------------------------------------------------------------------------

    def run(self, *inputs: Any) -> list[Any]:
        """The outputs of one call."""
        with self._on_device():
            return self._run(inputs)

    def _run(self, inputs: tuple[Any, ...]) -> list[Any]:
        # What is under way in a stream may still use a run's buffers: only work that comes
        # after it in that stream may use them again.
        place = self.host.place()
        with self._lock:
            idle = self._idle.pop(place, None) or []
            self._idle[place] = idle  # the latest used last
            while len(self._idle) > PLACES:
                del self._idle[next(iter(self._idle))]
            one = idle.pop() if idle else None
        if one is None:
            one = Run(self)
        try:
            found = one(inputs)
        except Exception as error:
            if one.begun and any(self.donated):
                raise Interrupted(
                    f"{self.graph.name} failed while it ran ({type(error).__name__}: {error}); "
                    "arguments that were donated may be written over and are lost: make them anew, "
                    "or leave donate_argnums out"
                ) from error
            raise
        idle.append(one)
        return found

    def let_go(self) -> None:
        """Free the buffers of all runs that are not under way."""
        with self._lock:
            self._idle.clear()

    def kernels(self) -> dict[str, Any]:
        """The compiled kernels."""
        if self._kernels is None:
            texts = self.texts()
            source = PRELUDE + "".join(texts.values())
            self._kernels = self.load(source, list(texts)) if texts else {}
        return self._kernels

    def load(self, source: str, names: Sequence[str]) -> dict[str, Any]:
        """Kernels of a source, compiled or from disk."""
        return self.host.load(source, names, cache)

    def refuse(self, error: Exception) -> None:
        """Go on without capture."""
        if not self.refused:
            self.refused = f"{type(error).__name__}: {error}"
            self.launches = dataclasses.replace(self.launches, captured=0, graphs=0, copies=0)
            warnings.warn(
                f"jit: {self.graph.name} runs without CUDA graphs, kernel by kernel: they cannot "
                f"be captured here ({self.refused})",
                CaptureWarning,
                stacklevel=2,
            )

    def note_copies(self, piece: Piece, launches: int) -> None:
        """A piece works on copies of the operands of its products, made by so many kernels."""
        if piece not in self._copied:
            self._copied.add(piece)
            copies = self.launches.copies + launches
            self.launches = dataclasses.replace(self.launches, copies=copies)

    @property
    def state(self) -> str:
        """In words: how the kernels are started, and why not otherwise."""
        if self.refused:
            return f"kernels one by one: CUDA graphs cannot be captured ({self.refused})"
        if self._copied:
            return (
                "kernels in CUDA graphs; operands of products are copied to fixed memory where "
                "they come at addresses that no graph is kept for"
            )
        return "kernels in CUDA graphs" if self.launches.graphs else "kernels"


_PROGRAMS: weakref.WeakSet[Program] = weakref.WeakSet()


def let_all_go() -> None:
    """Free the buffers of all programs that are not under way."""
    for program in list(_PROGRAMS):
        program.let_go()


def _named(step: Function | Product) -> str:
    return step.name if isinstance(step, Function) else f"product: {step.equation.out!r}"


def _table_kernel(count: int) -> str:
    """A kernel that writes so many entries of a table."""
    parameters = ", ".join(f"unsigned long long x{i}" for i in range(count))
    body = " ".join(f"table[{i}] = x{i};" for i in range(count))
    return (
        f'extern "C" __global__ void table{count}(unsigned long long* table, {parameters}) '
        f"{{ {body} }}\n"
    )
