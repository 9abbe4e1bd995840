"""A log on a stick: it arrives whole in any order and any number of times, and a cut or changed file loses nothing."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType

import pytest

from mesh.errors import Damaged, Malformed, Misuse, Stranger
from mesh.node import clock
from mesh.node.agent import opened
from mesh.node.exporting import carrying
from tests.unit.node.engines import Small, founded, joined_by, listed, retitle, write
from tests.unit.node.test_forks import copies, hand_on

NOTES = 40


@pytest.fixture
async def mac() -> AsyncIterator[Small]:
    """A device with some notes."""
    async with founded() as small:
        for number in range(NOTES):
            await write(small.engine, f"note {number}", "words " * number)
        yield small


async def _written(small: Small, path: Path, since_ms: int = 0) -> carrying.Carried:
    return await carrying.write(small.store, small.engine.own.mesh, path, since_ms)


async def test_everything_arrives_by_a_stick(mac: Small, tmp_path: Path) -> None:
    """A device that never met another one shows the same after reading the file, and a second time changes nothing."""
    path = tmp_path / "all.meshbundle"
    async with joined_by(mac, "laptop") as laptop:
        carried = await _written(mac, path)
        taken = await carrying.read(laptop.engine, path)
        assert await listed(laptop.store) == await listed(mac.store)
        assert await laptop.store.digest() == await mac.store.digest()
        assert (taken.refused, taken.gaps, taken.events) == (0, 0, carried.events)
        again = await carrying.read(laptop.engine, path)
        assert again.new == 0


async def test_what_came_since_then_is_enough_for_who_has_the_rest(
    mac: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second stick brings what was written after the first; by itself it waits for nothing wrong, it names a gap."""
    whole, later = tmp_path / "first.meshbundle", tmp_path / "later.meshbundle"
    async with joined_by(mac, "laptop") as laptop, joined_by(mac, "phone") as phone:
        await _written(mac, whole)
        await carrying.read(laptop.engine, whole)
        since = _an_hour_passes(monkeypatch)
        new = await write(mac.engine, "later")
        await retitle(mac.engine, new, "later still")
        await _written(mac, later, since)
        taken = await carrying.read(laptop.engine, later)
        assert taken.gaps == 0
        assert await laptop.store.digest() == await mac.store.digest()
        missed = await carrying.read(phone.engine, later)
        assert missed.gaps > 0
        assert "later still" not in await listed(phone.store)
        await carrying.read(phone.engine, whole)
        await carrying.read(phone.engine, later)
        assert await phone.store.digest() == await mac.store.digest()


def _an_hour_passes(monkeypatch: pytest.MonkeyPatch) -> int:
    """What is kept from now on is kept an hour later; a time between."""
    now = clock.now_ms()
    monkeypatch.setattr("mesh.node.engine._now_ms", lambda: now + 3_600_000)
    return now + 120_000


async def test_a_cut_or_changed_file_is_noticed_and_costs_nothing(mac: Small, tmp_path: Path) -> None:
    """What came before the cut counts; a flipped byte is refused where it stands; the whole file brings the rest."""
    path, hurt = tmp_path / "all.meshbundle", tmp_path / "hurt.meshbundle"
    await _written(mac, path)
    raw = path.read_bytes()
    async with joined_by(mac, "laptop") as laptop:
        await _written(mac, path.with_name("with-laptop"))
        for cut in (len(raw) - 1, len(raw) // 2, 40):
            hurt.write_bytes(raw[:cut])
            with pytest.raises(Damaged):
                await carrying.read(laptop.engine, hurt)
        for place in range(20, len(raw), len(raw) // 25):
            hurt.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
            with pytest.raises(Exception) as caught:  # noqa: PT011 - each kind of refusal is one of ours
                await carrying.read(laptop.engine, hurt)
            assert caught.type.__module__ == "mesh.errors", caught.value
        await carrying.read(laptop.engine, path.with_name("with-laptop"))
        assert await laptop.store.digest() == await mac.store.digest()


async def test_a_bundle_of_somebody_else_is_a_stranger(mac: Small, tmp_path: Path) -> None:
    """Nothing of another mesh is taken in, and what is no bundle says so."""
    path = tmp_path / "theirs.meshbundle"
    async with founded() as other:
        await write(other.engine, "theirs")
        await _written(other, path)
    with pytest.raises(Stranger):
        await carrying.read(mac.engine, path)
    path.write_bytes(secrets.token_bytes(1000))
    with pytest.raises(Malformed):
        await carrying.read(mac.engine, path)
    with pytest.raises(Misuse):
        await carrying.read(mac.engine, tmp_path / "nothing")
    with pytest.raises(Misuse):
        await _written(mac, path)


async def test_one_file_verifies_it_without_a_mesh(mac: Small, tmp_path: Path, verifier: ModuleType) -> None:
    """It counts what is there, and finds every kind of change: of an event, of a body, of a signature, of an order."""
    path = tmp_path / "all.meshbundle"
    async with joined_by(mac, "laptop") as laptop:
        await laptop.engine.hear("mac", await mac.everything())
        await write(laptop.engine, "of the laptop")
        await mac.engine.hear("laptop", await laptop.everything())
    carried = await _written(mac, path)
    found = verifier.verify(path)
    assert found["sound"], found
    assert (found["events"], found["chains"]) == (carried.events, carried.chains)
    assert found["bodies"] == carried.bodies
    assert set(found["events_by_device"]) == {"recovery", "mac", "laptop"}
    raw = path.read_bytes()
    hurt = tmp_path / "hurt.meshbundle"
    for place in range(20, len(raw), len(raw) // 60):
        hurt.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        assert verifier.main([str(hurt), "--json"]) != 0, place


async def test_it_also_verifies_what_begins_later(
    mac: Small, tmp_path: Path, verifier: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --since the control lane comes whole, so that who signed is known all the same."""
    path = tmp_path / "later.meshbundle"
    since = _an_hour_passes(monkeypatch)
    await write(mac.engine, "later")
    await _written(mac, path, since)
    found = verifier.verify(path)
    assert found["sound"], found
    assert found["chains_without_beginning"] == 1
    assert 0 < found["events_by_device"]["mac"] < NOTES


async def test_both_branches_of_a_fork_are_carried(tmp_path: Path, verifier: ModuleType) -> None:
    """A chain that was forked arrives with both, and verifies with both."""
    path = tmp_path / "fork.meshbundle"
    first, made = await copies(tmp_path, 2)
    async with opened(first) as agent:
        for home in made:
            async with opened(home) as copy:
                await hand_on(copy, agent)
        forks = await agent.store.forks(10)
        assert len(forks) == 1
        await carrying.write(agent.store, agent.engine.own.mesh, path)
        digest = await agent.store.digest()
    found = verifier.verify(path)
    assert found["sound"], found
    async with opened(made[0]) as copy:
        taken = await carrying.read(copy.engine, path)
        assert (taken.refused, taken.gaps) == (0, 0)
        assert await copy.store.forks(10) == forks
        assert await copy.store.digest() == digest
