"""From one program of a graph to the next: native code is made while the first one runs."""

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from polygrad import locks
from polygrad.compile.graph import Graph
from polygrad.compile.native import engine
from polygrad.compile.native.divided import Divided, native_program
from polygrad.compile.native.program import Native
from polygrad.compile.native.types import Unsupported

VARIABLE = "POLYGRAD_NATIVE"
Run = Callable[..., Sequence[Any]]
Listener = Callable[[str], None]
_listeners: list[Listener] = []


def listen(listener: Listener) -> Callable[[], None]:
    """Have ``listener(reason)`` called wherever native code is done without; returns the way back.

    That is once for a program that has none, once for one with ops outside of native code, and at
    each call that goes back to the first program and succeeds there.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def _tell(reason: str) -> None:
    for listener in list(_listeners):
        listener(reason)


class Tier:
    """Native code for a graph: on its way, in use, or why there is none.

    ``state`` says it in words, and which program took the last call, if it was another one.
    ``wait`` starts the compilation if it has not begun.
    """

    def __init__(
        self, graph: Graph, host: Any, run: Run, take_over: Callable[[Run], None], at_once: bool
    ) -> None:
        self.native: Native | Divided | None = None
        self.went_back = 0
        """Calls that native code was there for, and that the first program took."""
        self._state = "not compiled yet: that begins with the second call"
        self._last = ""  # what was unusual about the last call
        self._graph: Graph | None = graph
        self.size = len(graph.equations)
        self._host, self._run, self._take_over = host, run, take_over
        self._at_once = at_once
        self._calls = 0
        self._started = False
        self._lock = locks.new()
        self._done = threading.Event()

    @property
    def state(self) -> str:
        """In words: "in use", what is being done, or why there is no native code.

        After a call that took another way, also which one and why.
        """
        return f"{self._state}; {self._last}" if self._last else self._state

    def first(self, *inputs: Any) -> Sequence[Any]:
        """The program until native code is on its way."""
        if self._at_once:
            self.wait()
            return self._run(*inputs) if self.native is None else self._native(*inputs)
        self._calls += 1
        if self._calls == 2:
            self.start()
        return self._run(*inputs)

    def start(self) -> None:
        """Compile in the background."""
        if self._begin():
            self._state = "being compiled"
            self._take_over(self._run)
            _compiler.put(self)

    def _begin(self) -> bool:
        with self._lock:
            begun, self._started = self._started, True
        return not begun

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for native code; True if it is in use."""
        if self._at_once and self._begin():
            _compiler.now(self)
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

    def orphaned(self) -> None:
        """In a forked process: the thread that was to compile this, or that waits, is not here."""
        self._done = threading.Event()

    def refuse(self, reason: str) -> None:
        """Do without native code."""
        self._state = f"not used: {reason}"
        self._take_over(self._run)
        _tell(reason)
        self._done.set()

    def _use(self, native: Native | Divided) -> None:
        call, self.native = native.call, native
        _programs.add(native)

        def both(*inputs: Any) -> Sequence[Any]:
            out = call(*inputs)
            if out is None:
                return self._declined(inputs)
            if self._last:
                self._last = ""
            return out

        both.program = native  # type: ignore[attr-defined]  # code lives as long as its program
        self._native, self._state = both, "in use"
        if isinstance(native, Divided):
            self._state += f"; outside of it, on the array library: {', '.join(native.outside)}"
            for name, why in native.reasons.items():
                _tell(f"{name} is outside of native code: {why or 'it stands alone'}")
        self._take_over(both)

    def _declined(self, inputs: Sequence[Any]) -> Sequence[Any]:
        """A call that native code did not take as it came: on copies, or on the first program."""
        assert self.native is not None
        found = [(i, self._host.unusual(x)) for i, x in enumerate(inputs)]
        odd = {i: what for i, what in found if what}
        why = " and ".join(f"input {i} {what}" for i, what in odd.items())
        if odd:
            out = self.native.call(
                *[self._host.in_order(x) if i in odd else x for i, x in enumerate(inputs)]
            )
            if out is not None:
                self._last = f"the last call copied what lies otherwise in memory: {why}"
                return out
        reason = self.native.declined() or why or "an argument is not of the kind it is made for"
        out = self._run(*inputs)
        self.went_back += 1
        self._last = (
            f"the last call went back to the first program: {reason} ({self.went_back} so far)"
        )
        _tell(reason)
        return out

    def __repr__(self) -> str:
        return f"<native code: {self.state}>"


