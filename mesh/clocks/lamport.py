"""Lamport time: one number per event that never runs backwards along a cause (Lamport 1978).

It orders lists and breaks display ties. It never decides what is true, and it never reads a wall clock.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh.limits import LAMPORT_STEP_MAX
from mesh.names import Digest


@dataclass(frozen=True, slots=True, order=True)
class Stamp:
    """(Lamport time, chain): the total order in which people see events."""

    lamport: int
    chain: Digest


def tick(own: int, heard: int) -> int:
    """The Lamport number of the next event of a chain whose last number is `own`, after hearing `heard`.

    The clock takes over what it hears only up to the allowed step, so nobody can run the clocks out.
    """
    return min(max(own, heard) + 1, own + LAMPORT_STEP_MAX)


def follows(lamport: int, parent: int) -> bool:
    """Whether an event may carry this number after a parent with that one (0 before an opening)."""
    return 0 < lamport - parent <= LAMPORT_STEP_MAX
