"""What a change of the verdict does to what is stored and shown: closes, ungrants, adoptions, documents forgotten."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mesh.events.event import Lane
from mesh.events.kinds import Adopt, Changed, Close, Forget, Grant, Mark, Ungrant
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.events.weigh import CLOSED, FORGOTTEN, UNGRANTED, UNSURE
from mesh.names import Digest, DocumentId
from mesh.node import folding
from mesh.node.engine import Engine
from mesh.node.shelf import Shelf
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, Store
from mesh.state import notes
from tests.unit.node.engines import Small, founded, joined_by, listed, retitle, standing, state, write
from tests.unit.node.test_shelf import data_events, interleaved, openings


async def data_marks(small: Small, admission: Digest) -> tuple[Mark, ...]:
    """Where a device's chains end in what is held."""
    return await small.store.heads_at(admission)


async def swap(one: Small, other: Small) -> None:
    """Each hears everything of the other."""
    here, there = await one.everything(), await other.everything()
    await one.engine.hear("other", there)
    await other.engine.hear("one", here)


async def same(*stores: Store) -> bool:
    """Whether stores have one digest, and show the same."""
    roots = {await store.digest() for store in stores}
    shown = {tuple(await store.notes(limit=1000)) for store in stores}
    return len(roots) == len(shown) == 1


async def edit(small: Small, note: DocumentId, **wanted: str) -> None:
    """Change a note as a person does."""

    async def make(engine: Engine) -> Sequence[Draft]:
        loaded = await engine.shelf.load(note)
        assert loaded is not None
        actor = engine.shelf.actor(loaded, engine.own.admission)
        change = loaded.document.edit(actor, notes.edits(loaded.document, **wanted))  # type: ignore[arg-type]
        return (Draft(Changed(change.raw), note),)

    await small.engine.say(Lane.DATA, make)


async def everything(store: Store) -> tuple[object, ...]:
    """All that a store says about data."""
    rows = [(r.placed.digest, r.standing, r.reason, r.document) for r in await store.replay(limit=10_000)]
    disputed = await store.conflicts(), await store.settlements(), await store.view_root()
    return (
        await store.digest(),
        await store.notes(limit=1000),
        await store.notes(limit=1000, deleted=True),
        rows,
        disputed,
    )


async def rebuilt(small: Small) -> None:
    """Built again from the log event by event, and weighed anew at a start, a store says what it said before."""
    before = await everything(small.store)
    await small.engine.rebuild()
    assert await everything(small.store) == before
    await small.store.commit(Batch(settings=(("weighed", b""),)))
    await small.engine.alone(nothing)
    assert await everything(small.store) == before


async def test_a_close_hides_what_came_after_its_marks() -> None:
    """Honoured before, void since: notes leave lists, search and tags, and the digest is that of who heard all late."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        kept = await write(laptop.engine, "kept")
        await swap(mac, laptop)
        marks = await data_marks(mac, laptop.engine.own.admission)
        before = await mac.store.digest()
        late = await write(laptop.engine, "late", "findable")
        event = await retitle(laptop.engine, kept, "kept, but changed")
        await swap(mac, laptop)
        assert await listed(mac.store) == ["kept, but changed", "late"]
        await state(mac.engine, Close(laptop.engine.own.admission, marks, "lost"))
        assert await listed(mac.store) == ["kept"]
        assert await mac.store.notes(search="findable", limit=9) == ()
        assert await mac.store.note(late) is None
        assert await standing(mac.store, event.digest) == (Standing.VOID, CLOSED)
        assert await mac.store.digest() == before
        async with joined_by(mac, "phone") as phone:
            await phone.engine.hear("mac", await mac.everything())
            assert await same(mac.store, phone.store)
        await laptop.engine.hear("mac", await mac.everything(Lane.CONTROL))
        assert await same(mac.store, laptop.store)


async def test_an_adoption_brings_void_work_back_in_its_place() -> None:
    """Note, change and search, and the document is what it would be had nobody closed anything."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        note = await write(laptop.engine, "one", "text")
        await retitle(laptop.engine, note, "two")
        await swap(mac, laptop)
        before, row = await mac.store.digest(), await mac.store.note(note)
        await state(mac.engine, Close(laptop.engine.own.admission))
        assert await listed(mac.store) == []
        void = await mac.engine.shelf.hidden(note)
        assert len(void) == 2
        await state(mac.engine, Adopt(tuple(sorted(row.placed.digest for row in void))))
        assert (await mac.store.digest(), await mac.store.note(note)) == (before, row)
        assert await mac.engine.shelf.hidden(note) == ()


