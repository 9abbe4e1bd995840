"""Memories: one fact, decision, preference, pitfall or procedure each, in one line that nobody rewrites.

What changes is another memory that supersedes it. A person's word is approved by itself; an agent's is usable in its
project and says that nobody approved it, and waits where it would hold everywhere or stand in for what a person
approved. This module reads no clock and no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Value
from mesh.limits import MEMORY_CHARACTERS_MAX, MEMORY_EVIDENCE_MAX
from mesh.state.records import STATE, TITLE, Record, listing, must_be_line, said

KIND, DECISION = "memory", "decision"
TYPES = (KIND, DECISION)
KINDS = ("fact", "decision", "preference", "pitfall", "procedure")
GLOBAL, PROJECT, DEVICE, AGENT = "global", "project", "device", "agent"
SCOPES = (GLOBAL, PROJECT, DEVICE, AGENT)
HUMAN = "human"

PENDING, NOTED, APPROVED, REJECTED = "pending", "noted", "approved", "rejected"
"""What the register says: it waits for a person; it is usable, and nobody approved it; a person does, or does not."""
SUPERSEDED, EXPIRED, STALE = "superseded", "expired", "stale"
"""What follows from other registers, the time, and the files that it is about."""
USABLE = (NOTED, APPROVED)
_BY = "superseded-by"


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wants remembered."""

    text: str
    kind: str = "fact"
    scope: str = GLOBAL
    by: str = HUMAN
    """`human`, or the agent's name."""
    evidence: Sequence[str] = ()
    recheck: Sequence[Mapping[str, object]] = ()
    """Files, each with `path` and `digest`, whose change makes it stale."""
    about: Mapping[str, Value] = field(default_factory=dict)
    """`project`, `session`, `at`, `expires`, `supersedes`, `confidence`."""


def registers(wanted: Said, superseded: Record | None = None) -> dict[str, Value]:
    """The registers that a memory is born with; `superseded`: what it is to stand for. Raises Misuse."""
    if wanted.kind not in KINDS:
        raise Misuse(f"{wanted.kind!r} is no kind of memory", hint=f"One of {', '.join(KINDS)}.")
    if wanted.scope not in SCOPES:
        raise Misuse(f"{wanted.scope!r} is no scope", hint=f"One of {', '.join(SCOPES)}.")
    words = must_be_line(wanted.text, "memory")
    if len(words) > MEMORY_CHARACTERS_MAX:
        hint = "One fact each: a long one splits into several, or becomes a note."
        raise Misuse(f"a memory has at most {MEMORY_CHARACTERS_MAX} characters, and this is {len(words):,}", hint=hint)
    if len(wanted.evidence) > MEMORY_EVIDENCE_MAX or len(wanted.recheck) > MEMORY_EVIDENCE_MAX:
        raise Misuse(f"a memory rests on at most {MEMORY_EVIDENCE_MAX} things")
    return {
        **wanted.about,
        TITLE: words if len(words) <= _TITLE_CHARACTERS else words[: _TITLE_CHARACTERS - 1] + "…",
        "words": words,
        "kind": wanted.kind,
        "scope": wanted.scope,
        "by": wanted.by,
        STATE: first_state(wanted, superseded),
        "evidence": listing(wanted.evidence),
        "recheck": said([dict(one) for one in wanted.recheck]) if wanted.recheck else "",
    }


_TITLE_CHARACTERS = 80  # of the words, in lists


def first_state(wanted: Said, superseded: Record | None) -> str:
    """What a new memory may count for before any person looked at it."""
    if wanted.by == HUMAN:
        return APPROVED
    over_a_person = superseded is not None and superseded.word(STATE) == APPROVED
    return PENDING if wanted.scope == GLOBAL or over_a_person else NOTED


def state(record: Record, now_ms: int, changed: bool = False) -> str:  # noqa: FBT001, FBT002 - a fact, named where given
    """What a memory counts for now; `changed`: a file that it is about is another one on this device."""
    own = record.word(STATE)
    if own == REJECTED:
        return REJECTED
    if record.word(_BY):
        return SUPERSEDED
    if 0 < record.number("expires") <= now_ms:
        return EXPIRED
    if changed:
        return STALE
    return own if own in {PENDING, NOTED, APPROVED} else PENDING


def superseding(old: Record, new: str) -> dict[str, Value]:
    """The register by which a memory gives way to another one. Raises Refused when one did so already."""
    if (by := old.word(_BY)) and by != new:
        raise Refused(f"{old.document} is superseded already, by {by}", hint=f"Supersede {by} instead.")
    return {_BY: new}


def takes_effect(wanted: Said, superseded: Record | None) -> bool:
    """Whether what a new memory supersedes gives way at once, or when a person approves the new one."""
    return first_state(wanted, superseded) != PENDING


def approved(record: Record) -> dict[str, Value]:
    """The register by which a person stands for a memory. Raises Refused."""
    if record.word(STATE) == REJECTED:
        raise Refused(f"{record.document} was rejected", hint="Say it anew with `mesh remember`.")
    return {STATE: APPROVED}


def rejected(_record: Record) -> dict[str, Value]:
    """The register by which a person does away with a memory."""
    return {STATE: REJECTED}


def told(record: Record, now_ms: int, *, changed: bool = False) -> dict[str, object]:
    """A memory's own fields, for answers."""
    return {
        "text": record.word("words"),
        "kind": record.word("kind"),
        "scope": record.word("scope"),
        "state": state(record, now_ms, changed),
        "by": record.word("by"),
        "evidence": list(record.listed("evidence")),
        "expires_ms": record.number("expires") or None,
        "supersedes": record.word("supersedes"),
        "superseded_by": record.word(_BY),
        "session": record.word("session"),
    }


def terms(query: str, most: int) -> list[str]:
    """The words of a question that a search looks for: without what every sentence has, the longest first."""
    words = {word.strip(".,:;!?()[]'\"`").lower() for word in query.split()}
    return sorted((word for word in words if word and word not in _COMMON), key=lambda w: (-len(w), w))[:most]


def ranked(found: Iterable[Sequence[object]]) -> list[object]:
    """What several searches found, by how many of them found it, then by how early."""
    score: dict[object, tuple[int, int]] = {}
    for hits in found:
        for place, one in enumerate(hits):
            times, best = score.get(one, (0, place))
            score[one] = (times + 1, min(best, place))
    return sorted(score, key=lambda one: (-score[one][0], score[one][1]))


_COMMON = frozenset({
    "a", "about", "an", "and", "are", "as", "at", "be", "by", "did", "do", "does", "for", "from", "how", "i", "in",
    "is", "it", "my", "of", "on", "or", "our", "that", "the", "there", "this", "to", "was", "we", "what", "when",
    "where", "which", "who", "why", "with", "you", "your",
})  # fmt: skip
