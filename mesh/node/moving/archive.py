"""The file of a backup: a tar archive with a manifest first, clear or sealed as a whole by a passphrase.

A clear one opens with any `tar`. What is read is taken for foreign: names, kinds and sizes must be exactly those that
the manifest promises, and nothing is read ahead of what was checked. This module knows neither home nor store.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from mesh.errors import Malformed, Refused
from mesh.events.lockbox import Row
from mesh.limits import BACKUP_BOX_BYTES, BACKUP_MANIFEST_BYTES_MAX, SALT_BYTES, SEQ_MAX, TAG_BYTES

FORMAT = 1
MANIFEST = "manifest.json"
MEMBERS = ("machine", "secrets", "mesh.db")
"""What may be in a backup, in this order; the last two must be."""
_SEALED = b"mesh-backup-1-sealed\n"
_END = bytes(2 * tarfile.BLOCKSIZE)

Take = Callable[[str, bytes], None]
"""Takes the next bytes of a member."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a backup."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    mesh: str
    device: str
    name: str
    events: int
    documents: int
    state_digest: str
    version: str
    members: tuple[Member, ...]
    format: int = FORMAT


def member(name: str, path: Path) -> Member:
    """A file as it will be in a backup."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Member(name, file.tell(), digest)


# ---------------------------------------------------------------- writing


def write(file: BinaryIO, manifest: Manifest, folder: Path, passphrase: str) -> Iterator[int]:
    """Write a backup of the manifest's members, which lie in a folder; gives the bytes of each step."""
    out: _Out = _Sealer(file, passphrase) if passphrase else _Plain(file)
    raw = json.dumps(asdict(manifest)).encode()
    assert len(raw) <= BACKUP_MANIFEST_BYTES_MAX, "names are short"
    out.write(_header(MANIFEST, len(raw)) + raw + _padding(len(raw)))
    for one in manifest.members:
        out.write(_header(one.name, one.bytes))
        with (folder / one.name).open("rb") as source:
            while part := source.read(BACKUP_BOX_BYTES):
                out.write(part)
                yield len(part)
        out.write(_padding(one.bytes))
    out.write(_END)
    out.close()


class _Out(Protocol):
    def write(self, data: bytes, /) -> object:
        """Take the next bytes."""

    def close(self) -> None:
        """Take what is held back."""


class _Plain:
    def __init__(self, file: BinaryIO) -> None:
        self.write, self.close = file.write, file.flush


class _Sealer:
    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        head = _SEALED + secrets.token_bytes(SALT_BYTES)
        file.write(head)
        self._file, self._row = file, Row(passphrase, head)
        self._held = b""

    def write(self, data: bytes) -> None:
        self._held += data
        while len(self._held) > BACKUP_BOX_BYTES:  # a full one waits: it may be the last
            box, self._held = self._held[:BACKUP_BOX_BYTES], self._held[BACKUP_BOX_BYTES:]
            self._file.write(self._row.lock(box, last=False))

    def close(self) -> None:
        self._file.write(self._row.lock(self._held, last=True))


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


# ---------------------------------------------------------------- reading


def is_sealed(file: BinaryIO) -> bool:
    """Whether a passphrase is needed. The file stands at its beginning afterwards."""
    sealed = file.read(len(_SEALED)) == _SEALED
    file.seek(0)
    return sealed


def read(file: BinaryIO, passphrase: str, take: Take | None = None) -> Iterator[Manifest]:
    """Read and check a whole backup; gives the manifest first and again after each step. Raises Refused.

    `take` gets what is in the members before their digests were checked: use it for what was read to the end before.
    """
    source = _Opener(file, passphrase) if is_sealed(file) else _Clear(file)
    raw = source.exactly(_size(source, MANIFEST, range(1, BACKUP_MANIFEST_BYTES_MAX + 1)))
    manifest = _manifest(raw)
    source.padding(len(raw))
    yield manifest
    for one in manifest.members:
        left = _size(source, one.name, range(one.bytes, one.bytes + 1))
        digest = hashlib.sha256()
        while left:
            part = source.exactly(min(left, BACKUP_BOX_BYTES))
            digest.update(part)
            left -= len(part)
            if take:
                take(one.name, part)
            yield manifest
        source.padding(one.bytes)
        if digest.hexdigest() != one.sha256:
            raise Malformed(f"the backup is damaged: {one.name} is not what it was")
    if source.exactly(len(_END)) != _END or not source.ended():
        raise Malformed("something follows the end of the backup")


