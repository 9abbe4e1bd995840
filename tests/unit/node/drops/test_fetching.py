"""Fetching: a dropped file arrives whole, from whoever has it, and nobody gets what is not for devices that read."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from mesh.errors import Unreachable
from mesh.limits import (
    DROP_PAGES_MAX,
    DROP_PAGES_MIN,
    DROP_UNASKED_BYTES_MAX,
    DROPS_AT_ONCE_MAX,
    MIB,
    PAGE_BYTES_MAX,
)
from mesh.names import DocumentId
from mesh.node import timing
from mesh.node.drops import drops as all_drops
from mesh.node.drops.fetching import Fetching, window
from mesh.node.drops.joining import data_of
from mesh.node.drops.pool import Pool
from mesh.node.transport.bus_memory import MemoryNetwork
from mesh.state.drops import Chunk, unpacked
from mesh.sync.drops import Ask, Page
from tests.unit.node.drops.files import cut, noise
from tests.unit.node.drops.sharing import Sharer, sharing, until
from tests.unit.node.engines import founded, joined_by


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other quickly."""
    monkeypatch.setattr(timing, "DROP_CALM_S", 0.01)
    monkeypatch.setattr(timing, "COMPARE_INTERVAL_S", 0.2)


async def content(sharer: Sharer, document: DocumentId) -> bytes:
    """A drop as bytes."""
    drop = await sharer.known(document)
    assert drop is not None
    return b"".join(data_of(sharer.drops.pool, drop))


async def test_a_drop_comes_by_itself_to_whom_it_is_for(tmp_path: Path) -> None:
    """To one device or to all; who is not meant fetches nothing until somebody there asks."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        joined_by(mac, "desk") as desk,
        sharing(MemoryNetwork(), tmp_path, mac, laptop, desk) as (a, b, c),
    ):
        data = noise(2 * MIB)
        mine, everybodys = await a.drop(data, to=b.name), await a.drop(data[:MIB])
        await until(lambda: b.whole(mine), "the drop that is for it")
        await until(lambda: c.whole(everybodys), "the drop for everybody")
        assert await content(b, mine) == data
        assert await content(c, everybodys) == data[:MIB]
        assert not await c.whole(mine)
        await c.drops.want(mine)
        await until(lambda: c.whole(mine), "the drop that was asked for")
        assert await content(c, mine) == data


async def test_a_large_one_for_everybody_waits_until_somebody_asks(tmp_path: Path) -> None:
    """Nobody's disk is filled unasked; what is for one device comes, however large."""
    async with founded() as mac, sharing(MemoryNetwork(), tmp_path, mac) as (a,):
        document = await a.drop(b"x", to="")
        drop = await a.known(document)
        assert drop is not None
        theirs = replace(drop, got={}, sender="somebody")
        assert a.drops.is_owed(theirs)
        assert not a.drops.is_owed(replace(theirs, size=DROP_UNASKED_BYTES_MAX + 1))
        assert a.drops.is_owed(replace(theirs, size=DROP_UNASKED_BYTES_MAX + 1, to=a.name))
        assert not a.drops.is_owed(replace(theirs, to="another"))
        assert not a.drops.is_owed(drop)


async def test_ten_cuts_cost_no_more_than_what_was_on_its_way(tmp_path: Path) -> None:
    """Each cut loses the pages that were asked for and no more; the file is whole in the end."""
    network, data = MemoryNetwork(), noise(24 * MIB)
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(network, tmp_path, mac, laptop) as (a, b),
    ):
        document = await a.drop(data)
        for number in range(1, 11):

            async def reached(number: int = number) -> bool:
                progress = b.drops.fetching.progress.get(document)
                return progress is not None and progress.here > number * len(data) / 12

            await until(reached, f"cut {number}")
            assert not await b.whole(document), "all came before it was cut ten times"
            network.part(a.name, b.name)
            network.heal(a.name, b.name)
        await until(lambda: b.whole(document), "the whole drop")
        assert await content(b, document) == data
        again = a.drops.serving.bytes[document] - len(data)
        assert again <= 10 * DROP_PAGES_MIN * PAGE_BYTES_MAX + packed_size(a)


def packed_size(sharer: Sharer) -> int:
    """How long the lists of chunks are, which are served beside the chunks."""
    return sum(path.stat().st_size for path in sharer.drops.pool.folder.rglob("*") if path.is_file()) - 24 * MIB


