"""What every Store promises about several notes at one path, and about the tree over what notes show."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from mesh.limits import CONFLICT_SIDES_KEPT
from mesh.names import ZERO, Digest, DocumentId
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, ConflictRow, NoteRow, SideRow, Store
from mesh.state.conflicts import name_of
from mesh.state.digest import BRANCHES, BUCKETS, LEVELS, Trie, bucket, bucket_digest, key
from tests.contracts.store_disputes import all_conflicts, author, conflict, digest, placed_note
from tests.contracts.store_writers import Writer, document, kept, note_row


class PathsContract:
    """Notes at one path of one space are a conflict for as long as they are."""

    async def test_two_notes_at_one_path(self, store: Store) -> None:
        """Named after them and the events that placed them; that of the oldest one, a side for each."""
        one, two = placed_note(document(1), "a/b.md", 7), placed_note(document(2), "a/b.md", 5, "birch")
        await store.commit(Batch(born=(one,)))
        assert await store.conflicts() == ()
        await store.commit(Batch(notes=(two,)))
        ids = [str(document(2)), str(document(1))]
        members = [text.encode() for text in ids] + [author(7).event, author(5, "birch").event]
        expected = ConflictRow(
            name_of(document(2), "path", "path", members),  # type: ignore[arg-type]
            document(2),
            "path",
            "path",
            since_ms=author(7).time_ms,
            lamport=7,
            count=2,
            devices=(digest("birch"), digest("alder")),
            sides=(SideRow(ids[0], len(ids[0]), author(5, "birch")), SideRow(ids[1], len(ids[1]), author(7))),
        )
        assert await store.conflicts() == await store.conflicts(kind="path") == (expected,)
        for number, device in ((1, "alder"), (2, "birch")):
            assert await store.conflicts(document=document(number)) == (expected,)
            assert await store.conflicts(device=digest(device)) == (expected,)
        assert await store.conflicts(document=document(3)) == await store.conflicts(device=digest("cedar")) == ()
        assert await store.conflicts(kind="register") == ()
        for length in (1, 5, 32):
            assert await store.conflict(expected.name.hex()[:length]) == (expected,)
        assert (await store.counts()).conflicts == 1
        assert await store.note(document(1)) == one

    async def test_what_is_no_conflict(self, store: Store) -> None:
        """Another space, a deleted note, no path, an empty path, and paths that only look alike."""
        rows = [
            placed_note(document(1), "a", 1),
            placed_note(document(2, "work"), "a", 2),
            placed_note(document(3), "a", 3, deleted=True),
            placed_note(document(4), None, 4),
            placed_note(document(5), None, 5),
            placed_note(document(6), "", 6),
            placed_note(document(7), "", 7),
            *(
                placed_note(document(8 + n), path, 8 + n)
                for n, path in enumerate(("A", "a ", "./a", "a/", "ä", "a\u0308"))
            ),
        ]
        await store.commit(Batch(notes=tuple(rows)))
        assert await store.conflicts() == ()
        assert (await store.counts()).conflicts == 0

    async def test_it_comes_and_goes_with_the_notes(self, store: Store) -> None:
        """A note moves there, moves away, is deleted, comes back, is not shown any more, is said again."""
        one, two, three = (placed_note(document(number), "a", number) for number in (1, 2, 3))
        away = replace(two, note=replace(two.note, path="b"), placed=author(9))
        steps = [
            (Batch(notes=(one, two)), [2]),
            (Batch(born=(three,)), [3]),
            (Batch(notes=(away,)), [2]),
            (Batch(notes=(replace(three, note=replace(three.note, deleted=True)),)), []),
            (Batch(notes=(three,)), [2]),
            (Batch(unshown=(three.note.document,)), []),
            (Batch(unshown=(one.note.document,), notes=(three, two)), [2]),
            (Batch(forgotten=(two.note.document,), unshown=(two.note.document,), time_ms=1), []),
            (Batch(forgotten=(), notes=(two, replace(two, note=replace(two.note, document=document(4))))), [3]),
        ]
        for batch, counts in steps:
            await store.commit(batch)
            assert [row.count for row in await store.conflicts()] == counts, batch
            assert (await store.counts()).conflicts == len(counts)
        await store.forget_state()
        assert await store.conflicts() == ()

    async def test_its_name_is_that_of_what_placed_the_notes(self, store: Store) -> None:
        """An edit of another part leaves it, a move and the way back makes another conflict."""
        one, two = placed_note(document(1), "a", 1), placed_note(document(2), "a", 2)
        await store.commit(Batch(notes=(one, two)))
        (before,) = await store.conflicts()
        await store.commit(Batch(notes=(replace(one, note=replace(one.note, title="new"), lamport=9),)))
        assert await store.conflicts() == (before,)
        await store.commit(Batch(notes=(replace(one, placed=author(10)),)))
        (after,) = await store.conflicts()
        assert after.name != before.name
        assert await store.conflict(before.name.hex()) == ()

    async def test_notes_of_which_nobody_knows_who_placed_them(self, store: Store) -> None:
        """As an older mesh kept them: they are found, with whoever touched them last in place of it."""
        rows = tuple(note_row(document(number), "t", number, path="a") for number in (3, 4))
        await store.commit(Batch(notes=rows))
        (found,) = await store.conflicts()
        assert [(side.value, side.author) for side in found.sides] == [(str(row.note.document), None) for row in rows]
        assert (found.lamport, found.since_ms, found.devices) == (4, rows[1].updated_ms, (rows[1].updated_by,))
        assert await store.conflict(found.name.hex()) == (found,)

    async def test_many_notes_at_one_path(self, store: Store) -> None:
        """All are counted, the oldest are shown."""
        rows = tuple(placed_note(document(number), "a", 1 + number % 50, f"d{number}") for number in range(1000))
        await store.commit(Batch(notes=rows))
        (found,) = await store.conflicts()
        assert (found.count, len(found.sides), len(found.devices)) == (1000, CONFLICT_SIDES_KEPT, 1000)
        order = sorted(rows, key=lambda row: (row.placed.lamport, row.placed.event) if row.placed else (0, b""))
        assert [side.value for side in found.sides] == [str(r.note.document) for r in order[:CONFLICT_SIDES_KEPT]]
        assert await store.conflicts(device=digest("d999")) == (found,)

    async def test_they_are_listed_among_the_others(self, store: Store) -> None:
        """In one order, paged without gaps, whatever the size of a page."""
        random = Random(7)
        notes = [placed_note(document(n), f"path {n % 40}", random.randrange(1, 30)) for n in range(120)]
        rows = [conflict(document(n), lamport=random.randrange(30)) for n in range(200, 260)]
        await store.commit(Batch(notes=tuple(notes), conflicts=tuple((row.document, (row,)) for row in rows)))
        plain = MemoryStore()
        await plain.commit(Batch(notes=tuple(notes), conflicts=tuple((row.document, (row,)) for row in rows)))
        expected = await plain.conflicts()
        assert len(expected) == 100
        assert await store.conflicts() == expected
        for limit in (1, 4, 17):
            assert await all_conflicts(store, limit) == list(expected)
        assert (await store.counts()).conflicts == 100
        assert await all_conflicts(store, 3, kind="path") == [row for row in expected if row.kind == "path"]

    async def test_pages_have_no_gaps_while_notes_move(self, store: Store) -> None:
        """What was open all the while is on exactly one page."""
        random = Random(8)
        notes = {n: placed_note(document(n), f"path {n // 2}", random.randrange(1, 40)) for n in range(160)}
        await store.commit(Batch(notes=tuple(notes.values())))
        stays = {row.name for row in await store.conflicts() if int(_path_of(notes, row).split()[1]) % 2}
        found: list[ConflictRow] = []
        while page := await store.conflicts(limit=7, after=found[-1] if found else None):
            found += page
            moved = [n for n in random.sample(sorted(notes), 12) if not n // 2 % 2]
            rows = [placed_note(document(n), random.choice(("gone", f"path {n // 2}")), 50 + n) for n in moved]
            await store.commit(Batch(notes=tuple(rows)))
        listed = [row.name for row in found]
        assert stays <= set(listed)
        assert len(listed) == len(set(listed))


def _path_of(notes: dict[int, NoteRow], row: ConflictRow) -> str:
    return next(one.note.path or "" for one in notes.values() if one.note.document == row.document)


class ViewRootContract:
    """The tree over what notes show: equal where the same is shown, whoever wrote it and in whatever order it came."""

    async def test_nothing_is_zero(self, store: Store) -> None:
        """And events without views are nothing that is shown."""
        writer = Writer()
        await store.commit(Batch((kept(writer.said[0]), kept(writer.say(), document(1)))))
        assert await store.view_root() == ZERO
        assert await store.leaves(bucket(key(document(1))), views=True) == ()
        assert [name for name, _ in await store.leaves(bucket(key(document(1))), views=False)] == [document(1)]

    @pytest.mark.parametrize(
        "part", [{"title": "t"}, {"body": "b"}, {"tags": ("a",)}, {"path": "p"}, {"path": ""}, {"deleted": True}]
    )
    async def test_each_part_of_a_note_counts(self, store: Store, part: dict[str, object]) -> None:
        """Title, text, tags, path and whether it is deleted; back as it was, the root is what it was."""
        row = note_row(document(1), "title")
        await store.commit(Batch(born=(row,)))
        root = await store.view_root()
        await store.commit(Batch(notes=(replace(row, note=replace(row.note, **part)),)))  # type: ignore[arg-type]
        assert await store.view_root() != root
        await store.commit(Batch(notes=(row,)))
        assert await store.view_root() == root != ZERO

    async def test_open_conflicts_count_and_authors_do_not(self, store: Store) -> None:
        """Names only, in whatever order they were found; several notes at one path show by their paths alone."""
        about = document(1)
        row = note_row(about, "title", path="a")
        await store.commit(Batch(born=(row,)))
        root = await store.view_root()
        await store.commit(Batch(notes=(replace(row, lamport=9, updated_ms=3, placed=author(4)),)))
        assert await store.view_root() == root
        one, two = conflict(about), conflict(about, "path", 2)
        await store.commit(Batch(conflicts=((about, (one, two)),)))
        both = await store.view_root()
        await store.commit(Batch(conflicts=((about, (two, replace(one, sides=(), lamport=7))),)))
        assert await store.view_root() == both != root
        await store.commit(Batch(conflicts=((about, (one,)),)))
        assert await store.view_root() not in {both, root}
        await store.commit(Batch(conflicts=((about, ()),)))
        assert await store.view_root() == root
        await store.commit(Batch(conflicts=((document(2), (conflict(document(2)),)),)))
        assert await store.view_root() == root, "a document without a view shows nothing"
        await store.commit(Batch(conflicts=((about, (one,)),)))
        assert await store.view_root() != root
        await store.commit(Batch(forgotten=(about,), time_ms=1))
        assert await store.view_root() == root, "its note goes by itself"
        await store.commit(Batch(unshown=(about,)))
        assert await store.view_root() == ZERO

    @pytest.mark.parametrize("seed", range(6))
    async def test_the_root_follows_from_what_is_shown(self, store: Store, seed: int) -> None:
        """Random writing in random order: the tree is that of a fresh store with the last of everything."""
        random = Random(seed)
        notes: dict[DocumentId, NoteRow] = {}
        conflicts: dict[DocumentId, tuple[ConflictRow, ...]] = {}
        for step in range(30):
            batch = _random_views(random, notes, conflicts)
            await store.commit(batch)
            if step % 4 == 0:
                await store.view_root()
        plain = MemoryStore()
        for about in random.sample(sorted(notes), len(notes)):
            await plain.commit(Batch(notes=(notes[about],)))
        await plain.commit(Batch(conflicts=tuple(conflicts.items())))
        assert await store.view_root() == await plain.view_root()
        await _same_leaves(store, plain)
        await store.forget_state()
        assert await store.view_root() == ZERO
        await store.commit(Batch(notes=tuple(notes.values()), conflicts=tuple(conflicts.items())))
        assert await store.view_root() == await plain.view_root()

    async def test_both_trees_go_down_to_their_leaves(self, store: Store) -> None:
        """From a root through its children to a bucket, and to the leaves that make it up."""
        writer = Writer()
        events = [kept(writer.say(), document(n % 60)) for n in range(90)]
        notes = tuple(note_row(document(n), f"{n}") for n in range(60))
        await store.commit(Batch((kept(writer.said[0]), *events), notes=notes))
        for views in (False, True):
            root = await (store.view_root() if views else store.digest())
            buckets: dict[int, Digest] = {}
            for index in range(BUCKETS // BRANCHES):
                children = store.view_children if views else store.digest_children
                for number, found in enumerate(await children(LEVELS - 1, index)):
                    if found != ZERO:
                        buckets[index * BRANCHES + number] = found
            assert Trie(buckets.items()).root() == root
            seen = []
            for index, expected in buckets.items():
                leaves = await store.leaves(index, views=views)
                assert bucket_digest((key(about), leaf) for about, leaf in leaves) == expected
                seen += [about for about, _ in leaves]
            assert sorted(seen) == sorted(document(n) for n in range(60))


def _random_views(
    random: Random, notes: dict[DocumentId, NoteRow], conflicts: dict[DocumentId, tuple[ConflictRow, ...]]
) -> Batch:
    """Some notes and conflicts that change, and some that go; what they are then follows along."""
    gone = tuple(about for about in random.sample(range(40), 3))
    for about in map(document, gone):
        notes.pop(about, None)
        conflicts.pop(about, None)
    written = {document(n): note_row(document(n), f"{random.random()}", n) for n in random.sample(range(40), 6)}
    changed = {
        document(n): tuple(conflict(document(n), lamport=m) for m in range(random.randrange(4)))
        for n in random.sample(range(40), 6)
    }
    notes |= written
    conflicts |= changed
    unshown = tuple(map(document, gone))
    return Batch(unshown=unshown, notes=tuple(written.values()), conflicts=tuple(changed.items()))


async def _same_leaves(one: Store, two: Store) -> None:
    for index in {bucket(key(document(n))) for n in range(40)}:
        assert await one.leaves(index, views=True) == await two.leaves(index, views=True)
    for index in range(BRANCHES):
        assert await one.view_children(1, index) == await two.view_children(1, index)