class _Source:
    """The archive as bytes, whether it was sealed or not."""

    def __init__(self) -> None:
        self._held = b""

    def more(self) -> bytes:
        """The next bytes, none at the end."""
        raise NotImplementedError

    def exactly(self, size: int) -> bytes:
        """So many bytes. Raises Malformed when there are fewer."""
        while len(self._held) < size:
            more = self.more()
            if not more:
                raise Malformed("the backup is cut off")
            self._held += more
        found, self._held = self._held[:size], self._held[size:]
        return found

    def padding(self, size: int) -> None:
        """What fills a member up to whole blocks."""
        expected = _padding(size)
        if self.exactly(len(expected)) != expected:
            raise Malformed("the backup is damaged between two of its files")

    def ended(self) -> bool:
        """Whether nothing follows."""
        return not self._held and not self.more()


class _Clear(_Source):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def more(self) -> bytes:
        return self._file.read(BACKUP_BOX_BYTES)


class _Opener(_Source):
    def __init__(self, file: BinaryIO, passphrase: str) -> None:
        super().__init__()
        head = file.read(len(_SEALED) + SALT_BYTES)
        if len(head) < len(_SEALED) + SALT_BYTES:
            raise Malformed("the backup is cut off")
        self._file, self._row = file, Row(passphrase, head)
        self._next = file.read(BACKUP_BOX_BYTES + TAG_BYTES)
        self._last = False

    def more(self) -> bytes:
        if self._last:
            return b""
        box, self._next = self._next, self._file.read(BACKUP_BOX_BYTES + TAG_BYTES)
        self._last = not self._next
        try:
            return self._row.unlock(box, last=self._last)
        except Refused as error:
            raise type(error)(f"the backup cannot be opened: {error}") from error


def _size(source: _Source, name: str, allowed: range) -> int:
    """The size of the next member, which must be a plain file of this name."""
    try:
        info = tarfile.TarInfo.frombuf(source.exactly(tarfile.BLOCKSIZE), "ascii", "strict")
    except (tarfile.HeaderError, ValueError) as error:
        raise Malformed("this is no backup that mesh made, or it is damaged") from error
    if info.name != name or info.type != tarfile.REGTYPE or info.size not in allowed:
        raise Malformed(f"this is no backup that mesh made: {name} is not where it should be")
    return info.size


def _manifest(raw: bytes) -> Manifest:
    try:
        told = json.loads(raw)
        if told["format"] != FORMAT:
            raise Refused("this backup has a format that is not known here", hint="A newer mesh made it: upgrade.")
        members = tuple(Member(**each) for each in told.pop("members"))
        found = Manifest(**told, members=members)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed("the backup's manifest makes no sense") from error
    _check(found)
    return found


def _check(found: Manifest) -> None:
    texts: Sequence[object] = (found.mesh, found.device, found.name, found.state_digest, found.version)
    numbers: Mapping[str, object] = {"events": found.events, "documents": found.documents}
    fit = all(type(text) is str for text in texts) and all(_is_count(number) for number in numbers.values())
    names = tuple(one.name for one in found.members)
    known = names in {MEMBERS, MEMBERS[1:]}
    whole = all(_is_count(one.bytes) and type(one.sha256) is str for one in found.members)
    if not (fit and known and whole):
        raise Malformed("the backup's manifest makes no sense")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= SEQ_MAX
