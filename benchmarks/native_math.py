"""The error of the native math functions over their whole range, against mpmath.

``python -m benchmarks.native_math [samples]`` prints the table of docs/native-code.md.
"""

import os
import sys
import time
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

os.environ.pop("POLYGRAD_NATIVE", None)
import polygrad as pg

mpmath.mp.prec = 140
LARGEST = {"float32": 3.4e38, "float64": 1.7e308}
SMALLEST = {"float32": 1.2e-38, "float64": 2.3e-308}
# Where results leave the range of normal numbers, by data type.
EXP = {"float32": (-87.3, 88.7), "float64": (-708.3, 709.7)}
TURN = {"float32": (-1e6, 1e6), "float64": (-1e6, 1e6)}
ALL = {name: (-big, big) for name, big in LARGEST.items()}
POSITIVE = {name: (SMALLEST[name], big) for name, big in LARGEST.items()}
ABOVE = {name: (-1.0 + 1e-6, big) for name, big in LARGEST.items()}


def log2(x: Any) -> Any:
    """mpmath has none."""
    return mpmath.log(x) / mpmath.log(2)


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], dict[str, Any]]] = {
    "exp": (pg.exp, mpmath.exp, EXP),
    "expm1": (pg.expm1, mpmath.expm1, EXP),
    "log": (pg.log, mpmath.log, POSITIVE),
    "log1p": (pg.log1p, mpmath.log1p, ABOVE),
    "log2": (pg.log2, log2, POSITIVE),
    "log10": (pg.log10, mpmath.log10, POSITIVE),
    "tanh": (pg.tanh, mpmath.tanh, ALL),
    "sigmoid": (pg.nn.sigmoid, lambda x: 1 / (1 + mpmath.exp(-x)), EXP),
    "sin": (pg.sin, mpmath.sin, TURN),
    "cos": (pg.cos, mpmath.cos, TURN),
    "erf": (pg.special.erf, mpmath.erf, ALL),
    "pow": (pg.pow, mpmath.power, POSITIVE),
}


def numbers(low: float, high: float, dtype: str, count: int) -> np.ndarray:
    """Numbers of all sizes between two bounds, a third of them around 1."""
    rng = np.random.default_rng(0)
    sizes = np.exp(rng.uniform(np.log(SMALLEST[dtype]), np.log(max(-low, high)), count))
    signs = rng.choice([-1, 1], count)
    parts = [sizes * signs, rng.uniform(max(low, -20), min(high, 20), count)]
    parts.append(rng.uniform(max(low, -1000), min(high, 1000), count))
    x = np.concatenate(parts)
    return x[(x >= low) & (x <= high)].astype(dtype)


def worst(got: np.ndarray, operands: list[np.ndarray], right: Callable[..., Any]) -> float:
    """The largest error in units in the last place; results that overflow are left out."""
    found = 0.0
    for y, *xs in zip(got, *operands, strict=True):
        exact = right(*(mpmath.mpf(float(x)) for x in xs))
        with np.errstate(over="ignore"):
            nearest = got.dtype.type(float(exact))
        if abs(exact) < SMALLEST[got.dtype.name] or not np.isfinite(nearest):
            continue
        unit = mpmath.mpf(float(np.spacing(np.abs(nearest))))
        found = max(found, float(abs(mpmath.mpf(float(y)) - exact) / unit))
    return found


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    print("| function | float32 ulp | ns | float64 ulp | ns |\n|---|---|---|---|---|")
    for name, (function, right, ranges) in FUNCTIONS.items():
        cells = [name]
        for dtype in ("float32", "float64"):
            x = numbers(*ranges[dtype], dtype, count)
            operands = [x]
            if name == "pow":
                with np.errstate(all="ignore"):
                    reach = np.log(LARGEST[dtype]) * np.random.default_rng(1).uniform(-1, 1, x.size)
                    operands.append(np.clip(reach / np.log(x), -1e4, 1e4).astype(dtype))
            jitted = pg.jit(function)
            tier = jitted.lower(*operands).native
            assert tier is not None
            assert tier.wait(), tier.state
            error = worst(jitted(*operands), operands, right)
            wide = [np.resize(one, 1 << 14) for one in operands]
            quick = pg.jit(function)
            tier = quick.lower(*wide).native
            assert tier is not None
            assert tier.wait(), tier.state
            times = []
            for _ in range(200):
                start = time.perf_counter()
                quick(*wide)
                times.append(time.perf_counter() - start)
            cells += [f"{error:.2f}", f"{min(times) / wide[0].size * 1e9:.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
