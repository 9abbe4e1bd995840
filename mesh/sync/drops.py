"""What devices say to each other about dropped files: which chunks one lacks, and what they are.

A question names a place in a drop, never a digest, so nobody can ask whether somebody has some bytes. Both sides are
sealed under the epoch: whoever carries them learns neither. This module looks into no record and keeps no chunk.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh.errors import Malformed, TooLarge
from mesh.events import cbor
from mesh.events.seal import Keyring
from mesh.limits import CHUNK_BYTES_MAX, CHUNKS_ASKED_MAX, DROP_PIECES_MAX, KIB, PUSH_BYTES_MAX
from mesh.names import DocumentId, Short

VERB = "chunk"
_ASK, _PAGE = b"ask", b"page"
_ASK_BYTES_MAX = 4 * KIB
_ROWS_MAX = CHUNK_BYTES_MAX  # no piece has as many rows as bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """A piece of the list of a drop's chunks, or chunks by their rows in that piece. No rows: the piece itself."""

    document: DocumentId
    piece: int
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """What is here of that: rows with their bytes. Row 0 is the piece, where the piece was asked for."""

    chunks: tuple[tuple[int, bytes], ...]


def sealed_ask(ask: Ask, keyring: Keyring, epoch: Short, nonce: bytes) -> bytes:
    """A question as it travels."""
    name = [ask.document.space, ask.document.type, ask.document.name]
    return keyring.seal_page(epoch, _ASK, cbor.encode([name, ask.piece, list(ask.rows)]), nonce)


def opened_ask(raw: bytes, keyring: Keyring) -> Ask:
    """Read a question. Raises Refused."""
    _bounded(raw, _ASK_BYTES_MAX, "a question for chunks")
    plain = keyring.open_page(_ASK, raw)
    name, piece, rows = cbor.fields(plain, _ASK_BYTES_MAX, "a question for chunks", (list, int, list))
    space, kind, raw_name = cbor.expect_types(name, "a document", (str, str, bytes))
    wanted: list[object] = rows  # type: ignore[assignment]
    numbers = [row for row in wanted if type(row) is int and 0 <= row < _ROWS_MAX]
    if len(numbers) != len(wanted) or len(wanted) > CHUNKS_ASKED_MAX or sorted(set(numbers)) != numbers:
        raise Malformed(f"a question is for at most {CHUNKS_ASKED_MAX} rows, ascending, each once")
    if not 0 <= piece < DROP_PIECES_MAX:  # type: ignore[operator]
        raise Malformed(f"a list of chunks has at most {DROP_PIECES_MAX} pieces")
    return Ask(DocumentId.checked(space, kind, raw_name), piece, tuple(numbers))  # type: ignore[arg-type]


def sealed_page(page: Page, keyring: Keyring, epoch: Short, nonce: bytes) -> bytes:
    """An answer as it travels."""
    return keyring.seal_page(epoch, _PAGE, cbor.encode([list(chunk) for chunk in page.chunks]), nonce)


def opened_page(raw: bytes, keyring: Keyring) -> Page:
    """Read an answer. Raises Refused. Whether the bytes are what was asked for is not checked here."""
    _bounded(raw, PUSH_BYTES_MAX, "a page of chunks")
    value = cbor.decode(keyring.open_page(_PAGE, raw), PUSH_BYTES_MAX, "a page of chunks")
    if type(value) is not list or len(value) > CHUNKS_ASKED_MAX:
        raise Malformed(f"a page is a list of at most {CHUNKS_ASKED_MAX} chunks")
    pairs = [cbor.expect_types(one, "a chunk", (int, bytes)) for one in value]
    return Page(tuple((row, data) for row, data in pairs))  # type: ignore[misc]


def _bounded(raw: bytes, bytes_max: int, what: str) -> None:
    if len(raw) > bytes_max:
        raise TooLarge(f"{what} has {len(raw):,} bytes; at most {bytes_max:,} are allowed")
