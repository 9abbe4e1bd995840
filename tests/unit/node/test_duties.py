"""True engines through closes and new epochs: who reads what, what is owed and said once, where a grant ends."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from mesh.events.event import Lane
from mesh.events.founding import default_grant, rekey, with_rank
from mesh.events.keys import SecretKeys
from mesh.events.kinds import Born, Close, Rekey, Ungrant
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, joined
from mesh.events.verdict import Standing
from mesh.limits import RANK_MEMBER
from mesh.names import Digest, DocumentId, short
from mesh.node import timing
from mesh.node.duties import Duties, begin_epoch
from mesh.node.engine import Engine
from mesh.node.log import silent
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.talk import Known
from mesh.sync.messages import Push
from mesh.sync.replica import Own
from tests.unit.node.engines import Listener, Small, draft, epoch_of, founded, request, working, write


async def told(speaker: Small, *listeners: Small) -> None:
    """Everything that one holds, to others."""
    rows = await speaker.store.log(limit=10_000)
    chains: dict[Digest, list[Digest]] = {}
    for row in sorted(rows, key=lambda row: (row.placed.lane, row.id)):
        chains.setdefault(row.placed.chain, []).append(row.placed.digest)
    by_digest = {row.placed.digest: row.placed for row in rows}
    runs = [run for chain in chains.values() for run in joined([by_digest[digest] for digest in chain])]
    for listener in listeners:
        for run in runs:
            await listener.engine.hear("other", Push((run,)))


async def meet(*devices: Small) -> None:
    """Everybody tells everybody."""
    for _ in range(2):
        for speaker in devices:
            await told(speaker, *(other for other in devices if other is not speaker))


async def titles(device: Small) -> set[str]:
    """The notes that a device can show."""
    return {row.note.title for row in await device.store.notes(limit=1000)}


class Mesh:
    """Devices of one mesh, each with an engine at work."""

    def __init__(self, stack: AsyncExitStack, mac: Small) -> None:
        """Begin with the founder."""
        self._stack, self.mac = stack, mac

    async def join(self, name: str, rank: int, by: Small | None = None) -> Small:
        """A device that somebody lets in, with the keys that he has, at home before it heard anything more."""
        admitter = by or self.mac
        keys = SecretKeys.from_entropy(name.encode().ljust(32, b"."))
        (admitted,) = await say(admitter, with_rank(request(keys, name), rank))
        await say(admitter, default_grant(admitted))
        own = Own(self.mac.engine.own.mesh, admitted, keys)
        store, owner = MemoryStore(), Listener()
        keyring = Keyring(admitter.engine.keyring.keys())
        engine = await self._stack.enter_async_context(working(Engine(own, keyring, store, owner)))
        device = Small(engine, store, owner)
        await told(admitter, device)
        return device


async def say(device: Small, *bodies: object) -> list[Digest]:
    """One commit of statements; their digests."""

    async def saying(_engine: Engine) -> Sequence[Draft]:
        return tuple(Draft(body) for body in bodies)  # type: ignore[arg-type]

    said = await device.engine.say(Lane.CONTROL, saying)
    return [placed.digest for placed in said][-len(bodies) :]


def duties(device: Small, known: dict[str, Known] | None = None) -> Duties:
    """The standing duties of a device."""

    async def keep() -> None:
        """Nothing is kept."""

    return Duties(device.engine, known if known is not None else {}, keep, silent)


def rekeys(device: Small) -> int:
    """How many epochs a device has heard of."""
    return len(device.engine.replica.verdict.rekeys)


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


# ── grants that are over ─────────────────────────────────────────────────────────────────────────


async def written_under(device: Small, title: str, time_ms: int, monkeypatch: pytest.MonkeyPatch) -> DocumentId:
    """A note by an agent, at a time that the device claims."""
    document, born = draft(title)

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (replace(born, agent="claude"),)

    with monkeypatch.context() as patch:
        patch.setattr(time, "time_ns", lambda: time_ms * 1_000_000)
        await device.engine.say(Lane.DATA, make)
    return document


def up_to_date(device: Small, other: Small) -> dict[str, Known]:
    """What the other tells, to a device that has met it."""
    device.engine.replica.met.add("other")
    return {"other": Known(other.engine.replica.have("mac", asks=False), 0.0)}


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
