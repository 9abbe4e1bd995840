"""What the other devices hold, by their own word: which events each of them lacks.

A word is a frontier that a device told, now or before the last start. It asks nobody; whoever said nothing is no
evidence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.clocks.frontier import Frontier, unknown_heads
from mesh.errors import Refused
from mesh.events.event import Inner, Lane
from mesh.events.kinds import Mark
from mesh.events.reading import read_inner
from mesh.events.verdict import Admission
from mesh.names import Digest, device_text
from mesh.node import clock
from mesh.node.storage.store_port import Row
from mesh.node.touch import last_touch

if TYPE_CHECKING:
    from mesh.node.agent import Agent


@dataclass(frozen=True, slots=True)
class Word:
    """What a device told about itself last, and when that was by this device's clock."""

    frontier: Frontier
    at_ms: int
    whole: bool = True
    """Whether it named all its chains: a device with very many tells another part each time."""


def others(agent: Agent) -> list[Admission]:
    """The devices that should hold everything: all that are in, but this one."""
    live = agent.engine.replica.verdict.live.values()
    return sorted((one for one in live if one.digest != agent.engine.own.admission), key=lambda one: one.name)


def word_of(agent: Agent, admission: Digest) -> Word | None:
    """The last word of a device; None when it never said anything that is known here."""
    meeting = agent.meetings.of(device_text(admission))
    if meeting is None or not meeting.heard_ms:
        return None
    return Word({**meeting.have.control, **meeting.have.data}, meeting.heard_ms, meeting.whole)


async def contact(agent: Agent, admission: Digest) -> tuple[int | None, bool]:
    """When another device was in touch last, and whether that is exact; now while linked, None where nobody knows.

    After a start it is when it told its tips last, which is kept at the end of each link.
    """
    touched, exact = await last_touch(agent, admission)
    if touched is None and exact:
        return clock.now_ms(), True
    word = word_of(agent, admission)
    if word is not None and not (exact and touched is not None and touched > word.at_ms):
        return word.at_ms, True
    return touched, exact


def is_linked(agent: Agent, admission: Digest) -> bool:
    """Whether a device is connected now."""
    device = device_text(admission)
    return any(link.device == device and link.connected for link in (agent.bus.links() if agent.bus else ()))


async def lacking(agent: Agent, word: Word, rows: Sequence[Row]) -> list[Row]:
    """Which of these events a device does not hold, by its word."""
    chains: defaultdict[Digest, list[Row]] = defaultdict(list)
    for row in rows:
        chains[row.placed.chain].append(row)
    found: list[Row] = []
    for chain, some in chains.items():
        if chain in word.frontier or word.whole:
            held = await _held(agent, word, chain, some)
            found += [row for row in some if row.placed.digest not in held]
    return found


async def _held(agent: Agent, word: Word, chain: Digest, rows: Sequence[Row]) -> set[Digest]:
    tips = sorted(agent.engine.replica.chains.chains[chain].tips)
    held: set[Digest] = set()
    for head in word.frontier.get(chain, ()):
        if len(tips) == 1 and (head == tips[0] or head.seq > tips[0].seq):
            return {row.placed.digest for row in rows}  # as far as this device, or further
        under = await agent.store.under(Mark(chain, head), [row.placed.digest for row in rows])
        held |= under or set()  # a branch that is not here says nothing about ours
    return held


async def missing_here(agent: Agent, word: Word) -> dict[Digest, int]:
    """By chain, how many events a device holds that are not here, by the numbers of its tips; a branch is one."""
    chains = agent.engine.replica.chains
    mine = {**chains.frontier(Lane.CONTROL), **chains.frontier(Lane.DATA)}
    unknown = unknown_heads(mine, word.frontier)
    held = await agent.store.held([head.digest for _, head in unknown])
    found: dict[Digest, int] = {}
    for chain, head in unknown:
        if head.digest not in held:
            highest = max((tip.seq for tip in mine.get(chain, ())), default=0)
            found[chain] = max(found.get(chain, 0), head.seq - highest, 1)
    return found


async def kept_ms(agent: Agent, rows: Sequence[Row]) -> dict[Digest, int]:
    """Since when each of these is held here: to the minute what came from others, exactly what was said here."""
    arrived = await agent.store.arrivals([row.id for row in rows])
    found = {row.placed.digest: arrived[row.id] for row in rows if row.id in arrived}
    for row in rows:
        if row.placed.admission == agent.engine.own.admission and (inner := inner_of(agent, row)):
            found[row.placed.digest] = inner.time_ms
    return found


def inner_of(agent: Agent, row: Row) -> Inner | None:
    """The inner header of an event, None where it cannot be read here."""
    try:
        return read_inner(agent.engine.keyring, row.placed)
    except Refused:
        return None
