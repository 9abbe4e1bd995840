"""The pool: a chunk is there once, is what its name says, and goes when nobody wants it any more."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from mesh.errors import DiskFull
from mesh.node.drops.pool import SHARES, Pool
from mesh.state.drops import Chunk
from tests.unit.node.drops.files import chunk_files, noise


def test_what_is_kept_is_read_and_is_there_once(tmp_path: Path) -> None:
    """The second time nothing is written; only this user may read it."""
    pool, data = Pool(tmp_path / "drops"), noise(1000)
    chunk = Chunk.of(data)
    assert not pool.has(chunk)
    assert pool.read(chunk.digest) is None
    assert pool.keep(chunk, data)
    assert not pool.keep(chunk, data)
    pool.settle()
    assert pool.has(chunk)
    assert pool.read(chunk.digest) == data
    (path,) = chunk_files(pool)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path == pool.folder / chunk.digest.hex()
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("damage", [b"", noise(999), noise(1000, seed=1), noise(10_000_000)], ids=len)
def test_a_damaged_chunk_is_missing_from_then_on(tmp_path: Path, damage: bytes) -> None:
    """Cut short, altered or grown: it is never handed out, and can be kept again."""
    pool, data = Pool(tmp_path), noise(1000)
    chunk = Chunk.of(data)
    pool.keep(chunk, data)
    pool.path(chunk.digest).write_bytes(damage)
    assert pool.read(chunk.digest) is None
    assert not pool.has(chunk)
    assert pool.keep(chunk, data)
    assert pool.read(chunk.digest) == data


def test_a_sweep_leaves_what_is_wanted_or_new_or_not_ours(tmp_path: Path) -> None:
    """Unwanted chunks and drafts of a crash go; each share takes its own only."""
    pool = Pool(tmp_path)
    chunks = [Chunk.of(noise(100, seed)) for seed in range(40)]
    for seed, chunk in enumerate(chunks):
        pool.keep(chunk, noise(100, seed))
    draft = pool.path(chunks[0].digest).with_name(".draft")
    stranger = pool.path(chunks[0].digest).with_name("notes.txt")
    for path in (draft, stranger):
        path.write_bytes(b"x")
    wanted = {chunk.digest for chunk in chunks[:10]}
    assert sum(pool.sweep(share, wanted, time.time() - 60) for share in SHARES) == 0
    later = time.time() + 60
    first = chunks[20].digest.hex()[0]
    gone = {chunk.digest for chunk in chunks[10:] if chunk.digest.hex().startswith(first)}
    assert pool.sweep(first, wanted, later) == len(gone) + 1
    assert {c.digest for c in chunks if pool.has(c)} == {c.digest for c in chunks} - gone
    for share in SHARES:
        pool.sweep(share, wanted, later)
    assert {chunk.digest for chunk in chunks if pool.has(chunk)} == wanted
    assert stranger.exists()
    assert not draft.exists()


def test_a_disk_that_is_nearly_full_is_left_alone(tmp_path: Path) -> None:
    """Nothing is begun that would not fit, also before the folder is there."""
    pool = Pool(tmp_path / "not yet")
    pool.must_have_room(1)
    with pytest.raises(DiskFull, match="a dropped file needs"):
        pool.must_have_room(1 << 60)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is named, no draft stays, and the chunk is not here."""
    pool, data = Pool(tmp_path), noise(1000)
    chunk = Chunk.of(data)

    def full(_path: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(DiskFull):
            pool.keep(chunk, data)
    assert chunk_files(pool) == []
    assert not pool.has(chunk)
    pool.keep(chunk, data)
    monkeypatch.setattr(os, "fsync", lambda file: full(tmp_path, tmp_path) if file else None)
    with pytest.raises(DiskFull):
        pool.settle()
