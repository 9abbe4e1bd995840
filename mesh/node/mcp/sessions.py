"""Which session the calls of a client belong to, so that two clients of one agent are two, and one claim has one owner.

A client whose tool tells its hooks has a session already: the one that gave the last sign of life and that no other
client speaks for. One without hooks gets a session of its own, which ends with its connection. No caller says which.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from mesh.errors import MeshError
from mesh.node import keeping, projects
from mesh.node.storage.store_port import RecordRow
from mesh.state import sessions
from mesh.state.records import PROJECT

if TYPE_CHECKING:
    from mesh.node.mcp.caller import Caller
    from mesh.node.mcp.clients import Client

_NATIVE_BYTES = 8


async def session_of(caller: Caller) -> str | None:
    """The session that speaks here; None where the agent may keep none."""
    client, agent = caller.client, caller.client.agent
    try:
        found = await _known(caller) or await _begun(caller)
    except MeshError:  # it has no grant for sessions: then its claims are told apart by its name alone
        return None
    client.sessions[caller.name] = found
    agent.presence.seen(found)
    with contextlib.suppress(MeshError):  # it cannot write just now: the call itself tells
        await caller.call("claims.renew", session=found)
    return found


async def _known(caller: Caller) -> str:
    """A session of this agent on this device that goes on: the client's own, else one that is free; else empty."""
    agent, seen_ms = caller.client.agent, caller.client.agent.presence.seen_ms
    rows = await keeping.listed(agent, caller.name, (sessions.KIND,), states=sessions.OPEN)
    taken = agent.clients.spoken_for(but=caller.client)
    own = {
        str(row.record.document): row
        for row in rows
        if (row.record.word("device"), row.record.word("agent")) == (agent.device, caller.name)
        and str(row.record.document) not in taken
    }
    held = caller.client.sessions.get(caller.name, "")
    if held in own or not own:
        return held if held in own else ""
    at = await _at(caller, own)
    return max(at, key=lambda session: seen_ms(session) or 0)


async def _at(caller: Caller, own: dict[str, RecordRow]) -> dict[str, RecordRow]:
    """Those of the project in whose folder the client was started, where there are any."""
    if len(own) < 2 or not caller.cwd:
        return own
    project = await projects.chosen(caller.client.agent, caller.name, {"cwd": caller.cwd})
    there = {session: row for session, row in own.items() if project and row.record.word(PROJECT) == project}
    return there or own


async def _begun(caller: Caller) -> str:
    native = f"mcp-{secrets.token_hex(_NATIVE_BYTES)}"
    told = await caller.call("session.begin", tool=caller.name, native=native, cwd=caller.cwd or None)
    session = str(told["document"])
    caller.client.begun[session] = caller.name
    return session


async def end(client: Client) -> None:
    """The client has gone: what began with it ends."""
    for session, name in client.begun.items():
        with contextlib.suppress(MeshError):  # it lost its grant, or the disk is full: it becomes an orphan in time
            await client.agent.call("session.state", {"id": session, "state": sessions.ENDED, "as": name})
