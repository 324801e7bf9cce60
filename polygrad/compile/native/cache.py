"""Compiled code on disk, so that a program is compiled once for this processor.

Loaded code is executed, so the folder has to belong to its user alone: it is made so, and left
unused where another owner or mode is found, or a link. A file holds a checksum, which finds
damage, not malice; a damaged one is ignored and written again. Writes are atomic.
"""

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
from pathlib import Path

VARIABLE = "POLYGRAD_CACHE_DIR"
LIMIT = 512
"""Files kept: the oldest beyond it are removed when one is written."""


def folder() -> Path | None:
    """Where compiled code is kept, or None where it is kept nowhere.

    The environment variable ``POLYGRAD_CACHE_DIR`` names another folder; empty, it means none.
    """
    given = os.environ.get(VARIABLE)
    if given == "" or os.name != "posix":  # owner and mode say nothing elsewhere
        return None
    if given is not None:
        return Path(given) / "native"
    home = Path(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "polygrad" / "native"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else home / ".cache") / "polygrad" / "native"


def problem(place: Path) -> str | None:
    """Why a folder is not to be trusted, or None."""
    found = os.lstat(place)
    if not stat.S_ISDIR(found.st_mode):
        return f"{place} is no folder"
    if found.st_uid != os.getuid():
        return f"{place} belongs to another user"
    if found.st_mode & 0o077:
        return f"{place} is open to other users (chmod 700 makes it safe)"
    return None


def usable() -> tuple[Path | None, str | None]:
    """The folder, made if it is not there, or why none is used."""
    place = folder()
    if place is None:
        return None, "no cache folder"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        reason = problem(place)
    except OSError as error:
        reason = str(error)
    return (place, None) if reason is None else (None, reason)


def key(*parts: str) -> str:
    """The name for what depends on these texts."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode()
        whole.update(f"{len(data)}:".encode() + data)
    return whole.hexdigest()


def read(name: str) -> bytes | None:
    """The code kept under a name, or None."""
    place, _ = usable()
    if place is None:
        return None
    try:
        path = place / name
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if os.fstat(descriptor).st_uid != os.getuid():
                return None
            data = file.read()
    except OSError:
        return None
    head, code = data[:32], data[32:]
    return code if head == _checksum(name, code) else None


def write(name: str, code: bytes) -> None:
    """Keep code under a name; nothing happens where that is not possible."""
    place, _ = usable()
    if place is None:
        return
    with contextlib.suppress(OSError):
        descriptor, path = tempfile.mkstemp(dir=place)
        try:
            with open(descriptor, "wb") as file:
                file.write(_checksum(name, code) + code)
            os.replace(path, place / name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
        _prune(place)


def _checksum(name: str, code: bytes) -> bytes:
    return hashlib.sha256(name.encode() + code).digest()


def _prune(place: Path) -> None:
    files = []
    for path in place.iterdir():
        with contextlib.suppress(OSError):
            files.append((path.stat().st_mtime, path))
    for _, path in sorted(files, key=lambda f: f[0])[: max(len(files) - LIMIT, 0)]:
        with contextlib.suppress(OSError):
            path.unlink()
