"""Times polygrad beside hand-written NumPy and the peers that are installed.

Every library runs in turn, round after round, so that a machine that slows down slows all of
them: the ratios hold where single times do not. Each has a process of its own, asleep while the
others run, so that their thread pools keep out of each other's way. Each result is first checked
against NumPy's.

    python -m benchmarks.bench --cases tiny mnist --save
"""

import argparse
import importlib
import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import CASES, Mlp

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
RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0].partition(":")[2].strip() if names else model
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def serve(name: str, pipe: Any) -> None:
    """The process of one library: prepares cases and times calls when told to."""
    try:
        module = importlib.import_module(f"benchmarks.libraries.{name}")
    except ImportError as error:
        pipe.send(("missing", str(error)))
        return
    pipe.send((module.NAME, module.version()))
    function: Callable[[], Any] = list
    while (order := pipe.recv()) is not None:
        if isinstance(order, int):
            start = time.perf_counter()
            for _ in range(order):
                function()
            pipe.send((time.perf_counter() - start) / order)
        else:
            make = module.mlp if isinstance(order, Mlp) else module.chain
            function = make(order)
            value = function()
            pipe.send(value.detach().numpy() if hasattr(value, "detach") else np.asarray(value))


class Library:
    """A library in a process of its own."""

    def __init__(self, module: str) -> None:
        self.pipe, other = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(
            target=serve, args=(module, other), daemon=True
        )
        process.start()
        self.name, self.version = self.pipe.recv()

    def ask(self, order: Any) -> Any:
        """Send an order and wait for the answer."""
        self.pipe.send(order)
        return self.pipe.recv()


def libraries(skip: set[str]) -> list[Library]:
    """The libraries that can be imported; says which cannot."""
    found = []
    for module in MODULES:
        if module in skip:
            continue
        library = Library(module)
        if library.name == "missing":
            print(f"left out: {module} ({library.version})")
        else:
            found.append(library)
    return found


def time_in_turn(modules: list[Library], rounds: int, seconds: float) -> dict[str, list[float]]:
    """Seconds a call of each library's function, one figure a round, taking turns."""
    calls = {}
    for library in modules:
        once = min(library.ask(1) for _ in range(3))
        calls[library.name] = max(1, int(seconds / max(once, 1e-7)))
    times: dict[str, list[float]] = {library.name: [] for library in modules}
    for _ in range(rounds):
        for library in modules:
            times[library.name].append(library.ask(calls[library.name]))
    return times


def check(case: Any, results: dict[str, Any]) -> None:
    """Raise AssertionError unless every library computed what NumPy did."""
    expected = np.asarray(results[REFERENCE])
    for name, got in results.items():
        np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-3, err_msg=f"{case}: {name}")


def run(case: Any, modules: list[Library], rounds: int, seconds: float) -> list[dict[str, Any]]:
    """The rows of one case: a library, its median time, and its ratio to NumPy by hand."""
    check(case, {library.name: library.ask(case) for library in modules})
    times = time_in_turn(modules, rounds, seconds)
    rows = []
    for name, figures in times.items():
        ratios = [a / b for a, b in zip(figures, times[REFERENCE], strict=True)]
        rows.append(
            {
                "case": case.name,
                "library": name,
                "microseconds": round(statistics.median(figures) * 1e6, 1),
                "ratio": round(statistics.median(ratios), 2),
                "ratio_min": round(min(ratios), 2),
                "ratio_max": round(max(ratios), 2),
            }
        )
    return rows


def show(rows: list[dict[str, Any]]) -> None:
    """Print one case as a table."""
    print(f"\n{rows[0]['case']}")
    print(f"  {'library':<16}{'median us':>12}{'x NumPy by hand':>18}{'(min to max)':>18}")
    for row in rows:
        spread = f"({row['ratio_min']:.2f} to {row['ratio_max']:.2f})"
        print(
            f"  {row['library']:<16}{row['microseconds']:>12,.1f}{row['ratio']:>18.2f}{spread:>18}"
        )


def main() -> None:
    """Run the cases asked for, print their tables, and save them if told to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--skip", nargs="*", choices=MODULES, default=[], help="libraries")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.1, help="of each library a round")
    parser.add_argument("--save", metavar="NAME", help="write results/NAME.json")
    options = parser.parse_args()
    modules = libraries(set(options.skip))
    about = machine() | {library.name: library.version for library in modules}
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    everything = []
    for name in options.cases:
        rows = run(CASES[name], modules, options.rounds, options.seconds)
        show(rows)
        everything += rows
    for library in modules:
        library.pipe.send(None)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{options.save}.json"
        path.write_text(json.dumps({"machine": about, "rows": everything}, indent=1) + "\n")
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
