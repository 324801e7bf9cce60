"""The C library's allocator, told to keep the memory that arrays free.

By default glibc gives large blocks back to the system when they are freed, so each temporary of a
large computation has its pages mapped, and cleared, anew. See mallopt(3).
"""

import ctypes
from typing import Any

from polygrad.errors import BackendError

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -2, -3, -4  # malloc.h
_KEEP = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1, _M_TOP_PAD: 64 << 20}
# The limits that glibc's own adjustment comes to in a process that frees large blocks; once a
# limit was set by hand it adjusts none any more.
_USUAL = {
    _M_MMAP_MAX: 65_536,
    _M_MMAP_THRESHOLD: 32 << 20,
    _M_TRIM_THRESHOLD: 64 << 20,
    _M_TOP_PAD: 128 << 10,
}


def keep(on: bool) -> None:
    """Have freed memory kept for later arrays, or given back as usual, and give it back now.

    Raises BackendError where the C library is not glibc.
    """
    try:
        libc: Any = ctypes.CDLL(None)
        set_option, trim = libc.mallopt, libc.malloc_trim
    except (OSError, TypeError, AttributeError):  # Windows, macOS, musl
        raise BackendError(
            "keep_memory: the C library of this system has no mallopt; the setting is for glibc, "
            "on Linux. Leave the call out: results are the same without it"
        ) from None
    done = [set_option(option, value) for option, value in (_KEEP if on else _USUAL).items()]
    if not all(done):
        raise BackendError(
            "keep_memory: the allocator refused the setting (mallopt returned 0); another "
            "allocator may be loaded in its place (LD_PRELOAD). Leave the call out"
        )
    if not on:
        trim(ctypes.c_size_t(0))
