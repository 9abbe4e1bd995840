"""True engines and grants that are over: where one ends, when, and that it ends once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from mesh.events.event import Lane
from mesh.events.founding import default_grant
from mesh.events.kinds import Born, Grant, Ungrant
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.limits import RANK_MEMBER
from mesh.names import Digest, DocumentId, short
from mesh.node import timing
from mesh.node.duties import Duties, Endings
from mesh.node.engine import Engine
from tests.unit.node.engines import Small, draft, founded
from tests.unit.node.family import Mesh, duties, meet, say, titles, told, up_to_date


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns come at once."""
    monkeypatch.setattr(timing, "DUTIES_STEP_S", 0.0)


async def written_under(device: Small, title: str, time_ms: int, monkeypatch: pytest.MonkeyPatch) -> DocumentId:
    """A note by an agent, at a time that the device claims."""
    document, born = draft(title)

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (replace(born, agent="claude"),)

    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: time_ms * 1_000_000)
        await device.engine.say(Lane.DATA, make)
    return document


async def honoured(device: Small) -> set[str]:
    """The titles of births that count, as this device weighs them now."""
    rows = [row.placed for row in await device.store.log(limit=1000) if row.placed.lane is Lane.DATA]
    readings = await device.engine.shelf.scales.read(rows)
    births = [r.body for r in readings if r.standing is Standing.HONOURED and isinstance(r.body, Born)]
    return {str(birth.registers["title"]) for birth in births}


async def agent_until(mac: Small, phone: Small, until_ms: int) -> Digest:
    """A grant with an end for an agent on the phone."""
    (grant,) = await say(mac, replace(default_grant(phone.engine.own.admission), agent="claude", until_ms=until_ms))
    await told(mac, phone)
    return grant


@pytest.mark.parametrize("asleep", [False, True])
async def test_a_grant_that_is_over_ends_where_it_ended_awake_or_not(
    asleep: bool,  # noqa: FBT001 - what the test is about
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was written in time stays, what was written later by a clock set back to before is void: on every device."""
    now_ms = time.time_ns() // 1_000_000
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        phone = await mesh.join("phone", RANK_MEMBER)
        grant = await agent_until(mac, phone, now_ms - 1000)
        await written_under(phone, "in time", now_ms - 2000, monkeypatch)
        if not asleep:
            await told(phone, mac)
            await duties(mac, up_to_date(mac, phone)).end_grants()
        await _late(phone, grant, now_ms, monkeypatch)
        await told(phone, mac)
        await duties(mac, up_to_date(mac, phone)).end_grants()
        assert short(grant) in mac.engine.replica.verdict.ungrants
        await meet(mac, phone)
        assert await honoured(mac) == await honoured(phone) == {"in time"}
        (cut,) = mac.engine.replica.verdict.ungrants[short(grant)]
        assert len(cut.marks) == 1


async def _late(phone: Small, grant: Digest, now_ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that goes on under a grant that is over: the device that refuses by its own clock is not asked."""
    with monkeypatch.context() as patch:
        patch.setattr("mesh.sync.replica.granted", lambda _v, _a, d, _t: replace(d, grant=short(grant)))
        await written_under(phone, "late", now_ms, patch)
        await written_under(phone, "later, by a clock set back", now_ms - 3000, patch)


async def test_nobody_ends_a_grant_before_what_was_written_in_time_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Just started, after a week of sleep: nobody in reach, or somebody who has more."""
    now_ms = time.time_ns() // 1_000_000
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        phone = await mesh.join("phone", RANK_MEMBER)
        grant = await agent_until(mac, phone, now_ms - 1000)
        await written_under(phone, "in time", now_ms - 2000, monkeypatch)
        await duties(mac).end_grants()
        standing = duties(mac, up_to_date(mac, phone))
        await standing.end_grants()
        assert short(grant) not in mac.engine.replica.verdict.ungrants
        await told(phone, mac)
        await standing.end_grants()
        assert short(grant) in mac.engine.replica.verdict.ungrants
        assert await titles(mac) == {"in time"}
        await standing.end_grants()
        said = [s for s in mac.engine.replica.statements.values() if isinstance(s.body, Ungrant)]
        assert len(said) == 1


async def test_a_grant_of_a_chain_that_cannot_be_read_is_not_ended_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can say from here whether it was in time."""
    now_ms = time.time_ns() // 1_000_000
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        phone = await mesh.join("phone", RANK_MEMBER)
        grant = await agent_until(mac, phone, now_ms - 1000)
        await written_under(phone, "in time", now_ms - 2000, monkeypatch)
        await told(phone, mac)
        key = mac.engine.keyring.keys()[short(Digest(mac.engine.replica.verdict.epoch() or b""))]
        mac.engine.keyring.drop(short(Digest(mac.engine.replica.verdict.epoch() or b"")))
        await duties(mac, up_to_date(mac, phone)).end_grants()
        assert short(grant) not in mac.engine.replica.verdict.ungrants
        mac.engine.keyring.add(Digest(mac.engine.replica.verdict.epoch() or b""), key)
        await duties(mac, up_to_date(mac, phone)).end_grants()
        assert short(grant) in mac.engine.replica.verdict.ungrants
        assert [row.standing for row in await mac.store.unsettled() if row.standing is Standing.VOID] == []


async def test_a_grant_that_somebody_ended_while_chains_were_looked_through_is_not_ended_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last look is when nothing else can come between."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        laptop = await mesh.join("laptop", 2)
        (grant,) = await say(mac, replace(default_grant(laptop.engine.own.admission), agent="claude", until_ms=1))
        await meet(mac, laptop)
        standing, looks, walk = duties(laptop, up_to_date(laptop, mac)), 0, Duties.walk

        async def slow(own: Duties, name: Digest, grant: Grant, endings: Endings) -> None:
            nonlocal looks
            looks += 1
            await walk(own, name, grant, endings)
            if looks == 1:
                monkeypatch.setattr(Duties, "walk", walk)
                await duties(mac, up_to_date(mac, laptop)).end_grants()
                await told(mac, laptop)
                monkeypatch.setattr(Duties, "walk", slow)

        monkeypatch.setattr(Duties, "walk", slow)
        await standing.end_grants()
        (cut,) = laptop.engine.replica.verdict.ungrants[short(grant)]
        assert cut.rank == 1
        assert looks == 2
