"""Hand-offs: work that somebody leaves for whoever comes next, as views, births, and what makes a good one.

What a hand-off says is written once, by its birth; what becomes of it follows from the claims on it (leases.py) and
from what stands for it. Nothing here makes a document or reads a clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh.errors import Malformed, Misuse
from mesh.events.kinds import Value
from mesh.names import DocumentId, is_word
from mesh.state import leases
from mesh.state.leases import Who
from mesh.state.records import PROJECT, TITLE, Record, listing, must_be_line, said
from mesh.state.tasks import KIND as TASK

KIND = "handoff"
ANYONE, HUMAN, AGENT, DEVICE = "anyone", "human", "agent:", "device:"
REASONS = ("done_for_now", "rate_limit", "context_full", "blocked", "needs_human", "scheduled")
OPEN, CLAIMED, DECLINED, COMPLETED = "open", "claimed", "declined", "completed"
SUPERSEDED, EXPIRED = "superseded", "expired"
"""What follows from a later one that stands for it, and from the time that is now where it is read."""

_UNASKED = ("rate_limit", "context_full")  # nobody can be asked to say it better: it is taken as it is
_UNCHECKED = ("needs_human", "blocked", *_UNASKED)  # there is nothing to verify yet
_GOAL_WORDS_MIN, _ITEM_WORDS_MIN = 3, 2
_EMPTY = frozenset(
    {
        "a", "above", "all", "and", "as", "before", "continue", "continuing", "do", "doing", "done", "etc",
        "everything", "finish", "finishing", "go", "going", "in", "is", "it", "keep", "left", "more", "my", "next",
        "on", "our", "please", "progress", "remaining", "rest", "resume", "same", "see", "stuff", "task", "tasks",
        "tbd", "that", "the", "there", "things", "this", "todo", "until", "up", "what", "wip", "with", "work",
        "working",
    }
)  # fmt: skip
"""Words of which a whole sentence says nothing."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A hand-off as somebody says it. Files, verify and assumptions are maps; the others are texts."""

    goal: str
    to: str = ANYONE
    reason: str = REASONS[0]
    done: Sequence[str] = ()
    remaining: Sequence[str] = ()
    decisions: Sequence[str] = ()
    rejected: Sequence[str] = ()
    assumptions: Sequence[Mapping[str, object]] = ()
    files: Sequence[Mapping[str, object]] = ()
    verify: Sequence[Mapping[str, object]] = ()
    blockers: Sequence[str] = ()
    context: str = ""
    project: str = ""
    supersedes: str = ""
    expires_ms: int = 0
    """Until when it is to be picked up; 0: whenever."""


def lacks(draft: Draft) -> tuple[str, ...]:
    """What whoever comes next would have to ask, as sentences; none when it can be worked with."""
    found = []
    if _words(draft.goal) < _GOAL_WORDS_MIN or _is_vague(draft.goal):
        found.append(f"the goal needs at least {_GOAL_WORDS_MIN} words that say what is wanted, not {draft.goal!r}")
    found += [
        f"the remaining item {item!r} says nothing to do"
        for item in draft.remaining
        if named_task(item) is None and (_words(item) < _ITEM_WORDS_MIN or _is_vague(item))
    ]
    if not draft.verify and draft.reason not in _UNCHECKED:
        found.append("it needs a command or a look that shows when it is done (verify)")
    if draft.reason == "blocked" and not draft.blockers:
        found.append("it needs to say what blocks it (blockers)")
    return tuple(found)


def named_task(item: str) -> DocumentId | None:
    """The task that a remaining item names by its whole id, instead of saying what is to be done."""
    try:
        document = DocumentId.parse(item)
    except Malformed:
        return None
    return document if document.type == TASK else None


def must_be_good(draft: Draft) -> None:
    """Raise Misuse for what cannot be worked with, naming what to add. What a machine wrote in need passes."""
    if draft.reason not in _UNASKED and (found := lacks(draft)):
        raise Misuse(f"this hand-off leaves questions open: {'; '.join(found)}", hint="Add that and hand off again.")


