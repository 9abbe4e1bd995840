"""The types of documents that this version knows, and what each consists of.

Every document is flat: registers and one text. What a record says once and for ever (who handed what to whom, what
was claimed to be done) is fixed: only its birth writes it, and the gate refuses every later change of it, on every
device. What several devices may say at the same time has a register for each of them, under a prefix, so that nothing
stands in another's way. Lists in a register are JSON. This module knows no change and no history.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mesh.limits import (
    BODY_PLAIN_BYTES_MAX,
    LIST_REGISTER_BYTES_MAX,
    PATH_BYTES_MAX,
    REGISTER_KEY_BYTES_MAX,
    TAG_BYTES_MAX,
    TITLE_BYTES_MAX,
    WORD_REGISTER_BYTES_MAX,
)

BODY = "body"
"""Where a document has its text: a Text that merges letter by letter, or a register when it was born too long."""

TAG = "tag/"
"""A tag is a register of its own, so that two devices can tag at once."""

NOTICES = ("ack/", "got/")
"""How registers begin in which a device says by itself that it saw a claim, or has a file: nobody's edit."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one register may hold. `fixed`: only the birth writes it."""

    types: tuple[type, ...]
    bytes_max: int = 0
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """What the documents of one type consist of. `other` rules the registers without a rule of their own, if any."""

    registers: Mapping[str, Rule]
    prefixes: Mapping[str, Rule]
    other: Rule | None = None

    def rule(self, key: str) -> Rule | None:
        """The rule for a register, or None when there may be none of that name."""
        if (own := self.registers.get(key)) is not None:
            return own
        for prefix, rule in self.prefixes.items():
            if key.startswith(prefix):
                return rule if len(key.encode()) <= len(prefix) + TAG_BYTES_MAX and key != prefix else None
        return self.other if 0 < len(key.encode()) <= REGISTER_KEY_BYTES_MAX else None


TEXT = Rule((str,), BODY_PLAIN_BYTES_MAX)
LINE = Rule((str,), TITLE_BYTES_MAX)
WORD = Rule((str,), WORD_REGISTER_BYTES_MAX)
PLACE = Rule((str, type(None)), PATH_BYTES_MAX)
NUMBER = Rule((int,))
FLAG = Rule((bool,))
SAID = Rule((str,), LIST_REGISTER_BYTES_MAX)
"""JSON that somebody may write anew, each time whole."""
_FREE = Rule((str, int, bool, type(None)), BODY_PLAIN_BYTES_MAX)


def fixed(rule: Rule) -> Rule:
    """The same, written by the birth alone."""
    return Rule(rule.types, rule.bytes_max, fixed=True)


ONCE, ONCE_WORD, ONCE_LINE, ONCE_NUMBER = fixed(SAID), fixed(WORD), fixed(LINE), fixed(NUMBER)

_RECORD = {"title": LINE, "project": WORD, "deleted": FLAG, BODY: TEXT}
"""What most records have: what they are called, the project they belong to, whether they are put away, a text."""

_CLAIMABLE = {"claim/": SAID, "ack/": NUMBER, "end/": SAID}
"""Claims by lease (leases.py): one register a claim, one for each device that saw it, one for its end."""

