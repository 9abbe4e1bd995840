"""Whom and what a person means: a device by its name or id, an agent on one, a grant; and how each is told of.

It reads the verdict and the log, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import Misuse, Refused
from mesh.events.kinds import ANY, Grant
from mesh.events.permits import agents_of
from mesh.events.reading import read_inner
from mesh.events.verdict import Admission, admitted, grant_name
from mesh.names import Digest, Short, device_text, digest_text, is_word, short
from mesh.node import clock
from mesh.node.storage.store_port import Author

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_ID_CHARACTERS_MIN = 4  # of a grant's digest: fewer are a slip of the hand


@dataclass(frozen=True)
class Subject:
    """A device, or an agent on one."""

    device: Admission
    agent: str = ""

    def __str__(self) -> str:
        """As a person names it."""
        return f"{self.agent}@{self.device.name}" if self.agent else self.device.name


def device_of(agent: Agent, said: str) -> Admission:
    """The device that a name or the beginning of an id means; among several of one name the one in use. Misuse."""
    verdict = agent.engine.replica.verdict
    named = [a for a in verdict.devices.values() if a.name == said]
    found = named or [a for a in verdict.devices.values() if said and device_text(a.digest).startswith(said.lower())]
    live = [a for a in found if verdict.is_live(a.digest)]
    chosen = live if len(live) == 1 else found
    if len(chosen) != 1:
        problem = f"{said!r} fits {'several devices' if chosen else 'no device'}"
        raise Misuse(problem, hint="`mesh devices` shows names and ids.")
    return chosen[0]


def subject_of(agent: Agent, said: str) -> Subject:
    """A device, AGENT@DEVICE, or an agent that this device knows. Raises Misuse."""
    name, at, place = said.rpartition("@")
    if at:
        return Subject(device_of(agent, place), agent_name(name))
    own = agent.engine.own.admission
    if said in agents_of(agent.engine.replica.verdict, own, clock.now_ms()):
        return Subject(agent.engine.replica.verdict.admissions[own], said)
    return Subject(device_of(agent, said))


def agent_name(said: str) -> str:
    """The name of an agent. Raises Misuse."""
    if not is_word(said):
        hint = "Lower-case letters, digits and hyphens, at most 32: claude, night-shift."
        raise Misuse(f"{said!r} is not a name for an agent", hint=hint)
    return said


def grant_of(agent: Agent, said: str) -> tuple[Digest, Grant]:
    """The grant that the beginning of an id means, with its statement. Raises Misuse."""
    fit = [(digest, grant) for digest, grant in statements_of_grants(agent) if digest_text(digest).startswith(said)]
    if len(said) < _ID_CHARACTERS_MIN or len(fit) != 1:
        problem = f"{said!r} names {'several grants' if len(fit) > 1 else 'no grant'}"
        raise Misuse(problem, hint="`mesh grants` shows their ids.")
    return fit[0]


def statements_of_grants(agent: Agent) -> list[tuple[Digest, Grant]]:
    """The grants that count, with the statements that say them."""
    replica = agent.engine.replica
    return [
        (digest, statement.body)
        for digest, statement in replica.statements.items()
        if isinstance(statement.body, Grant) and grant_name(digest) in replica.verdict.grants
    ]


def words(agent: Agent, grant: Grant) -> str:
    """A grant in words."""
    name = name_of(agent, grant.admission)
    who = f"{grant.agent}@{name}" if grant.agent else name
    types = "everything" if ANY in grant.types else ", ".join(grant.types)
    verbs = "all verbs" if ANY in grant.verbs else ", ".join(grant.verbs)
    where = "every space" if grant.space == ANY else grant.space
    until = f" until {clock.day(grant.until_ms)}" if grant.until_ms is not None else ""
    return f"{who}: {verbs} of {types} in {where}{until}"


def name_of(agent: Agent, admission: Digest) -> str:
    """A device's name, its admission counting or not."""
    found = admitted(agent.engine.replica.statements.get(admission))
    return found.name if found else device_text(admission)


async def told(agent: Agent, digest: Digest) -> dict[str, object]:
    """A statement as answers name it: which one, of what kind, who said it, and when by that device's clock."""
    statement = agent.engine.replica.statements[digest]
    return {
        "event": digest_text(digest),
        "kind": statement.kind,
        "device": device_text(statement.admission),
        "name": name_of(agent, statement.admission),
        "time_ms": await time_of(agent, digest),
    }


async def time_of(agent: Agent, digest: Digest) -> int | None:
    """When an event was said, by the clock of its device; None where it cannot be read."""
    rows = await agent.store.event(bytes(digest))
    try:
        inner = read_inner(agent.engine.keyring, rows[0].placed) if rows else None
    except Refused:
        inner = None
    return inner.time_ms if inner else None


def told_author(agent: Agent, author: Author | None) -> dict[str, object]:
    """Who wrote something, when, and by which event; nothing where it is not known."""
    return {
        "device": device_text(author.admission) if author else "",
        "name": name_of(agent, author.admission) if author else "",
        "agent": author.agent if author else "",
        "at": author.time_ms if author else None,
        "event": digest_text(author.event) if author else "",
    }


def told_grant(agent: Agent, digest: Digest, grant: Grant) -> dict[str, object]:
    """A grant as answers name it."""
    return {
        "id": digest_text(digest),
        "device": device_text(grant.admission),
        "name": name_of(agent, grant.admission),
        "agent": grant.agent,
        "space": grant.space,
        "types": list(grant.types),
        "verbs": list(grant.verbs),
        "until_ms": grant.until_ms,
    }


def statement_of(agent: Agent, name: Short) -> Digest | None:
    """The statement behind the short name of a grant."""
    return next((digest for digest in agent.engine.replica.statements if short(digest) == name), None)