async def test_work_on_top_of_void_work_is_shown_without_it() -> None:
    """Honoured changes on a void one, and on a void birth, count and are seen; the void ones are hidden by name."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        theirs, ours = await write(laptop.engine, "a note of the thief"), await write(mac.engine, "ours")
        await swap(mac, laptop)
        bad = await retitle(laptop.engine, ours, "spoiled")
        await swap(mac, laptop)
        for note in (theirs, ours):
            await edit(mac, note, body="honest text")
        marks = tuple(m for m in await data_marks(mac, laptop.engine.own.admission) if m.head.seq < 2)
        await state(mac.engine, Close(laptop.engine.own.admission, marks))
        rows = {row.note.document: row.note for row in await mac.store.notes(limit=9)}
        assert (rows[ours].title, rows[ours].body) == ("ours", "honest text")
        assert (rows[theirs].title, rows[theirs].body) == ("", "honest text")
        assert [row.placed.digest for row in await mac.engine.shelf.hidden(ours)] == [bad.digest]
        assert len(await mac.engine.shelf.hidden(theirs)) == 1
        for note in (theirs, ours):
            await edit(mac, note, title="mended")
            await edit(mac, note, body="honest text, edited")
        assert await listed(mac.store) == ["mended", "mended"]
        await rebuilt(mac)
        async with joined_by(mac, "phone") as phone:
            await phone.engine.hear("mac", await mac.everything())
            assert await same(mac.store, phone.store)
            assert {row.note.body for row in await phone.store.notes(limit=9)} == {"honest text, edited"}


async def test_an_ungrant_ends_what_was_written_under_the_grant() -> None:
    """Its marks count as those of a close do; what was said under another grant stays."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        await write(laptop.engine, "before")
        await swap(mac, laptop)
        marks = await data_marks(mac, laptop.engine.own.admission)
        await write(laptop.engine, "after")
        await swap(mac, laptop)
        name = next(
            s.digest
            for s in mac.engine.replica.statements.values()
            if isinstance(s.body, Grant) and s.body.admission == laptop.engine.own.admission
        )
        await state(mac.engine, Ungrant(name, marks))
        assert await listed(mac.store) == ["before"]
        (row,) = await mac.store.unsettled()
        assert (row.standing, row.reason) == (Standing.VOID, UNGRANTED)
        assert mac.engine.replica.verdict.is_live(laptop.engine.own.admission)


async def test_what_waits_for_a_mark_is_weighed_when_the_mark_comes() -> None:
    """Work under a mark that is not held yet waits, and counts as soon as the mark is there, in one commit or more."""
    for together in (False, True):
        async with founded() as mac, joined_by(mac, "laptop") as laptop, joined_by(mac, "phone") as phone:
            written = [await write(laptop.engine, f"n{n}") for n in range(2)]
            early = await laptop.everything(Lane.DATA)
            await retitle(laptop.engine, written[0], "retitled")
            await swap(mac, laptop)
            await state(
                mac.engine, Close(laptop.engine.own.admission, await data_marks(mac, laptop.engine.own.admission))
            )
            late = await mac.everything(Lane.DATA)
            await phone.engine.hear("mac", await mac.everything(Lane.CONTROL))
            if not together:
                await phone.engine.hear("laptop", early)
                assert {row.reason for row in await phone.store.unsettled()} == {UNSURE}
                assert await listed(phone.store) == []
            await phone.engine.hear("mac", late)
            assert await phone.store.unsettled() == ()
            assert await same(mac.store, phone.store)


