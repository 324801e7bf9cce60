"""Compiled code on disk, so that a program is compiled once for this processor.

Loaded code is executed, so the folder has to belong to its user alone: it is made so, and left
unused where another owner or mode is found, or a link. It is held open while files in it are
read or written, so that none can be put in its place meanwhile. A file holds a checksum, which
finds damage, not malice; a damaged one is ignored and written again. Writes are atomic.
"""

import contextlib
import hashlib
import os
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

VARIABLE = "POLYGRAD_CACHE_DIR"
LIMIT = 512
"""Files kept: the oldest beyond it are removed when one is written."""
DRAFT = 600.0
"""Seconds after which a file that is still being written is taken for left over."""


class Refused(Exception):
    """The cache is not used; the message says why."""


def folder() -> Path:
    """Where compiled code is kept; raises Refused where it is kept nowhere.

    The environment variable ``POLYGRAD_CACHE_DIR`` names another folder (``~`` is the home);
    empty, it means none.
    """
    given = os.environ.get(VARIABLE)
    if given == "":
        raise Refused(f"{VARIABLE} is empty")
    if os.name != "posix":
        raise Refused("owner and mode of folders say nothing on this system")
    if given is not None:
        return Path(given).expanduser().absolute() / "native"
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "polygrad" / "native"
    # A relative one is to be ignored, says the XDG specification.
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else home / ".cache") / "polygrad" / "native"


@contextlib.contextmanager
def opened() -> Iterator[int]:
    """The descriptor of the folder, made if it is not there; raises Refused or OSError."""
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _check(os.fstat(descriptor), str(place))
        yield descriptor
    finally:
        os.close(descriptor)


def _check(found: os.stat_result, name: str) -> None:
    if found.st_uid != os.getuid():
        raise Refused(f"{name} belongs to another user")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise Refused(f"{name} is open to other users (chmod 700 makes it safe)")


def key(*parts: str) -> str:
    """The name for what depends on these texts."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode()
        whole.update(f"{len(data)}:".encode() + data)
    return whole.hexdigest()


def read(name: str) -> bytes | None:
    """The code kept under a name, or None."""
    try:
        with opened() as place:
            # A pipe in its place would have an open for reading wait for a writer.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            with open(os.open(name, flags, dir_fd=place), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise Refused(f"{name} is no regular file")
                _check(found, name)
                data = file.read()
    except (OSError, RuntimeError, Refused):  # RuntimeError: there is no home
        return None
    head, code = data[:32], data[32:]
    return code if head == _checksum(name, code) else None


def write(name: str, code: bytes) -> None:
    """Keep code under a name; nothing happens where that is not possible."""
    with contextlib.suppress(OSError, RuntimeError, Refused), opened() as place:
        draft = f"{name}.{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with open(os.open(draft, flags, 0o600, dir_fd=place), "wb") as file:
                file.write(_checksum(name, code) + code)
            os.replace(draft, name, src_dir_fd=place, dst_dir_fd=place)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(draft, dir_fd=place)
            raise
        _prune(place)


def _checksum(name: str, code: bytes) -> bytes:
    return hashlib.sha256(name.encode() + code).digest()


def _prune(place: int) -> None:
    files, left = [], []
    for name in os.listdir(place):
        with contextlib.suppress(OSError):
            age = os.stat(name, dir_fd=place, follow_symlinks=False).st_mtime
            if "." in name and age < time.time() - DRAFT:
                left.append(name)  # its writer was killed
            files.append((age, name))
    left += [name for _, name in sorted(files)[: max(len(files) - LIMIT, 0)]]
    for name in left:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=place)
