"""Agreeing over a bus: receipts once per convergence, nothing while idle, and the place where two differ."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from mesh.errors import Refused
from mesh.events.verdict import Standing
from mesh.names import ZERO, Digest, DocumentId, device_text
from mesh.node import timing
from mesh.node.agreeing import UNKNOWN, shown
from mesh.node.log import silent
from mesh.node.storage.store_port import Batch, Weighed
from mesh.node.talk import Talk
from mesh.node.transport.bus_memory import MemoryBus, MemoryNetwork
from mesh.sync import comparing, receipts
from mesh.sync.comparing import Finding, Nodes
from tests.unit.node.closing import close
from tests.unit.node.engines import Small, founded, joined_by, retitle, write
from tests.unit.node.test_talk import peer_of, until

Answer = Callable[[bytes], bytes]


@dataclass
class Device:
    """A device at work, and what it asked and told, in order."""

    small: Small
    talk: Talk
    said: list[tuple[str, str, bytes]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    """Verb -> what it answers instead of the truth."""

    @property
    def name(self) -> str:
        """As the bus knows it."""
        return device_text(self.small.engine.own.admission)

    def sent(self, verb: str) -> list[bytes]:
        """The messages of one verb that it sent."""
        return [body for _, one, body in self.said if one == verb]

    async def agrees(self, other: Device) -> bool:
        """Whether it holds a receipt of the other one that is what it shows itself."""
        side = self.talk.agreeing.sides.get(other.name)
        return bool(side and side.receipt and side.receipt.shown == await shown(self.small.engine))

    async def finding(self, other: Device) -> Finding | None:
        """Where it knows that the other one differs."""
        side = self.talk.agreeing.sides.get(other.name)
        return side.finding if side else None


@asynccontextmanager
async def talking(*smalls: Small, network: MemoryNetwork | None = None) -> AsyncIterator[list[Device]]:
    """Devices on one network; each message that they send is written down."""
    air = network or MemoryNetwork()
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        devices, tasks = [], []
        for small in smalls:
            engine = small.engine
            bus = air.bus(device_text(engine.own.admission))

            async def nothing() -> None:
                """The roster is fixed here."""

            talk = Talk(engine, bus, silent, nothing)
            engine.owner = talk
            device = Device(small, talk)
            devices.append(device)
            _listened(device, bus)
            admissions = [a for a in engine.replica.verdict.devices if a != engine.own.admission]
            await bus.roster([peer_of(engine, a) for a in admissions])
            tasks.append(group.create_task(talk.run()))
        yield devices
        for task in tasks:
            task.cancel()


def _listened(one: Device, bus: MemoryBus) -> None:
    """Write down what a device sends, and let it lie where a test wants that."""
    request, tell, heard = bus.request, bus.tell, one.talk.heard

    async def requested(device: str, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        one.said.append((device, verb, body))
        return await request(device, verb, body, timeout_s=timeout_s)

    async def told(device: str, verb: str, body: bytes) -> None:
        one.said.append((device, verb, body))
        await tell(device, verb, body)

    async def answered(sender: str | None, verb: str, body: bytes) -> bytes:
        return one.answers[verb](body) if verb in one.answers else await heard(sender, verb, body)

    bus.request, bus.tell, one.talk.heard = requested, told, answered  # type: ignore[method-assign]


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks for differences begin at once."""
    monkeypatch.setattr(timing, "DIFFER_S", 0.2)
    monkeypatch.setattr(timing, "DIFFER_TURN_S", 2.0)


