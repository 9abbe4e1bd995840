"""From events to standings and documents: whatever the order of arrival, the same; whatever is missing, waited for."""

from __future__ import annotations

import itertools
import secrets
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mesh.events.bodies import document_of
from mesh.events.event import Event, Lane, Placed
from mesh.events.kinds import Born, Changed
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.limits import CHANGE_BYTES_MAX, DOCUMENTS_CACHED_LETTERS_MAX, DOCUMENTS_CACHED_MAX, SNAPSHOT_CHANGES
from mesh.names import Digest, DocumentId
from mesh.node.engine import Engine
from mesh.node.shelf import Shelf
from mesh.node.storage.store_memory import MemoryStore
from mesh.state import encoding, notes
from mesh.state.columns import write_unsigned
from tests.unit.node.engines import Small, epoch_of, founded, joined_by, retitle, write


async def data_events(small: Small) -> list[Placed]:
    """The data events of a store in the order they were kept, openings left out."""
    rows = await small.store.replay(limit=10_000)
    return [row.placed for row in rows if row.document]


async def openings(small: Small) -> list[Placed]:
    """The openings of all data chains."""
    rows = await small.store.replay(limit=10_000)
    return [row.placed for row in rows if row.placed.seq == 1]


async def shelved(small: Small, events: Sequence[Placed]) -> MemoryStore:
    """A fresh store that took these events one by one, a commit each."""
    store = MemoryStore()
    shelf = Shelf(store, small.engine.keyring, small.engine.replica.verdict)
    for event in (*await openings(small), *events):
        await shelf.take([event])
        shelf.committed(await store.commit(await shelf.batch({})))
    return store


def interleaved(events: Sequence[Placed]) -> Iterator[list[Placed]]:
    """Every order in which the events of several chains may arrive: each chain in its own order."""
    chains: dict[Digest, list[Placed]] = {}
    for event in events:
        chains.setdefault(event.chain, []).append(event)
    labels = [chain for chain, own in chains.items() for _ in own]
    for order in sorted(set(itertools.permutations(labels))):
        left = {chain: iter(own) for chain, own in chains.items()}
        yield [next(left[chain]) for chain in order]


async def test_every_order_of_arrival_gives_the_same_state() -> None:
    """A birth and four changes by two devices, in every order in which they may come: one note, one digest."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await write(small.engine, "one")
        await laptop.engine.hear("mac", await small.everything())
        for title in ("two", "three"):
            await retitle(small.engine, document, f"{title} on the mac")
            await retitle(laptop.engine, document, f"{title} on the laptop")
        await laptop.engine.hear("mac", await small.everything(Lane.DATA))
        events, wanted = await data_events(laptop), await laptop.store.digest()
        orders = list(interleaved(events))
        assert len(orders) == 10
        for order in orders:
            store = await shelved(laptop, order)
            row = await store.note(document)
            assert row is not None
            assert row.note.conflicts == ("title",)
            assert await store.unsettled() == ()
            assert await store.digest() == wanted


async def test_one_message_may_mix_births_and_changes_of_several_notes() -> None:
    """Edits of two notes in turn, a new note between them, all in one message: kept in the order of their chain."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        first, second = await write(small.engine, "first"), await write(small.engine, "second")
        await laptop.engine.hear("mac", await small.everything())
        for number in range(3):
            await retitle(small.engine, first, f"first {number}")
            await retitle(small.engine, second, f"second {number}")
            await write(small.engine, f"between {number}")
        await laptop.engine.hear("mac", await small.everything())
        assert await laptop.store.digest() == await small.store.digest()
        titles = {row.note.title for row in await laptop.store.notes(limit=10)}
        assert titles == {"first 2", "second 2", "between 0", "between 1", "between 2"}


