"""Calls that carry a mesh out as files, and a bundle in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.limits import SEQ_MAX
from mesh.names import digest_text
from mesh.node import clock
from mesh.node.arguments import Arguments, needed, number, yes
from mesh.node.exporting import carrying, plain

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def export_bundle(agent: Agent, arguments: Arguments) -> object:
    """What is held, or came after a time, as a bundle."""
    path, since = _path(arguments), _since(arguments)
    carried = await carrying.write(agent.store, agent.engine.own.mesh, path, since, force=yes(arguments, "force"))
    return {"path": str(path), "since_ms": since or None, **asdict(carried)}


async def export_folder(agent: Agent, arguments: Arguments) -> object:
    """Everything as Markdown and JSON, with a bundle and what verifies it, in a folder that is new or empty."""
    path = _path(arguments)
    written = await plain.write(agent, path)
    return {"path": str(path), **written}


async def import_bundle(agent: Agent, arguments: Arguments) -> object:
    """Take in what a bundle brings."""
    path = _path(arguments)
    taken = await carrying.read(agent.engine, path)
    return {
        "path": str(path),
        "since_ms": taken.since_ms or None,
        "new": taken.new,
        "events": taken.events,
        "refused": taken.refused,
        "gaps": taken.gaps,
        "state_digest": digest_text(await agent.store.digest()),
    }


def _path(arguments: Arguments) -> Path:
    path = Path(needed(arguments, "path"))
    if not path.is_absolute():
        raise Misuse("the path of a file must begin at the root", hint="The command line makes it so.")
    return path


def _since(arguments: Arguments) -> int:
    since = number(arguments, "since_ms", 0, SEQ_MAX)
    if since > clock.now_ms():
        raise Misuse("that time has not come yet", hint='For example: --since "yesterday 14:00"')
    return since
