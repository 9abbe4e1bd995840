"""Parsers of what is said about dropped files: the talk about chunks, lists of them, and the records of drops."""

from __future__ import annotations

import json
from collections.abc import Iterable

from mesh.errors import Refused
from mesh.events import cbor
from mesh.events.seal import Keyring
from mesh.limits import NONCE_BYTES
from mesh.names import DocumentId, short
from mesh.state.drops import KIND, Chunk, drop_of, packed, unpacked
from mesh.state.records import Record
from mesh.sync.drops import Ask, Page, opened_ask, opened_page
from tests.fuzz.parsers import Parser, text_of
from tests.unit.small_mesh import EPOCH_KEY, MESH, fixed

_EPOCH, _NONCE = short(MESH.epoch), fixed(NONCE_BYTES, "nonce")
_RING = Keyring({_EPOCH: EPOCH_KEY})
_DROP = DocumentId("home", KIND, fixed(16, "drop"))
_NAME = [_DROP.space, _DROP.type, _DROP.name]
_REGISTERS = {"title": "a.txt", "size": 5, "digest": "0" * 64, "chunks": "1" * 64, "from": "x", "got/x": 1}


def _asked(raw: bytes) -> object:
    return opened_ask(_RING.seal_page(_EPOCH, b"ask", raw, _NONCE), _RING)


def _ask_again(value: object) -> bytes:
    assert isinstance(value, Ask), value
    document = value.document
    return cbor.encode([[document.space, document.type, document.name], value.piece, list(value.rows)])


def _paged(raw: bytes) -> object:
    return opened_page(_RING.seal_page(_EPOCH, b"page", raw, _NONCE), _RING)


def _page_again(value: object) -> bytes:
    assert isinstance(value, Page), value
    return cbor.encode([list(chunk) for chunk in value.chunks])


def _record(raw: bytes) -> object:
    """The registers of a record, whatever somebody wrote into them, as a drop."""
    try:
        said = json.loads(text_of(raw))
    except (ValueError, RecursionError) as error:
        raise Refused("no registers at all") from error
    if not isinstance(said, dict):
        raise Refused("no registers at all")
    return drop_of(Record(_DROP, {key: v for key, v in said.items() if isinstance(v, str | int | bool)}, ""))


def dropped() -> Iterable[Parser]:
    """Questions and pages inside their seal and out of it, pieces of lists, records."""
    asks = [cbor.encode([_NAME, 3, [1, 2, 60]]), cbor.encode([_NAME, 0, []])]
    pages = [cbor.encode([[1, b"bytes"], [2, b""]]), cbor.encode([])]
    pieces = [packed([Chunk(fixed(32, n), n + 1) for n in range(3)])]
    sealed = [_RING.seal_page(_EPOCH, b"page", pages[0], _NONCE)]
    yield Parser("chunks-asked", _asked, asks, _ask_again)
    yield Parser("chunks-page", _paged, pages, _page_again)
    yield Parser("chunks-sealed", lambda raw: opened_page(raw, _RING), sealed, structured=False)
    yield Parser("chunks-piece", unpacked, pieces, packed, structured=False)  # type: ignore[arg-type]
    yield Parser("drop-record", _record, [json.dumps(_REGISTERS).encode()], structured=False)
