"""A device with another rank: it goes on by itself under its new admission, with all that it has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from mesh.events.event import Lane
from mesh.events.founding import default_grant, with_rank
from mesh.events.kinds import Admit, Close, Mark
from mesh.events.speaking import Draft, joined
from mesh.names import Digest, device_text
from mesh.node import home as homes
from mesh.node import vault
from mesh.node.agent import Agent, opened
from mesh.node.engine import Engine
from mesh.node.moving import machine
from mesh.sync.messages import Push


async def pair(folder: Path) -> tuple[Path, Path]:
    """A founder's home and that of a device that it let in."""
    mac, phone = folder / "mac", folder / "phone"
    await homes.found(mac, "mac")
    asked = await homes.request(phone, "phone")
    async with opened(mac) as agent:
        told = await agent.call("admit", {"request": asked["request"]})
    assert isinstance(told, dict)
    await homes.accept(phone, str(told["admission"]))
    return mac, phone


async def everything(agent: Agent) -> Push:
    """All that a device holds as one message, control first."""
    rows = await agent.store.log(limit=1000)
    chains: dict[Digest, list[object]] = {}
    for row in sorted(rows, key=lambda row: row.placed.lane):
        chains.setdefault(row.placed.chain, []).append(row.placed)
    return Push(tuple(run for chain in chains.values() for run in joined(chain)))  # type: ignore[arg-type]


async def reranked(agent: Agent, old: Digest, rank: int) -> Digest:
    """Close an admission with all that is held of it, and let the same keys in at another rank."""
    statement = agent.engine.replica.statements[old]
    assert isinstance(statement.body, Admit)
    admit = with_rank(statement.body, rank)
    marks = [
        Mark(chain.chain, tip) for chain in await agent.store.chains() if chain.admission == old for tip in chain.tips
    ]

    async def closing(_engine: Engine) -> Sequence[Draft]:
        return (Draft(Close(old, tuple(sorted(marks)), "rank")), Draft(admit))

    again = (await agent.engine.say(Lane.CONTROL, closing))[-1].digest

    async def granting(_engine: Engine) -> Sequence[Draft]:
        return (Draft(default_grant(again)),)

    await agent.engine.say(Lane.CONTROL, granting)
    return again


async def test_a_device_goes_on_under_its_new_admission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It hears of it, starts as the new one, says more on new chains, and what it said before still counts."""
    monkeypatch.setenv(machine.VARIABLE, "box")
    mac, phone = await pair(tmp_path)
    async with opened(phone) as agent:
        old = agent.engine.own.admission
        await agent.call("note.add", {"title": "before", "body": ""})
        before = await everything(agent)
    async with opened(mac) as founder:
        await founder.engine.hear("phone", before)
        again = await reranked(founder, old, 3)
        told = await everything(founder)
    async with opened(phone) as agent:
        await agent.engine.hear("mac", told)
        assert agent.successor() == again
    async with opened(phone) as agent:
        assert agent.engine.own.admission == again
        assert agent.device == device_text(again)
        assert agent.successor() is None
        await agent.call("note.add", {"title": "after", "body": ""})
        notes = await agent.store.notes(limit=10)
        assert {row.note.title for row in notes} == {"before", "after"}
        assert {row.updated_by for row in notes} == {old, again}
        assert agent.engine.replica.own_rank == 3
        chains = await agent.store.chains()
        assert {chain.admission for chain in chains if chain.lane is Lane.DATA} == {old, again}
    held = vault.load(phone)
    assert held is not None
    assert held.admission == again


async def test_who_was_only_closed_stays_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a new admission nothing is taken over."""
    monkeypatch.setenv(machine.VARIABLE, "box")
    mac, phone = await pair(tmp_path)
    held = vault.load(phone)
    assert held is not None
    async with opened(mac) as founder:

        async def closing(_engine: Engine) -> Sequence[Draft]:
            return (Draft(Close(held.admission, (), "lost")),)

        await founder.engine.say(Lane.CONTROL, closing)
        told = await everything(founder)
    async with opened(phone) as agent:
        await agent.engine.hear("mac", told)
        assert agent.successor() is None
    async with opened(phone) as agent:
        assert agent.engine.own.admission == held.admission