async def test_a_forgotten_document_is_gone_from_every_view() -> None:
    """At once, on whoever hears of it, whenever its events come; nobody asks for its bodies."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        note = await write(mac.engine, "secret", "canary")
        await write(mac.engine, "other")
        await retitle(mac.engine, note, "secret, twice")
        await swap(mac, laptop)
        await state(mac.engine, Forget(note))
        for side in (mac, laptop):
            await side.engine.hear("mac", await mac.everything(Lane.CONTROL))
            assert await listed(side.store) == ["other"]
            assert await side.store.notes(search="canary", limit=9) == ()
            assert {row.reason for row in await side.store.unsettled()} == {FORGOTTEN}
        after = int(time.time() * 1000) + 1
        assert await mac.engine.erase(after) == 2
        assert await mac.store.missing_bodies() == ()
        async with joined_by(mac, "phone") as phone:
            await phone.engine.hear("mac", await mac.everything())
            assert await same(mac.store, phone.store, laptop.store)
            assert (phone.engine.replica.missing, await phone.store.missing_bodies()) == ({}, ())
        await rebuilt(mac)


async def test_a_forget_that_falls_brings_the_note_back() -> None:
    """When it does not count any more, the bodies that went are asked for again, and all is as before."""
    async with founded() as mac:
        note = await write(mac.engine, "needed")
        before, row = await mac.store.digest(), await mac.store.note(note)
        (event,) = [row.placed for row in await mac.store.rows(note)]
        assert event.event.body is not None
        await state(mac.engine, Forget(note))
        assert await mac.engine.erase(int(time.time() * 1000) + 1) == 1
        shelf, verdict = mac.engine.shelf, mac.engine.replica.verdict
        fallen = shelf.scales.turn(replace(verdict, forgotten=set()))
        await shelf.weigh_all_again(fallen, nothing)
        shelf.committed(await mac.store.commit(await shelf.batch({})))
        assert await mac.store.missing_bodies() == ((event.digest, event.header.body_digest),)
        await shelf.take_bodies(await mac.store.event(event.digest), [(event.digest, event.event.body)])
        shelf.committed(await mac.store.commit(await shelf.batch({})))
        assert (await mac.store.digest(), await mac.store.note(note)) == (before, row)


async def nothing() -> None:
    """Commit nothing in between."""


async def spoiled(mac: Small, laptop: Small) -> DocumentId:
    """A note that both wrote in turn, each on top of the other, of which all that the laptop did became void."""
    note = await write(laptop.engine, "a note of the laptop")
    for number in range(3):
        await swap(mac, laptop)
        await edit(mac, note, body=f"honest {number}")
        await swap(mac, laptop)
        await retitle(laptop.engine, note, f"spoiled {number}")
    await swap(mac, laptop)
    await state(mac.engine, Close(laptop.engine.own.admission))
    return note


@pytest.mark.parametrize("together", [False, True])
async def test_every_order_of_arrival_gives_the_same_masks(together: bool) -> None:  # noqa: FBT001
    """The verdict is known, and seven events of two chains come in each order, in one commit or in one each."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        note = await spoiled(mac, laptop)
        wanted, row = await mac.store.digest(), await mac.store.note(note)
        assert row is not None
        assert (row.note.title, row.note.body) == ("", "honest 2")
        hidden = {row.placed.digest for row in await mac.engine.shelf.hidden(note)}
        assert len(hidden) == 4
        orders = list(interleaved(await data_events(mac)))
        assert len(orders) == 35
        for order in orders:
            store = MemoryStore()
            shelf = Shelf(store, mac.engine.keyring, mac.engine.replica.verdict)
            for event in (*await openings(mac), *order):
                await shelf.take([event])
                if not together:
                    shelf.committed(await store.commit(await shelf.batch({})))
            shelf.committed(await store.commit(await shelf.batch({})))
            assert (await store.digest(), await store.note(note)) == (wanted, row)
            assert {row.placed.digest for row in await shelf.hidden(note)} == hidden