@asynccontextmanager
async def two() -> AsyncIterator[tuple[Small, Small]]:
    """Two devices with three notes that both hold."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        for n in range(3):
            await write(mac.engine, f"note {n}")
        await laptop.engine.hear("mac", await mac.everything())
        yield mac, laptop


async def agreed(*devices: Device) -> None:
    """Wait until each holds the receipt of each."""
    for one in devices:
        for other in devices:
            if one is not other:
                await until(lambda one=one, other=other: one.agrees(other), "a receipt that agrees")  # type: ignore[misc]


async def settled() -> None:
    """Long enough for whatever would still be sent."""
    await asyncio.sleep(timing.NEWS_DELAY_S + 2 * (timing.RECEIPT_CALM_S + timing.RECEIPT_TURN_S))


# ---------------------------------------------------------------- receipts


async def test_two_that_meet_trade_one_receipt_each_way() -> None:
    """One question with a receipt, one answer with the other: then both know, and nothing more is said of it."""
    async with two() as smalls, talking(*smalls) as (mac, laptop):
        await agreed(mac, laptop)
        await settled()
        asked = [device.sent(receipts.VERB) for device in (mac, laptop)]
        assert sorted(map(len, asked)) == [0, 1]
        assert not [*mac.sent(comparing.VERB), *laptop.sent(comparing.VERB)]
        (raw,) = [*asked[0], *asked[1]]
        assert receipts.decode(raw).signature, "it is signed"
        for device, other in ((mac, laptop), (laptop, mac)):
            meeting = device.talk.meetings.of(other.name)
            assert meeting is not None
            assert meeting.receipt is not None
            assert 0 < meeting.receipt_ms <= meeting.in_sync_ms


async def test_an_idle_link_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Comparisons go on, and trade tips alone."""
    async with two() as smalls, talking(*smalls) as (mac, laptop):
        await agreed(mac, laptop)
        await settled()
        monkeypatch.setattr(timing, "COMPARE_INTERVAL_S", 0.05)
        before = Counter(verb for device in (mac, laptop) for _, verb, _ in device.said)
        for device in (mac, laptop):
            for _ in range(20):
                await device.talk._compare(laptop.name if device is mac else mac.name, 0.0)  # noqa: SLF001 - a round
        await settled()
        after = Counter(verb for device in (mac, laptop) for _, verb, _ in device.said)
        assert set(after - before) == {"have"}


async def test_each_convergence_costs_one_trade_and_a_stream_none() -> None:
    """Twenty edits in a row end in one or two trades, not in twenty; each later one in one."""
    async with two() as smalls, talking(*smalls) as (mac, laptop):
        await agreed(mac, laptop)
        before = len([*mac.sent(receipts.VERB), *laptop.sent(receipts.VERB)])
        document = await write(mac.small.engine, "stream")
        for n in range(20):
            await retitle(mac.small.engine, document, f"stream {n}")
        await until(lambda: laptop.agrees(mac), "agreement")
        await until(lambda: mac.agrees(laptop), "agreement")
        await settled()
        assert 1 <= len([*mac.sent(receipts.VERB), *laptop.sent(receipts.VERB)]) - before <= 3


async def test_three_agree_with_each_other() -> None:
    """Each with each, however the news goes round."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        joined_by(mac, "server") as server,
    ):
        await laptop.engine.hear("mac", await mac.everything())
        await write(laptop.engine, "from the laptop")
        await write(server.engine, "from the server")
        async with talking(mac, laptop, server) as devices:
            await agreed(*devices)


@pytest.mark.usefixtures("soon")
async def test_while_something_is_lacking_nothing_is_looked_for() -> None:
    """A body that is missing there is said in the receipt; that the two show something else is no wonder then."""
    async with two() as smalls:
        await title(smalls[1], (await smalls[1].store.notes(limit=1))[0].note.document, "not the same")
        smalls[1].engine.replica.missing[Digest(bytes(32))] = ZERO
        async with talking(*smalls) as (mac, laptop):
            await until(lambda: _told(mac, laptop), "the laptop's receipt")
            await until(lambda: _told(laptop, mac), "the mac's receipt")
            await asyncio.sleep(5 * timing.DIFFER_S)
            assert not [*mac.sent(comparing.VERB), *laptop.sent(comparing.VERB)]
            side = mac.talk.agreeing.sides[laptop.name]
            assert side.receipt is not None
            assert (side.receipt.bodies, side.receipt.whole) == (1, False)


async def _told(one: Device, other: Device) -> bool:
    side = one.talk.agreeing.sides.get(other.name)
    return side is not None and side.receipt is not None


# ---------------------------------------------------------------- where two differ


async def title(small: Small, document: DocumentId, text: str) -> None:
    """Change what a note shows behind everybody's back."""
    row = await small.store.note(document)
    assert row is not None
    await small.store.commit(Batch(notes=(replace(row, note=replace(row.note, title=text)),)))


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("damaged", [0, 1])
async def test_a_view_that_differs_is_found_in_five_messages(damaged: int) -> None:
    """A title that only one database has: both name the document, and that its events are the same."""
    async with two() as smalls:
        document = await write(smalls[0].engine, "true")
        await smalls[1].engine.hear("mac", await smalls[0].everything())
        await title(smalls[damaged], document, "false")
        async with talking(*smalls) as devices:
            mac, laptop = devices
            await until(lambda: mac.finding(laptop), "the mac knows the place")
            await until(lambda: laptop.finding(mac), "the laptop knows the place")
            for one, other in ((mac, laptop), (laptop, mac)):
                found = await one.finding(other)
                assert found == Finding(views=True, document=document, event=None, honoured=False)
                assert not await one.agrees(other)
            requests = [comparing.decode(raw) for device in devices for raw in device.sent(comparing.VERB)]
            assert [type(one).__name__ for one in requests] == ["Nodes", "Leaves", "Finding"]
            answers = 2
            assert len(requests) + answers == 5


