"""Being told when something happens in a folder. What exactly happened is looked up, never believed."""

from __future__ import annotations

import asyncio
from pathlib import PurePath
from typing import TYPE_CHECKING

from watchfiles import Change, awatch

from mesh.node import timing

if TYPE_CHECKING:
    from mesh.node.vaults.mirror import Mirror


async def watch(mirror: Mirror) -> None:
    """Poke the mirror after each change, until cancelled. Where nothing can be watched it looks now and then."""
    stop, root = asyncio.Event(), mirror.link.folder

    def visible(_change: Change, path: str) -> bool:
        try:
            inside = PurePath(path).relative_to(root)
        except ValueError:
            return False
        return not any(part.startswith(".") for part in inside.parts)

    while True:
        try:
            watching = awatch(
                root, watch_filter=visible, debounce=timing.VAULT_DEBOUNCE_MS, stop_event=stop, raise_interrupt=False
            )
            mirror.watched = True
            async for _ in watching:
                mirror.stirred()
        except (OSError, RuntimeError):  # the system has no more watches, or the folder is away
            mirror.watched = False
        finally:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                stop.set()
        await asyncio.sleep(timing.VAULT_LOOK_UNWATCHED_S)
