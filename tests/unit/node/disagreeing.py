"""Agents that wrote apart and met again, and what is open between them; for tests."""

from __future__ import annotations

from typing import Any

from mesh.events.kinds import Grant
from mesh.node import saying
from mesh.node.agent import Agent
from tests.unit.node import families
from tests.unit.node.families import meet, note


async def ask(agent: Agent, name: str, /, **arguments: object) -> dict[str, Any]:
    """The answer to a call."""
    return await families.ask(agent, name, **arguments)


async def opened(agent: Agent, **filters: object) -> list[dict[str, Any]]:
    """The open conflicts."""
    found = (await ask(agent, "conflicts", **filters))["conflicts"]
    assert isinstance(found, list)
    return found


async def the_one(*agents: Agent) -> dict[str, Any]:
    """The only conflict that is open, the same on each of these."""
    found = [await opened(agent) for agent in agents]
    assert all(one == found[0] for one in found)
    (conflict,) = found[0]
    return conflict


async def titles_apart(alder: Agent, birch: Agent, *, only: bool = True) -> dict[str, Any]:
    """Two titles of one note, written apart."""
    document = await note(alder, "Garden")
    await meet(alder, birch)
    await ask(alder, "note.edit", document=document, title="Garden in spring")
    await ask(birch, "note.edit", document=document, title="Garden this weekend")
    await meet(alder, birch)
    return await the_one(alder, birch) if only else {}


async def texts_apart(alder: Agent, birch: Agent) -> dict[str, Any]:
    """Two edits of one place of a text, made apart."""
    document = await note(alder, "Garden", "To do:\n\nBuy seeds.\n\nWater.\n")
    await meet(alder, birch)
    await ask(alder, "note.edit", document=document, body="To do:\n\nBuy carrot seeds.\n\nWater.\n")
    await ask(birch, "note.edit", document=document, body="To do:\n\nBuy many tomatoes.\n\nWater.\n")
    await meet(alder, birch)
    return await the_one(alder, birch)


async def grant(agent: Agent, verbs: list[str]) -> None:
    """An agent on this device, which may do that with notes in `home`."""
    own = agent.engine.own.admission
    await saying.say(agent, [Grant(own, "claude", "home", ("note",), tuple(sorted(verbs)))])
