"""How the cost of a call grows with its size: nanoseconds for each element, and the exponent."""

import math
from typing import Any

from benchmarks.cases import CASES, CHAINS, WIDTHS

FAMILIES = {
    "chain float32": [case.name for case in CHAINS if case.dtype == "float32"],
    "chain float64": [case.name for case in CHAINS if case.dtype == "float64"],
    "mlp": [case.name for case in WIDTHS],
}


def exponent(sizes: list[int], times: list[float]) -> float:
    """The slope of the logarithm of the time over the logarithm of the size, least squares.

    >>> round(exponent([10, 100, 1000], [3.0, 30.0, 300.0]), 6)
    1.0
    """
    x, y = [math.log(n) for n in sizes], [math.log(t) for t in times]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - mean_x) ** 2 for a in x)


def rows(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each size and library the time an element (of the array, or a weight) takes.

    After the sizes of a family comes the exponent p of size^p: 0 where the time does not depend
    on the size, 1 where it is proportional to it.
    """
    found = []
    times = {(row["case"], row["library"]): row["microseconds"] for row in results}
    libraries = dict.fromkeys(row["library"] for row in results)
    for family, cases in FAMILIES.items():
        measured = [name for name in cases if any((name, lib) in times for lib in libraries)]
        for name in measured:
            for library in libraries:
                if (name, library) in times:
                    each = times[name, library] * 1e3 / CASES[name].size
                    text = f"{each:.3g} ns"
                    found.append({"case": f"{name}, each", "library": library, "text": text})
        for library in libraries:
            known = [name for name in measured if (name, library) in times]
            if len(known) > 1:
                sizes = [CASES[name].size for name in known]
                p = exponent(sizes, [times[name, library] for name in known])
                row = {"case": f"{family}, exponent", "library": library, "text": f"{p:.2f}"}
                found.append(row)
    return found