SHAPES: Mapping[str, Shape] = {
    "note": Shape(
        {
            "title": LINE,
            "path": PLACE,
            "deleted": FLAG,
            "front": SAID,  # a file's YAML front matter, byte for byte
            "encoding": WORD,  # a file's encoding and line ends, where they are not the usual ones
            "captured": WORD,  # how it came: text, voice, share, photo, file
            BODY: TEXT,
        },
        {TAG: FLAG},
    ),
    "project": Shape(
        {**_RECORD, "root": ONCE_WORD, "first-remote": ONCE_LINE, "same": WORD},
        {TAG: FLAG, "remote/": LINE, "path/": LINE},
    ),
    "session": Shape(
        {
            **_RECORD,
            "tool": ONCE_WORD,
            "native": ONCE_LINE,  # the tool's own id of it
            "device": ONCE_WORD,
            "agent": WORD,
            "model": WORD,
            "transcript": LINE,
            "branch": LINE,
            "cwd": LINE,  # from the project's root
            "state": WORD,
            "state-at": NUMBER,
            "until": NUMBER,  # of a rate limit
            "goal": LINE,
            "from": WORD,  # the session that it goes on with
            "receipt": WORD,
        },
        {TAG: FLAG, "checkpoint/": SAID, "archive/": WORD},  # `archive/`: drops, what its tool wrote of it
    ),
    "handoff": Shape(
        {
            **_RECORD,
            "title": ONCE_LINE,  # the goal
            "from-session": ONCE_WORD,
            "from-agent": ONCE_WORD,
            "from-device": ONCE_WORD,
            "to": ONCE_WORD,  # anyone, human, agent:NAME or device:ID
            "reason": ONCE_WORD,
            "at": ONCE_NUMBER,
            "expires": ONCE_NUMBER,  # until when it is to be picked up; shown, and decides nothing
            "done": ONCE,
            "remaining": ONCE,  # documents of tasks
            "decisions": ONCE,
            "rejected": ONCE,
            "assumptions": ONCE,
            "files": ONCE,
            "verify": ONCE,
            "blockers": ONCE,
            "supersedes": ONCE_WORD,
            "context": fixed(TEXT),
        },
        {TAG: FLAG, **_CLAIMABLE},
    ),
    "task": Shape(
        {
            **_RECORD,
            "state": WORD,
            "priority": NUMBER,
            "kind": WORD,
            "acceptance": SAID,
            "due": NUMBER,
            "handoff": ONCE_WORD,
            "reason": LINE,  # of the state that it is in
            "receipt": WORD,
            "external": LINE,
        },
        {TAG: FLAG, "needs/": WORD, **_CLAIMABLE},
    ),
    "receipt": Shape(
        {
            **_RECORD,
            "title": ONCE_LINE,
            "state": ONCE_WORD,  # filed, or unreported: drafted by the machine
            "session": ONCE_WORD,
            "task": ONCE_WORD,
            "handoff": ONCE_WORD,
            "agent": ONCE_WORD,
            "device": ONCE_WORD,
            "at": ONCE_NUMBER,
            "why": fixed(TEXT),
            "changed": ONCE,
            "claims": ONCE,
            "not-done": ONCE,
            "undo": ONCE,
            "section": ONCE_LINE,
            "replaces": ONCE_WORD,  # the draft that it stands for
        },
        {TAG: FLAG, "dispute/": SAID},
    ),
    "memory": Shape(
        {
            **_RECORD,
            "words": ONCE_LINE,
            "kind": ONCE_WORD,
            "scope": ONCE_WORD,
            "by": ONCE_WORD,  # human, or the agent's name
            "session": ONCE_WORD,
            "at": ONCE_NUMBER,
            "evidence": ONCE,
            "confidence": ONCE_NUMBER,  # hundredths
            "supersedes": ONCE_WORD,
            "expires": NUMBER,
            "recheck": ONCE,
            "state": WORD,
            "superseded-by": WORD,
            "used": NUMBER,  # when it was last asked for
        },
        {TAG: FLAG},
    ),
    "ask": Shape(
        {
            **_RECORD,
            "title": ONCE_LINE,  # the question
            "options": ONCE,
            "detail": ONCE,
            "session": ONCE_WORD,
            "agent": ONCE_WORD,
            "device": ONCE_WORD,
            "at": ONCE_NUMBER,
            "expires": ONCE_NUMBER,
            "default": ONCE_LINE,
            "taken": SAID,  # what came of it, written by the device that asked, once
        },
        {TAG: FLAG, "answer/": SAID},
    ),
    "drop": Shape(
        {
            **_RECORD,
            "title": ONCE_LINE,  # the file's name
            "from": ONCE_WORD,
            "to": ONCE_WORD,
            "at": ONCE_NUMBER,
            "size": ONCE_NUMBER,
            "mime": ONCE_WORD,
            "digest": ONCE_WORD,  # SHA-256 of the whole, in hexadecimal digits
            "chunks": fixed(TEXT),
            "state": WORD,
        },
        {TAG: FLAG, "got/": NUMBER},
    ),
    "doorway": Shape(
        {**_RECORD, "cert": ONCE_LINE, "since": ONCE_NUMBER},  # the authority that phones trust, for the mesh's page
        {TAG: FLAG, "key/": ONCE_WORD},  # its key, wrapped for an admin
    ),
}
SHAPES = {**SHAPES, "decision": SHAPES["memory"]}
"""The types that this version knows. Documents of others are held, shown raw, and may have any registers."""

_GENERIC = Shape({BODY: TEXT}, {}, _FREE)


def shape_of(kind: str) -> Shape:
    """What the documents of a type consist of."""
    return SHAPES.get(kind, _GENERIC)
