"""What events that are held here count for, and what stops those that do not: grants, closes, keys, bodies, gaps.

Everything is read off the log, the verdict and the keyring; nothing is weighed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.events import reasons, weigh
from mesh.events.event import Lane
from mesh.events.reading import BODY_MISSING, KEY_MISSING
from mesh.events.reasons import statement_weight
from mesh.events.verdict import Standing
from mesh.events.weigh import Weight
from mesh.names import ZERO, Digest, device_text, digest_text, short
from mesh.node import calls_status, clock, forks, subjects
from mesh.node.storage.store_port import ForkFacts, Row
from mesh.node.why import here
from mesh.node.why.causes import Cause, Place, cause
from mesh.node.why.holdings import kept_ms, lacking, missing_here, others, word_of

if TYPE_CHECKING:
    from mesh.node.agent import Agent

EVENT_CHARACTERS = 12
_NAMED = 5  # events of one cause that are named
WAITING = frozenset({"key-missing", "body-missing", "gap", "unsure"})
"""What an event waits by."""
_VOID = {
    weigh.FORGOTTEN: "forgotten",
    weigh.NOT_ADMITTED: "not-admitted",
    reasons.NOT_ADMITTED: "not-admitted",
    weigh.NOT_GRANTED: "not-granted",
    weigh.UNGRANTED: "ungranted",
    weigh.CLOSED: "closed",
    reasons.CLOSED: "closed",
    reasons.SELDOM: "superseded",
    reasons.MALFORMED: "unfit",
}
_VARIOUS = frozenset({"unfit", "out-of-reach", "unknown-kind", "gap"})  # of which the reason says more than the code
_WAITS = {weigh.UNSURE: "unsure", KEY_MISSING: "key-missing", BODY_MISSING: "body-missing"}


@dataclass(frozen=True, slots=True)
class Judged:
    """An event with what it counts for now."""

    row: Row
    weight: Weight

    @property
    def code(self) -> str:
        """Which cause stops it; empty where it counts."""
        standing, reason = self.weight.standing, self.weight.reason
        match standing:
            case Standing.HONOURED:
                return ""
            case Standing.OPAQUE:
                return "sealed" if reason.startswith("sealed") else "unknown-kind"
            case Standing.WAITS:
                return _WAITS.get(reason, "gap")
        other = "out-of-reach" if self.row.placed.lane is Lane.CONTROL else "unfit"
        return _VOID.get(reason, other)


async def judged(agent: Agent, row: Row) -> Judged:
    """An event with its weight: a statement by the verdict, data by the log and what the scales say of the reason."""
    if row.placed.lane is Lane.CONTROL:
        return Judged(row, statement_weight(agent.engine.replica.judgement, row.placed.digest))
    if row.standing is Standing.HONOURED:
        return Judged(row, Weight(Standing.HONOURED))
    reading = await agent.engine.shelf.scales.read_one(row.placed)
    return Judged(row, Weight(row.standing, row.reason, reading.by))


async def causes(agent: Agent, events: Sequence[Judged]) -> list[Cause]:
    """What stops these events: one cause for all that are stopped by the same."""
    groups: dict[tuple[str, Digest, str, bytes], list[Judged]] = {}
    for one in events:
        if one.code:
            epoch = bytes(one.row.placed.header.epoch) if one.code == "key-missing" else b""
            reason = one.weight.reason if one.code in _VARIOUS else ""
            groups.setdefault((one.code, one.weight.by, reason, epoch), []).append(one)
    return [await _cause(agent, code, some) for (code, *_), some in groups.items()]


async def _cause(agent: Agent, code: str, events: Sequence[Judged]) -> Cause:
    first = events[0]
    rows = [one.row for one in events]
    evidence = [first.weight.reason] if first.weight.reason else []
    by = first.weight.by
    since = await subjects.time_of(agent, by) if by != ZERO else None
    if by in agent.engine.replica.statements:
        said = await subjects.told(agent, by)
        evidence.append(f"{said['kind']} by {said['name']}, {clock.day(since)} ({digest_text(by)[:EVENT_CHARACTERS]})")
    more, who = await _witnesses(agent, code, rows)
    evidence += more
    evidence.append(f"of {subjects.name_of(agent, first.row.placed.admission)}: {named(rows)}")
    if since is None:
        since = min((await kept_ms(agent, rows)).values(), default=None)
    words = {
        "event": digest_text(first.row.placed.digest)[:EVENT_CHARACTERS],
        "by": digest_text(first.row.placed.admission)[:EVENT_CHARACTERS],
        "who": who,
    }
    return cause(code, here.place(agent), since, evidence, **words)


async def _witnesses(agent: Agent, code: str, rows: Sequence[Row]) -> tuple[list[str], str]:
    """Who could help with what is lacking, as evidence and as names for the fix."""
    match code:
        case "key-missing":
            return await _key(agent, rows[0])
        case "body-missing":
            holding = [one.name for one in others(agent) if await _holds(agent, one.digest, rows[0])]
            return [f"{', '.join(holding)} said to hold it"] if holding else ["nobody said yet to hold it"], ""
        case "gap" | "unsure":
            return await _gap(agent)
    return [], ""


async def _key(agent: Agent, row: Row) -> tuple[list[str], str]:
    """The epoch of an event whose key is not here, and who can hand it on."""
    for epoch in agent.engine.replica.learner.missing:
        if short(epoch.digest) == row.placed.header.epoch:
            told = await calls_status.missing_key(agent, epoch)
            names = told["from"] if isinstance(told["from"], list) else []
            began = f"its epoch was begun by {told['name']}, {clock.day(epoch_ms(told))}"
            return [began], " or ".join(names) or "an admin device that can read it"
    return ["nobody told of its epoch here yet"], "an admin device that can read it"


def epoch_ms(told: dict[str, object]) -> int | None:
    """When an epoch began, by the clock of who began it."""
    since = told["since_ms"]
    return since if isinstance(since, int) else None


async def _gap(agent: Agent) -> tuple[list[str], str]:
    """Which devices hold what is not here."""
    found, names = [], []
    for one in others(agent):
        word = word_of(agent, one.digest)
        lacks = sum((await missing_here(agent, word)).values()) if word else 0
        if word and lacks:
            names.append(one.name)
            found.append(f"{one.name} said at {clock.day(word.at_ms)} that it holds {counted(lacks, 'event')} more")
    return found or ["nobody in reach said yet to hold what is lacking"], " or ".join(names) or "a device that has it"


async def _holds(agent: Agent, admission: Digest, row: Row) -> bool:
    word = word_of(agent, admission)
    return word is not None and not await lacking(agent, word, [row])


# ── forks ────────────────────────────────────────────────────────────────────────────────────────


async def forked(agent: Agent, rows: Sequence[Row]) -> list[Cause]:
    """Forks that nobody acknowledged, in the chains of these events, under one of them."""
    highest: dict[Digest, int] = {}
    for row in rows:
        highest[row.placed.chain] = max(highest.get(row.placed.chain, 0), row.placed.seq)
    unseen = await forks.unseen(agent)
    return [await fork_cause(agent, fork) for fork in unseen if highest.get(fork.chain, 0) > fork.after.seq]


async def fork_cause(agent: Agent, fork: ForkFacts) -> Cause:
    """A fork as a cause, at the device whose chain it is."""
    chain = agent.engine.replica.chains.chains[fork.chain]
    told = await forks.told(agent, fork)
    sides = told["events"] if isinstance(told["events"], list) else []
    rows = [row for side in sides for row in await agent.store.event(str(side["event"]))]
    since = max((await kept_ms(agent, rows)).values(), default=None)
    place = Place(device_text(chain.admission), subjects.name_of(agent, chain.admission))
    return cause("fork", place, since, (forks.sentence(agent, fork), named(rows)), fork=forks.fork_id(fork))


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def named(rows: Sequence[Row]) -> str:
    """How many events, and the first of them as they can be typed."""
    texts = [digest_text(row.placed.digest)[:EVENT_CHARACTERS] for row in rows[:_NAMED]]
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return f"{counted(len(rows), 'event')}: {', '.join(texts)}{more}"


def counted(count: int, noun: str) -> str:
    """A count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
