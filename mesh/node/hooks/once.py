"""Acts that must not be done twice, however often the event that asks for them comes: a hand-off, a question, a task.

That it was done is kept in one commit with the act, so a crash between the two cannot be. It knows no act.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from mesh.limits import HOOK_EVENTS_REMEMBERED_MAX
from mesh.node.engine import BESIDE

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_DONE = "hooks/done"
"""The setting that names the events whose act was done, as JSON."""

T = TypeVar("T")


async def once(agent: Agent, event: str, act: Callable[[], Awaitable[T]]) -> T | None:
    """Do what an event asks for; None where that was done. The act says all in one go. Raises MeshError."""
    trails = agent.memory.trails
    async with trails.acts:
        done = trails.done
        if done is None:
            done = trails.done = list(json.loads(await agent.store.setting(_DONE) or b"[]"))
        if event in done:
            return None
        kept = [*done, event][-HOOK_EVENTS_REMEMBERED_MAX:]
        token = BESIDE.set({_DONE: json.dumps(kept).encode()})
        try:
            found = await act()
        finally:
            BESIDE.reset(token)
        trails.done = kept
        return found
