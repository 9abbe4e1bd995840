"""Clocks and versions that differ, told from what a device wrote: when it says so, and whether it can be read here.

No order and no decision rests on a clock, so a wrong one is only told. Nobody is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.events.event import Lane
from mesh.events.verdict import Admission, Standing
from mesh.names import Digest, digest_text
from mesh.node import clock, subjects, timing
from mesh.node.storage.store_port import Row
from mesh.node.why.causes import Cause, cause
from mesh.node.why.holdings import inner_of, kept_ms
from mesh.node.why.reach import place_of
from mesh.node.why.standing import EVENT_CHARACTERS, named

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_SKEW_MS = round(timing.CLOCK_SKEW_S * 1000)
_MINUTE_MS = 60_000
_EVENTS = 200  # of the latest, whose times are looked at


async def clocks(agent: Agent, rows: Sequence[Row]) -> list[Cause]:
    """For each device whose events say a time that cannot be: the event that is furthest off."""
    rows = rows[:_EVENTS]
    kept, worst = await kept_ms(agent, rows), dict[Digest, tuple[int, int, Row]]()
    let_in: dict[Digest, int | None] = {}
    for row in rows:
        inner = inner_of(agent, row)
        held = kept.get(row.placed.digest)
        if inner is None or held is None or row.placed.admission == agent.engine.own.admission:
            continue
        who = row.placed.admission
        if who not in let_in:
            let_in[who] = await subjects.time_of(agent, who)
        off = _off(inner.time_ms, held, let_in[who])
        if abs(off) > abs(worst.get(who, (0, 0, row))[0]):
            worst[who] = (off, inner.time_ms, row)
    found = []
    for who, (off, at, row) in worst.items():
        admission = agent.engine.replica.verdict.admissions.get(who)
        if admission is not None:
            found.append(_clock(admission, off, at, kept[row.placed.digest], row))
    return found


def _off(time_ms: int, held_ms: int, let_in_ms: int | None) -> int:
    """By how much a time cannot be, in milliseconds: after it was held here, or before its device was let in."""
    if time_ms - held_ms > _SKEW_MS:
        return time_ms - held_ms
    return min(time_ms - let_in_ms, 0) if let_in_ms is not None and let_in_ms - time_ms > _SKEW_MS else 0


def _clock(who: Admission, off: int, at_ms: int, held_ms: int, row: Row) -> Cause:
    minutes = abs(off) // _MINUTE_MS
    way = "ahead" if off > 0 else "behind"
    why = f"it was held here by {clock.day(held_ms)}" if off > 0 else "it was let in only after that"
    event = digest_text(row.placed.digest)[:EVENT_CHARACTERS]
    evidence = (
        f"at least {minutes} minutes {way}",
        f"event {event} says {clock.day(at_ms)}, and {why}",
    )
    return cause("clock-skew", place_of(who), held_ms, evidence)


async def versions(agent: Agent, one: Admission, rows: Sequence[Row]) -> list[Cause]:
    """That a device writes what this version does not read."""
    verdict = agent.engine.replica.verdict
    later = [row for row in rows if _unread(row) or row.placed.digest in verdict.unknown]
    if not later:
        return []
    kept = await kept_ms(agent, later)
    evidence = (*dict.fromkeys(row.reason for row in later if row.reason), f"{one.name} wrote {named(later)}")
    return [cause("version-skew", place_of(one), min(kept.values(), default=None), evidence)]


def _unread(row: Row) -> bool:
    data = row.placed.lane is Lane.DATA
    return data and row.standing is Standing.OPAQUE and not row.reason.startswith("sealed")
