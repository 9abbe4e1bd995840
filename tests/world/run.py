"""One seed from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass

from tests.world import acts, checks, disputes, settling
from tests.world.law import law_of
from tests.world.once import READING, SIGHT, once
from tests.world.world import World

REAL_EVERY = 5
"""Every so many-th seed has messages as bytes and true Automerge documents."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed came to."""

    seed: int
    trace: str
    devices: int
    events: int
    letters: int


def is_real(seed: int) -> bool:
    """Whether a seed plays with the true codec and Automerge."""
    return seed % REAL_EVERY == 0


def play(seed: int, steps: int, *, real: bool | None = None, lines: list[str] | None = None) -> Outcome:
    """Play a seed and check everything. Raises Broken, or whatever the code under test raises."""
    with once(*SIGHT, *READING, (checks, "verify")):
        world = World(seed, real=is_real(seed) if real is None else real)
        world.lines = lines
        world.law = law_of(seed)
        world.disputes = settling.lots_of(world)
        acts.play(world, steps)
        acts.rest(world)
        checks.everything(world)
        disputes.nothing_vanishes(world)
    events = len(next(iter(world.devices.values())).disk.log)
    return Outcome(seed, world.trace, len(world.devices), events, sum(world.counts.values()))
