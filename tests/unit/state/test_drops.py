"""Drops: what a record says is a file, what is none is refused, and lists of chunks read as they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Malformed
from mesh.events.bodies import document_of
from mesh.events.kinds import Value
from mesh.limits import CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, CHUNK_ROW_BYTES, DROP_BYTES_MAX, DROP_PIECES_MAX, SALT_BYTES
from mesh.names import device_text
from mesh.state import records
from mesh.state.drops import (
    KIND,
    PIECE_ROWS,
    Chunk,
    drop_of,
    got_by,
    in_pages,
    in_project,
    packed,
    registers,
    unpacked,
)
from mesh.state.records import Record
from tests.unit.small_mesh import fixed

ADMISSION = fixed(32, "laptop")
LAPTOP = device_text(ADMISSION)
CHUNKS = st.builds(Chunk, st.binary(min_size=32, max_size=32), st.integers(1, CHUNK_BYTES_MAX))


def said(**other: object) -> dict[str, Value]:
    """What the birth of some drop says."""
    given_: dict[str, object] = {
        "name": "plan.pdf", "size": 70_000, "digest": fixed(32, "whole"), "pieces": [fixed(32, "piece")],
        "sender": LAPTOP, "to": "", "at_ms": 5, "mime": "application/pdf", **other,
    }  # fmt: skip
    return registers(**given_)  # type: ignore[arg-type]


def record(values: dict[str, Value]) -> Record:
    """A record of these registers, as it is born and shown."""
    born = records.birth(KIND, values, "", bytes(SALT_BYTES))
    return records.view(document_of("home", KIND, born), born)


def test_a_drop_reads_as_it_was_born() -> None:
    """Every field comes back, and who dropped it has it."""
    drop = drop_of(record(in_project(said(to="abcd"), "home/project/x")))
    assert (drop.name, drop.size, drop.digest, drop.pieces) == (
        "plan.pdf", 70_000, fixed(32, "whole"), (fixed(32, "piece"),),
    )  # fmt: skip
    assert (drop.sender, drop.to, drop.at_ms, drop.mime, drop.deleted) == (LAPTOP, "abcd", 5, "application/pdf", False)
    assert drop.got == {LAPTOP: 5}
    assert got_by(ADMISSION) == f"got/{LAPTOP}"


def test_an_empty_file_has_no_pieces() -> None:
    """Nothing is lost of nothing."""
    assert drop_of(record(said(size=0, pieces=[]))).pieces == ()


@pytest.mark.parametrize(
    "other",
    [
        {"size": -1},
        {"size": DROP_BYTES_MAX + 1},
        {"size": 0},
        {"pieces": []},
        {"digest": b"short"},
        {"pieces": [b"short"]},
        {"pieces": [bytes(32)] * (DROP_PIECES_MAX + 1)},
    ],
    ids=str,
)
def test_attack_a_record_that_names_no_file(other: dict[str, object]) -> None:
    """A size, digest or list that does not fit is refused before anything is fetched for it."""
    with pytest.raises(Malformed, match="does not say what file it is"):
        drop_of(record(said(**other)))


def test_the_largest_file_fits_its_record() -> None:
    """64 GiB in the smallest chunks: few enough pieces, and a birth that may travel."""
    pieces = -(-DROP_BYTES_MAX // CHUNK_BYTES_MIN // PIECE_ROWS)
    assert pieces <= DROP_PIECES_MAX
    drop = drop_of(record(said(size=DROP_BYTES_MAX, pieces=[fixed(32, n) for n in range(pieces)])))
    assert len(drop.pieces) == pieces


@given(st.lists(CHUNKS, min_size=1, max_size=40))
def test_a_piece_reads_as_it_was_written(chunks: list[Chunk]) -> None:
    """Digest and length of each, in order."""
    assert list(unpacked(packed(chunks))) == chunks
    assert len(packed(chunks)) == len(chunks) * CHUNK_ROW_BYTES


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        bytes(CHUNK_ROW_BYTES - 1),
        bytes(CHUNK_ROW_BYTES),
        packed([Chunk(bytes(32), CHUNK_BYTES_MAX + 1)]),
        packed([Chunk(bytes(32), 1)] * (PIECE_ROWS + 1)),
    ],
    ids=len,
)
def test_attack_a_piece_that_is_none(raw: bytes) -> None:
    """Nothing, half a row, a chunk of no bytes or too many, more rows than fit."""
    with pytest.raises(Malformed):
        unpacked(raw)


@given(st.lists(CHUNKS, max_size=40), st.integers(CHUNK_BYTES_MAX, 3 * CHUNK_BYTES_MAX), st.integers(1, 5))
def test_pages_hold_all_in_order_and_are_never_too_large(chunks: list[Chunk], bytes_max: int, count_max: int) -> None:
    """Each chunk is in one page; no page is empty, too long or has too many."""
    wanted = list(enumerate(chunks))
    pages = in_pages(wanted, bytes_max, count_max)
    assert [pair for page in pages for pair in page] == wanted
    assert all(0 < len(page) <= count_max and sum(chunk.size for _, chunk in page) <= bytes_max for page in pages)
