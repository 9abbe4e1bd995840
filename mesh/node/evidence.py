"""Evidence: what this device's agent captured itself of a session's work. It stays on this device, in files of its own.

Commands and how they ended, files as they were found, commits as git named them; never what a command printed, and
nothing that looks like a secret. Receipts carry what little of it a claim rests on; nothing here is replicated. Who may
run programs as this person may also tell the agent of runs that never were (THREATS).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from mesh.errors import DiskFull, Misuse, Unreachable
from mesh.limits import (
    COMMAND_CHARACTERS_MAX,
    EVIDENCE_FILE_BYTES_MAX,
    EVIDENCE_SESSIONS_CACHED,
    EVIDENCE_SESSIONS_MAX,
    EVIDENCE_TRACES_MAX,
    PATH_BYTES_MAX,
    WORD_REGISTER_BYTES_MAX,
)
from mesh.node import whole
from mesh.node.paths import evidence_path
from mesh.node.redaction import redacted
from mesh.state.claims import FILE, KINDS, RUN, Trace

_NAME_CHARACTERS = 32  # of a session's digest, as the name of its file
_EXIT_MAX = 2**31


class Evidence:
    """The traces of one home, by session. Only the process that holds the home's lock uses it."""

    def __init__(self, home: Path) -> None:
        """Begin without reading anything."""
        self._folder = evidence_path(home)
        self._one = asyncio.Lock()
        self._read: dict[str, tuple[Trace, ...]] = {}

    async def of(self, session: str) -> tuple[Trace, ...]:
        """What was captured of a session, in the order in which it came."""
        async with self._one:
            return await self._traces(session) if session else ()

    async def add(self, session: str, trace: Trace) -> bool:
        """Keep a trace for good; False when one of its id is there already. Raises DiskFull or Unreachable."""
        async with self._one:
            try:
                known = await self._traces(session)
                if any(one.id == trace.id for one in known):
                    return False
                known = (*known, trace)
                if len(known) >= 2 * EVIDENCE_TRACES_MAX:
                    known = known[-EVIDENCE_TRACES_MAX:]
                    await asyncio.to_thread(self._rewrite, session, known)
                else:
                    await asyncio.to_thread(self._append, session, trace)
            except OSError as error:
                self._read.pop(session, None)
                message = f"what was seen of the work cannot be kept: {error.strerror}"
                raise (DiskFull(message) if whole.is_full(error) else Unreachable(message)) from error
            self._read[session] = known
            return True

    async def _traces(self, session: str) -> tuple[Trace, ...]:
        found = self._read.pop(session, None)
        if found is None:
            found = await asyncio.to_thread(_parsed, self._path(session))
        self._read[session] = found
        while len(self._read) > EVIDENCE_SESSIONS_CACHED:
            del self._read[next(iter(self._read))]
        return found

    def _path(self, session: str) -> Path:
        name = hashlib.sha256(session.encode()).hexdigest()[:_NAME_CHARACTERS]
        return self._folder / f"{name}.jsonl"

    def _append(self, session: str, trace: Trace) -> None:
        path = self._path(session)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            self._make_room()
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+b") as file:
            torn = file.seek(0, os.SEEK_END) > 0 and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
            file.write((b"\n" if torn else b"") + _line(trace))  # a line that a crash cut stays one bad line
            file.flush()
            os.fsync(file.fileno())

    def _rewrite(self, session: str, traces: Sequence[Trace]) -> None:
        whole.write(self._path(session), b"".join(map(_line, traces)))

    def _make_room(self) -> None:
        """Of too many sessions the one that was silent for longest goes."""
        found = sorted(self._folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
        for path in found[: max(0, len(found) + 1 - EVIDENCE_SESSIONS_MAX)]:
            path.unlink(missing_ok=True)


def trace_of(arguments: Mapping[str, object], now_ms: int) -> Trace:
    """A trace as a hook tells it, without its secrets. Raises Misuse."""
    kind, name = arguments.get("kind"), arguments.get("id")
    if kind not in KINDS or not isinstance(name, str) or not 0 < len(name.encode()) <= WORD_REGISTER_BYTES_MAX:
        raise Misuse(f"a trace has an id, and is one of {', '.join(KINDS)}")
    end, at = arguments.get("exit"), arguments.get("at_ms")
    words = {key: _text(arguments, key) for key in ("command", "output_sha", "path", "digest", "commit")}
    if len(words["path"].encode()) > PATH_BYTES_MAX or (kind == FILE and not words["path"]):
        raise Misuse(f"a file has a path of at most {PATH_BYTES_MAX:,} bytes")
    if kind == RUN and not words["command"].strip():
        raise Misuse("a run has a command")
    return Trace(
        name,
        str(kind),
        at if type(at) is int and 0 <= at <= now_ms else now_ms,
        command=redacted(words["command"])[:COMMAND_CHARACTERS_MAX],
        exit=end if type(end) is int and abs(end) < _EXIT_MAX else None,
        output=words["output_sha"][:WORD_REGISTER_BYTES_MAX],
        path=words["path"],
        digest=words["digest"][:WORD_REGISTER_BYTES_MAX],
        commit=words["commit"][:WORD_REGISTER_BYTES_MAX],
    )


def digest_of(path: Path) -> str:
    """The digest of a file as it is now; empty where it cannot be read, is none, or is too large."""
    try:
        if not path.is_file() or path.stat().st_size > EVIDENCE_FILE_BYTES_MAX:
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


def _text(arguments: Mapping[str, object], key: str) -> str:
    value = arguments.get(key)
    if value is not None and not isinstance(value, str):
        raise Misuse(f"{key} is not a text")
    text = (value or "").replace("\0", "")
    return text.encode(errors="replace").decode()


_KEYS = ("id", "kind", "at_ms", "command", "exit", "output", "path", "digest", "commit")


def _line(trace: Trace) -> bytes:
    found = {key: getattr(trace, key) for key in _KEYS}
    return json.dumps({key: value for key, value in found.items() if value not in {"", None}}).encode() + b"\n"


def _parsed(path: Path) -> tuple[Trace, ...]:
    """The traces of a file; a line that a crash cut, or that is none of ours, is left out."""
    found: list[Trace] = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError, TypeError, KeyError, Misuse):
                value = json.loads(line)
                found.append(trace_of({**value, "output_sha": value.get("output")}, value["at_ms"]))
    return tuple(found)
