"""What hooks left while no agent took it: taken in order, each once, and gone from the disk when it is kept.

It reads only files that hooks of this user made, and decides nothing about what is in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import Busy, Malformed, MeshError, Unreachable
from mesh.limits import HOOK_KEPT_BYTES_MAX, MIB, SPOOL_FILES_MAX
from mesh.node import clock, timing
from mesh.node.hooks import taking
from mesh.node.paths import spool_path

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_FILE_BYTES_MAX = MIB  # JSON may write a letter in six
_DRAFT_S = 3600.0  # a draft that is older was left by a crash

assert _FILE_BYTES_MAX > 6 * HOOK_KEPT_BYTES_MAX


async def run(agent: Agent) -> None:
    """Take what there is at the start, and look again every now and then."""
    while True:
        await taken(agent)
        await asyncio.sleep(timing.SPOOL_LOOK_S)


async def taken(agent: Agent) -> int:
    """Take all that is there now; how many were. What cannot be kept yet stays, and all that came after it.

    Raises Unreachable where the disk takes nothing more.
    """
    async with agent.memory.trails.spool:
        count = 0
        for path in await asyncio.to_thread(_waiting, spool_path(agent.home)):
            try:
                told = await asyncio.to_thread(_read, path)
                await taking.taken(agent, {**told, "late": True})
            except Busy:  # the hook that brought it waits no more, and it is worked on: it is looked at again
                continue
            except Unreachable:
                raise
            except (MeshError, ValueError, TypeError, RecursionError) as error:  # it will never be anything else
                agent.log("hook.dropped", file=path.name, error=str(error))
            await asyncio.to_thread(path.unlink, missing_ok=True)
            count += 1
        return count


def _waiting(folder: Path) -> list[Path]:
    """The files that wait, in order; drafts of hooks that were killed go."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path.suffix == ".json" and (path.is_symlink() or not path.is_dir()):
                found.append(path)
            elif path.suffix == ".new" and path.stat().st_mtime < clock.now_ms() / 1000 - _DRAFT_S:
                path.unlink(missing_ok=True)
    return sorted(found)[:SPOOL_FILES_MAX]


def _read(path: Path) -> dict[str, object]:
    """What one says. Raises Malformed, ValueError or RecursionError; Unreachable where it cannot be read now."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:  # a link, or a socket
            raise Malformed(f"{path.name} is no event of a hook") from error
        raise Unreachable(f"{path.name} cannot be read: {error.strerror}") from error
    with os.fdopen(file, "rb") as stream:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.getuid() or about.st_size > _FILE_BYTES_MAX:
            raise Malformed(f"{path.name} is no event of a hook")
        told = json.loads(stream.read(_FILE_BYTES_MAX))
    if not isinstance(told, dict):
        raise Malformed(f"{path.name} is no event of a hook")
    return told