def registers(draft: Draft, who: Who, tasks: Sequence[str], at_ms: int) -> dict[str, Value]:
    """What the birth of a hand-off says; its tasks are made before. Raises Misuse or TooLarge."""
    if draft.reason not in REASONS:
        raise Misuse(f"{draft.reason!r} is no reason for a hand-off", hint=f"One of: {', '.join(REASONS)}.")
    if 0 < draft.expires_ms <= at_ms:
        raise Misuse("the time to pick it up is over already", hint='For example: --expires "in 3 days"')
    return {
        TITLE: must_be_line(draft.goal, "goal"),
        PROJECT: draft.project,
        "from-session": who.session,
        "from-agent": who.agent,
        "from-device": who.device,
        "to": must_be_somebody(draft.to),
        "reason": draft.reason,
        "at": at_ms,
        "expires": draft.expires_ms or None,
        "done": listing(draft.done),
        "remaining": listing(tasks),
        "decisions": listing(draft.decisions),
        "rejected": listing(draft.rejected),
        "assumptions": _maps(draft.assumptions),
        "files": _maps(draft.files),
        "verify": _maps(draft.verify),
        "blockers": listing(draft.blockers),
        "context": draft.context,
        "supersedes": draft.supersedes,
    }


def must_be_somebody(to: str) -> str:
    """Whom a hand-off may be for. Raises Misuse."""
    name = to.removeprefix(AGENT).removeprefix(DEVICE)
    if to in {ANYONE, HUMAN} or (name != to and is_word(name)):
        return to
    raise Misuse(f"{to!r} is nobody to hand off to", hint="anyone, human, an agent's name, or a device's name.")


def is_for(record: Record, who: Who) -> bool:
    """Whether it is meant for a device, and the agent or the person on it."""
    to = record.word("to")
    meant = HUMAN if not who.agent else AGENT + who.agent
    return to in {"", ANYONE, meant, DEVICE + who.device}


def is_from(record: Record, who: Who) -> bool:
    """Whether it was left in the same session."""
    return bool(who.session) and record.word("from-session") == who.session


def state(record: Record, now_ms: int, *, superseded: bool = False) -> str:
    """What became of it: somebody did it, a later one stands for it, somebody has it, its time is over, or it waits.

    That its time is over is how it looks here and now; it can be picked up as before, and then somebody has it.
    """
    held = leases.holder(record)
    if held is not None and held.end == leases.DONE:
        return COMPLETED
    if superseded:
        return SUPERSEDED
    if held is not None and held.until_ms > now_ms:
        return CLAIMED
    if 0 < record.number("expires") <= now_ms:
        return EXPIRED
    return DECLINED if declined(record) and record.word("to") not in {"", ANYONE} else OPEN


def declined(record: Record) -> tuple[leases.Claim, ...]:
    """Who did not want it, with the words."""
    return tuple(claim for claim in leases.claims(record) if claim.end == leases.DECLINED)


def superseded(records: Sequence[Record]) -> dict[str, Record]:
    """The hand-offs that later ones among these stand for, each with the first of these that does."""
    found: dict[str, Record] = {}
    for record in records:
        if before := record.word("supersedes"):
            found.setdefault(before, record)
    return found


def overtaken(record: Record, later: Record, device: str) -> leases.Claim | None:
    """The claim that a device has on a hand-off for which somebody else's stands now: it works on what is said anew."""
    held = leases.holder(record)
    if held is None or held.end or held.device != device:
        return None
    own = (later.word("from-device"), later.word("from-agent")) == (held.device, held.agent)
    return None if own else held


def _maps(found: Sequence[Mapping[str, object]]) -> str:
    return said([dict(one) for one in found]) if found else ""


def _words(text: str) -> int:
    """How many words; in scripts without spaces two letters count as one."""
    return max(len(text.split()), sum(character > "\u2e7f" for character in text) // 2)


def _is_vague(text: str) -> bool:
    return all(word.strip(".,:;!?()\"'…-").lower() in _EMPTY | {""} for word in text.split())
