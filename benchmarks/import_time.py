"""Time of `import polygrad` beside `import numpy`, each in new processes, taken in turns.

    python benchmarks/import_time.py [rounds]

The least time of each counts: what else runs on the machine can only add to it.
"""

import subprocess
import sys
import time

MODULES = ("numpy", "polygrad")


def seconds(statement: str) -> float:
    """Wall time of a Python process that runs one statement."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    least = dict.fromkeys(("pass", *MODULES), float("inf"))
    for _ in range(rounds):
        for name in least:
            statement = name if name == "pass" else f"import {name}"
            least[name] = min(least[name], seconds(statement))
    times = {name: least[name] - least["pass"] for name in MODULES}
    for name, value in times.items():
        print(f"import {name:10}{value * 1e3:8.1f} ms{value / times['numpy']:8.2f} x numpy")


if __name__ == "__main__":
    main()
