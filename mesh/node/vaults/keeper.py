"""Whether this device has a vault, and keeping it at work while the agent runs; without one nothing of it is loaded.

A folder is linked on one device; another device links one of its own. What is linked is never in a backup: a restored
home begins by looking at the folder again.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import Misuse, NotGranted, Unreachable
from mesh.node.vaults.links import MARK, SETTING, Link, table_path
from mesh.sync.inputs import Effects

if TYPE_CHECKING:
    from mesh.node.agent import Agent
    from mesh.node.vaults.mirror import Mirror


class Keeper:
    """The vault of one agent, if it has one."""

    def __init__(self, agent: Agent) -> None:
        """Look for nothing yet."""
        self.agent = agent
        self.mirror: Mirror | None = None
        self._lock = asyncio.Lock()
        self._turned = asyncio.Event()

    def happened(self, effects: Effects) -> None:
        """Something was said or heard."""
        if self.mirror is not None:
            self.mirror.happened(effects)

    async def run(self) -> None:
        """Keep the vault at work, also one that is linked only later, until cancelled."""
        try:
            while True:
                self._turned.clear()
                mirror = await self.opened()
                async with asyncio.TaskGroup() as group:
                    working = None if mirror is None else group.create_task(mirror.run())
                    await self._turned.wait()
                    if working is not None:
                        working.cancel()
        finally:
            await self.closed()

    async def opened(self) -> Mirror | None:
        """The vault, None without one. Raises Unreachable where its journal cannot be read."""
        async with self._lock:
            if self.mirror is None and (link := await self.link()) is not None:
                from mesh.node.vaults.mirror import Mirror  # noqa: PLC0415 - only a device with a vault pays for it

                try:
                    self.mirror = Mirror(self.agent, link)
                except OSError as error:
                    raise Unreachable(f"what is known of the vault cannot be read: {error.strerror}") from error
            return self.mirror

    async def closed(self) -> None:
        """Let go of it."""
        async with self._lock:
            mirror, self.mirror = self.mirror, None
            if mirror is not None:
                await mirror.end()

    async def link(self) -> Link | None:
        """Which folder is linked."""
        return Link.parse(await self.agent.store.setting(SETTING))

    async def linked(self, folder: Path, space: str) -> Mirror:
        """Link a folder, or look at the linked one again. Raises Misuse, NotGranted or Unreachable."""
        if self.agent.engine.is_relay:
            raise NotGranted("this device is a relay, and reads no notes", hint="Link the folder on another device.")
        root = must_be_a_folder(folder)
        must_not_hold(root, self.agent.home)
        before = await self.link()
        if before is not None and (before.folder, before.space) != (root, space):
            hint = "`mesh vault unlink` ends that; all files stay as they are."
            raise Misuse(f"this device has the vault {before.folder} already", hint=hint)
        if before is None:
            with contextlib.suppress(FileNotFoundError):
                table_path(self.agent.home).unlink()  # of a vault that was linked once: it knows nothing any more
        try:
            (before or Link(root, space)).mark()
        except OSError as error:
            raise Unreachable(f"nothing can be written in {root}: {error.strerror}") from error
        await self.agent.engine.remember(SETTING, (before or Link(root, space)).setting())
        mirror = await self.opened()
        assert mirror is not None, "it was linked just now"
        self._turned.set() if before is None else mirror.poke.set()
        return mirror

    async def unlinked(self) -> Link:
        """End it; no file and no note changes. Raises Misuse without a vault."""
        link = await self.link()
        if link is None:
            raise Misuse("this device has no vault", hint="`mesh vault link DIR` links a folder.")
        await self.closed()
        await self.agent.engine.remember(SETTING, b"")
        self._turned.set()
        for path in (table_path(self.agent.home), link.folder / MARK):
            with contextlib.suppress(OSError):
                path.unlink()
        return link


def must_be_a_folder(folder: Path) -> Path:
    """The real path of a folder. Raises Misuse when it is none."""
    try:
        root = folder.resolve(strict=True)
    except (OSError, RuntimeError):
        raise Misuse(f"there is no folder {folder}", hint="Make it first, or check its name.") from None
    if not root.is_dir():
        raise Misuse(f"{folder} is no folder")
    return root


def must_not_hold(folder: Path, home: Path) -> None:
    """Raise Misuse for a folder that holds this device's mesh, or lies in it."""
    real = home.resolve()
    if folder == real or folder in real.parents or real in folder.parents:
        raise Misuse(f"{folder} and the home of this device lie in each other", hint="Take a folder of its own.")
