"""Meetings: what a device told last is known after a restart, and keeping it costs next to nothing."""

from __future__ import annotations

import pytest

from mesh.clocks.chain import Head
from mesh.events.event import Lane
from mesh.limits import MEETING_TIPS_MAX
from mesh.names import ZERO, Digest
from mesh.node import clock, timing
from mesh.node.meetings import Meetings
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch
from mesh.sync.inputs import GUEST
from mesh.sync.messages import Have
from mesh.sync.receipts import Receipt, Shown
from tests.unit.node.engines import Small, founded, write
from tests.unit.small_mesh import fixed

RECEIPT = Receipt(ZERO, Shown(ZERO, ZERO, ZERO, ZERO), 2, 1, bytes(64))


class Counting(MemoryStore):
    """A store that counts what is committed to it."""

    def __init__(self) -> None:
        """Nothing so far."""
        super().__init__()
        self.commits = 0

    async def commit(self, batch: Batch) -> int:
        """As it is, counted."""
        self.commits += 1
        return await super().commit(batch)


async def again(small: Small) -> Meetings:
    """The meetings as the next start reads them."""
    return Meetings(small.engine, (await small.store.boot()).settings)


def have(small: Small) -> Have:
    """What this device would tell."""
    return small.engine.replica.have("laptop", asks=True)


async def test_what_was_told_last_is_known_after_a_restart() -> None:
    """Tips, receipt and times, when the link ended in order."""
    async with founded() as mac:
        await write(mac.engine, "note")
        meetings = await again(mac)
        assert meetings.of("laptop") is None
        meetings.told("laptop", have(mac))
        meetings.signed("laptop", RECEIPT)
        meetings.in_sync("laptop")
        await meetings.keep("laptop")
        found = (await again(mac)).of("laptop")
        assert found == meetings.of("laptop")
        assert found is not None
        assert found.receipt == RECEIPT
        assert 0 < found.heard_ms <= found.receipt_ms <= found.in_sync_ms <= clock.now_ms()


async def test_which_events_a_device_had() -> None:
    """By its tips: up to there it held the chain; of a chain that it did not name, nothing."""
    async with founded() as mac:
        await write(mac.engine, "one")
        meetings = await again(mac)
        meetings.told("laptop", have(mac))
        ((chain, (tip,)),) = mac.engine.replica.chains.frontier(Lane.DATA).items()
        found = meetings.of("laptop")
        assert found is not None
        assert found.tips(chain) == (tip,)
        assert [found.has(chain, seq) for seq in (1, tip.seq, tip.seq + 1)] == [True, True, False]
        assert found.has(ZERO, 1) is False


async def test_it_is_kept_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once the first time, then at most once a minute, and never where only times moved."""
    store = Counting()
    async with founded(store) as mac:
        meetings = await again(mac)
        meetings.told("laptop", have(mac))
        before = store.commits
        for _ in range(10):
            await meetings.look()
        assert store.commits == before + 1
        await write(mac.engine, "something new")
        before = store.commits
        meetings.told("laptop", have(mac))
        await meetings.look()
        assert store.commits == before, "a minute is not over"
        monkeypatch.setattr(timing, "MEETING_KEPT_S", 0.0)
        await meetings.look()
        assert store.commits == before + 1
        meetings.told("laptop", have(mac))
        await meetings.look()
        assert store.commits == before + 1, "only the time has moved"
        await meetings.keep()
        found, kept = meetings.of("laptop"), (await again(mac)).of("laptop")
        assert kept == found


async def test_a_disk_that_is_full_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be kept is not taken for kept."""
    async with founded() as mac:
        meetings = await again(mac)
        meetings.told("laptop", have(mac))

        async def refuse(_key: str, _value: bytes) -> None:
            raise OSError

        with monkeypatch.context() as broken:
            broken.setattr(mac.engine, "remember", refuse)
            with pytest.raises(OSError):  # noqa: PT011 - the one above
                await meetings.keep()
        await meetings.keep()
        assert (await again(mac)).of("laptop") is not None


async def test_a_guest_is_nobody() -> None:
    """Of who comes through the guests' door nothing is kept, nor of a receipt of who told no tips."""
    async with founded() as mac:
        meetings = await again(mac)
        for guest in (GUEST, f"{GUEST}laptop"):
            meetings.told(guest, have(mac))
            assert meetings.of(guest) is None
        meetings.signed("laptop", RECEIPT)
        assert meetings.of("laptop") is None


async def test_tips_without_end_are_kept_in_part() -> None:
    """Of many chains some are kept, and nobody takes them for all."""
    async with founded() as mac:
        many = {Digest(fixed(32, n)): (Head(1, ZERO),) for n in range(MEETING_TIPS_MAX + 9)}
        meetings = await again(mac)
        meetings.told("laptop", Have({}, many, ZERO, ZERO, asks=False))
        await meetings.keep()
        found = (await again(mac)).of("laptop")
        assert found is not None
        assert len(found.have.data) == MEETING_TIPS_MAX
        assert {found.has(chain, 1) for chain in many} == {True, None}


@pytest.mark.parametrize("raw", [b"", b"\x80", bytes(40)])
async def test_a_meeting_of_another_version_is_none(raw: bytes) -> None:
    """A setting that this version cannot read is as if there were none."""
    async with founded() as mac:
        assert Meetings(mac.engine, {"meeting/laptop": raw}).of("laptop") is None
