"""Sessions: one run of an agent's tool on one device, as the tool itself counts them, and how it stands.

Only what changes a session's state is written; that it is at work this very minute is presence, which nobody keeps.
A session's end is no promise of its tool: what fell silent becomes `orphaned`. This module reads and suggests.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh.errors import Malformed, Misuse
from mesh.events.kinds import Value
from mesh.limits import CHECKPOINTS_KEPT
from mesh.names import DocumentId, is_word
from mesh.state.records import PROJECT, STATE, TITLE, Record, said, whole

KIND = "session"
CHECKPOINT = "checkpoint/"
ARCHIVE = "archive/"
"""What its tool wrote of it, as a drop: `archive/1`; a file that was written anew instead of longer is the next."""

WORKING, WAITING_INPUT, WAITING_PERMISSION = "working", "waiting_input", "waiting_permission"
RATE_LIMITED, IDLE, ENDED, ORPHANED = "rate_limited", "idle", "ended", "orphaned"
STATES = (WORKING, WAITING_INPUT, WAITING_PERMISSION, RATE_LIMITED, IDLE, ENDED, ORPHANED)
OVER = (ENDED, ORPHANED)
"""States that only a resumed session leaves."""
OPEN = tuple(state for state in STATES if state not in OVER)

_RESUME = {"claude": ("claude", "--resume"), "gemini": ("gemini", "--resume"), "codex": ("codex", "resume")}
"""What goes on with a session by its own id, by tool."""
_NUMBER_DIGITS = 9  # of a transcript
_TIME_DIGITS = 15  # of a checkpoint's name, so that names sort as times do


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a session had come to at some time, written before its tool forgets."""

    at_ms: int
    summary: str
    open: tuple[str, ...]
    files: tuple[str, ...]


def registers_of_birth(tool: str, native: str, device: str) -> dict[str, Value]:
    """What a session is born with: the same however often its tool tells of it. Raises Misuse."""
    if not is_word(tool):
        raise Misuse(f"{tool!r} is no word for a tool", hint="Lower-case letters, digits and hyphens: claude, gemini.")
    if not native.strip() or not native.isprintable():
        raise Misuse("a session has an id of its tool's own")
    return {"tool": tool, "native": native, "device": device}


def may_become(now: str, wanted: str) -> bool:
    """Whether a session goes from one state to another; what comes late about one that is over changes nothing.

    Raises Misuse for no state.
    """
    if wanted not in STATES:
        raise Misuse(f"{wanted!r} is no state of a session", hint=f"One of {', '.join(STATES)}.")
    if now == wanted:
        return False
    return now not in OVER or wanted == WORKING or (now == ORPHANED and wanted == ENDED)


def state_registers(record: Record, wanted: str, now_ms: int, until_ms: int | None = None) -> dict[str, Value]:
    """The registers of another state; none where it is in that state, or over. Raises Misuse."""
    now, limit = record.word(STATE), until_ms if wanted == RATE_LIMITED else None
    if now == wanted == RATE_LIMITED and limit not in {None, record.number("until")}:
        return {"until": limit}
    if not may_become(now, wanted):
        return {}
    return {STATE: wanted, "state-at": now_ms, "until": limit}


def checkpoint_registers(
    record: Record, at_ms: int, summary: str, still_open: Sequence[str], files: Sequence[str]
) -> dict[str, Value]:
    """The register of a new checkpoint, and those of old ones that go. Raises TooLarge."""
    body: dict[str, object] = {"at": at_ms, "summary": summary, "open": list(still_open), "files": list(files)}
    names = sorted(record.under(CHECKPOINT))
    new = f"{at_ms:0{_TIME_DIGITS}d}"
    gone = [name for name in names if name != new][: max(len(names) + 1 - CHECKPOINTS_KEPT, 0)]
    return {CHECKPOINT + new: said(body), **{CHECKPOINT + name: None for name in gone}}


def checkpoints(record: Record) -> tuple[Checkpoint, ...]:
    """The checkpoints of a session, the latest first; what cannot be read is none."""
    found = [_checkpoint(value) for _, value in sorted(record.saids(CHECKPOINT).items(), reverse=True)]
    return tuple(one for one in found if one is not None)


def archive_key(number: int) -> str:
    """The register that names a transcript's drop."""
    return f"{ARCHIVE}{number}"


def archives(record: Record) -> tuple[tuple[int, DocumentId], ...]:
    """The transcripts of a session by number, the first first; what names none is left out."""
    found: dict[int, DocumentId] = {}
    for name, value in record.under(ARCHIVE).items():
        with contextlib.suppress(Malformed):
            if name.isdecimal() and name.isascii() and len(name) <= _NUMBER_DIGITS and isinstance(value, str):
                found[int(name)] = DocumentId.parse(value)
    return tuple(sorted(found.items()))


def goal_of(record: Record) -> str:
    """What a session is for: as it was given, else what it does now."""
    return record.word("goal") or record.word(TITLE)


def resume_command(record: Record, path: str) -> str:
    """The tool's own command that goes on with a session on its device; empty for tools of which none is known."""
    words, native = _RESUME.get(record.word("tool")), record.word("native")
    if words is None or native.startswith("-"):  # what would be read as an option is no id
        return ""
    return _at(path, [*words, native])


def begin_command(record: Record, path: str) -> str:
    """The command that begins anew, with the same tool, where a session's own transcript is not."""
    words = _RESUME.get(record.word("tool"))
    return _at(path, words[:1]) if words else ""


def told(record: Record) -> Mapping[str, object]:
    """A session's own fields, for answers."""
    return {
        "tool": record.word("tool"),
        "native": record.word("native"),
        "device": record.word("device"),
        "agent": record.word("agent"),
        "model": record.word("model"),
        "state": record.word(STATE),
        "state_at_ms": record.number("state-at") or None,
        "until_ms": record.number("until") or None,
        "goal": goal_of(record),
        "topic": record.word(TITLE),
        "branch": record.word("branch"),
        "cwd": record.word("cwd"),
        "from": record.word("from"),
        "receipt": record.word("receipt"),
        "project": record.word(PROJECT),
    }


def told_checkpoint(one: Checkpoint) -> Mapping[str, object]:
    """A checkpoint, for answers."""
    return {"at_ms": one.at_ms, "summary": one.summary, "open": list(one.open), "files": list(one.files)}


def _at(path: str, words: Sequence[str]) -> str:
    command = shlex.join(words)
    return f"cd {shlex.quote(path)} && {command}" if path else command


def _checkpoint(value: Mapping[str, object]) -> Checkpoint | None:
    at, summary = whole(value.get("at")), value.get("summary")
    if at is None or not isinstance(summary, str):
        return None
    return Checkpoint(at, summary, _texts(value.get("open")), _texts(value.get("files")))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
