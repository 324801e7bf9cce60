"""From one program of a graph to the next: native code is made while the first one runs."""

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from polygrad.compile.graph import Graph
from polygrad.compile.native import engine, pool
from polygrad.compile.native.divided import Divided, native_program
from polygrad.compile.native.program import Native
from polygrad.compile.native.types import Unsupported

VARIABLE = "POLYGRAD_NATIVE"
Run = Callable[..., Sequence[Any]]


class Tier:
    """Native code for a graph: on its way, in use, or why there is none.

    ``state`` says it in words. ``wait`` starts the compilation if it has not begun.
    """

    def __init__(self, graph: Graph, host: Any, run: Run, take_over: Callable[[Run], None]) -> None:
        self.state = "not compiled yet: that begins with the second call"
        self.native: Native | Divided | None = None
        self._graph: Graph | None = graph
        self._host, self._run, self._take_over = host, run, take_over
        self._calls = 0
        self._started = False
        self._done = threading.Event()

    def first(self, *inputs: Any) -> Sequence[Any]:
        """The program until native code is on its way."""
        self._calls += 1
        if self._calls == 2:
            self.start()
        return self._run(*inputs)

    def start(self) -> None:
        """Compile in the background."""
        if not self._started:
            self._started = True
            self.state = "being compiled"
            self._take_over(self._run)
            _compiler.put(self)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for native code; True if it is in use."""
        self.start()
        self._done.wait(timeout)
        return self.native is not None

    def source(self) -> str:
        """The LLVM assembly of the program; the state where there is none."""
        return self.state if self.native is None else self.native.text

    def compile(self) -> None:
        """Compile now, and take over; what goes wrong is kept as the reason."""
        try:
            graph = self._graph
            assert graph is not None
            self._use(native_program(graph, self._host))
        except Unsupported as reason:
            self.refuse(f"there is no native code for {reason}")
        except Exception as error:
            self.refuse(f"{type(error).__name__}: {error}")
        self._graph = None
        self._done.set()

    def refuse(self, reason: str) -> None:
        """Do without native code."""
        self.state = f"not used: {reason}"
        self._done.set()

    def _use(self, native: Native | Divided) -> None:
        call, run = native.call, self._run

        def both(*inputs: Any) -> Sequence[Any]:
            out = call(*inputs)
            return run(*inputs) if out is None else out

        both.program = native  # type: ignore[attr-defined]  # code lives as long as its program
        _programs.add(native)
        self.native, self.state = native, "in use"
        if isinstance(native, Divided):
            self.state += f"; outside of it, on the array library: {', '.join(native.outside)}"
        self._take_over(both)

    def __repr__(self) -> str:
        return f"<native code: {self.state}>"


class Absent(Tier):
    """No native code, and why."""

    def __init__(self, reason: str) -> None:
        self.state, self.native = f"not used: {reason}", None

    def start(self) -> None:
        """Nothing to do."""

    def wait(self, timeout: float | None = None) -> bool:
        """False."""
        return False


def offer(graph: Graph, host: Any, run: Run, take_over: Callable[[Run], None]) -> Tier:
    """Native code for a graph that ``run`` runs; ``take_over`` is told what to run from now on."""
    if os.environ.get(VARIABLE) == "0":
        return Absent(f"switched off by {VARIABLE}=0")
    if host is None:
        return Absent("the backend has no native code")
    if not engine.available():
        return Absent("llvmlite is not installed (it comes with the extra 'fast')")
    tier = Tier(graph, host, run, take_over)
    take_over(tier.first)
    return tier


class _Compiler:
    """One thread that compiles what it is given, in order, and ends when nothing is left."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[Tier] = []
        self._thread: threading.Thread | None = None
        self._broken = False

    def put(self, tier: Tier) -> None:
        if self._broken:
            tier.refuse("the process was forked while code was compiled")
            return
        with self._lock:
            self._waiting.append(tier)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, daemon=True, name="polygrad-compile"
                )
                self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                tier = self._waiting.pop(0)
            tier.compile()

    def stop(self) -> None:
        """Drop what waits and let the compilation under way end: LLVM must not outlive Python."""
        with self._lock:
            self._waiting.clear()
            thread = self._thread
        if thread is not None:
            thread.join()

    def forked(self) -> None:
        """In a child process there is no thread; LLVM may have been forked in mid-work."""
        broken = self._broken or self._thread is not None
        self.__init__()  # type: ignore[misc]
        self._broken = broken
        pool.forked()
        for native in list(_programs):
            native.forget_pool()


_compiler = _Compiler()
_programs: weakref.WeakSet[Native | Divided] = weakref.WeakSet()
atexit.register(_compiler.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_compiler.forked)