async def test_a_change_waits_for_its_document_and_then_counts() -> None:
    """Changes that come before the birth are held and wait; the birth lets them count."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await write(small.engine, "one")
        await laptop.engine.hear("mac", await small.everything())
        await retitle(laptop.engine, document, "two")
        birth, change = await data_events(laptop)
        store = await shelved(laptop, [change])
        (row,) = await store.unsettled()
        assert row.standing is Standing.WAITS
        assert await store.note(document) is None
        shelf = Shelf(store, small.engine.keyring, laptop.engine.replica.verdict)
        await shelf.open()
        await shelf.take([birth])
        shelf.committed(await store.commit(await shelf.batch({})))
        shown = await store.note(document)
        assert shown is not None
        assert shown.note.title == "two"
        assert await store.unsettled() == ()


async def test_events_wait_for_their_key() -> None:
    """Without the epoch's key events are held and wait; with it they count, and the digests agree."""
    async with founded() as small, joined_by(small, "laptop", keyed=False) as laptop:
        document = await write(small.engine, "sealed")
        await laptop.engine.hear("mac", await small.everything())
        assert {row.reason for row in await laptop.store.unsettled()} == {"key missing"}
        ((_, key),) = small.engine.keyring.keys().items()
        epoch = small.engine.replica.verdict.epoch()
        assert epoch is not None
        laptop.engine.keyring.add(epoch, key)
        await laptop.engine.alone(laptop.engine.shelf.open)
        row = await laptop.store.note(document)
        assert row is not None
        assert row.note.title == "sealed"
        assert await laptop.store.digest() == await small.store.digest()


async def said(small: Small, document: DocumentId, body: Born | Changed) -> Placed:
    """Have the engine say something that an honest device would not."""

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (Draft(body, document),)

    return (await small.engine.say(Lane.DATA, make))[-1]


async def test_a_birth_under_another_name_is_void() -> None:
    """Nobody gives a document a second birth: its name would not fit."""
    async with founded() as small:
        document = await write(small.engine, "mine")
        other = notes.birth("taken over", "", (), None, secrets.token_bytes(16))
        event = await said(small, document, other)
        (row,) = await small.store.event(event.digest)
        assert row.standing is Standing.VOID
        shown = await small.store.note(document)
        assert shown is not None
        assert shown.note.title == "mine"


async def test_the_same_birth_twice_is_one_document() -> None:
    """Two devices that take in the same file make one note; saying a birth again does not undo later edits."""
    async with founded() as small:
        birth = notes.birth("README", "text", (), "README.md", b"")
        document = document_of("home", notes.KIND, birth)
        await said(small, document, birth)
        await retitle(small.engine, document, "edited")
        event = await said(small, document, birth)
        (row,) = await small.store.event(event.digest)
        assert row.standing is Standing.HONOURED
        shown = await small.store.note(document)
        assert shown is not None
        assert shown.note.title == "edited"


async def test_garbage_in_place_of_a_change_is_void_and_harms_nothing() -> None:
    """Bytes that are no Automerge change are held, void with a reason, and the note goes on."""
    async with founded() as small:
        document = await write(small.engine, "fine")
        for garbage in (b"", b"\x85oJ\x83" + bytes(40), secrets.token_bytes(300)):
            event = await said(small, document, Changed(garbage))
            (row,) = await small.store.event(event.digest)
            assert row.standing is Standing.VOID
            assert row.reason
        await retitle(small.engine, document, "still fine")
        shown = await small.store.note(document)
        assert shown is not None
        assert shown.note.title == "still fine"


