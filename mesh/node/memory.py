"""What an agent remembers until it ends, and no longer: nothing here is ever written.

It holds values only.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mesh.names import DocumentId
from mesh.node.hooks.trails import Trails


@dataclass(slots=True)
class Notified:
    """Which notifications were shown."""

    last_s: dict[str, float] = field(default_factory=dict)
    """By kind: when the last one was, by a clock that only goes on."""
    last_ms: int | None = None
    problem: str = ""
    """Why the last one was not shown."""


@dataclass(slots=True)
class Projected:
    """How the files of the mesh are."""

    written_ms: int | None = None
    files: int = 0
    aside: list[str] = field(default_factory=list)
    """What was put aside, since mesh did not write it."""
    problem: str = ""
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whoever writes them does it alone."""


@dataclass(slots=True)
class Memory:
    """Of one agent."""

    touched: dict[str, int] = field(default_factory=dict)
    """Device -> when it was in touch last, in milliseconds."""
    renewals: dict[str, int] = field(default_factory=dict)
    """Session -> when it looked after its claims last, in milliseconds."""
    trying: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Passphrases are tried one at a time."""
    settled: set[DocumentId] = field(default_factory=set)
    """Questions that nobody need answer any more."""
    notified: Notified = field(default_factory=Notified)
    projected: Projected = field(default_factory=Projected)
    trails: Trails = field(default_factory=Trails)
    """The sessions whose hooks reach this agent."""
