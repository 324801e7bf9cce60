"""The command line: ``polygrad devices``, or ``python -m polygrad devices``."""

import argparse
import sys
from collections.abc import Sequence

from polygrad import __version__
from polygrad.backend import Backend, backends
from polygrad.device import current_device, usable
from polygrad.errors import PolygradError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on ``arguments`` (those of the process by default).

    Returns the exit status: 0, or 1 after an error, which is one line on standard error.

    >>> from polygrad.__main__ import main
    >>> main(["devices"])  # doctest: +ELLIPSIS
    backend ...
    0
    """
    options = _parser().parse_args(arguments)
    error: PolygradError | None = None
    current = ""
    try:
        current = str(current_device())
    except PolygradError as found:  # the table then helps to choose another
        error = found
    try:
        print(devices_table(current))
    except PolygradError as found:
        error = found
    if error is None:
        return 0
    print(f"polygrad {options.command}: error: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="polygrad",
        description="Automatic differentiation written against the Python array API.",
    )
    parser.add_argument("--version", action="version", version=f"polygrad {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    commands.add_parser(
        "devices",
        help="list every backend: its version, devices and memory, or why it is unavailable",
        description="List every registered backend with its version, devices and memory, or "
        "the reason why it cannot be used here. A star marks the device of new arrays.",
    )
    return parser


def devices_table(current: str) -> str:
    """Every registered backend, a line for each of its devices, ``current`` starred.

    >>> from polygrad.__main__ import devices_table
    >>> devices_table("cpu").splitlines()[-1]
    '* new arrays are made on cpu'
    """
    rows = [("backend", "version", "device", "memory free / total")]
    for backend in backends():
        found, reason = usable(backend)
        name, version = backend.name, _version(backend)
        if reason is not None:
            rows.append((name, version, "-", f"unavailable: {reason}"))
        for device in found:
            star = " *" if str(device) == current else ""
            rows.append((name, version, f"{device}{star}", _memory(backend, device.raw)))
            name = version = ""  # named once, on the first line of the backend
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    note = ["", f"* new arrays are made on {current}"] if current else []
    return "\n".join([*lines, *note])


def _version(backend: Backend) -> str:
    try:
        return backend.version() or "-"
    except Exception:  # the reason why it is unavailable says more
        return "-"


def _memory(backend: Backend, raw: object) -> str:
    try:
        memory = backend.memory(raw)
    except Exception as error:  # a full or busy GPU is still worth its line
        return f"unknown ({type(error).__name__})"
    if memory is None:
        return "-"
    free, total = memory
    return f"{free / 2**30:.1f} / {total / 2**30:.1f} GiB"


if __name__ == "__main__":
    sys.exit(main())
