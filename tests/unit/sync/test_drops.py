"""Questions for chunks and their answers: read as they were written, by nobody without the key, and bounded."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Forged, Malformed, Refused, TooLarge
from mesh.events import cbor
from mesh.events.keys import derive
from mesh.events.seal import Keyring
from mesh.limits import CHUNK_BYTES_MAX, CHUNKS_ASKED_MAX, DROP_PIECES_MAX, NONCE_BYTES, PAGE_BYTES_MAX, PUSH_BYTES_MAX
from mesh.names import Digest, DocumentId, short
from mesh.sync.drops import Ask, Page, opened_ask, opened_page, sealed_ask, sealed_page
from tests.unit.small_mesh import EPOCH_KEY, fixed

EPOCH = short(Digest(fixed(32, "an epoch")))
RING = Keyring({EPOCH: EPOCH_KEY})
NONCE = fixed(NONCE_BYTES, "nonce")
DROP = DocumentId("home", "drop", fixed(16, "drop"))
NAME = ["home", "drop", DROP.name]


def raw_ask(value: object) -> bytes:
    """Anything, sealed as a question."""
    return RING.seal_page(EPOCH, b"ask", cbor.encode(value), NONCE)


def raw_page(value: object) -> bytes:
    """Anything, sealed as an answer."""
    return RING.seal_page(EPOCH, b"page", cbor.encode(value), NONCE)


@given(st.integers(0, DROP_PIECES_MAX - 1), st.sets(st.integers(0, 7000), max_size=CHUNKS_ASKED_MAX))
def test_a_question_reads_as_it_was_asked(piece: int, rows: set[int]) -> None:
    """Document, piece and rows come back."""
    ask = Ask(DROP, piece, tuple(sorted(rows)))
    assert opened_ask(sealed_ask(ask, RING, EPOCH, NONCE), RING) == ask


@given(st.lists(st.tuples(st.integers(0, 7000), st.binary(max_size=50)), max_size=5))
def test_a_page_reads_as_it_was_sent(chunks: list[tuple[int, bytes]]) -> None:
    """Rows and their bytes come back."""
    page = Page(tuple(chunks))
    assert opened_page(sealed_page(page, RING, EPOCH, NONCE), RING) == page


def test_the_seal_is_the_formula_of_the_protocol() -> None:
    """Epoch, nonce, and AES-GCM under the subkey with the side as additional data: written out a second time."""
    key = derive(EPOCH_KEY, "mesh/chunk/1")
    plain = cbor.encode([NAME, 3, [1, 2]])
    sealed = sealed_ask(Ask(DROP, 3, (1, 2)), RING, EPOCH, NONCE)
    assert sealed == EPOCH + NONCE + AESGCM(key).encrypt(NONCE, plain, b"ask")
    page = sealed_page(Page(((1, b"x"),)), RING, EPOCH, NONCE)
    assert page == EPOCH + NONCE + AESGCM(key).encrypt(NONCE, cbor.encode([[1, b"x"]]), b"page")


def test_attack_whoever_carries_them_reads_nothing_and_changes_nothing() -> None:
    """Under another key, altered, or sent back as the other side: it does not open. Without a key it is said so."""
    sealed = sealed_ask(Ask(DROP, 0), RING, EPOCH, NONCE)
    assert DROP.name not in sealed
    with pytest.raises(Forged):
        opened_ask(sealed, Keyring({EPOCH: fixed(32, "another key")}))
    with pytest.raises(Forged):
        opened_ask(sealed[:-1] + bytes([sealed[-1] ^ 1]), RING)
    with pytest.raises(Forged):
        opened_page(sealed, RING)
    with pytest.raises(Refused, match="key is not here"):
        opened_ask(sealed, Keyring())


@pytest.mark.parametrize(
    "value",
    [
        [],
        [NAME, 0],
        [NAME, 0, [2, 1]],
        [NAME, 0, [1, 1]],
        [NAME, 0, [-1]],
        [NAME, 0, ["1"]],
        [NAME, 0, [True]],
        [NAME, 0, list(range(CHUNKS_ASKED_MAX + 1))],
        [NAME, DROP_PIECES_MAX, []],
        [NAME, -1, []],
        [["home", "drop", b"short"], 0, []],
        [["HOME", "drop", DROP.name], 0, []],
        [["home", "drop"], 0, []],
    ],
    ids=str,
)
def test_attack_a_question_that_is_none(value: object) -> None:
    """Whatever has not its form is refused."""
    with pytest.raises(Malformed):
        opened_ask(raw_ask(value), RING)


@pytest.mark.parametrize("value", [{}, [1], [[1]], [["1", b""]], [[1, "x"]], [[1, b""]] * (CHUNKS_ASKED_MAX + 1)])
def test_attack_a_page_that_is_none(value: object) -> None:
    """Whatever has not its form is refused."""
    with pytest.raises(Malformed):
        opened_page(raw_page(value), RING)


def test_attack_a_message_that_is_too_long() -> None:
    """It is refused before it is opened."""
    with pytest.raises(TooLarge):
        opened_ask(bytes(5000), RING)
    with pytest.raises(TooLarge):
        opened_page(bytes(PUSH_BYTES_MAX + 1), RING)
    with pytest.raises(Refused):
        opened_page(b"", RING)


def test_a_full_page_and_the_largest_chunk_travel() -> None:
    """A page that is cut to its bound, and one chunk alone, are shorter than a message may be."""
    full = sealed_page(Page(tuple((row, bytes(PAGE_BYTES_MAX // 64)) for row in range(64))), RING, EPOCH, NONCE)
    largest = sealed_page(Page(((0, bytes(CHUNK_BYTES_MAX)),)), RING, EPOCH, NONCE)
    assert max(len(full), len(largest)) < PUSH_BYTES_MAX
