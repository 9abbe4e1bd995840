"""Conflicts as each commit keeps them: who wrote what, after restarts, refolds and closes, and what nobody may do."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh.errors import DiskFull, Refused
from mesh.events.kinds import Adopt, Close
from mesh.limits import CONFLICT_SIDE_CHARACTERS, CONFLICT_SIDES_KEPT
from mesh.names import DocumentId, short
from mesh.node import folding
from mesh.node.engine import Engine
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, ConflictRow
from mesh.state.edits import Put, Splice, Swap
from mesh.state.settling import Merge, Say, Take
from tests.unit.node.disputing import conflicts, edit, loaded, settle, take_back
from tests.unit.node.engines import Listener, Small, founded, joined_by, state, working, write
from tests.unit.node.families import ask, family, meet, note
from tests.unit.node.test_shelf_turns import everything, nothing, rebuilt, swap


@asynccontextmanager
async def two(body: str = "beans and peas") -> AsyncIterator[tuple[Small, Small, DocumentId]]:
    """Two devices with one note."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        document = await write(mac.engine, "seeds", body)
        await swap(mac, laptop)
        yield mac, laptop, document


async def restarted(*sides: Small) -> None:
    """Everything in memory is forgotten, as by a new start."""
    for side in sides:
        await side.engine.alone(nothing)


async def open_(side: Small, document: DocumentId) -> list[tuple[str, str]]:
    """Kind and field of what the store has as open, which is what a look at the document finds and the note says."""
    rows = await side.store.conflicts(document=document)
    found = await conflicts(side.engine, document)
    assert {row.name for row in rows} == {one.name for one in found}
    row = await side.store.note(document)
    assert row is not None
    assert row.note.conflicts == tuple(sorted({row.field for row in rows}))
    return sorted((row.kind, row.field) for row in rows)


async def one_row(side: Small) -> ConflictRow:
    """The only open conflict of a store."""
    (row,) = await side.store.conflicts()
    return row


