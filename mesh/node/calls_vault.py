"""Calls about notes as files: a folder taken in once, and the folder that is mirrored. For people only."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import Misuse, NotGranted
from mesh.names import is_word
from mesh.node.arguments import Arguments, needed, text, yes
from mesh.node.keeping import SPACE
from mesh.node.vaults.keeper import must_be_a_folder, must_not_hold

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def link(agent: Agent, arguments: Arguments) -> object:
    """Link a folder, and make it and the notes the same for the first time."""
    mirror = await agent.vault.linked(_folder(arguments), _space(arguments))
    mirror.allowed = yes(arguments, "gone")
    await mirror.look(settled=True)
    return {"linked": True, **mirror.status()}


async def unlink(agent: Agent, _arguments: Arguments) -> object:
    """End the mirror; files and notes stay as they are."""
    found = await agent.vault.unlinked()
    return {"linked": False, "folder": str(found.folder)}


async def status(agent: Agent, _arguments: Arguments) -> object:
    """Which folder is linked, and what of it is not the same."""
    mirror = await agent.vault.opened()
    if mirror is None:
        return {"linked": False}
    return {"linked": True, **mirror.status()}


async def import_(agent: Agent, arguments: Arguments) -> object:
    """Take in all Markdown files of a folder, once."""
    from mesh.node.vaults.folder import Folder  # noqa: PLC0415 - seldom asked for
    from mesh.node.vaults.importing import taken_in  # noqa: PLC0415 - it reads YAML, and seldom is asked for

    if agent.engine.is_relay:
        raise NotGranted("this device is a relay, and writes nothing", hint="Do it on one of your other devices.")
    root = must_be_a_folder(_folder(arguments))
    must_not_hold(root, agent.home)
    return {"folder": str(root), **await taken_in(agent, Folder(root), _space(arguments))}


def _folder(arguments: Arguments) -> Path:
    said = Path(needed(arguments, "folder"))
    if not said.is_absolute():
        raise Misuse("the folder is not given by its whole path")
    return said


def _space(arguments: Arguments) -> str:
    space = text(arguments, "space") or SPACE
    if not is_word(space):
        raise Misuse(f"{space!r} is not a word for a space", hint="Lower-case letters, digits and hyphens: work.")
    return space
