"""Putting a dropped file together again: every chunk and the whole are checked, and no file that is there is touched.

A file appears under its name when all of it is on the disk, or not at all. This module fetches nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

from mesh.errors import Damaged, Malformed, Misuse
from mesh.limits import CUT_STEP_BYTES, FILE_NAME_BYTES_MAX
from mesh.names import shown
from mesh.node import whole
from mesh.node.drops.pool import Pool
from mesh.state.drops import Drop, unpacked

_NAMES_TRIED = 1000
_NO_NAME = "dropped file"

Mark = tuple[int, int, int]
"""What a file keeps when it gets another name, and no other file has: inode, length and time of its last change."""


class Lacking(Damaged):
    """A chunk is not here, or not any more."""

    hint = "It is fetched again as soon as a device that has it is linked: `mesh drop get` once more."


def data_of(pool: Pool, drop: Drop) -> Iterator[bytes]:
    """The chunks of a drop in order, each checked, and at the end the whole. Raises Lacking or Malformed."""
    whole, size = hashlib.sha256(), 0
    for digest in drop.pieces:
        for chunk in unpacked(_read(pool, drop, digest)):
            data = _read(pool, drop, chunk.digest)
            size += len(data)
            whole.update(data)
            yield data
    if (size, whole.digest()) != (drop.size, drop.digest):
        raise Malformed(f"the chunks of {shown(drop.name)!r} are not the file that its record names")


def lacking(pool: Pool, drop: Drop) -> int:
    """How many bytes of a drop are not here, by lengths alone."""
    here = 0
    for digest in drop.pieces:
        piece = pool.read(digest)
        here += sum(chunk.size for chunk in unpacked(piece) if pool.has(chunk)) if piece is not None else 0
    return max(drop.size - here, 0)


def _read(pool: Pool, drop: Drop, digest: bytes) -> bytes:
    data = pool.read(digest)
    if data is None:
        raise Lacking(f"a part of {shown(drop.name)!r} is not here")
    return data


class Checking:
    """The check of a whole drop, step by step."""

    def __init__(self, pool: Pool, drop: Drop) -> None:
        """Of a drop of which all chunks seem to be here."""
        self._data = data_of(pool, drop)

    def step(self) -> bool:
        """Check some more; whether there may be more. Raises Lacking or Malformed."""
        done = 0
        for data in self._data:
            done += len(data)
            if done >= CUT_STEP_BYTES:
                return True
        return False


class Joining:
    """One file on its way out of the pool."""

    def __init__(self, pool: Pool, drop: Drop, folder: Path, *, seen: bool = False) -> None:
        """Into a folder; under a name that is `seen`, where nobody asked for it. Raises Misuse when there is none."""
        if not folder.is_dir():
            raise Misuse(f"{shown(str(folder))} is no folder", hint="Give one that is there: --into DIR.")
        self._folder, self._name = folder, safe_name(drop.name)
        if seen:
            self._name = self._name.lstrip(". ")
        self._data = data_of(pool, drop)
        whole.tidy(folder)
        try:
            self._draft = whole.Draft(folder, 0o666)
        except OSError as error:
            raise whole.cannot_write(folder, error) from error
        self.size = 0

    def step(self) -> bool:
        """Write some more; whether there may be more. Raises MeshError."""
        until = self.size + CUT_STEP_BYTES
        try:
            for data in self._data:
                self._draft.file.write(data)
                self.size += len(data)
                if self.size >= until:
                    return True
        except OSError as error:
            raise whole.cannot_write(self._folder, error) from error
        return False

    def mark(self) -> Mark:
        """Have it on the disk, and tell what it will be known by whatever its name. Raises DiskFull or Refused."""
        try:
            self._draft.sync()
            return _mark(os.fstat(self._draft.file.fileno()))
        except OSError as error:
            raise whole.cannot_write(self._folder, error) from error

    def done(self) -> Path:
        """Give the file its name, or one with a number where that is taken. Raises DiskFull or Refused."""
        try:
            self._draft.sync()
            path = self._placed()
            whole.sync(self._folder)
        except OSError as error:
            raise whole.cannot_write(self._folder, error) from error
        return path

    def _placed(self) -> Path:
        stem, dot, end = self._name.rpartition(".")
        first, end = (stem, dot + end) if stem else (self._name, "")
        for number in range(1, _NAMES_TRIED):
            path = self._folder / (self._name if number == 1 else f"{first} ({number}){end}")
            if self._draft.take(path):
                return path
        raise Misuse(f"{shown(str(self._folder))} has many files of that name already", hint="Give another --into.")

    def close(self) -> None:
        """Let go of it; what was not done leaves nothing."""
        self._draft.close()


def is_there(folder: Path, mark: Mark) -> bool:
    """Whether a folder has the file of a mark, under whatever name; drafts that nobody writes any more go first."""
    whole.tidy(folder)
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # it went meanwhile
            if _mark(path.lstat()) == mark:
                return True
    return False


def _mark(found: os.stat_result) -> Mark:
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def safe_name(name: str) -> str:
    """A foreign file's name as a name in a folder: no way out of it, no control characters, not too long."""
    composed = normalize("NFC", name)
    clean = "".join("_" if c in "/\\:" or not c.isprintable() else c for c in composed).strip()
    if clean.strip(". ") == "":
        return _NO_NAME
    stem, dot, end = clean.rpartition(".")
    if not stem or len((dot + end).encode()) > FILE_NAME_BYTES_MAX // 2:
        stem, dot, end = clean, "", ""
    room = FILE_NAME_BYTES_MAX - len((dot + end).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + end
