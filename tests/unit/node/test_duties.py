"""True engines through closes and new epochs: who reads what, what is owed and said once."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from mesh.events.event import Lane
from mesh.events.founding import default_grant, rekey
from mesh.events.kinds import Close, Rekey
from mesh.events.seal import Keyring
from mesh.limits import RANK_MEMBER
from mesh.names import short
from mesh.node import timing
from mesh.node.duties import begin_epoch
from mesh.node.engine import Engine
from tests.unit.node.engines import Listener, epoch_of, founded, working, write
from tests.unit.node.family import Mesh, duties, meet, rekeys, say, titles, told, up_to_date


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Turns come at once."""
    monkeypatch.setattr(timing, "DUTIES_STEP_S", 0.0)


async def test_who_was_closed_reads_nothing_that_is_written_after_it() -> None:
    """Nor can it learn the new key from all that is said; the others go on, and a newcomer reads all there ever was."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        laptop, phone = await mesh.join("laptop", 2), await mesh.join("phone", RANK_MEMBER)
        await write(mac.engine, "before")
        await meet(mac, laptop, phone)
        await say(mac, Close(phone.engine.own.admission))
        await begin_epoch(mac.engine)
        await told(mac, laptop, phone)
        await write(laptop.engine, "after")
        await meet(mac, laptop)
        await told(laptop, phone)
        assert await titles(phone) == {"before"}
        assert not phone.engine.keyring.holds(epoch_of(mac.engine))  # type: ignore[arg-type]
        assert [row.reason for row in await phone.store.unsettled()] == ["key missing"]
        tablet = await mesh.join("tablet", RANK_MEMBER, laptop)
        await told(laptop, tablet)
        assert await titles(tablet) == {"before", "after"} == await titles(mac)


async def test_key_missing_ends_when_the_statement_comes() -> None:
    """Data may come before the epoch that they are under."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        phone = await mesh.join("phone", RANK_MEMBER)
        await begin_epoch(mac.engine)
        await write(mac.engine, "soon")
        await phone.engine.hear("mac", await mac.everything(Lane.DATA))
        assert [row.reason for row in await phone.store.unsettled()] == ["key missing"]
        await phone.engine.hear("mac", await mac.everything(Lane.CONTROL))
        assert await titles(phone) == {"soon"}
        assert await phone.store.unsettled() == ()


async def test_a_member_who_was_away_during_two_epochs_catches_up_both() -> None:
    """And what was written under each is readable everywhere."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        phone = await mesh.join("phone", RANK_MEMBER)
        for title in ("one", "two"):
            await begin_epoch(mac.engine)
            await write(mac.engine, title)
        await write(phone.engine, "away")
        await meet(mac, phone)
        assert await titles(phone) == await titles(mac) == {"one", "two", "away"}
        assert epoch_of(phone.engine) == epoch_of(mac.engine)


async def test_keys_are_learned_again_after_a_start_with_none() -> None:
    """What was wrapped for this device is in the log; only what was handed over in its admission is not."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        phone = await mesh.join("phone", RANK_MEMBER)
        await write(mac.engine, "old")
        await begin_epoch(mac.engine)
        await write(mac.engine, "new")
        await meet(mac, phone)
        again = Engine(phone.engine.own, Keyring(), phone.store, Listener())
        await stack.enter_async_context(working(again))
        assert again.keyring.keys() == mac.engine.keyring.keys()
        assert again.replica.learner.missing == ()


async def test_two_epochs_at_once_are_both_readable_and_one_is_written_under() -> None:
    """Whatever each admin wrote under its own before they met."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        laptop, phone = await mesh.join("laptop", 2), await mesh.join("phone", RANK_MEMBER)
        await meet(mac, laptop, phone)
        for admin, title in ((mac, "by mac"), (laptop, "by laptop")):
            await begin_epoch(admin.engine)
            await write(admin.engine, title)
        await meet(mac, laptop, phone)
        for device in (mac, laptop, phone):
            assert await titles(device) == {"by mac", "by laptop"}
            assert rekeys(device) == 3
        assert len({epoch_of(device.engine) for device in (mac, laptop, phone)}) == 1


async def test_devices_let_in_at_once_by_two_admins_read_everything_after_one_duty() -> None:
    """Each admin began an epoch for its own newcomer; who sees it first makes up for it, and the other need not."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        laptop = await mesh.join("laptop", 2)
        await meet(mac, laptop)
        newcomers = []
        for admin, name in ((mac, "tablet"), (laptop, "watch")):
            newcomers.append(await mesh.join(name, RANK_MEMBER, admin))
            await begin_epoch(admin.engine)
            await write(admin.engine, f"for the {name}")
        everybody = (mac, laptop, *newcomers)
        await meet(*everybody)
        assert await titles(newcomers[0]) == {"for the tablet"}
        assert await titles(newcomers[1]) == {"for the watch"}
        await duties(laptop).rekey()
        await meet(*everybody)
        await duties(mac).rekey()
        assert {rekeys(device) for device in everybody} == {4}
        for device in everybody:
            assert await titles(device) == {"for the tablet", "for the watch"}
            assert await device.store.unsettled() == ()


