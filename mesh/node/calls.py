"""What can be asked of an agent: one function a call, from plain arguments to a plain result.

Commands, the local socket, hooks and MCP all come through here. A call's module is imported when it is first asked
for, so that a command, and an agent that starts, pay for no other; an agent that stays has all of them before an
upgrade can put others in their place. This module formats nothing for people.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

import mesh
from mesh.errors import Misuse, NotGranted
from mesh.node import agents
from mesh.node.timing import CALLS_READY_S

if TYPE_CHECKING:
    from mesh.node.agent import Agent

Arguments = Mapping[str, object]


async def _ping(agent: Agent, _arguments: Arguments) -> object:
    return {"version": mesh.__version__, "pid": os.getpid(), "interfaces": list(agent.interfaces)}


async def _down(agent: Agent, _arguments: Arguments) -> object:
    agent.ending.set()
    return {}


Call = Callable[["Agent", Arguments], Awaitable[object] | AsyncGenerator[object, None]]

_CALLS = {
    "ping": "calls._ping",
    "down": "calls._down",
    "status": "calls_status.status",
    "devices": "calls_devices.devices",
    "admit": "calls_devices.admit",
    "invite": "calls_pairing.invite",
    "invite.answer": "calls_pairing.answer",
    "peer.add": "calls_devices.peer_add",
    "peer.list": "calls_devices.peer_list",
    "peer.remove": "calls_devices.peer_remove",
    "phone.add": "calls_phone.add",
    "phone.answer": "calls_phone.answer",
    "phone.list": "calls_phone.listed",
    "phone.remove": "calls_phone.remove",
    "phone.token": "calls_phone.token",
    "phone.serve": "calls_phone.serve",
    "phone.home": "calls_phone_home.home",
    "note.add": "calls_notes.add",
    "note.list": "calls_notes.listed",
    "note.show": "calls_notes.show",
    "note.edit": "calls_notes.edit",
    "note.rm": "calls_notes.remove",
    "handoff.new": "calls_handoffs.new",
    "handoff.list": "calls_handoffs.listed",
    "handoff.show": "calls_handoffs.show",
    "handoff.decline": "calls_handoffs.decline",
    "handoff.done": "calls_handoffs.done",
    "pickup": "calls_handoffs.pickup",
    "task.add": "calls_tasks.add",
    "task.edit": "calls_tasks.edit",
    "task.list": "calls_tasks.listed",
    "task.ready": "calls_tasks.ready",
    "task.show": "calls_tasks.show",
    "task.claim": "calls_tasks.claim",
    "task.done": "calls_tasks.done",
    "task.state": "calls_tasks.state",
    "claims.renew": "calls_tasks.renew",
    "claims.lost": "calls_tasks.lost",
    "search": "calls_search.search",
    "drop.add": "calls_drops.add",
    "drop.list": "calls_drops.listed",
    "drop.status": "calls_drops.status",
    "drop.get": "calls_drops.get",
    "drop.folder": "calls_drops.folder",
    "drop.rm": "calls_drops.remove",
    "conflicts": "calls_conflicts.listed",
    "conflicts.show": "calls_conflicts.show",
    "conflicts.settled": "calls_conflicts.settled",
    "conflicts.resolve": "calls_settling.resolve",
    "conflicts.undo": "calls_settling.undo",
    "grant": "calls_grants.grant",
    "ungrant": "calls_grants.ungrant",
    "grants": "calls_grants.grants",
    "agents.add": "calls_grants.agents_add",
    "agents.list": "calls_grants.agents_list",
    "agents.remove": "calls_grants.agents_remove",
    "history": "calls_history.history",
    "history.at": "calls_history.history_at",
    "history.diff": "calls_history.history_diff",
    "undo": "calls_history.undo",
    "restore": "calls_history.restore",
    "why": "why.answers.why",
    "trace": "why.tracing.trace",
    "brief": "calls_brief.brief",
    "project.of": "projects.of",
    "project.list": "projects.listed",
    "session.begin": "calls_sessions.begin",
    "session.state": "calls_sessions.state",
    "session.checkpoint": "calls_sessions.checkpoint",
    "session.list": "calls_sessions.listed",
    "session.show": "calls_sessions.show",
    "session.resume": "calls_sessions.resume",
    "session.transcript": "calls_transcripts.transcript",
    "session.transcripts": "calls_transcripts.switched",
    "receipt.new": "calls_receipts.new",
    "ship": "calls_receipts.new",
    "receipt.list": "calls_receipts.listed",
    "receipt.show": "calls_receipts.show",
    "receipt.dispute": "calls_receipts.dispute",
    "receipt.owed": "calls_receipts.owed",
    "receipt.draft": "calls_receipts.draft",
    "receipt.proposal": "calls_receipts.proposal",
    "evidence.add": "proving.add",
    "memory.add": "calls_memories.add",
    "memory.list": "calls_memories.listed",
    "memory.show": "calls_memories.show",
    "memory.approve": "calls_memories.approve",
    "memory.reject": "calls_memories.reject",
    "memory.supersede": "calls_memories.supersede",
    "recall": "calls_memories.recall",
    "ask.new": "calls_asks.new",
    "ask.list": "calls_asks.listed",
    "ask.show": "calls_asks.show",
    "ask.answer": "calls_asks.answer",
    "ask.take": "calls_asks.take",
    "ask.wait": "calls_asks.wait",
    "projection.set": "briefs.projecting.set_on",
    "projection.status": "briefs.projecting.status",
    "notify.set": "notifying.set_on",
    "notify.status": "notifying.status",
    "hook": "calls_hooks.hook",
    "lost": "calls_closing.lost",
    "remove": "calls_closing.remove",
    "rank": "calls_closing.rank",
    "rotate": "calls_closing.rotate",
    "leaving": "calls_leaving.leaving",
    "void.list": "calls_void.listed",
    "void.show": "calls_void.show",
    "void.adopt": "calls_void.adopt",
    "void.discard": "calls_void.discard",
    "forget": "calls_void.forget",
    "passphrase": "calls_confirming.passphrase",
    "passphrase.set": "calls_confirming.passphrase_set",
    "passphrase.remove": "calls_confirming.passphrase_remove",
    "approvals": "calls_confirming.approvals",
    "approve": "calls_confirming.approve",
    "vault.link": "calls_vault.link",
    "vault.unlink": "calls_vault.unlink",
    "vault.status": "calls_vault.status",
    "vault.import": "calls_vault.import_",
    "forks": "calls_forks.listed",
    "forks.ack": "calls_forks.ack",
    "export.bundle": "calls_exporting.export_bundle",
    "export.folder": "calls_exporting.export_folder",
    "import.bundle": "calls_exporting.import_bundle",
    "mcp": "mcp.clients.mcp",
    "log": "calls_log.log",
    "log.follow": "calls_log.follow",
    "verify": "calls_log.verify",
    "rebuild": "calls_log.rebuild",
}


_WRITTEN = (
    *("note.", "handoff.", "pickup", "task.", "claims.", "receipt.", "ship", "evidence.", "memory.", "recall", "ask."),
    *("brief", "project.", "projection.", "session."),
)
"""What calls begin with that read or write what a relay cannot."""


async def call(agent: Agent, name: str, arguments: Arguments) -> object:
    """Do one call; for those that stream the result is an async iterator. Raises MeshError."""
    if name not in _CALLS:
        hint = f"The agent is of version {mesh.__version__}: `mesh down`, then `mesh up`."
        raise Misuse(f"the agent knows no call {name!r}", hint=hint)
    if name.startswith(_WRITTEN) and agent.engine.is_relay:
        message = "this device is a relay: it holds what it cannot read, and writes nothing"
        raise NotGranted(message, hint="Do it on one of your other devices: `mesh devices` shows them.")
    agents.must_be_allowed(name, arguments)
    result = _function(_CALLS[name])(agent, arguments)
    return result if isinstance(result, AsyncGenerator) else await result


@cache
def _function(place: str) -> Call:
    module, _, name = place.rpartition(".")
    found: Call = getattr(import_module(f"{__package__}.{module}"), name)
    return found


async def ready() -> None:
    """Have every call at hand, a while after the start: what lies on the disk may be of another version one day."""
    await asyncio.sleep(CALLS_READY_S)
    for place in _CALLS.values():
        await asyncio.to_thread(_function, place)
    await asyncio.Event().wait()  # that was all; a part that ends would be started again
