"""What every Store promises about records, and about what is found in notes and records alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.events.kinds import Value
from mesh.names import DocumentId
from mesh.node.storage.store_port import Batch, RecordRow, Store
from mesh.state.records import Record
from tests.contracts.store_contract_views import TYPED
from tests.contracts.store_writers import author, document, note_row, record_row

TASKS = frozenset({"task"})


def task(number: int, lamport: int = 1, title: str = "", **registers: Value) -> RecordRow:
    """A task's view."""
    return record_row(document(number, kind="task"), lamport, {"title": title or f"task {number}", **registers})


def numbered(rows: tuple[RecordRow, ...]) -> list[str]:
    """What these records are called."""
    return [row.record.word("title") for row in rows]


class RecordsContract:
    """Records are kept as they are given, listed, narrowed and found."""

    async def test_a_record_comes_back_whole_and_can_change(self, store: Store) -> None:
        """Registers of every type, the text, who and when; a birth never replaces what is there."""
        registers: dict[str, Value] = {
            "title": "Žluťoučký 🌱",
            "n": -5,
            "yes": True,
            "no": None,
            "list": '["a\\"b"]',
            "big": 2**53 - 1,
        }
        record = Record(document(1, kind="task"), registers, 'a "b"\nc', ("title",))
        row = RecordRow(record, author(1, "alder"), author(2, "birch", "claude"))
        await store.commit(Batch(born=(row,)))
        assert await store.record(record.document) == row
        (shown,) = await store.records(types=TASKS, limit=9)
        assert [type(value) for value in shown.record.registers.values()] == [
            type(registers[key]) for key in shown.record.registers
        ]
        later = replace(row, record=replace(record, registers={"title": "new"}, conflicts=()), updated=author(9))
        await store.commit(Batch(records=(later,)))
        await store.commit(Batch(born=(row,)))
        assert await store.record(record.document) == later
        assert await store.record(document(2, kind="task")) is None
        assert await store.note(record.document) is None
        assert await store.check(deep=True) == ()

    async def test_lists_are_latest_first_and_paged(self, store: Store) -> None:
        """By the Lamport number of the last touch, equal ones by name; of the types that are asked for."""
        rows = [task(number, number // 3) for number in range(20)]
        other = record_row(document(99, kind="handoff"), 5, {"title": "other"})
        await store.commit(Batch(records=(*rows, other), notes=(note_row(document(3), "a note"),)))
        order = sorted(rows, key=lambda row: (-row.updated.lamport, row.record.document.name))
        assert await store.records(types=TASKS, limit=100) == tuple(order)
        paged: list[RecordRow] = []
        while page := await store.records(types=TASKS, limit=4, after=paged[-1] if paged else None):
            paged += page
        assert paged == order
        assert await store.records(types={"handoff"}, limit=9) == (other,)
        assert len(await store.records(types={"handoff", "task"}, limit=100)) == 21
        assert await store.records(types=(), limit=9) == await store.records(types={"note"}, limit=9) == ()

    async def test_narrowing(self, store: Store) -> None:
        """By project, by states, by words, by whether they were put away: all together."""
        rows = [
            task(
                n, n, project="p" if n % 2 else "q", state=("open", "done", "")[n % 3], deleted=True if n > 8 else None
            )
            for n in range(12)
        ]
        await store.commit(Batch(records=tuple(rows)))

        async def found(**asked: object) -> list[str]:
            return numbered(await store.records(types=TASKS, limit=99, **asked))  # type: ignore[arg-type]

        assert await found(project="p") == ["task 7", "task 5", "task 3", "task 1"]
        assert await found(project="none") == []
        assert await found(states={"open"}) == ["task 6", "task 3", "task 0"]
        assert await found(states={"open", "done"}, project="p") == ["task 7", "task 3", "task 1"]
        assert await found(deleted=True) == ["task 11", "task 10", "task 9"]
        assert await found(search="task 7", project="p") == ["task 7"]
        assert await found(search="task 7", project="q") == await found(search="  ") == []

    async def test_words_are_found_wherever_they_stand(self, store: Store) -> None:
        """In title, text, registers, JSON in registers, and tags; not what only machines read; changes count."""
        row = task(
            1, title="Repair the pump", done='["closed the Valve",{"why":"it dripped"}]', reason="waits for Ümit",
        )  # fmt: skip
        more: dict[str, Value] = {"tag/garden": True, "claim/aa": '{"device":"hidden"}', "needs/x": "[not JSON"}
        record = replace(row.record, registers={**row.record.registers, **more}, text="The gasket is worn.")
        row = replace(row, record=record)
        await store.commit(Batch(records=(row,)))
        for typed in ("repair", "valve", "drip", "umit", "gard", "gask worn pump", "not json"):
            assert await store.records(types=TASKS, search=typed, limit=9) == (row,), typed
            assert await store.hits(typed, limit=9) == (row.record.document,), typed
        for typed in ("hidden", "claim", "aa", "true", "pump zebra"):
            assert await store.hits(typed, limit=9) == (), typed
        await store.commit(Batch(records=(task(1, 2, title="Repair the roof"),)))
        assert await store.hits("valve", limit=9) == await store.hits("gasket", limit=9) == ()
        assert await store.hits("roof", limit=9) == (row.record.document,)
        assert await store.check(deep=True) == ()

    async def test_hits_are_in_notes_and_records(self, store: Store) -> None:
        """Of the types that are asked for, of all when none is; none that were put away."""
        rows = {kind: record_row(document(n, kind=kind), n, {"title": f"bean {kind}"}) for n, kind in enumerate("ab")}
        gone = record_row(document(7, kind="a"), 7, {"title": "bean gone", "deleted": True})
        note, old = note_row(document(8), "x", 8, body="beans"), note_row(document(9), "bean", 9, deleted=True)
        await store.commit(Batch(notes=(note, old), records=(*rows.values(), gone)))

        async def found(*types: str, limit: int = 9) -> set[DocumentId]:
            hits = await store.hits("bean", types=types, limit=limit)
            assert len(set(hits)) == len(hits)
            return set(hits)

        a, b = (rows[kind].record.document for kind in "ab")
        assert await found() == {a, b, note.note.document}
        assert await found("a") == {a}
        assert await found("note") == {note.note.document}
        assert await found("note", "b") == {note.note.document, b}
        assert await found("c") == set()
        assert len(await found(limit=2)) == 2

    async def test_the_best_hit_is_first(self, store: Store) -> None:
        """Titles before texts, whole words before beginnings, and then what was touched last; a new title counts."""
        rows = (
            task(1, 9, title="garden beds", project="p"),
            record_row(document(2, kind="task"), 8, {"title": "x", "project": "p"}, "the garden bed"),
            record_row(document(3, kind="task"), 7, {"title": "x"}, "gardens and bedding"),
            task(4, 6, title="bed for the garden", project="q"),
        )
        notes = (note_row(document(5), "garden, bed", 7), note_row(document(6), "x", 7, tags=("garden", "bed")))
        await store.commit(Batch(notes=notes, records=rows))

        async def found(typed: str, **asked: object) -> list[int]:
            hits = await store.hits(typed, **{"limit": 9, **asked})  # type: ignore[arg-type]
            return [next(n for n in range(9) if document(n).name == hit.name) for hit in hits]

        assert await found("garden bed") == [5, 4, 1, 2, 6, 3]
        assert await found("garden bed", limit=3) == [5, 4, 1]
        assert await found("GARDEN", types={"task"}) == [1, 4, 2, 3]
        assert await found("garden", types={"note"}) == [5, 6]
        assert await found("garden", project="p") == [1, 2]
        assert await found("garden", project="p", types={"note"}) == []
        await store.commit(Batch(notes=(note_row(document(6), "bed, garden", 8), note_row(document(5), "y", 9))))
        assert await found("garden bed") == [6, 4, 1, 2, 3]
        await store.commit(Batch(unshown=(document(6), rows[0].record.document)))
        assert await found("garden bed") == [4, 2, 3]
        assert await store.check(deep=True) == ()

    @pytest.mark.parametrize("text", TYPED)
    async def test_nothing_that_is_typed_is_syntax(self, store: Store, text: str) -> None:
        """A search never fails, whatever is typed."""
        await store.commit(Batch(records=(task(1, title="Buy"),)))
        for typed in (text, f"{text} buy", f"bu{text}"):
            assert numbered(await store.records(types=TASKS, search=typed, limit=9)) in ([], ["Buy"])
            assert len(await store.hits(typed, limit=9)) <= 1
        assert await store.hits("", limit=9) == await store.hits("  ", limit=9) == ()

    async def test_a_record_that_is_not_shown_any_more(self, store: Store) -> None:
        """It is gone from everything, and comes back when it is written again; so does its part of the view root."""
        gone, stays = task(1, title="seeds"), task(2, title="soil")
        await store.commit(Batch(records=(stays,)))
        root = await store.view_root()
        await store.commit(Batch(records=(gone,)))
        assert await store.view_root() != root
        await store.commit(Batch(unshown=(gone.record.document, document(9, kind="task"))))
        assert await store.record(gone.record.document) is None
        assert numbered(await store.records(types=TASKS, limit=9)) == ["soil"]
        assert await store.hits("seeds", limit=9) == ()
        assert await store.view_root() == root
        await store.commit(Batch(born=(gone,)))
        assert await store.hits("seeds", limit=9) == (gone.record.document,)
        await store.forget_state()
        assert await store.records(types=TASKS, limit=9) == ()
        assert await store.hits("seeds", limit=9) == ()
        assert await store.check(deep=True) == ()

    async def test_one_batch_may_write_a_record_several_times(self, store: Store) -> None:
        """Its birth and what became of it at once: the last one counts, and nothing of the others is found."""
        first, second, third = (task(1, n, title=title) for n, title in enumerate(("one", "two", "three")))
        await store.commit(Batch(born=(first, second)))
        assert await store.records(types=TASKS, limit=9) == (first,)
        await store.commit(Batch(born=(task(2, title="two"),), records=(second, third)))
        assert await store.records(types=TASKS, search="three", limit=9) == (third,)
        assert await store.hits("one", limit=9) == ()
        assert await store.check(deep=True) == ()

    async def test_titles_and_roots_are_of_both(self, store: Store) -> None:
        """Titles of notes and records; every part that is shown is in the view root, and who wrote it is not."""
        note, row = note_row(document(1), "a note"), task(1, title="a task", priority=2)
        await store.commit(Batch(notes=(note,), records=(row,)))
        names = (note.note.document, row.record.document)
        assert await store.titles((*names, document(5, kind="task"))) == dict(
            zip(names, ("a note", "a task"), strict=True)
        )
        assert set(await store.find_documents("")) == set(names)
        roots = [await store.view_root()]
        for record in (
            replace(row.record, text="more"),
            replace(row.record, registers={"title": "a task", "priority": 3}),
            replace(row.record, registers={"title": "a task", "priority": "2"}),
            replace(row.record, registers={"title": "a task"}),
        ):
            await store.commit(Batch(records=(replace(row, record=record),)))
            roots.append(await store.view_root())
        await store.commit(Batch(records=(replace(row, born=author(4, "birch"), updated=author(5, "cedar")),)))
        assert len(set(roots)) == len(roots)
        assert await store.view_root() == roots[0]