async def test_who_has_a_part_brings_it_and_another_the_rest(tmp_path: Path) -> None:
    """Two devices that each lost half still make a third one whole; a device that has nothing is no hindrance."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        joined_by(mac, "desk") as desk,
        sharing(MemoryNetwork(), tmp_path, mac, laptop, desk) as (a, b, c),
    ):
        data = noise(3 * MIB)
        document = await a.drop(data, to=b.name)
        await until(lambda: b.whole(document), "the second holder")
        await until(lambda: _knows(c, document, 2), "who has it")
        drop = await c.known(document)
        assert drop is not None
        rows = unpacked(a.drops.pool.read(drop.pieces[0]) or b"")
        for number, row in enumerate(rows):
            (a if number % 2 else b).drops.pool.path(row.digest).unlink()
        await c.drops.want(document)
        await until(lambda: c.whole(document), "the whole drop")
        assert await content(c, document) == data


async def _knows(sharer: Sharer, document: DocumentId, count: int) -> bool:
    drop = await sharer.known(document)
    return drop is not None and len(drop.got) == count


async def test_a_damaged_chunk_is_fetched_again(tmp_path: Path) -> None:
    """What a disk spoiled is found when all is read once more, and comes anew, before it is said to be here."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        data = noise(2 * MIB)
        document = await a.drop(data, to="nobody in particular")
        await until(lambda: b.known(document), "its record")
        drop = await b.known(document)
        assert drop is not None
        for digest in drop.pieces:
            b.drops.pool.keep(Chunk.of(a.drops.pool.read(digest) or b""), a.drops.pool.read(digest) or b"")
        spoiled = unpacked(a.drops.pool.read(drop.pieces[0]) or b"")[1]
        b.drops.pool.keep(spoiled, bytes(spoiled.size))
        assert b.drops.pool.has(spoiled)
        await b.drops.want(document)
        await until(lambda: b.whole(document), "the whole drop")
        assert await content(b, document) == data


@pytest.mark.parametrize("list_too", [True, False])
async def test_attack_a_peer_that_brings_other_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, list_too: bool
) -> None:
    """For the list or for a chunk: nothing of it is kept, and the file is not said to be here."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        true, lists = a.drops.pool.read, set[bytes]()
        serving = a.drops.serving._pool  # noqa: SLF001 - it is made a liar

        def lie(digest: bytes) -> bytes | None:
            return true(digest) if digest in lists else _spoiled(true(digest))

        data = noise(MIB)
        lists |= set() if list_too else set(cut(Pool(tmp_path / "aside"), data).pieces)
        monkeypatch.setattr(serving, "read", lie)
        document = await a.drop(data)

        async def noticed() -> bool:
            progress = b.drops.fetching.progress.get(document)
            return progress is not None and "brought something else" in progress.problem

        await until(noticed, "the lie")
        assert not await b.whole(document)
        kept = {path.name for path in b.drops.pool.folder.rglob("*") if path.is_file()}
        assert kept == {digest.hex() for digest in lists}


def _spoiled(data: bytes | None) -> bytes | None:
    return None if data is None else bytes([data[0] ^ 1]) + data[1:]


async def test_attack_a_record_whose_list_is_longer_than_its_file(tmp_path: Path) -> None:
    """Whoever writes one fills nobody's disk: it ends with the first piece."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        document = await a.drop(noise(2 * MIB), to="nobody")
        await until(lambda: b.known(document), "its record")
        drop = await b.known(document)
        assert drop is not None
        fetching = Fetching(b.small.engine, b.drops.pool, lambda *_, **__: None, _never)
        fetching.bus = b.bus
        assert not await fetching.fetch(replace(drop, size=MIB))
        assert "longer than its file" in fetching.progress[document].problem


async def _never(_document: DocumentId) -> None:
    raise AssertionError


async def test_a_sweep_takes_what_no_drop_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that two drops share stay while one of them is there; what was cut and never said goes."""
    async with founded() as mac, sharing(MemoryNetwork(), tmp_path, mac) as (a,):
        monkeypatch.setattr(time, "time", lambda: 2e10)  # all that is here came long ago
        data = noise(2 * MIB)
        first, second = await a.drop(data), await a.drop(data[:MIB])
        assert await a.drops.sweep() == 0
        await a.change(first, {"deleted": True})
        assert await a.drops.sweep() > 0
        assert await content(a, second) == data[:MIB]
        await a.change(second, {"deleted": True})
        await a.drops.sweep()
        assert [path for path in a.drops.pool.folder.rglob("*") if path.is_file()] == []


async def test_a_sweep_forgets_how_far_drops_were_that_are_gone(tmp_path: Path) -> None:
    """Transcripts that grow leave one behind each time, for as long as the agent runs."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        gone, stays = await a.drop(noise(MIB)), await a.drop(noise(MIB + 1))
        await until(lambda: b.whole(gone), "the one")
        await until(lambda: b.whole(stays), "the other")
        await a.change(gone, {"deleted": True})

        async def heard() -> bool:
            return {drop.document async for drop in b.drops.all()} == {stays}

        await until(heard, "that one is gone")
        for sharer in (a, b):
            await sharer.drops.sweep()
        assert (set(a.drops.serving.bytes), set(b.drops.fetching.progress)) == ({stays}, {stays})


