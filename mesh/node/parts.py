"""The parts of an agent that stand beside talk and duties: each is kept at work, and started again when it failed.

This is the list, and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from mesh.node import acknowledging, asking, auditing, calls, forgetting, notifying, presence
from mesh.node.briefs import projecting
from mesh.node.gateway import part
from mesh.node.hooks import silence, spool

if TYPE_CHECKING:
    from mesh.node.agent import Agent


def of(agent: Agent) -> tuple[tuple[str, Callable[[], Awaitable[None]]], ...]:
    """Name and work of each."""
    return (
        ("forgotten", lambda: forgetting.run(agent.engine, agent.log)),
        ("audit", lambda: auditing.run(agent.engine, agent.log)),
        ("vault", agent.vault.run),
        ("drops", agent.drops.run),
        ("drop folder", agent.drops.folder.run),
        ("swept drops", agent.drops.tidy),
        ("calls", calls.ready),
        ("presence", lambda: presence.run(agent)),
        ("notify", lambda: notifying.run(agent)),
        ("projection", lambda: projecting.run(agent)),
        ("claims", lambda: acknowledging.run(agent)),
        ("asks", lambda: asking.run(agent)),
        ("spool", lambda: spool.run(agent)),
        ("transcripts", agent.transcripts.run),
        ("silence", lambda: silence.run(agent)),
        ("clients", agent.clients.run),
        ("gateway", lambda: part.run(agent)),
    )
