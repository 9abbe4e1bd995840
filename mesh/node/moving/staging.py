"""A folder inside a home where something is put together before it counts: a backup, a restored home.

It is taken away again whatever happens; what a killed process left is taken away by the next one. Nothing outside of
such folders is ever touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mesh.node.lock import no_home

PREFIX = ".staging-"


@contextmanager
def staging(home: Path) -> Iterator[Path]:
    """A new folder in a home, for as long as the block lasts. Raises DiskFull or Unreachable."""
    sweep(home)
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
    except OSError as error:
        raise no_home(error, home) from error
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def sweep(home: Path) -> None:
    """Take away what killed processes left: folders that nobody holds any more."""
    for folder in home.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(held)
