"""Founding, asking, being let in: on real homes, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Malformed, Misuse, NotGranted, Refused, Stranger
from mesh.node import home as homes
from mesh.node import vault
from mesh.node.agent import opened
from mesh.node.paths import database_path, secrets_path
from tests.unit.node.closing import close


async def admission_for(founder: Path, request: object) -> str:
    """Have a founder admit a request."""
    async with opened(founder) as agent:
        result = await agent.call("admit", {"request": request})
    assert isinstance(result, dict)
    return str(result["admission"])


async def test_two_homes_become_one_mesh(tmp_path: Path) -> None:
    """Found, ask, admit, accept: both homes are in the same mesh, and the second holds all control events."""
    founder, second = tmp_path / "a", tmp_path / "b"
    made = await homes.found(founder, "mac")
    asked = await homes.request(second, "laptop")
    text = await admission_for(founder, asked["request"])
    shown = await homes.peek(second, text)
    assert (shown["mesh"], shown["devices"]) == (made["mesh"], ["mac"])
    joined = await homes.accept(second, text)
    assert (joined["mesh"], joined["admitted_by"]) == (made["mesh"], "mac")
    async with opened(second) as agent:
        status = await agent.call("status", {})
    assert isinstance(status, dict)
    assert status["device"] == {"id": joined["device"], "name": "laptop", "rank": 2, "role": "admin", "taken_out": None}


async def test_asking_twice_asks_the_same(tmp_path: Path) -> None:
    """A request may be printed again: it is the same device that asks."""
    first, again = await homes.request(tmp_path, "laptop"), await homes.request(tmp_path, "")
    assert first == again


async def test_admitting_twice_admits_once(tmp_path: Path) -> None:
    """Admitting one request twice gives two texts for one device, not two devices."""
    founder, second = tmp_path / "a", tmp_path / "b"
    await homes.found(founder, "mac")
    asked = await homes.request(second, "laptop")
    await admission_for(founder, asked["request"])
    text = await admission_for(founder, asked["request"])
    assert (await homes.accept(second, text))["name"] == "laptop"
    async with opened(founder) as agent:
        found = await agent.call("devices", {})
    assert isinstance(found, dict)
    assert [device["name"] for device in found["devices"]] == ["mac", "laptop"]


async def test_a_home_is_in_one_mesh(tmp_path: Path) -> None:
    """A home that has a mesh neither founds another nor asks elsewhere."""
    await homes.found(tmp_path, "mac")
    before = vault.load(tmp_path)
    with pytest.raises(Misuse):
        await homes.found(tmp_path, "mac")
    with pytest.raises(Misuse):
        await homes.request(tmp_path, "mac")
    assert vault.load(tmp_path) == before


async def test_somebody_elses_admission_opens_nothing(tmp_path: Path) -> None:
    """An admission for another device, a cut one and one that was never asked for are refused; nothing changes."""
    founder, second, third = tmp_path / "a", tmp_path / "b", tmp_path / "c"
    await homes.found(founder, "mac")
    asked = await homes.request(second, "laptop")
    text = await admission_for(founder, asked["request"])
    await homes.request(third, "thief")
    before = vault.load(third)
    with pytest.raises(Stranger):
        await homes.accept(third, text)
    with pytest.raises(Refused):
        await homes.accept(second, text[: len(text) // 2])
    with pytest.raises(Malformed):
        await homes.accept(second, "hello")
    with pytest.raises(Misuse):
        await homes.accept(tmp_path / "d", text)
    assert vault.load(third) == before
    assert not database_path(third).exists()
    assert (await homes.accept(second, text))["name"] == "laptop"


async def test_a_founding_that_broke_off_can_be_done_again(tmp_path: Path) -> None:
    """A crash between database and vault leaves a home that founds a mesh as if nothing had been."""
    await homes.found(tmp_path, "mac")
    secrets_path(tmp_path).unlink()
    made = await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        status = await agent.call("status", {})
    assert isinstance(status, dict)
    assert status["mesh"]["id"] == made["mesh"]


async def test_a_name_is_one_line(tmp_path: Path) -> None:
    """Control characters are left out of names; what is empty or too long is refused."""
    asked = await homes.request(tmp_path / "a", "lap\x1b[31mtop\n")
    assert asked["name"] == "lap[31mtop"
    with pytest.raises(Misuse):
        await homes.request(tmp_path / "b", "x" * 65)


async def test_the_keys_of_a_closed_device_are_not_let_in_again(tmp_path: Path) -> None:
    """Whoever has them may be a thief: the request that was good once gives no admission, and no keys, any more."""
    founder, second = tmp_path / "a", tmp_path / "b"
    await homes.found(founder, "mac")
    asked = await homes.request(second, "laptop")
    await homes.accept(second, await admission_for(founder, asked["request"]))
    async with opened(founder) as agent:
        laptop = next(a for a in agent.engine.replica.verdict.live.values() if a.name == "laptop")
        await close(agent.engine, laptop.digest)
        with pytest.raises(NotGranted, match="taken out"):
            await agent.call("admit", {"request": asked["request"]})