@pytest.mark.parametrize("snapshots", [1, 64])
async def test_a_text_is_in_conflict_until_it_is_settled_and_again_when_that_is_taken_back(
    snapshots: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a restart before each step, out of snapshots and out of events; the same rows on both devices."""
    monkeypatch.setattr(folding, "SNAPSHOT_CHANGES", snapshots)
    async with two() as (mac, laptop, document):
        await edit(mac.engine, document, Splice(0, 5, "big beans"))
        await edit(laptop.engine, document, Splice(0, 5, "small beans"))
        await swap(mac, laptop)
        assert await open_(mac, document) == [("text", "body")]
        first = await one_row(mac)
        await restarted(mac, laptop)
        (found,) = await conflicts(mac.engine, document)
        settled = await settle(mac.engine, document, found, Merge())
        await swap(mac, laptop)
        for step, event in enumerate([settled, settled, settled]):
            for side in (mac, laptop):
                assert await open_(side, document) == []
                await restarted(side)
                await edit(side.engine, document, Put("title", f"{step} still settled"))
                assert await open_(side, document) == []
                await swap(mac, laptop)
            taken_back = await take_back(laptop.engine, document, event.digest)
            await swap(mac, laptop)
            assert await open_(mac, document) == [("text", "body")]
            assert await one_row(mac) == await one_row(laptop) == first
            await restarted(mac, laptop)
            await edit(mac.engine, document, Put("title", "still open"))
            assert await open_(mac, document) == [("text", "body")]
            await take_back(mac.engine, document, taken_back.digest)
            await swap(mac, laptop)
        rows = await mac.store.settlements(document=document)
        assert {row.undoes for row in rows} >= {None, settled.digest}
        assert set(rows) == set(await laptop.store.settlements(document=document))
        await rebuilt(mac)
        await rebuilt(laptop)


async def test_a_settlement_that_falls_opens_the_conflict_and_its_adoption_settles_it() -> None:
    """The device that settled is closed with marks before that; what it wrote by the way falls and rises with it."""
    async with two() as (mac, laptop, document):
        await edit(mac.engine, document, Splice(0, 5, "big beans"), Put("title", "m"))
        await edit(laptop.engine, document, Splice(0, 5, "small beans"), Put("title", "l"))
        await swap(mac, laptop)
        marks = await mac.store.heads_at(laptop.engine.own.admission)
        kinds = [("register", "title"), ("text", "body")]
        assert await open_(mac, document) == kinds
        events = [
            (await settle(laptop.engine, document, one, Take(1))).digest
            for one in await conflicts(laptop.engine, document)
        ]
        await swap(mac, laptop)
        assert await open_(mac, document) == []
        shown = await mac.store.note(document)
        await state(mac.engine, Close(laptop.engine.own.admission, marks))
        assert await open_(mac, document) == kinds
        assert await mac.store.settlements() == ()
        await restarted(mac)
        assert await open_(mac, document) == kinds
        await rebuilt(mac)
        await state(mac.engine, Adopt(tuple(sorted(events))))
        assert await open_(mac, document) == []
        assert await mac.store.note(document) == shown
        await rebuilt(mac)


async def test_what_falls_takes_its_conflict_with_it() -> None:
    """One side of it counts no more, so nobody disagrees."""
    async with two() as (mac, laptop, document):
        marks = await mac.store.heads_at(laptop.engine.own.admission)
        await edit(mac.engine, document, Put("title", "m"))
        await edit(laptop.engine, document, Put("title", "l"))
        await swap(mac, laptop)
        assert await open_(mac, document) == [("register", "title")]
        await state(mac.engine, Close(laptop.engine.own.admission, marks))
        assert await open_(mac, document) == []
        await rebuilt(mac)


async def test_a_row_says_who_wrote_each_side_and_since_when_they_disagree() -> None:
    """By events; with the agent; the second one written is since when; the same after a restart between them."""
    async with two() as (mac, laptop, document):
        mine = await edit(mac.engine, document, Put("title", "m"), agent="")
        theirs = await edit(laptop.engine, document, Put("title", "l"))
        await restarted(mac)
        await swap(mac, laptop)
        row = await one_row(mac)
        assert row == await one_row(laptop)
        sides = {side.value: side.author for side in row.sides}
        assert {value: one and (one.event, one.admission, one.agent) for value, one in sides.items()} == {
            "m": (mine.digest, mac.engine.own.admission, ""),
            "l": (theirs.digest, laptop.engine.own.admission, ""),
        }
        times = sorted((one.lamport, one.event, one.time_ms) for one in sides.values() if one)
        assert row.since_ms == times[1][2]
        assert row.lamport == times[1][0]
        assert (row.count, set(row.devices), row.ancestor) == (
            2,
            {one.admission for one in sides.values() if one},
            "seeds",
        )


async def test_long_values_and_many_are_cut_and_counted() -> None:
    """Lists stay small whatever somebody writes; all of their devices are named."""
    async with two() as (mac, laptop, document):
        long = "x" * (CONFLICT_SIDE_CHARACTERS + 1)
        await edit(laptop.engine, document, Put("title", long))
        await swap(mac, laptop)
        (live,) = (await loaded(mac.engine, document)).document.live_operations("title")
        values = tuple(f"{number} {long}" for number in range(CONFLICT_SIDES_KEPT + 3))
        await edit(mac.engine, document, Swap("title", (live,), values))
        row = await one_row(mac)
        assert (row.count, len(row.sides)) == (len(values), CONFLICT_SIDES_KEPT)
        assert all(len(str(side.value)) == CONFLICT_SIDE_CHARACTERS for side in row.sides)
        assert all(side.characters > CONFLICT_SIDE_CHARACTERS for side in row.sides)
        assert row.devices == (mac.engine.own.admission,)


async def test_who_gave_a_note_its_path_is_kept() -> None:
    """The birth, then whoever moved it; another edit says nothing new, and a note without a path has nobody."""
    async with two() as (mac, laptop, document):
        moved = await edit(laptop.engine, document, Put("path", "a.md"))
        await swap(mac, laptop)
        for step in range(3):
            await edit(mac.engine, document, Put("title", str(step)))
            await restarted(mac)
            row = await mac.store.note(document)
            assert row is not None
            assert row.placed is not None
            assert row.placed.event == moved.digest
        await edit(mac.engine, document, Put("title", "in memory now"))
        again = await edit(mac.engine, document, Put("path", "b.md"))
        row = await mac.store.note(document)
        assert row is not None
        assert row.placed is not None
        assert (row.placed.event, row.placed.admission) == (again.digest, mac.engine.own.admission)
        await rebuilt(mac)
        await edit(mac.engine, document, Put("path", None))
        row = await mac.store.note(document)
        assert row is not None
        assert row.placed is None


class Cut(MemoryStore):
    """A store that has no room for one commit."""

    full = False

    async def commit(self, batch: Batch) -> int:
        """Keep it, or not this once."""
        if self.full and (batch.events or batch.conflicts):
            self.full = False
            raise DiskFull("no room")
        return await super().commit(batch)


async def test_a_commit_that_fails_leaves_no_conflict_behind() -> None:
    """Neither in the store nor in memory; the next one brings it whole."""
    async with founded(Cut()) as mac, joined_by(mac, "laptop") as laptop:
        document = await write(mac.engine, "seeds", "beans")
        await swap(mac, laptop)
        await edit(mac.engine, document, Put("title", "m"))
        await edit(laptop.engine, document, Put("title", "l"))
        before = await everything(mac.store)
        assert isinstance(mac.store, Cut)
        mac.store.full = True
        with pytest.raises(DiskFull):
            await mac.engine.hear("laptop", await laptop.everything())
        assert await everything(mac.store) == before
        assert await open_(mac, document) == []
        await swap(mac, laptop)
        assert await open_(mac, document) == [("register", "title")]
        found = (await conflicts(mac.engine, document))[0]
        mac.store.full = True
        with pytest.raises(DiskFull):
            await settle(mac.engine, document, found, Say("both"))
        assert await open_(mac, document) == [("register", "title")]
        await settle(mac.engine, document, found, Say("both"))
        assert await open_(mac, document) == []
        await rebuilt(mac)


async def test_a_key_that_comes_late_shows_what_is_in_conflict() -> None:
    """What could not be read is read then: its conflicts, who wrote them, and which change each event carries."""
    async with two() as (mac, laptop, document):
        await edit(mac.engine, document, Put("title", "m"))
        await edit(laptop.engine, document, Put("title", "l"))
        await swap(mac, laptop)
        async with joined_by(mac, "phone", keyed=False) as phone:
            await phone.engine.hear("mac", await mac.everything())
            assert await phone.store.conflicts() == ()
            epoch = mac.engine.replica.verdict.epoch()
            assert epoch is not None
            phone.engine.keyring.add(epoch, mac.engine.keyring.keys()[short(epoch)])
            await restarted(phone)
            assert await one_row(phone) == await one_row(mac)
            await rebuilt(phone)


async def test_a_start_on_what_another_run_left_goes_on_from_there() -> None:
    """A copy of the store, as after kill -9: the same conflicts, and they go away when they are settled."""
    async with two() as (mac, laptop, document):
        await edit(mac.engine, document, Put("title", "m"))
        await edit(laptop.engine, document, Put("title", "l"))
        await swap(mac, laptop)
        store = copy.deepcopy(mac.store)
        wanted = await everything(store)
        async with working(Engine(mac.engine.own, mac.engine.keyring, store, Listener())) as engine:
            assert await everything(store) == wanted
            (found,) = await conflicts(engine, document)
            await settle(engine, document, found, Take(0))
            assert await store.conflicts() == ()


async def test_a_note_in_conflict_is_not_written_over_in_passing(tmp_path: Path) -> None:
    """Refused with the conflict's id and what settles it; what is not in conflict is edited as ever."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = await note(alder, "seeds", body="beans")
        await meet(alder, birch)
        await ask(alder, "note.edit", document=document, title="a", body="two beans")
        await ask(birch, "note.edit", document=document, title="b", body="six beans")
        await meet(alder, birch)
        told = await ask(alder, "note.show", document=document)
        found = {one["field"]: one for one in _dicts(told["conflicts"])}
        assert found.keys() == {"title", "body"}
        values = found["title"]["values"]
        assert {(one["value"], one["name"]) for one in _dicts(values)} == {("a", "alder"), ("b", "birch")}
        with pytest.raises(Refused, match="2 values") as caught:
            await ask(alder, "note.edit", document=document, title="mine")
        assert f"resolve {found['title']['id'][:12]}" in caught.value.hint
        await ask(alder, "note.edit", document=document, body="text is merged", path="x.md", add_tags=["t"])
        assert (await ask(alder, "note.show", document=document))["title"] == told["title"]


def _dicts(found: object) -> Sequence[dict[str, str]]:
    assert isinstance(found, list)
    return found
