"""What processes share in a run of tests is made once, is there while anybody uses it, and goes with the last one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.sharing import shared


def test_made_once_and_gone_with_the_last(tmp_path: Path) -> None:
    """Two that use it at once, and a third that comes when they have gone."""
    lock, folder, made = tmp_path / "lock", tmp_path / "shared", list[int]()

    def make(into: Path) -> None:
        made.append(len(made))
        into.mkdir()
        (into / "file").write_text("x")

    with shared(lock, folder, make) as first:
        with shared(lock, folder, make) as second:
            assert first == second
        assert (first / "file").is_file(), "somebody still uses it"
    assert made == [0]
    assert not folder.exists()
    with shared(lock, folder, make):
        assert made == [0, 1]


def test_what_was_left_half_made_is_made_anew(tmp_path: Path) -> None:
    """By a run that failed at it, or by an earlier one."""
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "of before").touch()

    def fails(_: Path) -> None:
        message = "no room"
        raise OSError(message)

    with pytest.raises(OSError, match="no room"), shared(tmp_path / "lock", folder, fails):
        pass
    with shared(tmp_path / "lock", folder, Path.mkdir) as found:
        assert list(found.iterdir()) == []
