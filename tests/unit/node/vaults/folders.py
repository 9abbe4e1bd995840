"""A device with a linked folder, in one process and without a network, for tests of every order of events."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from mesh.node import home as homes
from mesh.node import timing
from mesh.node.agent import Agent, opened
from mesh.node.vaults.mirror import Mirror

_NOBODY = 65534


class Desk:
    """An agent and its folder."""

    def __init__(self, agent: Agent, folder: Path) -> None:
        self.agent, self.folder = agent, folder

    async def call(self, name: str, **arguments: object) -> Mapping[str, Any]:
        """The answer to a call."""
        found = await self.agent.call(name, arguments)
        assert isinstance(found, dict)
        return found

    async def look(self, **arguments: object) -> Mapping[str, Any]:
        """Link the folder, or look at all of it again."""
        return await self.call("vault.link", folder=str(self.folder), **arguments)

    @property
    def mirror(self) -> Mirror:
        """The mirror at work."""
        assert self.agent.vault.mirror is not None
        return self.agent.vault.mirror

    async def note(self, title: str) -> Mapping[str, Any]:
        """A note by its title, or its whole id."""
        notes = [note for note in (await self.call("note.list", limit=1000))["notes"] if note["title"] == title]
        return await self.call("note.show", document=notes[0]["document"] if notes else title)

    async def titles(self) -> list[str]:
        """What all notes are called."""
        return sorted(note["title"] for note in (await self.call("note.list", limit=1000))["notes"])

    async def edit(self, note: str, **wanted: object) -> None:
        """Change a note in the mesh."""
        await self.call("note.edit", document=(await self.note(note))["document"], **wanted)

    def write(self, path: str, raw: bytes | str) -> None:
        """Save a file."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw.encode() if isinstance(raw, str) else raw)

    def files(self) -> dict[str, str]:
        """All files that are to be seen."""
        found = sorted(path for path in self.folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        return {str(path.relative_to(self.folder)): path.read_bytes().decode() for path in found}


@asynccontextmanager
async def desk(folder: Path) -> AsyncIterator[Desk]:
    """A device whose home and folder lie here, founded at the first time."""
    home, vault = folder / "home", folder / "vault"
    vault.mkdir(exist_ok=True)
    if not home.exists():
        await homes.found(home, "mac")
    agent: Agent | None = None
    try:
        async with opened(home) as agent:
            yield Desk(agent, vault)
    finally:
        if agent is not None and agent.vault.mirror is not None:
            agent.vault.mirror.table.close()  # what the death of a process does with its files


def inside(folder: Path) -> list[str]:
    """The names of all that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def for_all(folder: Path) -> Path:
    """A folder that everybody may look into."""
    folder.chmod(0o755)
    return folder


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    """A folder that nobody may look into, for somebody who is not root."""
    user = os.geteuid()
    folder.chmod(0)
    try:
        if user == 0:
            os.seteuid(_NOBODY)
        yield
    finally:
        os.seteuid(user)
        for_all(folder)


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is away was deleted, and what was replaced is let go of, without waiting."""
    monkeypatch.setattr(timing, "VAULT_MISSING_S", 0.0)
    monkeypatch.setattr(timing, "VAULT_LINGER_S", 0.0)