async def test_an_admin_begins_the_epoch_that_is_owed_once_and_a_member_never() -> None:
    """After a close without one; what is owed again soon after waits, since statements are kept for ever."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        phone, tablet = await mesh.join("phone", RANK_MEMBER), await mesh.join("tablet", RANK_MEMBER)
        await say(mac, Close(tablet.engine.own.admission))
        await told(mac, phone)
        await duties(phone).rekey()
        assert rekeys(phone) == 1
        standing = duties(mac)
        for _ in range(3):
            await standing.rekey()
            assert rekeys(mac) == 2
        assert mac.engine.replica.verdict.epoch() is not None
        await say(mac, Close(phone.engine.own.admission))
        await standing.rekey()
        assert rekeys(mac) == 2
        await duties(mac).rekey()
        assert rekeys(mac) == 3


async def test_an_epoch_for_a_closed_device_or_for_nobody_is_never_written_under() -> None:
    """An admin who does not know of a close yet wraps for the closed one; a rekey for nobody reaches nobody."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        laptop, phone = await mesh.join("laptop", 2), await mesh.join("phone", RANK_MEMBER)
        await meet(mac, laptop, phone)
        await say(mac, Close(phone.engine.own.admission))
        await begin_epoch(mac.engine)
        good = epoch_of(mac.engine)
        for _ in range(3):
            await begin_epoch(laptop.engine)
        await say(laptop, rekey(mac.engine.own.mesh, b"n" * 32, {}))
        assert epoch_of(laptop.engine) != good
        await meet(mac, laptop)
        assert epoch_of(laptop.engine) == epoch_of(mac.engine) == good
        await write(laptop.engine, "after")
        await meet(mac, laptop)
        assert await titles(mac) == {"after"}
        await told(mac, phone)
        assert await titles(phone) == set()


async def test_garbage_is_an_alarm_and_others_go_on_under_the_latest_key_that_they_hold() -> None:
    """A stolen admin key may say what it likes until it is closed."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        laptop, phone = await mesh.join("laptop", 2), await mesh.join("phone", RANK_MEMBER)
        await meet(mac, laptop, phone)
        before = epoch_of(mac.engine)
        readers = mac.engine.replica.verdict.readers()
        garbage = Rekey(bytes(32), tuple((name, bytes(80)) for name in sorted(readers)))
        await say(laptop, garbage)
        await told(laptop, mac, phone)
        alarms = [alarm for effects in phone.owner.told for alarm in effects.alarms]
        assert [alarm for alarm in alarms if alarm.startswith("key missing: laptop gave the key of epoch")]
        await write(phone.engine, "honest")
        row = (await phone.store.log(limit=1000))[-1]
        assert row.placed.header.epoch == before
        await meet(mac, phone)
        assert await titles(mac) == {"honest"}


async def test_who_waited_for_its_turn_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A senior admin has begun the epoch meanwhile, or somebody has ended the grant: nothing is said twice."""
    async with AsyncExitStack() as stack:
        mesh = Mesh(stack, mac := await stack.enter_async_context(founded()))
        laptop, phone = await mesh.join("laptop", 2), await mesh.join("phone", RANK_MEMBER)
        (grant,) = await say(mac, replace(default_grant(laptop.engine.own.admission), agent="claude", until_ms=1))
        await say(mac, Close(phone.engine.own.admission))
        await meet(mac, laptop)
        standing = duties(laptop, up_to_date(laptop, mac))

        async def senior_first() -> None:
            await duties(mac, up_to_date(mac, laptop)).rekey()
            await duties(mac, up_to_date(mac, laptop)).end_grants()
            await told(mac, laptop)

        monkeypatch.setattr(standing, "_my_turn", senior_first)
        await standing.rekey()
        await standing.end_grants()
        assert rekeys(laptop) == rekeys(mac) == 2
        (cut,) = laptop.engine.replica.verdict.ungrants[short(grant)]
        assert cut.rank == 1
