"""Rows as a table: of text for a terminal, or of Markdown.

    python -m benchmarks.table [results/NAME.json]

prints a result file, the newest by name if none is given, as Markdown.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import growth

RESULTS = Path(__file__).parent / "results"
_FIRST = 27


def duration(microseconds: float) -> str:
    """A time in the unit that suits it.

    >>> duration(5.42), duration(1234.0), duration(120_700.0)
    ('5.4 us', '1,234 us', '120.7 ms')
    """
    if microseconds < 10:
        return f"{microseconds:.1f} us"
    if microseconds < 10_000:
        return f"{microseconds:,.0f} us"
    if microseconds < 1e6:
        return f"{microseconds / 1e3:.1f} ms"
    return f"{microseconds / 1e6:.2f} s"


def _cell(row: dict[str, Any] | None) -> str:
    if row is None:
        return "-"
    if "text" in row:
        return str(row["text"])
    time = duration(row["microseconds"])
    return f"{time} ({row['ratio']:.2f})" if "ratio" in row else time


def _lines(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> Iterable[list[str]]:
    """For each case its name and a cell for each library."""
    cases: dict[str, dict[str, Any]] = {}
    for row in rows:
        cases.setdefault(row["case"], {})[row["library"]] = row
    for case, found in cases.items():
        yield [case, *(_cell(found.get(name)) for name in names)]


def _names(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["library"] for row in rows))


def _width(name: str) -> int:
    return max(len(name), 17) + 2


def head(names: Sequence[str]) -> None:
    """Print the names of the columns."""
    print(" " * _FIRST + "".join(f"{name:>{_width(name)}}" for name in names))


def show(rows: Sequence[dict[str, Any]], names: Sequence[str] | None = None) -> None:
    """Print rows for a terminal; with a head if the columns are not given."""
    if names is None:
        names = _names(rows)
        head(names)
    for case, *cells in _lines(rows, names):
        placed = (f"{cell:>{_width(name)}}" for name, cell in zip(names, cells, strict=True))
        print(f"{case:<{_FIRST}}" + "".join(placed), flush=True)


def _markdown(rows: Sequence[dict[str, Any]]) -> str:
    names = _names(rows)
    lines = [["", *names], ["---"] * (len(names) + 1), *_lines(rows, names)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(result: dict[str, Any]) -> str:
    """A result file as tables of calls, first calls and growth, with notes and the machine."""
    tables = result["rows"], result.get("compile", []), growth.rows(result["rows"])
    parts = [_markdown(rows) for rows in tables if rows]
    notes = [f"- {where}: {why}" for where, why in result.get("notes", {}).items()]
    about = result["machine"] | result.get("versions", {})
    parts += ["\n".join(notes), ", ".join(f"{key} {value}" for key, value in about.items())]
    return "\n\n".join(filter(None, parts))


def main() -> None:
    """Print a result file as Markdown."""
    given = sys.argv[1:]
    path = Path(given[0]) if given else max(RESULTS.glob("*.json"))
    print(markdown(json.loads(path.read_text())))


if __name__ == "__main__":
    main()
