"""Agreeing over a bus: receipts once per convergence, nothing while idle, and the place where two differ."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from mesh.errors import Refused
from mesh.names import ZERO, Digest
from mesh.node import timing
from mesh.node.agreeing import UNKNOWN
from mesh.sync import comparing, receipts
from mesh.sync.comparing import Finding, Nodes
from tests.unit.node.closing import close
from tests.unit.node.engines import founded, joined_by, retitle, write
from tests.unit.node.listening import (
    Device,
    agreed,
    settled,
    talking,
    title,
    told_receipt,
    two,
)
from tests.unit.node.test_talk import until


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
            await until(lambda: told_receipt(mac, laptop), "the laptop's receipt")
            await until(lambda: told_receipt(laptop, mac), "the mac's receipt")
            await asyncio.sleep(5 * timing.DIFFER_S)
            assert not [*mac.sent(comparing.VERB), *laptop.sent(comparing.VERB)]
            side = mac.talk.agreeing.sides[laptop.name]
            assert side.receipt is not None
            assert (side.receipt.bodies, side.receipt.whole) == (1, False)


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