async def test_what_was_asked_for_is_asked_for_after_a_start(tmp_path: Path) -> None:
    """The wish is kept with the home, and ends with the drop."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        document = await a.drop(noise(MIB), to="nobody")
        await until(lambda: b.known(document), "its record")
        b.drops.fetching.bus = None
        await b.drops.want(document)
        settings = (await laptop.store.boot()).settings
        again = all_drops.Drops(tmp_path / "again", laptop.engine, lambda *_, **__: None, _never)
        again.start(settings)
        drop = await b.known(document)
        assert drop is not None
        assert again.is_owed(drop)
        b.drops.fetching.bus = b.bus
        b.drops.look_soon()
        await until(lambda: b.whole(document), "the whole drop")

        async def forgotten() -> bool:
            return (await laptop.store.boot()).settings[all_drops.WANTED] == b"[]"

        await until(forgotten, "the end of the wish")


def test_a_longer_way_has_more_pages_on_it() -> None:
    """Two where it is short or not known, one more for each ten milliseconds, eight at most."""
    assert [window(ms) for ms in (None, 0.4, 9.9, 10, 45, 1000)] == [
        DROP_PAGES_MIN, DROP_PAGES_MIN, DROP_PAGES_MIN, DROP_PAGES_MIN + 1, DROP_PAGES_MIN + 4, DROP_PAGES_MAX,
    ]  # fmt: skip


async def test_what_failed_over_a_link_before_is_tried_over_the_new_one(tmp_path: Path) -> None:
    """A link that came up anew while a page was waited for is used at once, not after half a minute."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        document = await a.drop(noise(MIB), to="nobody")
        await until(lambda: b.known(document), "its record")
        drop = await b.known(document)
        assert drop is not None
        said: list[DocumentId] = []

        async def got(document: DocumentId) -> None:
            said.append(document)

        fetching = Fetching(b.small.engine, b.drops.pool, lambda *_, **__: None, got)

        class Flapping:
            """The link goes and comes while the first question waits."""

            links, asked = b.bus.links, 0

            async def request(self, device: str, verb: str, body: bytes, *, timeout_s: float) -> bytes:
                """Fail once."""
                self.asked += 1
                if self.asked == 1:
                    fetching.linked(device)
                    raise Unreachable("the link went down")
                return await b.bus.request(device, verb, body, timeout_s=timeout_s)

        fetching.bus = Flapping()  # type: ignore[assignment]
        assert not await fetching.fetch(drop)
        assert "went down" in fetching.progress[document].problem
        assert await fetching.fetch(drop)
        assert said == [document]


async def test_small_ones_wait_for_no_large_one_and_no_peer_serves_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While large files stand still, a small one comes; so many at once and no more, and all of them in the end."""
    async with (
        founded() as mac,
        joined_by(mac, "laptop") as laptop,
        sharing(MemoryNetwork(), tmp_path, mac, laptop) as (a, b),
    ):
        go_on, asked_of, true_ask = asyncio.Event(), set[DocumentId](), b.drops.fetching._ask  # noqa: SLF001
        small: set[DocumentId] = set()

        async def ask(peer: str, ask: Ask) -> Page:
            if ask.document not in small:
                asked_of.add(ask.document)
                await go_on.wait()
            return await true_ask(peer, ask)

        monkeypatch.setattr(b.drops.fetching, "_ask", ask)
        large = [await a.drop(noise(MIB, seed)) for seed in range(DROPS_AT_ONCE_MAX + 2)]

        async def at_work() -> bool:
            return len(asked_of) >= DROPS_AT_ONCE_MAX - 1

        await until(at_work, "the large ones to begin")
        for seed in range(5):
            document = await a.drop(noise(1000 + seed, 100 + seed))
            small.add(document)
            await until(lambda document=document: b.whole(document), "a small one")  # type: ignore[misc]
        assert len(asked_of) == DROPS_AT_ONCE_MAX - 1
        go_on.set()
        for document in large:
            await until(lambda document=document: b.whole(document), "a large one")  # type: ignore[misc]