class Absent(Tier):
    """No native code, and why."""

    def __init__(self, reason: str) -> None:
        self._state, self._last, self.native = f"not used: {reason}", "", None
        self.went_back = 0

    def start(self) -> None:
        """Nothing to do."""

    def wait(self, timeout: float | None = None) -> bool:
        """False."""
        return False


def offer(graph: Graph, host: Any, run: Run, take_over: Callable[[Run], None]) -> Tier:
    """Native code for a graph that ``run`` runs; ``take_over`` is told what to run from now on.

    With the environment variable ``POLYGRAD_NATIVE`` at ``wait`` it is compiled before the first
    call returns; at ``0`` not at all.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen == "0":
        return Absent(f"switched off by {VARIABLE}=0")
    if host is None:
        return Absent("the backend has no native code")
    if not engine.available():
        return Absent("llvmlite is not installed (it comes with the extra 'fast')")
    tier = Tier(graph, host, run, take_over, chosen == "wait")
    take_over(tier.first)
    return tier


class _Compiler:
    """One thread that compiles what it is given, the shortest first, so that a long program keeps
    few waiting; it ends when nothing is left.
    """

    def __init__(self) -> None:
        self._lock = locks.new()
        self._waiting: list[Tier] = []
        self._thread: threading.Thread | None = None
        self._broken = False
        self._busy: dict[int, Tier] = {}  # what each thread is compiling

    def put(self, tier: Tier) -> None:
        if self._refused(tier):
            return
        with self._lock:
            self._waiting.append(tier)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, daemon=True, name="polygrad-compile"
                )
                self._thread.start()

    def now(self, tier: Tier) -> None:
        """Compile in the thread that calls."""
        if self._refused(tier):
            return
        here = threading.get_ident()
        before = self._busy.get(here)
        self._busy[here] = tier
        try:
            tier.compile()
        finally:
            if before is None:
                self._busy.pop(here, None)
            else:
                self._busy[here] = before

    def _refused(self, tier: Tier) -> bool:
        if self._broken:
            tier.refuse("the process was forked while code was compiled")
        return self._broken

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._thread = None
                    return
                # llvmlite does one thing at a time, so a second thread would not help.
                tier = min(self._waiting, key=lambda one: one.size)
                self._waiting.remove(tier)
            self.now(tier)

    def stop(self) -> None:
        """Drop what waits; of the compilation under way only LLVM's own step comes to its end."""
        with self._lock:
            self._waiting.clear()
        engine.close()

    def forked(self) -> None:
        """In a child process there is no thread; LLVM may have been forked in mid-work."""
        lost = [tier for at, tier in self._busy.items() if at != threading.get_ident()]
        waiting, self._waiting, self._thread = self._waiting, [], None
        for at, tier in list(self._busy.items()):
            if tier in lost:
                del self._busy[at]
        for native in list(_programs):
            native.forget_pool()
        if lost:
            self._broken = True
            _kept.extend(_programs)  # to let one go would be to ask LLVM
        for tier in (*lost, *waiting):
            tier.orphaned()
            self.put(tier)


_compiler = _Compiler()
_programs: weakref.WeakSet[Native | Divided] = weakref.WeakSet()
_kept: list[Native | Divided] = []
atexit.register(_compiler.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_compiler.forked)
