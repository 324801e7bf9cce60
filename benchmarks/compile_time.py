"""Time until a compiled function has run once, in new processes.

    python -m benchmarks.compile_time [--cases tiny mnist] [--processes 3]

The clock starts after the import of the library, and stops when the first result is there: tracing,
compiling, one run, and in the first function of a process what the library loads and sets up.
"Not the first" is a function in a process that has compiled another one before; "kept on disk" the
first of a process that finds the compiled code of an earlier one, where the others find none. For
"native" the clock stops when native code is in use; what it takes beyond "polygrad jit" happens in
the background, while that runs. Medians of a few processes, of fewer where one takes many seconds.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from benchmarks.cases import CASES
from benchmarks.import_time import environment
from benchmarks.table import show
from benchmarks.turns import Row, summary

MODULES = ("polygrad_jit", "polygrad_native", "torch_compiled", "jax_jit")
DEFAULT = ("tiny", "mnist", "conv", "transformer")
_ENOUGH = 10.0
"""Seconds of one library on one case after which no process is added."""


def seconds(module_name: str, cases: Sequence[str]) -> tuple[str, list[float]]:
    """The name of a library, and seconds to prepare each case and call it once."""
    module = importlib.import_module(f"benchmarks.libraries.{module_name}")
    times = []
    for name in cases:
        case = CASES[name]
        start = time.perf_counter()
        case.arguments(), case.data()  # once more in prepare: not what is to be timed
        middle = time.perf_counter()
        module.prepare(case)()
        times.append((time.perf_counter() - middle) - (middle - start))
    return module.NAME, times


def _environment(folder: str) -> dict[str, str]:
    return environment() | {
        "POLYGRAD_CACHE_DIR": folder,
        "TORCHINDUCTOR_CACHE_DIR": folder,
        "TRITON_CACHE_DIR": folder,
        "JAX_COMPILATION_CACHE_DIR": folder,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _in_process(module: str, cases: Sequence[str], folder: str) -> tuple[str, list[float]] | None:
    """`seconds` in a process of its own; None where the library is not there."""
    command = [sys.executable, "-m", "benchmarks.compile_time", "--one", module, *cases]
    done = subprocess.run(
        command, env=_environment(folder), capture_output=True, text=True, check=False
    )
    if done.returncode:
        if "ModuleNotFoundError" not in done.stderr:
            print(f"first call of {cases[0]}, {module}: {done.stderr.strip().splitlines()[-1]}")
        return None
    name, times = json.loads(done.stdout.strip().splitlines()[-1])
    return name, times


def measure(cases: Sequence[str], modules: Sequence[str], processes: int) -> list[Row]:
    """Rows for each case and library: the first call, not the first, and kept on disk."""
    found: dict[str, dict[str, list[float]]] = {}
    for case in cases:
        for label in (case, f"{case}, not the first", f"{case}, kept on disk"):
            found[label] = {}
    for case, other in zip(cases, [*cases[1:], *cases[:1]], strict=True):
        both = [case, other] if other != case else [case]
        labels = [case, f"{other}, not the first"]
        spent = dict.fromkeys(modules, 0.0)
        for _ in range(processes):
            for module in [m for m in modules if spent[m] < _ENOUGH]:
                start = time.monotonic()
                with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                    one = _in_process(module, both, folder)
                    again = _in_process(module, [case], folder) if one else None
                if one and again:
                    for label, figure in zip(labels, one[1], strict=False):
                        found[label].setdefault(one[0], []).append(figure)
                    found[f"{case}, kept on disk"].setdefault(one[0], []).append(again[1][0])
                spent[module] += time.monotonic() - start
    return [row for label, times in found.items() for row in summary(label, times, None)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(DEFAULT))
    parser.add_argument("--processes", type=int, default=3, help="of each kind at most")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)  # a module and cases
    options = parser.parse_args()
    if options.one:
        print(json.dumps(seconds(options.one[0], options.one[1:])))
    else:
        show(measure(options.cases, list(MODULES), options.processes))


if __name__ == "__main__":
    main()
