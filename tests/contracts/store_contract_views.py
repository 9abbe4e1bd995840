"""What every Store promises about what follows from the log: standings, the state digest, notes, snapshots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from mesh.clocks.frontier import Span
from mesh.errors import Damaged
from mesh.events.event import Lane, Placed
from mesh.events.verdict import Standing
from mesh.limits import PAGE_BYTES_MAX
from mesh.names import ZERO, Digest, DocumentId
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, Kept, NoteRow, Snapshot, Store, Weighed
from mesh.state.digest import BRANCHES, LEVELS, Trie
from tests.contracts.store_writers import Writer, document, kept, note_row

TYPED = (
    *('"', '""', "'", "*", "-", "-seeds*", "(", "a AND", "NOT", "NEAR(", "title:", "{a}:b", "^", "a\0b", "🌱"),
    "+" * 5000,
)
STANDINGS = (Standing.HONOURED, Standing.HONOURED, Standing.WAITS, Standing.VOID, Standing.OPAQUE)


def titles(rows: tuple[NoteRow, ...]) -> list[str]:
    """What these notes are called."""
    return [row.note.title for row in rows]


def weighed(placed: Placed, standing: Standing, about: DocumentId | None = None) -> Weighed:
    """A new standing, with a reason where one is due."""
    return Weighed(placed.digest, standing, "" if standing is Standing.HONOURED else "for a reason", about)


class StateContract:
    """Standings change, and the state digest follows from what counts, however it came about."""

    async def test_weighing_anew(self, store: Store) -> None:
        """A standing, its reason and, once it can be read, the document; which then never changes."""
        writer = Writer()
        writer.run(3)
        opening, one, two, three = writer.said
        events = (kept(opening), *(kept(placed, None, Standing.WAITS) for placed in (one, two, three)))
        await store.commit(Batch(events))
        assert [row.id for row in await store.unsettled()] == [2, 3, 4]
        assert [row.id for row in await store.unsettled(after=2, limit=1)] == [3]
        home = document(1)
        changes = (weighed(one, Standing.HONOURED, home), weighed(two, Standing.VOID, home))
        await store.commit(Batch(standings=changes))
        assert [(row.id, row.standing, row.reason) for row in await store.unsettled()] == [
            (3, Standing.VOID, "for a reason"),
            (4, Standing.WAITS, "a reason"),
        ]
        assert [row.id for row in await store.unsettled(home)] == [3]
        assert [row.id for row in await store.rows(home)] == [2, 3]
        assert await store.unsettled(document(9)) == ()
        await store.commit(Batch(standings=(weighed(one, Standing.HONOURED), weighed(two, Standing.HONOURED, home))))
        assert [row.document for row in await store.rows(home)] == [home, home]
        with pytest.raises(Damaged):
            await store.commit(Batch(standings=(weighed(one, Standing.VOID, document(2)),)))

    async def test_control_events_never_count_for_the_state(self, store: Store) -> None:
        """Nor are they listed as unsettled: the verdict weighs them."""
        control = Writer(1, Lane.CONTROL)
        control.run(2)
        await store.commit(Batch(tuple(kept(placed, None, Standing.VOID) for placed in control.said)))
        assert await store.unsettled() == ()
        assert await store.digest() == ZERO

    @pytest.mark.parametrize("seed", range(12))
    async def test_the_digest_follows_from_what_counts(self, store: Store, seed: int) -> None:
        """Random arrivals, forks and weighings: at each point the root is that of a fresh store in plain order."""
        random = Random(seed)
        writers = [Writer(number) for number in range(4)]
        final: dict[Digest, Kept] = {}
        for commit in range(25):
            batch = _random_batch(random, writers, final)
            await store.commit(batch)
            if commit % 3 == 0:
                assert await store.digest() == await _root_of(final), f"seed {seed}, commit {commit}"
        other = await _shuffled(random, final)
        root = await store.digest()
        assert root == await other.digest() == await _root_of(final)
        assert await store.check(deep=True) == ()
        await _compare_trees(store, other)

    async def test_two_late_events_of_one_chain(self, store: Store) -> None:
        """An earlier event that counts only later changes the roll as if it had always counted."""
        writer = Writer()
        events = writer.run(4)
        home = document(1)
        first = [kept(writer.said[0]), kept(events[0], home), kept(events[1], home, Standing.WAITS)]
        await store.commit(Batch((*first, kept(events[2], home), kept(events[3], home))))
        lacking = await store.digest()
        await store.commit(Batch(standings=(weighed(events[1], Standing.HONOURED),)))
        plain = MemoryStore()
        await plain.commit(Batch((kept(writer.said[0]), *(kept(placed, home) for placed in events))))
        assert await store.digest() == await plain.digest() != lacking
        await store.commit(Batch(standings=(weighed(events[1], Standing.VOID),)))
        assert await store.digest() == lacking

    async def test_state_is_made_anew_from_the_log(self, store: Store) -> None:
        """Forgotten state leaves the log alone; weighed again, everything is as it was."""
        random = Random(3)
        writers = [Writer(number) for number in range(3)]
        control = Writer(9, Lane.CONTROL)
        final: dict[Digest, Kept] = {}
        await store.commit(Batch((kept(control.said[0]),)))
        for _ in range(8):
            await store.commit(_random_batch(random, writers, final))
        await store.commit(
            Batch(notes=(note_row(document(1), "seeds"),), snapshots=(Snapshot(document(1), b"snapshot", 3),))
        )
        root, log = await store.digest(), await store.log(limit=1000)
        await store.forget_state()
        assert await store.digest() == ZERO
        assert (await store.notes(limit=9), await store.snapshot(document(1))) == ((), None)
        assert await store.notes(limit=9, search="seeds") == ()
        assert len(await store.unsettled(limit=1000)) == (await store.counts()).waiting == len(final)
        again: list[Weighed] = []
        after = 0
        while rows := await store.replay(after, 7):
            after = rows[-1].id
            again += [weighed(row.placed, final[row.placed.digest].standing) for row in rows]
        await store.commit(Batch(standings=tuple(again)))
        assert await store.digest() == root
        assert [(row.placed, row.standing) for row in await store.log(limit=1000)] == [
            (row.placed, row.standing) for row in log
        ]
        assert await store.check(deep=True) == ()


def _random_batch(random: Random, writers: list[Writer], final: dict[Digest, Kept]) -> Batch:
    """Some new events, some of them forks, and some held ones weighed anew; `final` follows along."""
    events: list[Kept] = []
    for writer in random.sample(writers, 2):
        if writer.said[0].digest not in final:
            events.append(kept(writer.said[0]))
        for _ in range(random.randint(0, 6)):
            after = random.choice(writer.said).head if random.random() < 0.1 else None
            about = document(random.randrange(5)) if random.random() < 0.9 else None
            events.append(kept(writer.say(after=after), about, random.choice(STANDINGS)))
    final |= {event.placed.digest: event for event in events}
    standings = []
    for digest in random.sample(sorted(final), min(len(final), random.randint(0, 6))):
        was = final[digest]
        about = was.document if was.document or was.placed.seq == 1 else document(random.randrange(5))
        standing = random.choice(STANDINGS)
        final[digest] = replace(was, standing=standing, document=about)
        standings.append(weighed(was.placed, standing, random.choice((about, was.document))))
        if standings[-1].document is None:
            final[digest] = replace(final[digest], document=was.document)
    return Batch(tuple(events), standings=tuple(standings))


async def _root_of(final: dict[Digest, Kept]) -> Digest:
    plain = MemoryStore()
    await plain.commit(Batch(tuple(final.values())))
    return await plain.digest()


async def _shuffled(random: Random, final: dict[Digest, Kept]) -> MemoryStore:
    """The same events in another order that keeps parents first."""
    other = MemoryStore()
    waiting = list(final.values())
    while waiting:
        ready = [e for e in waiting if e.placed.seq == 1 or await other.held([e.placed.parent])]
        chosen = random.choice(ready)
        waiting.remove(chosen)
        await other.commit(Batch((chosen,)))
    return other


def _nodes() -> Iterator[tuple[int, int]]:
    yield from ((level, index) for level in range(LEVELS - 1) for index in range(BRANCHES**level))


async def _compare_trees(one: Store, two: Store) -> None:
    """Every inner node of one tree is that of the other, and they make up the root."""
    trie = Trie()
    for level, index in _nodes():
        assert await one.digest_children(level, index) == await two.digest_children(level, index)
    for index in range(BRANCHES ** (LEVELS - 1)):
        for number, found in enumerate(await one.digest_children(LEVELS - 1, index)):
            trie.set(index * BRANCHES + number, found)
    assert trie.root() == await one.digest()


class ForgottenContract:
    """What does not count any more leaves the views; what is forgotten leaves the store."""

    async def test_a_note_that_is_not_shown_any_more(self, store: Store) -> None:
        """It is gone from lists, search and tags, comes back when it is written again, and others stay."""
        gone, stays = document(1), document(2)
        rows = [note_row(gone, "seeds", 1, tags=("garden",)), note_row(stays, "soil", 2, tags=("garden",))]
        await store.commit(Batch(notes=tuple(rows), snapshots=(Snapshot(gone, b"old", 1), Snapshot(stays, b"s", 1))))
        await store.commit(Batch(unshown=(gone, document(9)), stale=(gone, document(9))))
        assert await store.note(gone) is None
        assert await store.snapshot(gone) is None
        assert await store.snapshot(stays) == Snapshot(stays, b"s", 1)
        for asked in ({}, {"tag": "garden"}, {"search": "s"}):
            assert titles(await store.notes(limit=9, **asked)) == ["soil"]  # type: ignore[arg-type]
        assert await store.check(deep=True) == ()
        await store.commit(Batch(unshown=(stays,), born=(rows[0],), notes=(note_row(stays, "sand", 3),)))
        assert titles(await store.notes(limit=9)) == ["sand", "seeds"]
        assert titles(await store.notes(tag="garden", limit=9)) == ["seeds"]
        assert await store.check(deep=True) == ()

    async def test_a_stale_snapshot_makes_room_for_a_new_one(self, store: Store) -> None:
        """In one commit."""
        about = document(1)
        await store.commit(Batch(snapshots=(Snapshot(about, b"old", 1),)))
        await store.commit(Batch(stale=(about,), snapshots=(Snapshot(about, b"new", 2),)))
        assert await store.snapshot(about) == Snapshot(about, b"new", 2)

    async def test_bodies_of_forgotten_documents_go_after_a_while(self, store: Store) -> None:
        """Not before its time, nothing else with them, and the chain goes on; a forget may be taken back."""
        writer, gone, stays = Writer(), document(1), document(2)
        writer.run(6)
        events = [kept(writer.said[0]), *(kept(p, gone if p.seq % 2 else stays) for p in writer.said[1:])]
        await store.commit(Batch(tuple(events), time_ms=1))
        assert await store.erase(10**15) == 0
        await store.commit(Batch(forgotten=(gone, document(9)), time_ms=1000))
        await store.commit(Batch(forgotten=(gone, document(9)), time_ms=2000))
        assert await store.erase(1000) == 0
        assert await store.erase(1001) == 3
        assert await store.erase(10**15) == 0
        assert [r.placed.event.body for r in await store.rows(gone)] == [None] * 3
        assert None not in [r.placed.event.body for r in await store.rows(stays)]
        assert await store.missing_bodies() == (await store.boot()).missing_bodies == ()
        assert await store.bodies([p.digest for p in writer.said], 10**6) == tuple(
            (p.digest, p.event.body) for p in writer.said if p.seq == 1 or not p.seq % 2
        )
        run = await store.serve(Span(writer.chain, writer.head, ()), PAGE_BYTES_MAX)
        assert run is not None
        assert [event.body is None for event in run.events] == [False, False, True, False, True, False, True]
        assert await store.check(deep=True) == ()
        await store.commit(Batch(forgotten=()))
        assert [event for event, _ in await store.missing_bodies()] == [
            p.digest for p in writer.said if p.seq in {3, 5, 7}
        ]


class NotesContract:
    """Notes are listed, found by words and tags, and changed; snapshots are replaced."""

    async def test_lists_are_latest_first_and_paged(self, store: Store) -> None:
        """By Lamport number, equal ones by name; a page begins after the last row of the one before."""
        rows = [note_row(document(number), f"note {number}", number // 3) for number in range(20)]
        await store.commit(Batch(notes=tuple(rows)))
        order = sorted(rows, key=lambda row: (-row.lamport, row.note.document.name))
        assert await store.notes(limit=100) == tuple(order)
        paged: list[NoteRow] = []
        while page := await store.notes(limit=4, after=paged[-1] if paged else None):
            paged += page
        assert paged == order

    async def test_a_note_comes_back_whole_and_can_change(self, store: Store) -> None:
        """All fields, foreign letters too; a birth never replaces what is there."""
        row = note_row(
            document(1),
            "Žluťoučký 🌱",
            5,
            body='a "b"\nc',
            tags=("ü", "two words", "a"),
            path="x/y",
            conflicts=("title",),
        )
        await store.commit(Batch(born=(row,)))
        assert await store.note(document(1)) == row
        later = replace(row, note=replace(row.note, title="new", tags=(), path=None, conflicts=()), lamport=9)
        await store.commit(Batch(notes=(later,)))
        await store.commit(Batch(born=(row,)))
        assert await store.note(document(1)) == later
        assert await store.note(document(2)) is None

    async def test_one_batch_may_write_a_note_several_times(self, store: Store) -> None:
        """Its birth and what became of it at once: the last one counts, and nothing of the others is found."""
        about = document(1)
        first, second, third = (note_row(about, title, tags=(title,)) for title in ("one", "two", "three"))
        await store.commit(Batch(born=(first, second)))
        assert await store.notes(limit=9) == (first,)
        await store.commit(Batch(born=(note_row(document(2), "one"),), notes=(second, third)))
        gone = replace(third, note=replace(third.note, document=document(2), deleted=True))
        await store.commit(Batch(notes=(gone,)))
        assert await store.notes(limit=9) == (third,)
        for title in ("one", "two"):
            assert await store.notes(search=title, limit=9) == await store.notes(tag=title, limit=9) == ()
        assert await store.notes(search="thr", limit=9) == await store.notes(tag="three", limit=9) == (third,)
        assert await store.check(deep=True) == ()

    async def test_tags_and_deleted_notes(self, store: Store) -> None:
        """A tag names whole tags; deleted notes are listed apart; both follow changes."""
        one = note_row(document(1), "one", 1, tags=("garden", "to do"))
        two = note_row(document(2), "two", 2, tags=("gard",))
        await store.commit(Batch(notes=(one, two)))
        assert titles(await store.notes(tag="garden", limit=9)) == ["one"]
        assert titles(await store.notes(tag="to do", limit=9)) == ["one"]
        assert await store.notes(tag="to", limit=9) == ()
        gone = replace(one, note=replace(one.note, deleted=True, tags=("gard",)))
        await store.commit(Batch(notes=(gone,)))
        assert titles(await store.notes(limit=9)) == ["two"]
        assert titles(await store.notes(deleted=True, limit=9)) == ["one"]
        assert titles(await store.notes(deleted=True, tag="gard", limit=9)) == ["one"]
        assert await store.notes(tag="garden", limit=9) == ()

    async def test_titles_of_many(self, store: Store) -> None:
        """Those of the notes that are asked for, of deleted ones too; what is not there is left out."""
        rows = (note_row(document(1), "a"), note_row(document(2), "b", deleted=True), note_row(document(3), "c"))
        await store.commit(Batch(notes=rows))
        asked = {document(2), document(3), document(99)}
        wanted = {document(2): "b", document(3): "c"}
        assert await store.titles(asked) == wanted
        assert await store.titles(()) == {}

    async def test_notes_at_a_path(self, store: Store) -> None:
        """Those of one space, and no removed ones; a path is taken as it is."""
        paths = {1: "a/b.md", 2: "a/b.md", 3: "a/B.md", 4: None, 5: "a/b.md"}
        rows = [note_row(document(n), f"n{n}", n, path=path, deleted=n == 5) for n, path in paths.items()]
        await store.commit(Batch(notes=tuple(rows)))
        space = document(1).space
        assert titles(await store.notes(at=(space, "a/b.md"), limit=9)) == ["n2", "n1"]
        assert titles(await store.notes(at=(space, "a/B.md"), limit=9)) == ["n3"]
        assert await store.notes(at=("elsewhere", "a/b.md"), limit=9) == ()
        assert await store.notes(at=(space, "a/b.md"), deleted=True, limit=9) == ()

    async def test_words_are_found_by_their_beginning(self, store: Store) -> None:
        """In title, body and tags; all words must be there; case and accents do not matter; changes count."""
        rows = (
            note_row(document(1), "Buy seeds", 1, body="Tomatoes and Zucchini", tags=("garden",)),
            note_row(document(2), "Call", 2, body="the garden centre; naïve question"),
        )
        await store.commit(Batch(notes=rows))
        for text, found in {
            "garden": ["Call", "Buy seeds"],
            "GARD": ["Call", "Buy seeds"],
            "gard tom": ["Buy seeds"],
            "naive": ["Call"],
            "NAÏVE qu": ["Call"],
            "arden": [],
            "seeds centre": [],
            "centre;": ["Call"],
        }.items():
            assert titles(await store.notes(search=text, limit=9)) == found, text
        await store.commit(Batch(notes=(replace(rows[0], note=replace(rows[0].note, body="Only beans", tags=())),)))
        assert titles(await store.notes(search="garden", limit=9)) == ["Call"]
        assert titles(await store.notes(search="beans", limit=9)) == ["Buy seeds"]
        assert await store.notes(search="zucchini", limit=9) == ()
        assert await store.check(deep=True) == ()

    @pytest.mark.parametrize("text", TYPED)
    async def test_nothing_that_is_typed_is_syntax(self, store: Store, text: str) -> None:
        """A search never fails, whatever is typed."""
        await store.commit(Batch(notes=(note_row(document(1), "Buy", body="seeds title"),)))
        for typed in (text, f"{text} buy", f"se{text}"):
            assert titles(await store.notes(search=typed, limit=9)) in ([], ["Buy"])
        assert await store.notes(search="  ", limit=9) == ()

    async def test_searches_keep_to_pages_and_tags(self, store: Store) -> None:
        """All narrowings together."""
        rows = [note_row(document(n), f"bean {n}", n, tags=("even",) if n % 2 == 0 else ()) for n in range(10)]
        await store.commit(Batch(notes=tuple(rows)))
        first = await store.notes(search="bean", tag="even", limit=3)
        rest = await store.notes(search="bean", tag="even", limit=3, after=first[-1])
        assert titles(first + rest) == ["bean 8", "bean 6", "bean 4", "bean 2", "bean 0"]

    async def test_documents_are_found_by_what_people_type(self, store: Store) -> None:
        """A name from its beginning, with type, or with space and type before it."""
        known = [document(1), document(2, "work"), document(3, "home", "task")]
        twin = DocumentId("work", "task", known[0].name)
        await store.commit(Batch(snapshots=tuple(Snapshot(about, b"", 0) for about in (*known, twin))))
        space, kind, name = str(known[0]).split("/")
        for length in (6, 12, 13, 14, 25, 26):
            assert await store.find_documents(name[:length]) == (known[0], twin)
            assert await store.find_documents(f"{space}/{kind}/{name[:length]}") == (known[0],)
        assert await store.find_documents(f"{kind}/{name[:8].upper()}") == (known[0],)
        assert set(await store.find_documents("")) == {*known, twin}
        assert await store.find_documents("", 1) == (min((*known, twin), key=lambda d: d.name),)
        assert set(await store.find_documents("task/")) == {known[2], twin}
        for foreign in ("0", "home", f"x/{name}", f"a/b/c/{name}", name + "a", "%", name[:-1] + "7"):
            assert await store.find_documents(foreign) == ()

    async def test_snapshots_are_replaced(self, store: Store) -> None:
        """The last one counts."""
        assert await store.snapshot(document(1)) is None
        for upto in (3, 8):
            await store.commit(Batch(snapshots=(Snapshot(document(1), b"data %d" % upto, upto),)))
        assert await store.snapshot(document(1)) == Snapshot(document(1), b"data 8", 8)
