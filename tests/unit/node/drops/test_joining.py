"""Putting together: the file is the one that was dropped, appears whole or not at all, and replaces nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mesh.errors import Malformed, Misuse
from mesh.limits import FILE_NAME_BYTES_MAX, MIB
from mesh.node.drops.joining import Checking, Joining, Lacking, lacking, safe_name
from mesh.node.drops.pool import Pool
from mesh.state.drops import Drop, unpacked
from tests.unit.node.drops.files import cut, drop_of, noise


def put_down(pool: Pool, drop: Drop, folder: Path) -> Path:
    """A drop as a file."""
    joining = Joining(pool, drop, folder)
    try:
        while joining.step():
            continue
        return joining.done()
    finally:
        joining.close()


def names(folder: Path) -> set[str]:
    """What is in a folder."""
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("size", [0, 1, 9 * MIB])
def test_what_comes_out_is_what_went_in(tmp_path: Path, size: int) -> None:
    """Byte for byte, and nothing beside it."""
    pool, out, data = Pool(tmp_path / "drops"), tmp_path / "out", noise(size)
    out.mkdir()
    drop = drop_of(cut(pool, data))
    assert lacking(pool, drop) == 0
    assert put_down(pool, drop, out).read_bytes() == data
    assert names(out) == {"plan.pdf"}


def test_a_name_that_is_taken_gets_a_number(tmp_path: Path) -> None:
    """No file and no link that is there is touched."""
    pool, out = Pool(tmp_path / "drops"), tmp_path / "out"
    out.mkdir()
    (out / "plan.pdf").write_text("mine")
    (out / "plan (2).pdf").symlink_to(tmp_path / "nowhere")
    drop = drop_of(cut(pool, b"theirs"))
    assert put_down(pool, drop, out) == out / "plan (3).pdf"
    assert (out / "plan.pdf").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


def test_a_missing_or_damaged_chunk_leaves_no_file(tmp_path: Path) -> None:
    """The part is named as missing, how much is lacking is known, and the folder stays as it was."""
    pool, out = Pool(tmp_path / "drops"), tmp_path / "out"
    out.mkdir()
    drop = drop_of(cut(pool, noise(MIB)))
    row = unpacked(pool.read(drop.pieces[0]) or b"")[3]
    path = pool.path(row.digest)
    path.write_bytes(bytes(row.size))
    with pytest.raises(Lacking):
        put_down(pool, drop, out)
    assert names(out) == set()
    assert lacking(pool, drop) == row.size
    with pytest.raises(Lacking):
        Checking(pool, drop).step()


def test_attack_chunks_that_are_not_the_file(tmp_path: Path) -> None:
    """A list that leads to other bytes than its record says never becomes a file."""
    pool, out = Pool(tmp_path / "drops"), tmp_path / "out"
    out.mkdir()
    drop, other = drop_of(cut(pool, noise(MIB))), cut(pool, noise(MIB, seed=1))
    for wrong in (replace(drop, pieces=other.pieces), replace(drop, digest=other.digest), replace(drop, size=MIB + 1)):
        with pytest.raises(Malformed):
            put_down(pool, wrong, out)
    assert names(out) == set()


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """Nothing is made unasked."""
    drop = drop_of(cut(Pool(tmp_path / "drops"), b"x"))
    with pytest.raises(Misuse, match="is no folder"):
        Joining(Pool(tmp_path / "drops"), drop, tmp_path / "missing")
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("plan.pdf", "plan.pdf"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..", "dropped file"),
        ("", "dropped file"),
        ("a\0b\nc", "a_b_c"),
        ("C:\\x", "C__x"),
        (".bashrc", ".bashrc"),
        ("\u202efdp.exe", "_fdp.exe"),
        ("Müll.txt", "Müll.txt"),
    ],
)
def test_attack_a_name_that_leads_elsewhere(name: str, safe: str) -> None:
    """Whatever a name says, it is a name in the folder."""
    assert safe_name(name) == safe


@pytest.mark.parametrize("name", ["x" * 5000 + ".pdf", "ü" * 5000 + ".tar.gz", "a." + "y" * 5000, "." + "z" * 5000])
def test_a_long_name_is_cut(name: str) -> None:
    """To what a file system takes, with its end where that is short."""
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= FILE_NAME_BYTES_MAX
    assert not name.endswith((".pdf", ".gz")) or safe.endswith(name[-3:])
