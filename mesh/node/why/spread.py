"""Where events are: which devices lack which of them, whether they were sent there, and why it is not in reach.

By what each device said that it holds. What nobody knows is told as that.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mesh.clocks.frontier import Frontier, events_between
from mesh.events.event import Lane
from mesh.events.verdict import Admission
from mesh.names import Digest, digest_text
from mesh.node import clock, subjects
from mesh.node.storage.store_port import Row
from mesh.node.why import here
from mesh.node.why.causes import Cause, Place, cause
from mesh.node.why.holdings import Word, contact, is_linked, kept_ms, lacking, missing_here, others, word_of
from mesh.node.why.reach import place_of, unreachable
from mesh.node.why.standing import EVENT_CHARACTERS, counted, named

if TYPE_CHECKING:
    from mesh.node.agent import Agent
    from mesh.sync.comparing import Finding

_CHAIN_CHARACTERS = 8
_MS = 1000
_FIRST = 3  # events that are named of those that wait for a device


async def causes(agent: Agent, rows: Sequence[Row]) -> list[Cause]:
    """For each other device that lacks some of these events, or may: that it does, and why it is not in reach."""
    found: list[Cause] = []
    kept = await kept_ms(agent, rows)
    for one in others(agent):
        lacks = await _lacks(agent, one, rows, kept)
        found += lacks
        away = await unreachable(agent, one) if lacks else None
        found += [away] if away else []
    return found


async def _lacks(agent: Agent, one: Admission, rows: Sequence[Row], kept: Mapping[Digest, int]) -> list[Cause]:
    word = word_of(agent, one.digest)
    lacks = await lacking(agent, word, rows) if word else list(rows)
    if not is_linked(agent, one.digest):  # who wrote it has it, unless it says otherwise now
        lacks = [row for row in lacks if row.placed.admission != one.digest]
    if not lacks:
        return []
    met, _ = await contact(agent, one.digest)
    unsent = [row for row in lacks if met is None or kept.get(row.placed.digest, 0) > met]
    sent = [row for row in lacks if met is not None and kept.get(row.placed.digest, 0) <= met]
    touched = "in touch now" if is_linked(agent, one.digest) else f"in touch last at {clock.day(met)}"
    touched = touched if met is not None else "never in touch with this device, as far as is known here"
    found = []
    for code, some in (("never-sent", unsent), ("not-received" if word else "untold", sent)):
        if some:
            share = f"{named(some)}, of {len(rows)}" if len(rows) > 1 else named(some)
            since = min((kept[row.placed.digest] for row in some if row.placed.digest in kept), default=None)
            evidence = (share, touched, *([_said(agent, word, some[0])] if word else []))
            found.append(cause(code, place_of(one), since, evidence))
    return found


def _said(agent: Agent, word: Word, row: Row) -> str:
    """What a device said about the chain of an event that it lacks."""
    chain = row.placed.chain
    upto = max((head.seq for head in word.frontier.get(chain, ())), default=0)
    name = agent.engine.replica.verdict.name_of(row.placed.admission)
    what = f"number {upto} of a chain of {name} ({digest_text(chain)[:_CHAIN_CHARACTERS]}…)"
    has = f"its last word, {clock.day(word.at_ms)}: it holds up to {what}"
    return (
        f"{has}; this is number {row.placed.seq}"
        if upto
        else f"{has.partition(': ')[0]}: it holds nothing of that chain"
    )


# ── one device ───────────────────────────────────────────────────────────────────────────────────


async def with_device(agent: Agent, one: Admission) -> list[Cause]:
    """What waits for one device, what of it is missing here, and whether it shows the same."""
    word, place = word_of(agent, one.digest), place_of(one)
    if word is None:
        met, _ = await contact(agent, one.digest)
        return [cause("untold", place, met, ("nothing is known of what it holds",))]
    found = await _waiting(agent, one, word)
    if missing := await missing_here(agent, word):
        evidence = [_missing(agent, word, *item) for item in missing.items()]
        found.append(cause("not-here", here.place(agent), word.at_ms, evidence, who=one.name))
    return [*found, *_receipt(agent, place)]


async def _waiting(agent: Agent, one: Admission, word: Word) -> list[Cause]:
    """What is held here that a device lacks, of all events."""
    chains = agent.engine.replica.chains
    mine = {**chains.frontier(Lane.CONTROL), **chains.frontier(Lane.DATA)}
    if not is_linked(agent, one.digest):
        mine = {name: tips for name, tips in mine.items() if chains.chains[name].admission != one.digest}
    waits = events_between(word.frontier, mine) if word.whole else 0
    if not waits:
        return []
    rows = await _first_lacking(agent, word, mine)
    kept, (met, _) = await kept_ms(agent, rows), await contact(agent, one.digest)
    since = min(kept.values(), default=None)
    unsent = met is None or (since is not None and since > met)
    first = ", ".join(digest_text(row.placed.digest)[:EVENT_CHARACTERS] for row in rows[:_FIRST])
    share = f"{counted(waits, 'event')} of all that are here"
    evidence = (share, f"the first: {first}", f"its last word: {clock.day(word.at_ms)}")
    return [cause("never-sent" if unsent else "not-received", place_of(one), since, evidence)]


def _missing(agent: Agent, word: Word, chain: Digest, count: int) -> str:
    known = agent.engine.replica.chains.chains.get(chain)
    whose = subjects.name_of(agent, known.admission) if known else "a device that began it lately"
    return f"{counted(count, 'event')} of a chain of {whose}, as it said at {clock.day(word.at_ms)}"


async def _first_lacking(agent: Agent, word: Word, mine: Frontier) -> list[Row]:
    """Of each chain that a device lacks the end of, the first event that it lacks."""
    found: list[Row] = []
    for name, tips in mine.items():
        heads = word.frontier.get(name, ())
        if not all(tip in heads for tip in tips):
            last = max(heads, default=None)
            rows = await agent.store.event(last.digest) if last else ()
            after = rows[0].id if rows else 0
            found += (await agent.store.walk(name, after, limit=1))[:1]
    return sorted(found, key=lambda row: row.id)


def _receipt(agent: Agent, place: Place) -> list[Cause]:
    """What a device's own receipt says that it lacks, and that it shows something else though it holds the same."""
    meeting = agent.meetings.of(place.device)
    receipt = meeting.receipt if meeting else None
    side = agent.talk.agreeing.sides.get(place.device) if agent.talk else None
    found = []
    if meeting and receipt and receipt.keys:
        words = (f"its receipt says that it lacks the keys of {counted(receipt.keys, 'epoch')}",)
        found.append(cause("key-missing", place, meeting.receipt_ms, words, who="an admin device"))
    if meeting and receipt and receipt.bodies:
        words = (f"its receipt says that it lacks the bodies of {counted(receipt.bodies, 'event')}",)
        found.append(cause("body-missing", place, meeting.receipt_ms, words))
    if side and side.older:
        found.append(cause("version-skew", place, None, ("it signs no receipts, so it runs an older mesh",)))
    if meeting and side and side.differs_s is not None:
        since = clock.now_ms() - round((time.monotonic() - side.differs_s) * _MS)
        found.append(cause("differs", place, since, _difference(side.finding)))
    return found


def _difference(finding: Finding | None) -> tuple[str, ...]:
    if finding is None:
        return ("both hold the same events; where they differ is looked for",)
    event = f"event {digest_text(finding.event)[:EVENT_CHARACTERS]}" if finding.event else "what it shows"
    where = f" in {finding.document}" if finding.document else ""
    return (f"the first difference is {event}{where}", f"it counts {'here' if finding.honoured else 'there'} only")
