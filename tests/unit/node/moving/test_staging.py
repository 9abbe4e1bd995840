"""A folder in a home where something is put together: it goes away with its block, and after a kill with the next."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Unreachable
from mesh.node.moving.staging import PREFIX, staging, sweep


def test_it_ends_with_its_block(tmp_path: Path) -> None:
    """Whatever happens inside."""

    def fails() -> None:
        with staging(tmp_path) as folder:
            (folder / "file").write_text("x")
            assert folder.stat().st_mode & 0o77 == 0
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert not list(tmp_path.iterdir())


def test_what_is_held_stays_and_what_is_not_goes(tmp_path: Path) -> None:
    """Two at once do not disturb each other; a leftover goes; nothing else is touched, through no link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("x")
    (tmp_path / f"{PREFIX}link").symlink_to(outside)
    (tmp_path / f"{PREFIX}old").mkdir()
    (tmp_path / f"{PREFIX}old" / "file").write_text("x")
    with staging(tmp_path) as first, staging(tmp_path) as second:
        assert first != second
        sweep(tmp_path)
        assert first.is_dir()
        assert not (tmp_path / f"{PREFIX}old").exists()
    assert (outside / "mine").read_text() == "x"


def test_where_no_folder_can_be_made_it_says_so(tmp_path: Path) -> None:
    """One sentence."""
    with pytest.raises(Unreachable), staging(tmp_path / "nowhere"):
        pass
