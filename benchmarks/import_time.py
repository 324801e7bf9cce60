"""Time of the import of each library, each in new processes, taken in turns.

    python -m benchmarks.import_time [rounds]

The time of a Python process that imports nothing is taken off.
"""

import os
import subprocess
import sys
import time

from benchmarks.table import show
from benchmarks.turns import REFERENCE, Row, summary

MODULES = {
    REFERENCE: "numpy",
    "polygrad eager": "numpy, polygrad",
    "torch eager": "torch",
    "JAX jit": "jax.numpy",
    "autograd": "autograd.numpy",
    "MyGrad": "mygrad",
}


def environment() -> dict[str, str]:
    """The environment of a process in which Python keeps compiled modules, as it does unasked."""
    return {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def _seconds(statement: str) -> float:
    """Wall time of a Python process that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True, env=environment())
    return time.perf_counter() - start


def measure(names: set[str], rounds: int) -> list[Row]:
    """A row for each of the libraries of these names."""
    modules = {name: module for name, module in MODULES.items() if name in names}
    for module in modules.values():
        _seconds(f"import {module}")  # its files come into memory, and are compiled
    times: dict[str, list[float]] = {name: [] for name in modules}
    for _ in range(rounds):
        empty = _seconds("pass")
        for name, module in modules.items():
            times[name].append(max(_seconds(f"import {module}") - empty, 1e-6))
    return summary("import", times, REFERENCE)


def main() -> None:
    """Print the table of NumPy and polygrad."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    show(measure({REFERENCE, "polygrad eager"}, rounds))


if __name__ == "__main__":
    main()
