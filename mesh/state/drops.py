"""Drops: files that devices hand each other. What the record of one says, and the list of the chunks it consists of.

A file is cut into chunks. Their digests and lengths, one row each, make a list; the list is cut into pieces, which are
chunks as well; the record names the pieces. So a file of any size fits a record, and whoever fetches it holds one piece
at a time. This module cuts nothing and opens no file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mesh.errors import Malformed
from mesh.events.kinds import Value
from mesh.limits import (
    CHUNK_BYTES_MAX,
    CHUNK_ROW_BYTES,
    DIGEST_BYTES,
    DROP_BYTES_MAX,
    DROP_PIECES_MAX,
    DROP_UNASKED_BYTES_MAX,
)
from mesh.names import DocumentId, device_text
from mesh.state.records import PROJECT, TITLE, Record

KIND = "drop"
TRANSCRIPT = "transcript"
"""The state of a drop that is what a tool wrote of a session: its session names it, lists of dropped files do not."""

GOT = "got/"
"""A device that has the whole file says when it had it, in a register of its own."""

PIECE_ROWS = CHUNK_BYTES_MAX // CHUNK_ROW_BYTES
"""Chunks in one piece of the list."""

_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a file: its SHA-256, and how long it is."""

    digest: bytes
    size: int

    @classmethod
    def of(cls, data: bytes) -> Chunk:
        """What these bytes are as a chunk."""
        return cls(hashlib.sha256(data).digest(), len(data))


@dataclass(frozen=True, slots=True)
class Drop:
    """A dropped file, as its record tells. `sender` and `to` are devices as text; `to` is empty: for everybody."""

    document: DocumentId
    name: str
    size: int
    digest: bytes
    pieces: tuple[bytes, ...]
    sender: str
    to: str
    at_ms: int
    mime: str
    got: Mapping[str, int]
    deleted: bool

    def comes_to(self, device: str) -> bool:
        """Whether a device is to have it unasked: what is for it, or for everybody and not large."""
        return self.to == device or (not self.to and self.size <= DROP_UNASKED_BYTES_MAX)


def registers(
    *, name: str, size: int, digest: bytes, pieces: Sequence[bytes], sender: str, to: str, at_ms: int, mime: str
) -> dict[str, Value]:
    """What the birth of a drop says; who drops a file has it."""
    return {
        GOT + sender: at_ms,
        TITLE: name,
        "from": sender,
        "to": to,
        "at": at_ms,
        "size": size,
        "mime": mime,
        "digest": digest.hex(),
        "chunks": "\n".join(piece.hex() for piece in pieces),
    }


def in_project(given: dict[str, Value], project: str) -> dict[str, Value]:
    """The same, of a project."""
    return {**given, PROJECT: project} if project else given


def drop_of(record: Record) -> Drop:
    """What a record says, which anybody may have written. Raises Malformed."""
    lines = record.word("chunks").split("\n") if record.word("chunks") else []
    size, digest = record.number("size"), record.word("digest")
    fits = 0 <= size <= DROP_BYTES_MAX and len(lines) <= DROP_PIECES_MAX and (size > 0) == bool(lines)
    if not fits or not all(_HEX.match(text) for text in (digest, *lines)):
        raise Malformed(f"{record.document} does not say what file it is")
    got = {name: when for name, when in record.under(GOT).items() if isinstance(when, int)}
    return Drop(
        record.document,
        record.word(TITLE),
        size,
        bytes.fromhex(digest),
        tuple(map(bytes.fromhex, lines)),
        record.word("from"),
        record.word("to"),
        record.number("at"),
        record.word("mime"),
        got,
        record.deleted,
    )


def got_by(admission: bytes) -> str:
    """The register in which a device says that it has the whole."""
    return GOT + device_text(admission)


def packed(chunks: Iterable[Chunk]) -> bytes:
    """Rows of the list: digest, and length in 4 bytes, big end first."""
    return b"".join(chunk.digest + chunk.size.to_bytes(CHUNK_ROW_BYTES - DIGEST_BYTES, "big") for chunk in chunks)


def unpacked(raw: bytes) -> tuple[Chunk, ...]:
    """The rows of a piece of the list. Raises Malformed."""
    if not raw or len(raw) % CHUNK_ROW_BYTES or len(raw) > CHUNK_BYTES_MAX:
        raise Malformed(f"{len(raw)} bytes are no piece of a list of chunks")
    rows = (raw[start : start + CHUNK_ROW_BYTES] for start in range(0, len(raw), CHUNK_ROW_BYTES))
    chunks = tuple(Chunk(row[:DIGEST_BYTES], int.from_bytes(row[DIGEST_BYTES:], "big")) for row in rows)
    if not all(0 < chunk.size <= CHUNK_BYTES_MAX for chunk in chunks):
        raise Malformed(f"a chunk has 1 to {CHUNK_BYTES_MAX:,} bytes")
    return chunks


def in_pages(
    wanted: Iterable[tuple[int, Chunk]], bytes_max: int, count_max: int
) -> list[tuple[tuple[int, Chunk], ...]]:
    """Chunks, each with its row, in pages of at most so many bytes and chunks."""
    pages: list[tuple[tuple[int, Chunk], ...]] = []
    page: list[tuple[int, Chunk]] = []
    size = 0
    for row, chunk in wanted:
        if page and (size + chunk.size > bytes_max or len(page) == count_max):
            pages.append(tuple(page))
            page, size = [], 0
        page.append((row, chunk))
        size += chunk.size
    return [*pages, tuple(page)] if page else pages