@pytest.mark.usefixtures("soon")
async def test_it_heals_and_is_forgotten() -> None:
    """What was found is shown until the two agree again."""
    async with two() as (mac_small, laptop_small):
        document = await write(mac_small.engine, "true")
        await laptop_small.engine.hear("mac", await mac_small.everything())
        await title(laptop_small, document, "false")
        async with talking(mac_small, laptop_small) as (mac, laptop):
            await until(lambda: mac.finding(laptop), "the place")
            await laptop_small.engine.rebuild()
            await mac.talk._compare(laptop.name, 0.0)  # noqa: SLF001 - the next round of tips
            await laptop.talk._compare(mac.name, 0.0)  # noqa: SLF001 - as above
            await agreed(mac, laptop)
            assert await mac.finding(laptop) is None
            assert await laptop.finding(mac) is None


@pytest.mark.usefixtures("soon")
async def test_an_event_that_counts_on_one_side_only_is_named() -> None:
    """An honoured event dropped from one state: document and event are named, each from its own side."""
    async with two() as (mac_small, laptop_small):
        document = await write(mac_small.engine, "first")
        events = [(await retitle(mac_small.engine, document, f"title {n}")).digest for n in range(5)]
        await laptop_small.engine.hear("mac", await mac_small.everything())
        dropped = [Weighed(event, Standing.VOID, "dropped") for event in events[2:4]]
        await laptop_small.store.commit(Batch(standings=tuple(dropped)))
        async with talking(mac_small, laptop_small) as (mac, laptop):
            await until(lambda: mac.finding(laptop), "the mac knows the place")
            await until(lambda: laptop.finding(mac), "the laptop knows the place")
            expected = Finding(views=False, document=document, event=events[2], honoured=True)
            assert await mac.finding(laptop) == expected
            assert await laptop.finding(mac) == replace(expected, honoured=False)
            sent = [*mac.sent(comparing.VERB), *laptop.sent(comparing.VERB)]
            assert len(sent) == 3, "with two answers: five messages"


@pytest.mark.usefixtures("soon")
async def test_a_whole_document_that_one_side_lacks_is_named() -> None:
    """Nothing of a note counts on one side: both still know which one it is."""
    async with two() as (mac_small, laptop_small):
        document = await write(mac_small.engine, "gone there")
        birth = (await mac_small.store.rows(document))[0].placed.digest
        await laptop_small.engine.hear("mac", await mac_small.everything())
        dropped = Batch(standings=(Weighed(birth, Standing.VOID, "dropped"),), unshown=(document,))
        await laptop_small.store.commit(dropped)
        async with talking(mac_small, laptop_small) as (mac, laptop):
            await until(lambda: mac.finding(laptop), "the mac knows the place")
            await until(lambda: laptop.finding(mac), "the laptop knows the place")
            for one, other, here in ((mac, laptop, True), (laptop, mac, False)):
                found = await one.finding(other)
                assert found == Finding(views=False, document=document, event=birth, honoured=here)


# ---------------------------------------------------------------- older, hostile, outside


