"""Cutting: files come apart into chunks of bounded size, and share what they have in common."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest

from mesh.errors import Misuse, TooLarge
from mesh.limits import CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, CUT_STEP_BYTES, MIB
from mesh.node.drops import cutting as cuttings
from mesh.node.drops.cutting import Cutting
from mesh.node.drops.pool import Pool
from mesh.state.drops import unpacked
from tests.unit.node.drops.files import chunk_files, cut, noise


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES_MIN, 3 * MIB + 7])
def test_the_chunks_are_the_file(tmp_path: Path, size: int) -> None:
    """In order they are its bytes; all but the last have their least size, none is too large."""
    pool, data = Pool(tmp_path), noise(size)
    made = cut(pool, data)
    rows = [row for piece in made.pieces for row in unpacked(pool.read(piece) or b"")]
    assert b"".join(pool.read(row.digest) or b"" for row in rows) == data
    assert all(CHUNK_BYTES_MIN <= row.size <= CHUNK_BYTES_MAX for row in rows[:-1])
    assert (made.size, made.digest, made.chunks) == (size, hashlib.sha256(data).digest(), len(rows))


def test_a_changed_file_shares_most_chunks(tmp_path: Path) -> None:
    """A byte put in at the front moves all that follows, and still only the chunk that it is in is new."""
    pool, data = Pool(tmp_path), noise(4 * MIB)
    first = cut(pool, data)
    assert first.new_bytes == len(data)
    second = cut(pool, b"!" + data)
    assert second.digest != first.digest
    assert second.new_bytes <= 2 * CHUNK_BYTES_MAX
    assert cut(pool, data).new_bytes == 0


def test_a_file_of_many_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the list is too long for one piece it has more, and no row is lost between them."""
    monkeypatch.setattr(cuttings, "PIECE_ROWS", 4)
    pool, data = Pool(tmp_path), noise(MIB)
    made = cut(pool, data)
    assert len(made.pieces) == -(-made.chunks // 4)
    assert made.chunks > 4
    rows = [row for piece in made.pieces for row in unpacked(pool.read(piece) or b"")]
    assert b"".join(pool.read(row.digest) or b"" for row in rows) == data


def test_a_step_is_bounded_and_leaves_nothing_said(tmp_path: Path) -> None:
    """One step keeps a few megabytes, so whoever asks can stop between two."""
    pool = Pool(tmp_path)
    cutting = Cutting(io.BytesIO(noise(3 * CUT_STEP_BYTES)), pool)
    assert cutting.step()
    kept = sum(path.stat().st_size for path in chunk_files(pool))
    assert CUT_STEP_BYTES <= kept <= CUT_STEP_BYTES + CHUNK_BYTES_MAX


def test_a_file_over_the_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as it is seen, however the file came to be so long."""
    monkeypatch.setattr(cuttings, "DROP_BYTES_MAX", MIB)
    with pytest.raises(TooLarge):
        cut(Pool(tmp_path), noise(2 * MIB))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A disk that fails in the middle is the file's fault, not ours."""

    class Bad(io.BytesIO):
        def readinto(self, buffer: object, /) -> int:
            del buffer
            raise OSError(5, "Input/output error")

    with pytest.raises(Misuse, match="cannot be read"):
        Cutting(Bad(), Pool(tmp_path)).step()
