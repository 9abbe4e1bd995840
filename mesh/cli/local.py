"""The agent opened in this very process, for one call, when none is running; and what is done with the home before.

It imports the whole agent, so it is imported late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from mesh.errors import Misuse
from mesh.node.socket_client import Progress

T = TypeVar("T")


def done(work: Awaitable[T]) -> T:
    """Run one piece of work of the shell to its end."""

    async def wait() -> T:
        return await work

    return asyncio.run(wait())


def call_here(
    home: Path,
    interfaces: tuple[str, ...],
    name: str,
    arguments: dict[str, object],
    progress: Progress | None = None,
) -> dict[str, object]:
    """One call to an Agent without network, under the file lock. Raises MeshError, Busy if the lock is held."""
    must_be_joined(home)
    from mesh.node.agent import opened
    from mesh.node.progress import heard_by

    def heard(what: str, done_: int, of: int) -> None:
        if progress is not None:
            progress({"what": what, "done": done_, "all": of or None})

    async def call() -> dict[str, object]:
        async with opened(home, interfaces=interfaces) as agent:
            with heard_by(heard):
                result = await agent.call(name, arguments)
            assert isinstance(result, dict), f"{name} streams, or answers with {type(result).__name__}"
            return result

    return done(call())


def must_be_joined(home: Path) -> None:
    """Raise Misuse, with the next step, unless this device belongs to a mesh; Elsewhere on another machine."""
    from mesh.node.moving import machine

    machine.must_be_here(home)
    state = state_of(home)
    if state == "asked":
        message = "this device has asked to join a mesh and waits for its admission"
        hint = "Have the request admitted with `mesh admit` on the other device, then: mesh join --admission -"
        raise Misuse(message, hint=hint)
    if state != "joined":
        message = "this device belongs to no mesh yet"
        raise Misuse(message, hint="`mesh join` founds one, or joins one by a code.")


def state_of(home: Path) -> str:
    """How far this home has come: none, asked or joined."""
    from mesh.node import home as homes

    return homes.state(home)