async def test_a_change_in_another_devices_name_is_void() -> None:
    """The gate refuses a change whose actor is not the speaker's: a thief cannot write as another device."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await write(small.engine, "mine")
        await laptop.engine.hear("mac", await small.everything())

        async def forged(engine: Engine) -> Sequence[Draft]:
            loaded = await engine.shelf.load(document)
            assert loaded is not None
            actor = small.engine.own.admission[:8] + secrets.token_bytes(8)
            change = loaded.document.edit(actor, notes.edits(loaded.document, title="not yours"))
            return (Draft(Changed(change.raw), document),)

        event = (await laptop.engine.say(Lane.DATA, forged))[-1]
        (row,) = await laptop.store.event(event.digest)
        assert row.standing is Standing.VOID
        shown = await laptop.store.note(document)
        assert shown is not None
        assert shown.note.title == "mine"


async def test_documents_are_let_go_and_come_back_as_they_were() -> None:
    """With more documents than fit in memory and many changes each, snapshots bring back exactly what was there."""
    async with founded() as small:
        documents = [await write(small.engine, f"note {n}") for n in range(DOCUMENTS_CACHED_MAX + 5)]
        for document in documents:
            await retitle(small.engine, document, "edited")
        busy = documents[0]
        for n in range(SNAPSHOT_CHANGES + 3):
            await retitle(small.engine, busy, f"title {n}")
        await write(small.engine, "one more commit, for the snapshot")
        assert await small.store.snapshot(busy) is not None
        small.engine.shelf.dropped()
        loaded = await small.engine.shelf.load(busy)
        assert loaded is not None
        assert loaded.document.register("title") == f"title {SNAPSHOT_CHANGES + 2}"
        await retitle(small.engine, busy, "after")
        row = await small.store.note(busy)
        assert row is not None
        assert (row.note.title, row.note.conflicts) == ("after", ())


async def test_long_documents_are_let_go_sooner() -> None:
    """What all of them take in memory is bounded, and not how many there are: a long text takes as much as hundreds."""
    async with founded() as small:
        long = "long " * (DOCUMENTS_CACHED_LETTERS_MAX // 15)  # a third of what fits
        documents = [await write(small.engine, f"long {n}", long) for n in range(5)]
        for document in documents:
            await retitle(small.engine, document, "edited")
        loaded = [await small.engine.shelf.load(document) for document in documents]
        assert all(one is not None and one.letters >= len(long) for one in loaded)
        small.engine.shelf.committed(small.engine.shelf.last_row)
        again = [await small.engine.shelf.load(document) for document in reversed(documents)]
        same = [one is other for one, other in zip(again, reversed(loaded), strict=True)]
        assert same == [True, True, True, False, False]
        assert [one.document.register("title") for one in again if one] == ["edited"] * 5


async def test_a_missing_body_waits_and_then_counts() -> None:
    """A header without its body is held and waits; the body alone completes it."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await write(small.engine, "late body")
        push = await small.everything()
        bodies: dict[Digest, bytes] = {}
        runs = []
        for run in push.runs:
            data = run.chain in small.engine.replica.chains.frontier(Lane.DATA)
            events = [Event(e.header, None) if data and n else e for n, e in enumerate(run.events)]
            runs.append(replace(run, events=tuple(events)))
        for placed in await data_events(small):
            assert placed.event.body is not None
            bodies[placed.digest] = placed.event.body
        await laptop.engine.hear("mac", replace(push, runs=tuple(runs)))
        assert {row.reason for row in await laptop.store.unsettled()} == {"body missing"}
        await laptop.engine.hear("mac", replace(push, runs=(), bodies=tuple(bodies.items())))
        row = await laptop.store.note(document)
        assert row is not None
        assert row.note.title == "late body"
        assert await laptop.store.digest() == await small.store.digest()


async def test_two_devices_that_edit_at_once_both_stay_visible() -> None:
    """Concurrent titles live side by side on both devices, and the note says that they are in conflict."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await write(small.engine, "shared")
        await laptop.engine.hear("mac", await small.everything())
        await retitle(small.engine, document, "from the mac")
        await retitle(laptop.engine, document, "from the laptop")
        here, there = await small.everything(Lane.DATA), await laptop.everything(Lane.DATA)
        await laptop.engine.hear("mac", here)
        await small.engine.hear("laptop", there)
        assert await laptop.store.digest() == await small.store.digest()
        for side in (small, laptop):
            row = await side.store.note(document)
            assert row is not None
            assert row.note.conflicts == ("title",)
            loaded = await side.engine.shelf.load(document)
            assert loaded is not None
            assert {live.value for live in loaded.document.live("title")} == {"from the mac", "from the laptop"}
        assert epoch_of(small.engine) == epoch_of(laptop.engine)


async def test_a_change_that_inflates_without_end_does_not_lock_its_document() -> None:
    """It is void, and the document is read, edited and shown as before, also after a start."""
    packed = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packed.compress(bytes(2 * CHANGE_BYTES_MAX)) + packed.flush()
    bomb = encoding.MAGIC + bytes(4) + bytes([encoding.DEFLATED]) + write_unsigned(len(body)) + body
    async with founded() as small:
        document = await write(small.engine, "one")

        async def hostile(_engine: Engine) -> Sequence[Draft]:
            return (Draft(Changed(bomb), document),)

        await small.engine.say(Lane.DATA, hostile)
        (row,) = await small.store.unsettled()
        assert (row.standing, "inflates" in row.reason) == (Standing.VOID, True)
        small.engine.shelf.dropped()
        await retitle(small.engine, document, "two")
        shown = await small.store.note(document)
        assert shown is not None
        assert shown.note.title == "two"
