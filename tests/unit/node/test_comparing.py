"""Where two devices differ: the place is found in five messages, named on both sides, and forgotten when healed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.events.verdict import Standing
from mesh.names import device_text
from mesh.node import timing
from mesh.node.storage.store_port import Batch, Weighed
from mesh.sync import comparing, receipts
from mesh.sync.comparing import Finding
from tests.unit.node.engines import retitle, write
from tests.unit.node.listening import (
    agreed,
    settled,
    talking,
    title,
    told_receipt,
    two,
)
from tests.unit.node.test_talk import until


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
@pytest.mark.parametrize("first", [True, False])
async def test_it_heals_and_is_forgotten(first: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 - a case
    """What was found is shown until the two agree again: whoever was mended says so, be it asked first or not."""
    async with two() as smalls:
        document = await write(smalls[0].engine, "true")
        await smalls[1].engine.hear("mac", await smalls[0].everything())
        names = [device_text(small.engine.own.admission) for small in smalls]
        await title(smalls[names.index(min(names) if first else max(names))], document, "false")
        async with talking(*smalls) as devices:
            damaged, sound = sorted(devices, key=lambda device: device.name, reverse=not first)
            await until(lambda: damaged.finding(sound), "the place")
            await until(lambda: sound.finding(damaged), "the place")
            monkeypatch.setattr(timing, "RECEIPT_AGAIN_S", 3600.0)  # nothing is asked again without a reason
            await damaged.small.engine.rebuild()
            await damaged.talk._compare(sound.name, 0.0)  # noqa: SLF001 - the next round of tips
            await agreed(*devices)
            assert await damaged.finding(sound) is None
            assert await sound.finding(damaged) is None


async def test_who_does_not_agree_is_not_asked_at_every_turn() -> None:
    """Two that do not show the same trade receipts again when something moved, or in a while, and not with each tip."""
    async with two() as smalls:
        document = (await smalls[0].store.notes(limit=1))[0].note.document
        await title(smalls[0], document, "false")
        async with talking(*smalls) as (mac, laptop):
            await until(lambda: told_receipt(mac, laptop), "a receipt")
            await until(lambda: told_receipt(laptop, mac), "a receipt")
            await settled()
            before = len([*mac.sent(receipts.VERB), *laptop.sent(receipts.VERB)])
            for _ in range(5):
                await mac.talk._compare(laptop.name, 0.0)  # noqa: SLF001 - a round of tips
                await settled()
            assert len([*mac.sent(receipts.VERB), *laptop.sent(receipts.VERB)]) <= before


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
