"""The programs that a compiled function keeps: the latest used ones, up to a number."""

import itertools
import threading
from collections.abc import Hashable
from typing import Any

from polygrad.errors import ArgumentTypeError, ArgumentValueError

PROGRAMS = 128
"""Programs that a function keeps, for as many kinds of arguments, unless told otherwise."""
now = itertools.count(1).__next__
"""A number for each use: the least is that of the program not used for longest."""


class Programs:
    """A table of programs by kind of arguments, of which the least recently used goes.

    An entry begins with what says when it was ``used``. `take` and `put` may meet in threads.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._table: dict[Hashable, tuple[Any, ...]] = {}
        self._lock = threading.Lock()
        self.latest: Any = None  # the key of the last one made

    def __len__(self) -> int:
        return len(self._table)

    def take(self, key: Hashable) -> Any:
        """The entry, or None."""
        found = self._table.get(key)
        if found is not None:
            found[0].used = now()
        return found

    def put(self, key: Hashable, entry: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """Add an entry; what had to go for it comes back."""
        entry[0].used = now()
        gone = []
        with self._lock:
            self._table[key] = entry
            self.latest = key
            while len(self._table) > self.limit:
                oldest = min(self._table, key=lambda k: self._table[k][0].used)
                gone.append(self._table.pop(oldest))
        return gone


def checked_limit(given: Any) -> int:
    """``cache_size`` of `jit`, or an error that says what it has to be."""
    if given is None:
        return PROGRAMS
    if isinstance(given, bool) or not isinstance(given, int):
        raise ArgumentTypeError(
            f"cache_size: got {given!r}, expected how many programs to keep, an integer from 1"
        )
    if given < 1:
        raise ArgumentValueError(f"cache_size: got {given}, expected 1 or more")
    return given


def changes(split: Any, before: Any, after: Any) -> str:
    """What differs between two keys of calls, by the names of arguments and their last values."""
    if before[1:3] == after[1:3] and before[3] != after[3]:
        found = [
            f"{split.name(i)} was {_shown(a)}, then {_shown(b)}"
            for i, (a, b) in enumerate(zip(before[3], after[3], strict=True))
            if a != b
        ]
        return "; ".join(found[:4])
    if before[4] != after[4]:
        old = dict(before[4])
        found = [
            f"static argument {_named(split, n)} was {_value(old.get(n))}, then {_value(value)}"
            for n, value in after[4]
            if old.get(n) != value
        ]
        return "; ".join(found[:4])
    if before[0] != after[0]:
        return f"the current device was {before[0]}, then {after[0]}"
    if before[1] != after[1] or before[2] != after[2]:
        return f"the structure of the arguments was {_short(before[1])}, then {_short(after[1])}"
    return f"the order of keys was {_short(before[5])}, then {_short(after[5])}"


def _named(split: Any, which: Any) -> str:
    return split._to.parameter(which) if isinstance(which, int) else str(which)


def _shown(kind: Any) -> str:
    if isinstance(kind, str):
        return f"a Python {kind}"
    if len(kind) == 5:  # as polygrad.compile.signature.kind has it
        _, _, shape, dtype, _ = kind
        return f"{dtype}{list(shape)}"
    if len(kind) == 4 and kind[0] == "tracked":
        return f"{kind[2]}{list(kind[1])}"
    return _value(kind)


def _value(frozen: Any) -> str:
    if isinstance(frozen, tuple) and len(frozen) == 2:
        value = frozen[1]
        return value if isinstance(value, str) and frozen[0] is not str else _short(value)
    return _short(frozen)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 60 else text[:57] + "..."
