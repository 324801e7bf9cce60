"""Times polygrad beside hand-written NumPy and the peers that are installed.

Libraries take turns, round after round, each in a process of its own (`benchmarks.turns` says
how, and why so); a figure is the median over the rounds, a ratio the median of the ratios within
each round. Each result is first checked against NumPy's. Then come the times of the imports, of
the first calls (`benchmarks.compile_time`), and how the time grows with the size.

    python -m benchmarks.bench --cases tiny mnist --save

With ``--save`` all figures go to a file in results/, which `python -m benchmarks.table` prints as
Markdown.
"""

import argparse
import datetime
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from benchmarks import compile_time, growth, import_time, table
from benchmarks.cases import CASES
from benchmarks.turns import MODULES, installed, run

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    about: dict[str, Any] = {"cpu": platform.processor() or platform.machine()}
    cpuinfo, meminfo = Path("/proc/cpuinfo"), Path("/proc/meminfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if names:
            about["cpu"] = names[0].partition(":")[2].strip()
    about["cores"] = os.cpu_count()
    if meminfo.exists():
        about["memory GiB"] = round(int(meminfo.read_text().split()[1]) / 2**20)
    about |= {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
    }
    if hasattr(os, "getloadavg"):
        about["load at the start"] = round(os.getloadavg()[0], 1)
    return about | {name: os.environ[name] for name in THREADS if name in os.environ}


def _calls(options: Any, libraries: dict[str, str]) -> dict[str, Any]:
    """The rows of all cases and of the imports, printed as they come, and notes."""
    names = list(libraries.values())
    print("\nMedian time of a call, and of its ratio to NumPy by hand in the same round\n")
    table.head(names)
    rows: list[dict[str, Any]] = []
    notes: dict[str, str] = {}
    for name in options.cases:
        settings = options.rounds, options.warm, options.seconds
        found, why = run(CASES[name], list(libraries), *settings)
        table.show(found, names)
        for where, reason in why.items():
            print(f"  {where}: {reason}")
        rows += found
        notes |= why
    if options.imports:
        found = import_time.measure(set(names), options.imports)
        table.show(found, names)
        rows += found
    return {"rows": rows, "notes": notes}


def _first_calls(options: Any, libraries: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of the first calls."""
    cases = [name for name in options.cases if name in compile_time.DEFAULT]
    there = [module for module in compile_time.MODULES if module in libraries]
    if not options.processes or not cases or not there:
        return []
    print("\nTime of the first call: see benchmarks/compile_time.py\n")
    rows = compile_time.measure(cases, there, options.processes)
    table.show(rows)
    return rows


def _save(name: str, result: dict[str, Any]) -> None:
    table.RESULTS.mkdir(exist_ok=True)
    path = table.RESULTS / f"{name}.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nwritten: {path}")


def main(arguments: list[str] | None = None) -> None:
    """Run the cases asked for, print their tables, and save them if told to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--skip", nargs="*", choices=MODULES[1:], default=[], help="libraries")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--warm", type=float, default=0.1, help="seconds before a turn is timed")
    parser.add_argument("--seconds", type=float, default=0.1, help="timed in a turn")
    parser.add_argument("--imports", type=int, default=7, help="rounds of imports; 0: none")
    parser.add_argument("--processes", type=int, default=3, help="for first calls; 0: none")
    parser.add_argument("--save", metavar="NAME", help="write results/NAME.json")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    about = machine()
    there = installed([module for module in MODULES if module not in options.skip])
    libraries = {module: name for module, (name, _) in there.items()}
    versions = dict(there.values())
    print(", ".join(f"{key} {value}" for key, value in (about | versions).items()))
    result: dict[str, Any] = {"machine": about, "versions": versions}
    result["settings"] = {
        key: getattr(options, key) for key in ("rounds", "warm", "seconds", "imports", "processes")
    }
    result |= _calls(options, libraries)
    grown = growth.rows(result["rows"])
    if grown:
        print("\nTime for each element or weight, and the exponent of its growth with the size\n")
        table.show(grown, list(versions))
    result["compile"] = _first_calls(options, libraries)
    if options.save:
        _save(options.save, result)
    print(f"\n{(time.monotonic() - start) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
