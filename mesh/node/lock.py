"""The lock of a home: whoever holds it is the only one who writes there. It ends with its process.

It never waits: who finds it taken is told by whom.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mesh.errors import Busy, DiskFull, MeshError, Unreachable
from mesh.node import whole
from mesh.node.paths import lock_path


def take(home: Path) -> int:
    """Lock a home, making its folder when there is none, for as long as the descriptor is open. Raises Busy."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock_path(home), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise no_home(error, home) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.read(descriptor, 20).decode(errors="replace").strip()
        os.close(descriptor)
        message = f"this home is in use by another mesh process ({holder or 'unknown'})"
        raise Busy(message) from error
    # A full disk takes no number; the lock holds without it, and reading must go on.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


@contextmanager
def locked(home: Path) -> Iterator[None]:
    """Hold a home inside. Raises Busy."""
    descriptor = take(home)
    try:
        yield
    finally:
        os.close(descriptor)


def no_home(error: OSError, home: Path) -> MeshError:
    """Why a home cannot be opened, in our words."""
    if whole.is_full(error):
        message = "the disk is full: the home cannot be opened"
        return DiskFull(message)
    message = f"the home {home} cannot be opened: {error.strerror}"
    return Unreachable(message, hint="Check that it is a folder of yours that you may write to.")
