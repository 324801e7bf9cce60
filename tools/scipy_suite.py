"""Run SciPy's own tests of other array libraries with polygrad as the library.

    python tools/scipy_suite.py                              # all of them: some ten minutes
    python tools/scipy_suite.py ndimage/tests/test_filters.py

SciPy's tests know array-api-strict; polygrad takes its place. They run on many arrays what SciPy
says is for NumPy alone, and are expected to pass there, too, unless they test NumPy itself. What
fails is told apart: tests that SciPy marks as of NumPy alone, with SciPy's reason; those in
`scipy_suite.txt`, with ours; and all others. Exits with 1 if there are others.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import types
from collections import Counter
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
LISTED = HERE / "scipy_suite.txt"
REPORT = "POLYGRAD_SCIPY_REPORT"
OTHERS = ("torch", "cupy", "jax", "dask")
TIMEOUT = 1800


def known() -> list[tuple[str, str]]:
    """The names of tests in the list, each with the reason that follows it."""
    lines = [line.split(None, 1) for line in LISTED.read_text().splitlines()]
    return [(name, reason) for name, reason in (line for line in lines if line and line[0] != "#")]


def test_files(scipy: pathlib.Path) -> list[str]:
    """The files whose tests take the library as an argument."""
    found = (path for path in scipy.glob("**/test_*.py") if " xp" in path.read_text())
    return sorted(str(path.relative_to(scipy)) for path in found)


def run(scipy: pathlib.Path, file: str) -> list[tuple[str, str, str]]:
    """The outcome, the name and SciPy's reasons not to run it, of each test of a file."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report"
        report.touch()
        environment = os.environ | {
            REPORT: str(report),
            "SCIPY_ARRAY_API": '["array_api_strict"]',
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]),
        }
        command = [sys.executable, "-m", "pytest", "-q", "-p", "scipy_suite", "-p"]
        command += ["no:cacheprovider", "-m", "array_api_backends", "-W", "ignore", "--tb=no"]
        subprocess.run(
            [*command, str(scipy / file)], env=environment, stdout=subprocess.DEVNULL,
            timeout=TIMEOUT, check=False,
        )  # fmt: skip
        lines = report.read_text().splitlines()
    return [tuple(line.split("\t")) for line in lines]  # type: ignore[misc]


def main(files: list[str]) -> int:
    """Run the files, or all, and say what failed."""
    import scipy

    root, listed = pathlib.Path(scipy.__file__).parent, known()
    total: Counter[str] = Counter()
    for file in files or test_files(root):
        counts: Counter[str] = Counter()
        for outcome, name, reasons in run(root, file):
            ours = [why for part, why in listed if name.startswith(part)]
            kind = outcome
            if outcome == "failed":
                kind = "of NumPy alone" if reasons else "listed" if ours else "failed"
                if kind == "failed":
                    print(f"FAILED {name}")
            counts[kind] += 1
        print(file, ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())), flush=True)
        total += counts
    print("total:", ", ".join(f"{n} {kind}" for kind, n in sorted(total.items())))
    return 1 if total["failed"] or not total["passed"] else 0


# -- in the process that runs the tests ----------------------------------------------------------


class _Absent:
    """Keeps other libraries from being found, so that the tests run on polygrad alone."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] in OTHERS:
            raise ImportError(name)


def _take_the_place_of_strict() -> None:
    import polygrad

    class Stand(types.ModuleType):
        __version__ = "99.0"

        def __getattr__(self, name: str) -> Any:
            return getattr(polygrad, name)

    stand = Stand("polygrad")
    stand.set_array_api_strict_flags = lambda **_: None  # type: ignore[attr-defined]
    sys.meta_path.insert(0, _Absent())  # type: ignore[arg-type]
    sys.modules["array_api_strict"] = stand


def _reasons(item: Any) -> str:
    """Why SciPy does not run a test on libraries other than NumPy, or on array-api-strict."""
    found = []
    for kind in ("skip", "xfail"):
        for mark in item.iter_markers(f"{kind}_xp_backends"):
            if mark.kwargs.get("np_only") or "array_api_strict" in mark.args:
                found.append(mark.kwargs.get("reason") or "no reason given")
    return "; ".join(found).replace("\t", " ").replace("\n", " ")


if os.environ.get(REPORT):
    import pytest

    _take_the_place_of_strict()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(item: Any, call: Any) -> Any:
        """Write down how each test ended."""
        report = yield
        if report.when == "call" or report.outcome != "passed":
            name = item.nodeid.split("scipy/")[-1]
            with pathlib.Path(os.environ[REPORT]).open("a") as file:
                file.write(f"{report.outcome}\t{name}\t{_reasons(item)}\n")
        return report


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
