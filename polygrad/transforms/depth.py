"""Room for functions that are deep inside one another, each of which takes some of Python's frames.

Python's limit, 1000 by default, is meant for functions that never stop calling themselves.
"""

import sys
import threading

from polygrad.errors import ArgumentValueError

DEEPEST = 500
"""How many may run inside one another; a backward pass counts twice."""
FRAMES = 40
"""Python's frames that one takes at most, with a few transforms around it."""
_lock = threading.Lock()
_active = 0  # threads that are inside of one
_limit = 0  # Python's limit before


class _Nested(threading.local):
    """Around what runs inside a checkpointed function.

    Raises ArgumentValueError for too many.
    """

    depth = 0

    def __enter__(self) -> None:
        global _active, _limit
        if self.depth >= DEEPEST:
            raise ArgumentValueError(
                f"checkpoint: {DEEPEST} checkpointed functions are inside one another, expected "
                "fewer; checkpoint a part of the levels, or blocks of a loop one after the other"
            )
        if not self.depth:
            with _lock:
                if not _active:
                    _limit = sys.getrecursionlimit()
                _active += 1
        elif self.depth % 10 == 0:
            with _lock:
                room = _limit + self.depth * FRAMES
                sys.setrecursionlimit(max(room, sys.getrecursionlimit()))
        self.depth += 1

    def __exit__(self, *_: object) -> None:
        global _active
        self.depth -= 1
        if not self.depth:
            with _lock:
                _active -= 1
                if not _active:
                    sys.setrecursionlimit(_limit)


NESTED = _Nested()
