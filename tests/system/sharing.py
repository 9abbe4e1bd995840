"""What takes long to make and that no test changes, made once for all the processes that share a run of tests."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

MADE = "made"


def run_folder(factory: pytest.TempPathFactory) -> Path:
    """The folder of this run of tests, which its processes have in common and no other run has."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@contextmanager
def shared(locks: Path, folder: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """A folder: whoever comes first makes it, the others wait for that, and the last to go takes it away.

    The locks lie in the folder of the run, so what an earlier run left behind is never taken for ours.
    """
    with locks.with_suffix(".door").open("w") as door, locks.with_suffix(".users").open("a+") as users:
        with _alone(door):
            users.seek(0)
            if users.read() != MADE:
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                users.write(MADE)
                users.flush()
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield folder
        finally:
            with _alone(door), suppress(BlockingIOError):  # somebody still uses it
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                users.truncate(0)
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(door: IO[str]) -> Iterator[None]:
    fcntl.flock(door, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(door, fcntl.LOCK_UN)