async def test_a_void_birth_ends_waiting() -> None:
    """Honoured work that came before it is shown, without what the birth said."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        note = await write(laptop.engine, "a note of the laptop")
        await swap(mac, laptop)
        await edit(mac, note, body="honest")
        await state(mac.engine, Close(laptop.engine.own.admission))
        birth, change = await data_events(mac)
        store = MemoryStore()
        shelf = Shelf(store, mac.engine.keyring, mac.engine.replica.verdict)
        for event in (*await openings(mac), change, birth):
            await shelf.take([event])
            shelf.committed(await store.commit(await shelf.batch({})))
        row = await store.note(note)
        assert row is not None
        assert (row.note.title, row.note.body) == ("", "honest")
        assert await same(store, mac.store)


@pytest.mark.parametrize("kept", [False, True])
async def test_a_snapshot_of_what_counted_before_is_not_used(kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """A document that was saved with changes that are void now is folded again, also by whoever starts later."""
    monkeypatch.setattr(folding, "SNAPSHOT_CHANGES", 2)
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        note = await write(mac.engine, "ours")
        await swap(mac, laptop)
        for number in range(5):
            await retitle(laptop.engine, note, f"theirs {number}")
        await swap(mac, laptop)
        await write(mac.engine, "one more commit, for the snapshot")
        assert await mac.store.snapshot(note) is not None
        if not kept:
            mac.engine.shelf.dropped()
        await state(mac.engine, Close(laptop.engine.own.admission))
        if not kept:
            mac.engine.shelf.dropped()
        await edit(mac, note, body="text")
        row = await mac.store.note(note)
        assert row is not None
        assert (row.note.title, row.note.body) == ("ours", "text")
        await rebuilt(mac)


async def test_what_stood_on_a_closed_admin_falls_with_him() -> None:
    """His adoptions do not count any more, nor does whom he let in: their work is hidden again."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop:
        marks = await mac.store.heads_at(laptop.engine.own.admission)
        async with joined_by(laptop, "phone", rank=3) as phone, joined_by(mac, "tablet", rank=3) as tablet:
            await write(phone.engine, "of the phone")
            await tablet.engine.hear("mac", await mac.everything())
            await write(tablet.engine, "of the tablet")
            for side in (phone, tablet):
                await laptop.engine.hear("other", await side.everything())
            await state(laptop.engine, Close(tablet.engine.own.admission))
            assert await listed(laptop.store) == ["of the phone"]
            (row,) = await laptop.store.unsettled()
            await state(laptop.engine, Adopt((row.placed.digest,)))
            await mac.engine.hear("laptop", await laptop.everything())
            assert await listed(mac.store) == ["of the phone", "of the tablet"]
            await state(mac.engine, Close(tablet.engine.own.admission))
            assert await listed(mac.store) == ["of the phone"]
            await state(mac.engine, Close(laptop.engine.own.admission, marks))
            assert await listed(mac.store) == []
            await rebuilt(mac)


async def test_an_adoption_that_falls_hides_again() -> None:
    """A junior admin adopted what an equal had closed; when he is closed himself, it is void again."""
    async with founded() as mac, joined_by(mac, "laptop") as laptop, joined_by(mac, "phone", rank=3) as phone:
        await phone.engine.hear("mac", await mac.everything())
        await write(phone.engine, "of the phone")
        await laptop.engine.hear("phone", await phone.everything())
        await laptop.engine.hear("mac", await mac.everything())
        await state(laptop.engine, Close(phone.engine.own.admission))
        await mac.engine.hear("laptop", await laptop.everything())
        marks = await mac.store.heads_at(laptop.engine.own.admission)
        (row,) = await laptop.store.unsettled()
        await state(laptop.engine, Adopt((row.placed.digest,)))
        await mac.engine.hear("laptop", await laptop.everything())
        assert await listed(mac.store) == ["of the phone"]
        await state(mac.engine, Close(laptop.engine.own.admission, marks))
        assert await listed(mac.store) == []
        await rebuilt(mac)
