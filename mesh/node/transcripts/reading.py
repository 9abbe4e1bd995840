"""Reading a tool's transcript: whole lines of JSON, each without what looks like a secret.

What was read before is not read through again: where the file still begins with it, only the lines after it are. The
same lines always become the same bytes, so a file that only grew begins with what was kept of it. It writes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from mesh.errors import Refused
from mesh.limits import TRANSCRIPT_BYTES_MAX, TRANSCRIPT_LINE_BYTES_MAX, TRANSCRIPT_STEP_BYTES
from mesh.names import shown
from mesh.node.redaction import redacted_value

SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class Read:
    """How far a file was read: so many bytes, which are whole lines, and their SHA-256 in hexadecimal digits."""

    size: int = 0
    digest: str = ""


class Reading:
    """One reading of one file, step by step. Its calls block, so they belong in threads."""

    def __init__(self, path: Path, before: Read, kept: bytes) -> None:
        """`kept` is what became of what was read `before`. Raises Refused where the file is no transcript."""
        raw = _lines_of(path)
        goes_on = before.size <= len(raw) and before.digest == _digest(raw[: before.size])
        start = before.size if goes_on else 0
        self.read = Read(len(raw), _digest(raw))
        self._out = [kept] if goes_on else []
        self._lines = raw[start:].split(b"\n")[:-1][::-1]  # the next one is the last

    def step(self) -> bool:
        """Take some lines; whether there are more. Raises Refused."""
        room = TRANSCRIPT_STEP_BYTES
        while self._lines and room > 0:
            line = self._lines.pop()
            room -= len(line)
            self._out.append(without_secrets(line) + b"\n")
        return bool(self._lines)

    def done(self) -> bytes:
        """All of it, when no step is left."""
        return b"".join(self._out)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _lines_of(path: Path) -> bytes:
    """The whole lines of a file, as many as are kept. Raises Refused."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise Refused(f"{shown(str(path))} cannot be read: {error.strerror or error}") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise Refused(f"{shown(str(path))} is no file")
    with os.fdopen(file, "rb") as opened:
        try:
            raw = opened.read(TRANSCRIPT_BYTES_MAX)
        except OSError as error:
            raise Refused(f"{shown(str(path))} cannot be read: {error.strerror or error}") from error
    return raw[: raw.rfind(b"\n") + 1]


def without_secrets(line: bytes) -> bytes:
    """A line as it is, or written anew where something in it looks like a secret. Raises Refused for no JSON map."""
    if len(line) > TRANSCRIPT_LINE_BYTES_MAX:
        return json.dumps({"left_out": f"a line of {len(line)} bytes"}).encode()
    if not line.strip():
        return line
    twice = False

    def map_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal twice
        found = dict(pairs)
        twice = twice or len(found) < len(pairs)  # the value before the last would be kept unseen
        return found

    try:
        said = json.loads(line, object_pairs_hook=map_of)
    except (ValueError, RecursionError) as error:
        raise Refused("this file is no transcript: a line of it is no JSON") from error
    if not isinstance(said, dict):
        raise Refused("this file is no transcript: a line of it is no JSON map")
    clean = redacted_value(said)
    return line if clean == said and not twice else json.dumps(clean, separators=(",", ":")).encode()
