"""Epoch keys in true homes: kept in the vault as it is, handed over to readers only, and what the status says."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Refused
from mesh.events.event import Lane
from mesh.events.founding import admission_text, read_admission, read_request, with_rank
from mesh.events.kinds import Body, Rekey
from mesh.events.speaking import Draft, runs
from mesh.limits import RANK_RELAY
from mesh.names import Digest, Short, digest_text, short
from mesh.node import home as homes
from mesh.node import vault
from mesh.node.agent import Agent, opened
from mesh.node.duties import begin_epoch
from mesh.node.engine import Engine
from mesh.node.paths import secrets_path
from mesh.sync.messages import Push


async def said(agent: Agent, *bodies: Body) -> Digest:
    """One commit of statements."""

    async def saying(_engine: Engine) -> Sequence[Draft]:
        return tuple(Draft(body) for body in bodies)

    return (await agent.engine.say(Lane.CONTROL, saying))[-1].digest


def held_in(home: Path) -> vault.Secrets:
    """The secrets of a home."""
    held = vault.load(home)
    assert held is not None, home
    return held


async def status(home: Path) -> Mapping[str, Any]:
    """What `mesh status` says."""
    async with opened(home) as agent:
        told = await agent.call("status", {})
    assert isinstance(told, dict), told
    return told


async def two(tmp_path: Path) -> tuple[Path, Path]:
    """A founder and a second admin."""
    mac, laptop = tmp_path / "mac", tmp_path / "laptop"
    await homes.found(mac, "mac")
    asked = await homes.request(laptop, "laptop")
    async with opened(mac) as agent:
        told = await agent.call("admit", {"request": asked["request"]})
    assert isinstance(told, dict), told
    await homes.accept(laptop, told["admission"])
    return mac, laptop


@pytest.mark.parametrize(("at_first", "later"), [("", ""), ("words", "words"), ("", "words")])
async def test_keys_that_are_learned_are_kept_in_the_vault_sealed_or_clear_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_first: str, later: str
) -> None:
    """Nobody is there to be asked for a passphrase, and none is set on a vault that had none."""
    monkeypatch.setenv(vault.PASSPHRASE_VARIABLE, at_first)
    await homes.found(tmp_path, "mac")
    monkeypatch.setenv(vault.PASSPHRASE_VARIABLE, later)
    async with opened(tmp_path) as agent:
        epoch = await begin_epoch(agent.engine)
    held = held_in(tmp_path)
    assert short(epoch) in held.epochs
    assert len(held.epochs) == 2
    assert vault.is_sealed(tmp_path) is bool(at_first)


async def test_a_vault_that_lost_keys_gets_those_back_that_are_in_the_log(tmp_path: Path) -> None:
    """As after a restore of an older vault: everything that was wrapped for this device."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        await begin_epoch(agent.engine)
    whole = held_in(tmp_path)
    vault.save(tmp_path, replace(whole, epochs={}))
    assert (await status(tmp_path))["keys_missing"] == []
    assert held_in(tmp_path) == whole


async def test_keys_that_are_gone_are_not_made_again_where_there_is_no_vault(tmp_path: Path) -> None:
    """A home that was moved away while its agent ran stays empty."""
    await homes.found(tmp_path, "mac")
    held = held_in(tmp_path)
    secrets_path(tmp_path).unlink()
    with pytest.raises(Refused):
        vault.renew(tmp_path, held)
    assert vault.load(tmp_path) is None


async def test_an_admission_of_a_relay_hands_over_no_keys(tmp_path: Path) -> None:
    """It holds what it cannot read."""
    mac, other = tmp_path / "mac", tmp_path / "other"
    await homes.found(mac, "mac")
    asked = await homes.request(other, "other")
    async with opened(mac) as agent:
        admission = await said(agent, with_rank(read_request(str(asked["request"])), RANK_RELAY))
        told = await agent.call("admit", {"request": asked["request"], "rank": "member"})
    assert isinstance(told, dict), told
    packet = read_admission(told["admission"], held_in(other).keys)
    assert packet.admission == admission
    assert packet.epochs == {}


async def test_a_wrong_key_in_an_admission_is_not_kept(tmp_path: Path) -> None:
    """Whoever lets a device in may hand it what he likes: the statements say which key it is."""
    mac, laptop = tmp_path / "mac", tmp_path / "laptop"
    await homes.found(mac, "mac")
    asked = await homes.request(laptop, "laptop")
    async with opened(mac) as agent:
        told = await agent.call("admit", {"request": asked["request"]})
    assert isinstance(told, dict), told
    keys = held_in(laptop).keys
    packet = read_admission(told["admission"], keys)
    wrong = replace(packet, epochs=dict.fromkeys(packet.epochs, b"w" * 32))
    await homes.accept(laptop, admission_text(wrong, keys.kem_key))
    assert held_in(laptop).epochs == {}
    assert [one["name"] for one in (await status(laptop))["keys_missing"]] == ["mac"]


async def test_the_status_names_the_epochs_whose_key_is_not_here_and_who_can_help(tmp_path: Path) -> None:
    """Somebody left this device out: since when, who began it, who can hand it on, and what helps."""
    mac, laptop = await two(tmp_path)
    before = await status(laptop)
    assert before["keys_missing"] == []
    async with opened(laptop) as agent:
        epoch = await said(agent, Rekey(bytes(32), ((held_in(mac).admission, b"garbage"),)))
        (row,) = await agent.store.event(epoch)
    told = await status(laptop)
    (missing,) = told["keys_missing"]
    assert missing["epoch"] == digest_text(epoch)
    assert (missing["name"], missing["counts"], missing["from"]) == ("laptop", True, ["mac"])
    assert missing["since_ms"] > 0
    assert row.placed.digest == epoch
    problem = next(one for one in told["problems"] if one["what"].startswith("key missing"))
    assert "mac" in problem["hint"]
    assert told["writes_under"] == before["writes_under"]


async def test_the_status_says_when_there_is_no_key_to_write_under(tmp_path: Path) -> None:
    """A device that can say nothing says so, with what helps."""
    _, laptop = await two(tmp_path)
    vault.save(laptop, replace(held_in(laptop), epochs={Short(b"x" * 16): bytes(32)}))
    told = await status(laptop)
    assert told["writes_under"] is None
    assert any("no key that it may write under" in one["what"] for one in told["problems"])


async def test_a_forked_control_chain_keeps_nobody_outside(tmp_path: Path) -> None:
    """A founder that was restored from a copy has said two things at one place; newcomers join all the same."""
    mac, copy, laptop = tmp_path / "mac", tmp_path / "copy", tmp_path / "laptop"
    await homes.found(mac, "mac")
    shutil.copytree(mac, copy)
    async with opened(copy) as agent:
        await begin_epoch(agent.engine)
        said = [row.placed for row in await agent.store.log(limit=100) if row.placed.lane is Lane.CONTROL]
    async with opened(mac) as agent:
        await begin_epoch(agent.engine)
        effects = await agent.engine.hear("copy", Push(runs(said)))
        assert effects.forks
        asked = await homes.request(laptop, "laptop")
        told = await agent.call("admit", {"request": asked["request"]})
    assert isinstance(told, dict), told
    await homes.accept(laptop, told["admission"])
    assert (await status(laptop))["device"]["name"] == "laptop"
