"""What an agent remembers until it ends, and no longer: nothing here is ever written.

It holds values only.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from mesh.names import DocumentId
from mesh.node.hooks.trails import Trails


@dataclass(slots=True)
class Memory:
    """Of one agent."""

    touched: dict[str, int] = field(default_factory=dict)
    """Device -> when it was in touch last, in milliseconds."""
    trying: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Passphrases are tried one at a time."""
    settled: set[DocumentId] = field(default_factory=set)
    """Questions that nobody need answer any more."""
    trails: Trails = field(default_factory=Trails)
    """The sessions whose hooks reach this agent."""
