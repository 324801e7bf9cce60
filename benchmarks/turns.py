"""Libraries that take turns, each in a process of its own.

A machine that slows down, slows all of them: the ratios hold where single times do not. What a
turn has to get over is the turn before. Its thread pool spins for some tens of milliseconds after
its last job (OpenBLAS about 25 ms, an OpenMP library up to 200), on the cores that are now needed,
and the own process comes from sleep, with its arrays out of the cache, its own threads asleep and
the clock of the core perhaps down. So a turn first works for a while without being timed (at
least ``warm`` seconds and two calls), then times calls one by one, at least three, and gives
their median. One call that is timed straight away took 126 ms where the same one took 75 in a
process alone.
"""

import contextlib
import importlib
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.checks import CALLS, check

MODULES = (
    "numpy_by_hand",
    "polygrad_eager",
    "polygrad_jit",
    "polygrad_native",
    "torch_eager",
    "torch_compiled",
    "jax_jit",
    "hips_autograd",
    "mygrad_eager",
)
REFERENCE = "NumPy by hand"
_BATCH = 5e-5
"""Seconds of work between two looks at the clock."""
Row = dict[str, Any]


def turn(function: Callable[[], Any], warm: float, seconds: float) -> float:
    """Seconds a call, the median of at least three, after a warm-up."""
    clock = time.perf_counter
    start, calls = clock(), 0
    while calls < 2 or clock() - start < warm:
        function()
        calls += 1
    batch = max(1, int(_BATCH * calls / (clock() - start)))
    times: list[float] = []
    end = clock() + seconds
    while len(times) < 3 or clock() < end:
        before = clock()
        for _ in range(batch):
            function()
        times.append((clock() - before) / batch)
    return statistics.median(times)


def arrays(values: Any) -> list[np.ndarray]:
    """Copies of what a function returned, as NumPy arrays."""
    return [np.array(v.detach() if hasattr(v, "detach") else v) for v in values]


def _serve(name: str, pipe: Any) -> None:
    """The process of one library: prepares a case and times calls when told to."""
    try:
        module = importlib.import_module(f"benchmarks.libraries.{name}")
    except ImportError as error:
        pipe.send((None, str(error), {}))
        return
    pipe.send((module.NAME, module.version(), module.MISSING))
    function: Callable[[], Any] = list
    while (order := pipe.recv()) is not None:
        try:
            if isinstance(order, tuple):
                pipe.send(turn(function, *order))
            else:
                function = module.prepare(order)
                pipe.send([arrays(function()) for _ in range(CALLS)][-1])
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            pipe.send(f"{type(error).__name__}: {lines[0]}")


class Library:
    """A library in a process of its own."""

    def __init__(self, module: str) -> None:
        self.module = module
        self._pipe, other = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("spawn").Process(
            target=_serve, args=(module, other), daemon=True
        )
        self._process.start()
        other.close()

    def greet(self) -> None:
        """Wait until it is imported: sets name (None if it is not there), version and missing."""
        self.name, self.version, self.missing = self._answer()

    def _answer(self) -> Any:
        try:
            return self._pipe.recv()
        except EOFError:
            raise RuntimeError(f"the process of {self.module} has ended") from None

    def ask(self, order: Any) -> Any:
        """Send an order and wait for the answer; a text says what went wrong."""
        self._pipe.send(order)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):  # it has ended already
            self._pipe.send(None)
        self._process.join(10)
        self._process.terminate()


@contextlib.contextmanager
def started(modules: Sequence[str]) -> Iterator[list[Library]]:
    """The libraries, each in a new process."""
    found = [Library(module) for module in modules]
    try:
        for library in found:
            library.greet()
        yield found
    finally:
        for library in found:
            library.close()


def installed(modules: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Name and version of each module whose library can be imported; says which cannot."""
    with started(modules) as found:
        for library in found:
            if library.name is None:
                print(f"left out: {library.module} ({library.version})")
        return {one.module: (one.name, one.version) for one in found if one.name is not None}


def _ready(case: Case, modules: list[Library], notes: dict[str, str]) -> Iterator[Library]:
    """The libraries that have the case, each checked against NumPy; why the others have not."""
    expected = None
    for library in modules:
        reason = library.missing.get(case.kind)
        if reason is None:
            got = library.ask(case)
            if isinstance(got, str):
                if library.module.startswith(("numpy", "polygrad")):
                    raise RuntimeError(f"{case.name}: {library.name}: {got}")
                reason = f"it failed: {got}"
            else:
                expected = got if library.name == REFERENCE else expected
                assert expected is not None, f"{REFERENCE} has to come first"
                check(case, library.name, got, expected)
                yield library
        if reason is not None:
            notes[f"{case.name}: {library.name}"] = reason


def run(
    case: Case, modules: Sequence[str], rounds: int, warm: float, seconds: float
) -> tuple[list[Row], dict[str, str]]:
    """A row for each library, its median time and its ratio to NumPy by hand; and notes."""
    notes: dict[str, str] = {}
    with started(modules) as found:
        ready = list(_ready(case, found, notes))
        times: dict[str, list[float]] = {library.name: [] for library in ready}
        for i in range(rounds):
            first = i % len(ready)
            for library in (*ready[first:], *ready[:first]):
                answer = library.ask((warm, seconds))
                if isinstance(answer, str):
                    raise RuntimeError(f"{case.name}: {library.name}: {answer}")
                times[library.name].append(answer)
    return summary(case.name, times, REFERENCE), notes


def summary(case: str, times: dict[str, list[float]], reference: str | None) -> list[Row]:
    """Rows of medians, with ratios to the reference taken round by round."""
    rows: list[Row] = []
    for name, figures in times.items():
        row: Row = {"case": case, "library": name}
        row["microseconds"] = float(f"{statistics.median(figures) * 1e6:.4g}")
        if reference is not None:
            ratios = [a / b for a, b in zip(figures, times[reference], strict=True)]
            row["ratio"] = round(statistics.median(ratios), 3)
            row["ratio_min"], row["ratio_max"] = round(min(ratios), 3), round(max(ratios), 3)
        rows.append(row)
    return rows
