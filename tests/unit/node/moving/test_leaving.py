"""Leaving: the keys first, everything of ours, nothing of anybody else's; and which files are ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Busy, Unreachable
from mesh.node import home as homes
from mesh.node.agent import opened
from mesh.node.log import opened as log_opened
from mesh.node.moving import leaving, machine
from mesh.node.moving.staging import PREFIX
from mesh.node.paths import secrets_path


async def a_home(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that was used."""
    monkeypatch.setenv(machine.VARIABLE, "box")
    await homes.found(path, "mac")
    log, close = log_opened(path)
    log("x")
    close()
    async with opened(path) as agent:
        await agent.call("note.add", {"title": "x", "body": ""})
        (path.parent / "plan.pdf").write_bytes(b"x" * 100)
        await agent.call("drop.add", {"path": str(path.parent / "plan.pdf")})
    for folder in ("", "drops", "evidence", "installed", "nats", "vault"):
        (path / folder).mkdir(exist_ok=True)
        (path / folder / ".0123456789abcdef.mesh-draft").write_text("what a crash left")
    (path / f"{PREFIX}old").mkdir()
    return path


async def test_everything_of_ours_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder too, when nothing else is in it."""
    home = await a_home(tmp_path / "home", monkeypatch)
    assert leaving.has_keys(home)
    assert leaving.who(home)["name"] == "mac"
    assert leaving.leave(home) == ()
    assert not home.exists()


async def test_what_is_not_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files beside ours and among ours; links are cut, never followed; what a second device set aside."""
    home = await a_home(tmp_path / "home", monkeypatch)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "nats.log").write_text("mine")
    (home / "nats" / ".0123456789abcdef.mesh-draft").unlink()
    (home / "nats").rmdir()
    (home / "nats").symlink_to(outside)
    for name in ("thesis", "log/mine", "set-aside-1"):
        (home / name).write_text("mine")
    assert leaving.leave(home) == ("log", "nats", "set-aside-1", "thesis")
    assert (outside / "nats.log").read_text() == "mine"
    assert sorted(path.name for path in home.iterdir()) == ["log", "nats", "set-aside-1", "thesis"]
    assert not leaving.something_is_left(home)


async def test_the_keys_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever interrupts it afterwards, this device never speaks again, and another call finishes."""
    home = await a_home(tmp_path / "home", monkeypatch)
    failing = OSError(5, "the disk is gone")

    def fails(_home: Path) -> list[Path]:
        assert not secrets_path(home).exists()
        raise failing

    with monkeypatch.context() as patch:
        patch.setattr(leaving, "rest", fails)
        with pytest.raises(Unreachable) as told:
            leaving.leave(home)
    assert "again" in told.value.hint
    assert not leaving.has_keys(home)
    assert leaving.something_is_left(home)
    assert leaving.leave(home) == ()
    assert not home.exists()


async def test_nobody_leaves_under_an_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who uses the home keeps it."""
    home = await a_home(tmp_path / "home", monkeypatch)
    async with opened(home):
        with pytest.raises(Busy):
            leaving.leave(home)
    assert leaving.has_keys(home)
