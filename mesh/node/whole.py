"""Files that appear whole or not at all: written as a draft in the same folder, made safe, and then given their names.

Whatever ends the writing, what was there before stays. A draft that a killed process left is taken away by the next one
that writes there: nobody holds its lock any more. Nothing here knows what is in a file, and none is changed in place.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mesh.errors import DiskFull, Refused

_DRAFT = re.compile(r"\.[0-9a-f]{16}\.mesh-draft\Z")
_TRIES = 10


class Draft:
    """A file on its way to its name. Whoever makes one closes it; what has got no name by then leaves nothing."""

    def __init__(self, folder: Path, mode: int = 0o600) -> None:
        """Begin, with the mode less the umask. Raises OSError."""
        self.path, self.file = _made(folder, mode)

    def sync(self) -> None:
        """Have its content on the disk. Raises OSError."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def replace(self, path: Path) -> None:
        """Take a name in the same folder, whoever has it. Raises OSError."""
        self.file.flush()
        self.path.replace(path)

    def take(self, path: Path) -> bool:
        """Take a name in the same folder that nobody has; whether nobody had it. Raises OSError."""
        try:
            os.link(self.path, path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links: there the name could be taken in this very moment
            if path.exists() or path.is_symlink():
                return False
            self.path.rename(path)
            return True
        self.path.unlink()
        return True

    def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            self.file.close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def _made(folder: Path, mode: int) -> tuple[Path, BinaryIO]:
    """A new draft that is ours while it is open. Raises OSError."""
    for _ in range(_TRIES):
        path = folder / f".{secrets.token_hex(8)}.mesh-draft"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        if _is_ours(file):
            return path, os.fdopen(file, "wb")
        os.close(file)  # somebody tidied between the two steps
    raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(folder))


def _is_ours(file: int) -> bool:
    """Lock a new draft; whether nobody who tidies was quicker."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False  # he has it, and is about to take it away
    except OSError:
        return True  # a file system without locks: nobody else gets one to remove it
    return os.fstat(file).st_nlink > 0


@contextmanager
def replacing(path: Path, *, safe: bool = True) -> Iterator[BinaryIO]:
    """A file to write, 0600, which has that name after the block, in place of what had it. Raises OSError.

    Where the block raises, what was there stays. Not `safe`: what a power failure may spoil, as it is made anew.
    """
    tidy(path.parent)
    draft = Draft(path.parent)
    try:
        yield draft.file
        if safe:
            draft.sync()
        draft.replace(path)
        if safe:
            sync(path.parent)
    finally:
        draft.close()


def write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file as a whole, so that it survives a power failure. Raises DiskFull or Refused."""
    try:
        with replacing(path) as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
    except OSError as error:
        raise cannot_write(path, error) from error


def sync(path: Path) -> None:
    """Have on the disk what a file holds, or which files are in a folder. Raises OSError."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def tidy(folder: Path) -> None:
    """Take away the drafts in a folder that killed processes left."""
    with contextlib.suppress(OSError), os.scandir(folder) as found:
        for name in [entry.name for entry in found if _DRAFT.match(entry.name)]:
            with contextlib.suppress(OSError):
                _taken_away(folder / name)


def _taken_away(path: Path) -> None:
    """Remove a draft that nobody holds. Raises OSError."""
    file = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    finally:
        os.close(file)


# ── what a failed write comes to ─────────────────────────────────────────────────────────────────


def is_full(error: OSError) -> bool:
    """Whether it failed because the disk has no room, or this user no share of it."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


def cannot_write(path: Path, error: OSError) -> DiskFull | Refused:
    """What a failed write comes to."""
    message = f"{path} cannot be written: {error.strerror or error}"
    return DiskFull(message) if is_full(error) else Refused(message)


def cannot_write_there(path: Path, error: OSError) -> DiskFull | Refused:
    """The same of a file that the person named, and may name another instead of."""
    if is_full(error):
        return DiskFull(f"the disk is full: {path} was not written")
    return Refused(f"{path} cannot be written: {error.strerror or error}", hint="Name another file.")
