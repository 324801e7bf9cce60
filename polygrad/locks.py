"""Locks that a forked process finds open.

A process that is forked while another thread holds a lock has a copy of it that nobody will ever
release. So every lock of the package is made here, and made anew in a child.
"""

import os
import threading
import weakref
from typing import Any


class Lock:
    """A lock, which the thread that holds it may take again; open in a forked process."""

    __slots__ = ("_lock", "__weakref__")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _all.add(self)

    def acquire(self) -> bool:
        """Wait for the lock and take it."""
        return self._lock.acquire()

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *exception: Any) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Open it, unless the one thread of this process holds it."""
        if not self._lock._is_owned():  # type: ignore[attr-defined]
            self._lock = threading.RLock()


_all: "weakref.WeakSet[Lock]" = weakref.WeakSet()


def new() -> Lock:
    """A new lock.

    >>> from polygrad import locks
    >>> with locks.new():
    ...     pass
    """
    return Lock()


def _forked() -> None:
    for lock in list(_all):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
