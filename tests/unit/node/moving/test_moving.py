"""A home on another machine: it goes on with new chains, or is set aside whole; interrupted anywhere, it asks again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mesh.errors import Elsewhere, MeshError, Misuse
from mesh.events.event import Lane
from mesh.node import home as homes
from mesh.node import vault, voices
from mesh.node.agent import opened
from mesh.node.moving import machine, moving
from mesh.node.storage.store import open_store


@pytest.fixture
async def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that was on another machine."""
    monkeypatch.setenv(machine.VARIABLE, "old")
    home = tmp_path / "home"
    await homes.found(home, "mac")
    async with opened(home) as agent:
        await agent.call("note.add", {"title": "x", "body": ""})
    monkeypatch.setenv(machine.VARIABLE, "new")
    return home


async def kept_reasons(home: Path) -> dict[Lane, str]:
    """Why chains must be opened, as the home has it."""
    store = await open_store(home)
    try:
        return voices.read((await store.boot()).settings)[1]
    finally:
        await store.close()


async def test_a_moved_device_goes_on(elsewhere: Path) -> None:
    """Both lanes begin anew, and the home is here."""
    told = await moving.moved(elsewhere)
    assert told["name"] == "mac"
    assert await kept_reasons(elsewhere) == dict.fromkeys(Lane, voices.MOVED)
    async with opened(elsewhere) as agent:
        assert agent.device == told["device"]


async def test_who_is_killed_between_is_asked_again(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chains come first: the home is never here while it would speak on an old one."""
    with monkeypatch.context() as patch:
        patch.setattr(machine, "record", lambda _: pytest.fail("killed"))
        with pytest.raises(pytest.fail.Exception):
            await moving.moved(elsewhere)
    assert await kept_reasons(elsewhere) == dict.fromkeys(Lane, voices.MOVED)
    with pytest.raises(Elsewhere):
        machine.must_be_here(elsewhere)


def test_a_second_device_begins_with_nothing(elsewhere: Path) -> None:
    """The copy lies in a folder of its own, whole; the home is in no mesh."""
    told, aside = moving.second_device(elsewhere)
    assert told["name"] == "mac"
    assert homes.state(elsewhere) == "none"
    assert sorted(path.name for path in aside.iterdir()) == ["machine", "mesh.db", "secrets"]
    held = vault.load(aside)
    assert held
    assert held.joined
    assert machine.elsewhere(aside)


def test_setting_aside_again_goes_on_where_it_was_killed(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the keys are moved it is a copy from another machine; the second call uses the same folder."""
    with monkeypatch.context() as patch:
        patch.setattr(moving, "leftovers", lambda _: [Path("/nowhere/at/all")])
        patch.setattr(time, "strftime", lambda *_: "set-aside-before")
        with pytest.raises(MeshError):
            moving.second_device(elsewhere)
    assert machine.elsewhere(elsewhere)
    _, aside = moving.second_device(elsewhere)
    assert sorted(path.name for path in aside.iterdir()) == ["machine", "mesh.db", "secrets"]
    assert len(list(elsewhere.glob("set-aside-*"))) == 1


async def test_who_is_in_no_mesh_has_not_moved(tmp_path: Path) -> None:
    """Nothing is made."""
    for home in (tmp_path / "nothing",):
        with pytest.raises(Misuse):
            await moving.moved(home)
        with pytest.raises(Misuse):
            moving.second_device(home)
        assert not home.exists()
