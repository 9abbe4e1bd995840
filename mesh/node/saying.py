"""Saying the statements of a confirmed act: all of them in one signed commit, checked where nothing can come between.

What would count for nothing is not said. This module asks nobody and confirms nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from mesh.errors import NotGranted
from mesh.events.event import Lane, Placed
from mesh.events.kinds import Body
from mesh.events.reading import statement
from mesh.events.reasons import out_of_reach
from mesh.events.speaking import Draft
from mesh.names import Digest
from mesh.node.engine import Engine
from mesh.sync.inputs import Later

if TYPE_CHECKING:
    from mesh.node.agent import Agent


T = TypeVar("T")

Following = Callable[[Engine], Sequence[Later]]
"""What is to be said with statements and names them, by how things stand when they are said."""


def _none(_engine: Engine) -> Sequence[Later]:
    return ()


async def say(agent: Agent, bodies: Sequence[Body], following: Following = _none) -> tuple[Placed, ...]:
    """Say statements, and what follows from them. Raises NotGranted when one is out of this device's reach."""

    async def make(engine: Engine) -> Sequence[Draft | Later]:
        must_reach(engine, bodies)
        return (*map(Draft, bodies), *following(engine))

    return await agent.engine.say(Lane.CONTROL, make)


def event_of(said: Sequence[Placed], kind: type[Body]) -> Digest:
    """The first event of a commit that says this kind of thing."""
    return next(placed.digest for placed in said if isinstance(statement(placed).body, kind))


async def looked(agent: Agent, work: Callable[[], Awaitable[T]]) -> T:
    """Look at events and documents when nothing else can come between. Nothing may be said or kept meanwhile."""
    found: list[T] = []

    async def make(_engine: Engine) -> Sequence[Draft]:
        found.append(await work())
        return ()

    await agent.engine.look(make)
    return found[0]


def must_reach(engine: Engine, bodies: Sequence[Body]) -> None:
    """Raise NotGranted unless each of these would count, said by this device now."""
    replica = engine.replica
    own = replica.verdict.live.get(engine.own.admission)
    if own is None:
        raise NotGranted("this device was closed, so nothing that it says counts")
    for body in bodies:
        if reason := out_of_reach(replica.statements, own, body):
            hint = "Do it on an admin device of a smaller rank: `mesh devices` shows them."
            raise NotGranted(f"this device may not do that: {reason}", hint=hint)
