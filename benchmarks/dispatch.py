"""What eager polygrad adds to a NumPy call: untracked, tracked, and a node of the backward pass.

``python -m benchmarks.dispatch`` prints microseconds beside those of the bare NumPy calls, from
interleaved rounds; ``--profile`` prints where a small training step spends its time.
"""

import argparse
import cProfile
import pstats
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import polygrad as pg
from benchmarks.cases import CASES
from benchmarks.libraries import polygrad_eager

LENGTH = 200  # ops in a chain
ROUNDS = 31


def microseconds(f: Callable[[], Any], calls: int) -> float:
    """Time of one of the ``calls`` that ``f`` makes."""
    start = time.perf_counter()
    f()
    return (time.perf_counter() - start) / calls * 1e6


def measure() -> None:
    """Print the table."""
    a = np.ones(8, np.float32)
    x = pg.asarray(a)

    def repeat(step: Callable[[Any], Any], start: Any) -> Any:
        value = start
        for _ in range(LENGTH):
            value = step(value)
        return value

    def add_numpy(value: Any) -> Any:
        return np.add(value, a)

    def add(value: Any) -> Any:
        return pg.add(value, x)

    def add_raw(value: Any) -> Any:
        return pg.add(value, a)

    found: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        row = {
            "NumPy": microseconds(lambda: repeat(add_numpy, a), LENGTH),
            "polygrad, NumPy arrays": microseconds(lambda: repeat(add_raw, a), LENGTH),
            "polygrad, Array": microseconds(lambda: repeat(add, x), LENGTH),
        }
        start = time.perf_counter()
        _, pullback = pg.vjp(lambda value: repeat(add, value), x)
        row["polygrad, tracked"] = (time.perf_counter() - start) / LENGTH * 1e6
        row["polygrad, backward, a node"] = microseconds(lambda: pullback(x), LENGTH)  # noqa: B023
        for name, value in row.items():
            found.setdefault(name, []).append(value)
    plain = statistics.median(found["NumPy"])
    print(f"{'addition of 8 float32 numbers':32}{'us':>8}{'over NumPy':>12}")
    for name, values in found.items():
        middle = statistics.median(values)
        over = f"{middle - plain:12.2f}" if name != "NumPy" else ""
        print(f"{name:32}{middle:8.2f}{over}")


def profile(case: str) -> None:
    """Print the functions that an eager call of a case spends its time in."""
    step = polygrad_eager.prepare(CASES[case])
    for _ in range(50):
        step()
    recorder = cProfile.Profile()
    recorder.enable()
    for _ in range(500):
        step()
    recorder.disable()
    pstats.Stats(recorder).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--profile", nargs="?", const="tiny", choices=CASES, metavar="CASE",
        help="profile an eager call of a case of the benchmark instead, tiny if none is named",
    )  # fmt: skip
    options = parser.parse_args()
    profile(options.profile) if options.profile else measure()