async def test_an_older_device_is_asked_once_and_told_as_such() -> None:
    """It refuses a question that it does not know: that is no error, and it is not asked again over this link."""

    def refuse(_body: bytes) -> bytes:
        message = f"this device {UNKNOWN}"
        raise Refused(message)

    async with two() as smalls, talking(*smalls) as (mac, laptop):
        old, new = (mac, laptop) if mac.name > laptop.name else (laptop, mac)
        old.answers[receipts.VERB] = refuse
        await until(lambda: _older(new, old), "it is known to be older")
        await new.talk._compare(old.name, 0.0)  # noqa: SLF001 - the next round of tips
        await settled()
        assert len(new.sent(receipts.VERB)) == 1
        assert not new.talk.alarms


async def _older(one: Device, other: Device) -> bool:
    side = one.talk.agreeing.sides.get(other.name)
    return side is not None and side.older


async def test_this_version_refuses_as_older_ones_do() -> None:
    """The words by which a version skew is known are those with which an unknown request is refused."""
    async with two() as smalls, talking(*smalls) as (mac, laptop):
        with pytest.raises(Refused, match="does not know 'nothing'"):
            await mac.talk.heard(laptop.name, "nothing", b"")
        assert f"does not know {receipts.VERB!r}" == UNKNOWN


async def test_attack_a_receipt_for_another_device() -> None:
    """A member hands on somebody else's receipt, or one that it made up: refused, said, and never in sync by it."""
    async with two() as smalls, talking(*smalls) as (mac, laptop):
        liar, honest = (mac, laptop) if mac.name > laptop.name else (laptop, mac)
        mine = await honest.talk.agreeing._own()  # noqa: SLF001 - a true receipt of somebody else
        liar.answers[receipts.VERB] = lambda _body: receipts.encode(mine)
        await until(lambda: _refused(honest, liar), "the lie is known")
        assert not await honest.agrees(liar)
        meeting = honest.talk.meetings.of(liar.name)
        assert meeting is not None
        assert meeting.receipt is None


async def _refused(one: Device, other: Device) -> bool:
    side = one.talk.agreeing.sides.get(other.name)
    return side is not None and bool(side.refused)


async def test_attack_comparisons_that_nobody_needs() -> None:
    """Where two agree none is answered; where they differ each step is, once in a while, and none out of turn."""
    async with two() as smalls, talking(*smalls) as (mac, laptop):
        await agreed(mac, laptop)
        nodes = comparing.encode(Nodes(True, bytes(2048)))  # noqa: FBT003 - a field
        with pytest.raises(Refused):
            await mac.talk.heard(laptop.name, comparing.VERB, nodes)
        document = (await smalls[0].store.notes(limit=1))[0].note.document
        await title(smalls[0], document, "false")
        theirs = await laptop.talk.agreeing._own()  # noqa: SLF001 - its true receipt
        await mac.talk.heard(laptop.name, receipts.VERB, receipts.encode(theirs))
        assert isinstance(comparing.decode(await mac.talk.heard(laptop.name, comparing.VERB, nodes)), comparing.Buckets)
        with pytest.raises(Refused):
            await mac.talk.heard(laptop.name, comparing.VERB, nodes)
        buckets = comparing.encode(comparing.Buckets(True, 0, bytes(128)))  # noqa: FBT003 - a field
        with pytest.raises(Refused):
            await mac.talk.heard(laptop.name, comparing.VERB, buckets)
        event = (await smalls[0].store.rows(document))[0].placed.digest
        lie = Finding(views=False, document=document, event=event, honoured=True)
        await mac.talk.heard(laptop.name, comparing.VERB, comparing.encode(lie))
        assert await mac.finding(laptop) is None, "the event counts here as well"


async def test_who_is_outside_gets_none_of_this() -> None:
    """A guest, and a device that was taken out, is refused both requests."""
    async with two() as smalls, talking(*smalls) as (mac, laptop):
        await agreed(mac, laptop)
        receipt = receipts.encode(await laptop.talk.agreeing._own())  # noqa: SLF001 - a true one
        await close(mac.small.engine, laptop.small.engine.own.admission)
        for sender in (laptop.name, None):
            for verb, body in ((receipts.VERB, receipt), (comparing.VERB, b"")):
                with pytest.raises(Refused, match="does not know"):
                    await mac.talk.heard(sender, verb, body)
