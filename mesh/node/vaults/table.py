"""What this device knows of the files of its vault: each file's note, and which version of it the file last was.

A journal of lines, each whole or ignored; it is written anew when most of it says what is not so any more. What is
about to be written into the folder is noted before, so that a start finds out what came of it. This module touches no
file of the vault, and knows no document.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mesh.limits import VAULT_JOURNAL_SPARE_LINES
from mesh.node import whole
from mesh.node.vaults import paths
from mesh.node.vaults.folder import Stat

_ENTRY, _GONE, _DRAFT, _OVER, _SAYING = "entry", "gone", "draft", "over", "saying"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, its note, and the changes after which the note was this content; none of them: as it was born.

    `path` is as the disk spells it.
    """

    path: str
    document: str
    digest: str
    heads: tuple[str, ...]
    stat: Stat


@dataclass(frozen=True, slots=True)
class Pending:
    """A file that is about to be replaced by the draft of that name, or to be removed: then `after` is None."""

    draft: str
    before: Entry
    after: Entry | None


class Table:
    """The journal, and what it says. One task at a time uses it."""

    def __init__(self, file: Path) -> None:
        """Read what is there. Raises OSError."""
        self._file = file
        self._entries: dict[str, Entry] = {}
        self._documents: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self.pending: dict[str, Pending] = {}
        self.saying: dict[str, Entry] = {}
        """By note, what files are once the mesh was told; whether it was is found out by whoever asks."""
        self._lines = self._read()
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._lines > len(self._entries) + VAULT_JOURNAL_SPARE_LINES:
            self._rewrite()
        self._stream: BinaryIO = os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")
        if self._torn():
            self._stream.write(b"\n")

    def __len__(self) -> int:
        """How many files."""
        return len(self._entries)

    def get(self, path: str) -> Entry | None:
        """A file by its path."""
        return self._entries.get(path)

    def of(self, document: str) -> Entry | None:
        """The file of a note."""
        path = self._documents.get(document)
        return None if path is None else self._entries[path]

    def like(self, path: str) -> str | None:
        """The path of a file that is the same one where case or spelling do not count."""
        return self._names.get(paths.folded(path))

    def all(self) -> list[Entry]:
        """Every file."""
        return list(self._entries.values())

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def put(self, *entries: Entry) -> None:
        """Say what files are; durable when this returns. Raises OSError."""
        for entry in entries:
            if (before := self.of(entry.document)) is not None and before.path != entry.path:
                self._forget(before.path)
                self._line(_GONE, before.path)
            self._keep(entry)
            self._line(_ENTRY, *_told(entry))
        self._sync()

    def say(self, *entries: Entry) -> None:
        """Say what files are once the mesh was told, before it is. Raises OSError."""
        for entry in entries:
            self.saying[entry.document] = entry
            self._line(_SAYING, *_told(entry))
        self._sync()

    def drop(self, path: str) -> None:
        """Say that a file is none of ours any more. Raises OSError."""
        self._forget(path)
        self._line(_GONE, path)
        self._sync()

    def begin(self, pending: Pending) -> None:
        """Say what is about to be written, before it is. Raises OSError."""
        self.pending[pending.draft] = pending
        after = pending.after and _told(pending.after)
        self._line(_DRAFT, pending.draft, _told(pending.before), after)
        self._sync()

    def over(self, draft: str) -> None:
        """Say that a draft is no more."""
        if self.pending.pop(draft, None) is not None:
            self._line(_OVER, draft)

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def _line(self, kind: str, *said: object) -> None:
        self._stream.write(json.dumps([kind, *said], separators=(",", ":")).encode() + b"\n")
        self._lines += 1

    def _sync(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def _read(self) -> int:
        count = 0
        try:
            stream = self._file.open("rb")
        except FileNotFoundError:
            return 0
        with stream:
            for line in stream:
                count += 1
                try:
                    self._take(json.loads(line))
                except (ValueError, TypeError, LookupError):
                    continue  # torn by a crash: what it said was not done, or is found out again
        return count

    def _take(self, said: list[object]) -> None:
        kind = said[0]
        if kind == _ENTRY:
            self._keep(_entry(said[1:]))
        elif kind == _SAYING:
            entry = _entry(said[1:])
            self.saying[entry.document] = entry
        elif kind == _GONE:
            self._forget(str(said[1]))
        elif kind == _DRAFT:
            after = said[3]
            pending = Pending(str(said[1]), _entry(said[2]), None if after is None else _entry(after))
            self.pending[pending.draft] = pending
        elif kind == _OVER:
            self.pending.pop(str(said[1]), None)

    def _torn(self) -> bool:
        with self._file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - 1, 0))
            return stream.read(1) not in {b"", b"\n"}

    def _rewrite(self) -> None:
        with whole.replacing(self._file) as stream:
            self._stream = stream
            self._lines = 0
            for entry in self._entries.values():
                self._line(_ENTRY, *_told(entry))
            for entry in self.saying.values():
                self._line(_SAYING, *_told(entry))
            for pending in self.pending.values():
                self._line(_DRAFT, pending.draft, _told(pending.before), pending.after and _told(pending.after))

    def _keep(self, entry: Entry) -> None:
        self.saying.pop(entry.document, None)
        self._forget(entry.path)
        if (before := self._documents.get(entry.document)) is not None:
            self._forget(before)
        self._entries[entry.path] = entry
        self._documents[entry.document] = entry.path
        self._names[paths.folded(entry.path)] = entry.path

    def _forget(self, path: str) -> None:
        entry = self._entries.pop(path, None)
        if entry is not None:
            self._documents.pop(entry.document, None)
            if self._names.get(folded := paths.folded(path)) == path:
                del self._names[folded]


def _told(entry: Entry) -> list[object]:
    stat = entry.stat
    return [entry.path, entry.document, entry.digest, entry.heads, [stat.inode, stat.size, stat.changed_ns, stat.mode]]


def _entry(said: object) -> Entry:
    """An entry as it was written. Raises TypeError or ValueError when it is none."""
    if not isinstance(said, Iterable):
        raise TypeError(said)
    path, document, digest, heads, stat = said
    if not all(isinstance(text, str) for text in (path, document, digest, *heads)):
        raise TypeError(said)
    return Entry(path, document, digest, tuple(heads), Stat(*map(int, stat)))
