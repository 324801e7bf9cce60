"""Run the public array-api-tests suite on polygrad, on one backend after the other.

    git clone --recurse-submodules https://github.com/data-apis/array-api-tests
    pip install -r array-api-tests/requirements.txt
    python tools/conformance.py array-api-tests

Nothing is expected to fail: no list of known failures is read. Prints the counts for each
backend and standard version, and the tests that failed; exits with 1 if any did.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass, field

BACKENDS = ("cpu", "strict")
VERSION = "2024.12"
OUTCOMES = {"failure": "failed", "error": "errors", "skipped": "skipped"}


@dataclass
class Result:
    """The outcome of one run."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    """What pytest printed, by the name of the test."""

    @property
    def passed(self) -> bool:
        """Whether tests ran and all of them passed."""
        return self.counts["passed"] > 0 and not self.failures


def check_suite(suite: pathlib.Path) -> str | None:
    """What is wrong with a checkout of the suite, or None."""
    if not (suite / "array_api_tests").is_dir():
        return (
            f"SUITE: {suite} holds no array_api_tests/; give the path of a checkout of "
            "https://github.com/data-apis/array-api-tests"
        )
    if not any((suite / "array-api").glob("*")):
        return (
            f"SUITE: {suite}/array-api is empty; fill it with `git submodule update --init` in "
            "the checkout"
        )
    return None


def run(
    suite: pathlib.Path, backend: str, version: str, examples: int, options: list[str]
) -> Result:
    """Run the suite on one backend, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "array_api_tests", "-q", "--tb=short"]
        command += [f"--max-examples={examples}", "--disable-deadline", "-p", "no:cacheprovider"]
        command += [f"--junitxml={report}", *options]
        # The suite would read lists of tests to skip or to expect to fail from its folder.
        command += [f"--skips-file={os.devnull}", f"--xfails-file={os.devnull}"]
        done = subprocess.run(
            command,
            cwd=suite,
            env={
                **os.environ,
                "ARRAY_API_TESTS_MODULE": "polygrad",
                "ARRAY_API_TESTS_VERSION": version,
                "POLYGRAD_API_VERSION": version,
                "POLYGRAD_DEVICE": backend,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        result = Result()
        if report.exists():
            read(report, result)
        if done.returncode and not result.failures:
            status = f"pytest ended with exit status {done.returncode}"
            result.failures[status] = done.stdout[-6000:]
        return result


def read(report: pathlib.Path, result: Result) -> None:
    """Count the outcomes in a JUnit report."""
    for case in ElementTree.parse(report).iter("testcase"):
        outcome, text = "passed", ""
        for child in case:
            if child.tag in OUTCOMES:
                outcome, text = OUTCOMES[child.tag], child.text or ""
        result.counts[outcome] += 1
        if outcome in ("failed", "errors"):
            result.failures[f"{case.get('classname')}::{case.get('name')}"] = text


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suite", type=pathlib.Path, help="path to a checkout of array-api-tests")
    parser.add_argument(
        "--backend", action="append", help=f"device to run on, may be repeated: {BACKENDS}"
    )
    parser.add_argument(
        "--version", action="append", help=f"version of the standard, may be repeated: {VERSION}"
    )
    parser.add_argument("--max-examples", type=int, default=100, help="examples a test: 100")
    parser.add_argument("options", nargs="*", help="further arguments of pytest, after --")
    given = parser.parse_args(arguments)
    problem = check_suite(given.suite)
    if problem is not None:
        print(problem, file=sys.stderr)
        return 2

    good = True
    print(f"{'backend':<12}{'version':<10}{'passed':>8}{'failed':>8}{'errors':>8}{'skipped':>9}")
    for version in given.version or [VERSION]:
        for backend in given.backend or BACKENDS:
            result = run(given.suite, backend, version, given.max_examples, given.options)
            counts = result.counts
            print(
                f"{backend:<12}{version:<10}{counts['passed']:>8}{counts['failed']:>8}"
                f"{counts['errors']:>8}{counts['skipped']:>9}",
                flush=True,
            )
            if not result.passed:
                good = False
                for name, text in result.failures.items():
                    print(f"    {name}", flush=True)
                    print(f"\n{name}\n{text}", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
