"""What an agent on this device may see: it is held to its grants, and the person to nothing.

An agent is whoever says that it is one (`--as`): this guides and attributes, it does not confine (THREATS). What it
says is checked where everything is that is said; this module looks at reading only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.errors import Misuse, NotGranted
from mesh.events.event import Lane, Placed
from mesh.events.kinds import ANY
from mesh.events.permits import live_grants, may_read, reads
from mesh.names import DocumentId, is_word
from mesh.node import clock
from mesh.node.arguments import Arguments, text
from mesh.node.engine import Make

if TYPE_CHECKING:
    from mesh.node.agent import Agent

CALLS = frozenset(
    {
        "ping", "status", "devices", "grants", "agents.list", "log", "log.follow", "void.list", "void.show",
        "note.add", "note.list", "note.show", "note.edit", "note.rm",
        "drop.add", "drop.list", "drop.status", "drop.get", "drop.rm",
        "conflicts", "conflicts.show", "conflicts.settled", "conflicts.resolve", "conflicts.undo",
        "history", "history.at", "history.diff", "undo", "restore",
        "why", "trace", "search", "mcp", "hook",
        "receipt.new", "ship", "receipt.list", "receipt.show", "receipt.dispute", "receipt.owed", "receipt.proposal",
        "memory.add", "memory.list", "memory.show", "memory.supersede", "recall",
        "ask.new", "ask.list", "ask.show", "ask.wait",
        "handoff.new", "handoff.list", "handoff.show", "handoff.decline", "handoff.done", "pickup",
        "task.add", "task.edit", "task.list", "task.ready", "task.show", "task.claim", "task.done", "task.state",
        "claims.renew", "claims.lost",
        "brief", "project.of", "project.list",
        "session.begin", "session.state", "session.checkpoint", "session.list", "session.show", "session.resume",
    }
)  # fmt: skip
"""What an agent may ask for at all."""


def name_in(arguments: Arguments) -> str:
    """The agent that a call is made by; empty for the person. Raises Misuse."""
    name = text(arguments, "as") or ""
    if name and not is_word(name):
        raise Misuse(f"{name!r} is not a name for an agent", hint="`mesh agents list` shows those that there are.")
    return name


def must_be_allowed(call: str, arguments: Arguments) -> None:
    """Raise NotGranted when an agent asks for what only a person does."""
    name = name_in(arguments)
    if name and call not in CALLS:
        raise NotGranted(f"{name} is an agent, and only a person does this", hint="Do it yourself, without --as.")


def sees(agent: Agent, name: str, document: DocumentId) -> bool:
    """Whether an agent may see a document."""
    own = agent.engine.own.admission
    return may_read(agent.engine.replica.verdict, own, name, document, clock.now_ms())


def may_see(agent: Agent, name: str, document: DocumentId) -> None:
    """Raise NotGranted when an agent may not see a document."""
    if not sees(agent, name, document):
        raise NotGranted(f"no grant lets {name} read in {document.space}/{document.type}", hint=hint(agent, name))


def may_look(agent: Agent, name: str) -> None:
    """Raise NotGranted when an agent may see nothing at all, so that an empty list does not hide it."""
    own, verdict = agent.engine.own.admission, agent.engine.replica.verdict
    if name and not any(reads(grant) for _, grant in live_grants(verdict, own, name, clock.now_ms())):
        raise NotGranted(f"no grant lets {name} read anything on this device", hint=hint(agent, name))


def must_have_grants(agent: Agent, name: str) -> None:
    """Raise NotGranted when there is nothing at all that an agent may do here: it learns how it is let in."""
    own, verdict = agent.engine.own.admission, agent.engine.replica.verdict
    if name and not any(live_grants(verdict, own, name, clock.now_ms())):
        raise NotGranted(f"{name} has no grant on this device", hint=hint(agent, name))


async def say(agent: Agent, name: str, make: Make) -> tuple[Placed, ...]:
    """Say data; an agent that is refused is told where it may write."""
    try:
        return await agent.engine.say(Lane.DATA, make)
    except NotGranted as error:
        if not name:
            raise
        raise NotGranted(str(error), hint=hint(agent, name)) from error


def hint(agent: Agent, name: str) -> str:
    """Where an agent may do something, for whoever was refused."""
    own, verdict = agent.engine.own.admission, agent.engine.replica.verdict
    spaces = sorted({grant.space for _, grant in live_grants(verdict, own, name, clock.now_ms())})
    if not spaces:
        return f"A person lets it in with `mesh agents add {name} --space SPACE`."
    where = "every space" if ANY in spaces else ", ".join(spaces)
    return f"It has grants for {where}; `mesh grants {name}` shows them, a person gives more."
