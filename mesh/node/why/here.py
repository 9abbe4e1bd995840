"""What stops this very device, whatever is asked about: its agent, its disk, its server, its place in the mesh.

It reuses the doctor's looks and what `mesh status` tells.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import mesh
from mesh.limits import KIB
from mesh.names import shown
from mesh.node import calls_status
from mesh.node.arguments import Arguments, text
from mesh.node.health import health_home
from mesh.node.health.diagnosis import Look
from mesh.node.paths import log_path
from mesh.node.why.causes import HERE, Cause, Place, cause

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_TAIL_BYTES = 4 * KIB
_VERSION_CHARACTERS = 64
_MS = 1000


def place(agent: Agent) -> Place:
    """This device as the place of a cause."""
    return Place(agent.device, HERE)


async def causes(agent: Agent, arguments: Arguments) -> list[Cause]:
    """All that stops this device."""
    found = [
        *await _outcast(agent),
        *_stopped(agent),
        *await _full(agent),
        *_version(agent, text(arguments, "version")),
    ]
    server = agent.bus.server() if agent.bus else None
    if server and server.problem:
        found.append(cause("server-down", place(agent), None, (f"nats-server: {server.problem}", server.hint)))
    return found


async def _outcast(agent: Agent) -> list[Cause]:
    told = await calls_status.taken_out(agent)
    if told is None:
        return []
    at = told["time_ms"]
    who = f"said by {told['by']}" if told["by"] else "who let it in does not count any more"
    why = f"reason: {told['reason']}" if told["reason"] else ""
    return [cause("taken-out", place(agent), at if isinstance(at, int) else None, (who, why))]


def _stopped(agent: Agent) -> list[Cause]:
    if agent.talk is not None:
        return []
    at, line = _last_logged(agent)
    return [cause("agent-stopped", place(agent), at, (line,))]


def _last_logged(agent: Agent) -> tuple[int | None, str]:
    """When the agent said something last, and what: after that none ran."""
    path = log_path(agent.home)
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _TAIL_BYTES, 0))
            last = json.loads(file.read().splitlines()[-1])
        at = datetime.strptime(last["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        return round(at.timestamp() * _MS), f"its log ends with {shown(str(last['what']))}"
    except (OSError, ValueError, LookupError, TypeError):
        return None, "none ever ran in this home" if not path.exists() else "its log cannot be read"


async def _full(agent: Agent) -> list[Cause]:
    found = health_home.disk(Look(agent.home))
    if found.ok is not False:
        return []
    row = agent.engine.shelf.last_row
    last = (await agent.store.arrivals([row])).get(row)
    return [cause("disk-full", place(agent), last, (found.detail, "since then nothing was kept" if last else ""))]


def _version(agent: Agent, asking: str | None) -> list[Cause]:
    """An agent that is of another version than the command that asks it."""
    if asking is None or asking == mesh.__version__:
        return []
    theirs = shown(asking, _VERSION_CHARACTERS)
    words = f"the agent (pid {os.getpid()}) is of version {mesh.__version__}, this command of {theirs}"
    return [cause("version-skew", place(agent), None, (words,))]
