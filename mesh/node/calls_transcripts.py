"""Calls about transcripts: what is kept of a session's own file, and whether the person wants that at all.

Only a person asks: no agent reads here what another one was told. The bytes are those of drops (calls_drops.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.node import calls_sessions
from mesh.node.arguments import Arguments
from mesh.node.keeping import Told
from mesh.state import sessions

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def transcript(agent: Agent, arguments: Arguments) -> object:
    """The transcripts of one session, as drops: one, and another for each time that its tool wrote the file anew."""
    _, row = await calls_sessions.meant(agent, arguments)
    found: list[Told] = []
    for number, document in sessions.archives(row.record):
        drop = await agent.store.record(document)
        if drop is None or drop.record.deleted:
            continue  # it comes after the session that names it, or somebody took it away
        told = await agent.call("drop.status", {"id": str(document)})
        assert isinstance(told, dict), "a drop"
        keys = ("document", "title", "size", "digest", "at_ms", "state", "lacking")
        found.append({"number": number, **{key: told.get(key) for key in keys}})
    return {"document": str(row.record.document), "transcripts": found}


async def switched(agent: Agent, arguments: Arguments) -> object:
    """Whether transcripts of this device's sessions are kept; `on` changes it."""
    wanted = arguments.get("on")
    if wanted is not None and type(wanted) is not bool:
        raise Misuse("`on` is true or false")
    if wanted is not None:
        await agent.transcripts.switch(on=wanted)
    return {"on": await agent.transcripts.is_on()}
