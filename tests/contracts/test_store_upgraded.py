"""Databases of other versions, of other programs, after a crash, and with paths that share a number."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from mesh.errors import Refused
from mesh.events.kinds import Mark
from mesh.events.verdict import Standing
from mesh.names import ZERO
from mesh.node.storage import ledger_views, schema
from mesh.node.storage.connection import copy_store
from mesh.node.storage.store import open_store
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, Weighed
from tests.contracts.store_disputes import all_conflicts, conflict, placed_note
from tests.contracts.store_homes import Opener, as_of, plain
from tests.contracts.store_writers import Writer, document, kept, note_row, record_row

pytestmark = pytest.mark.contract


async def test_a_later_schema_is_refused(tmp_path: Path, opened: Opener) -> None:
    """A database of a newer mesh is not touched, and the person is told to upgrade."""
    await (await opened()).close()
    later = len(schema.MIGRATIONS) + 1
    plain(tmp_path, f"PRAGMA user_version = {later}")
    with pytest.raises(Refused, match=f"version {later}") as caught:
        await opened()
    assert "upgrade" in caught.value.hint
    assert plain(tmp_path, "PRAGMA user_version") == [(later,)]


async def test_a_foreign_database_is_refused(tmp_path: Path, opened: Opener) -> None:
    """Another program's file is left alone."""
    plain(tmp_path, "CREATE TABLE theirs (a)")
    with pytest.raises(Refused, match="not written by mesh"):
        await opened()
    assert plain(tmp_path, "SELECT name FROM sqlite_master") == [("theirs",)]


async def test_a_migration_is_whole_or_not_there(
    tmp_path: Path, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that fails leaves the version before; the next try finishes it."""
    await (await opened()).close()
    broken = (*schema.MIGRATIONS, ("CREATE TABLE later (a)", "CREATE TABLE later (a)"))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(Exception, match="already exists"):
            await opened()
    assert plain(tmp_path, "SELECT count(*) FROM sqlite_master WHERE name = 'later'") == [(0,)]
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, broken[-1][:1]))
    await (await opened()).close()
    assert plain(tmp_path, "PRAGMA user_version") == [(len(schema.MIGRATIONS),)]


async def test_a_database_of_the_first_version_goes_on(tmp_path: Path, opened: Opener) -> None:
    """What it held came before every time that is asked for."""
    writer, about = Writer(), document(1)
    store = await opened()
    await store.commit(Batch(tuple(kept(p, about if p.seq > 1 else None) for p in (*writer.said, *writer.run(5)))))
    await store.close()
    as_of(tmp_path, 1)
    store, old = await opened(), writer.head
    await store.commit(Batch((kept(writer.say(), about),), time_ms=1_700_000_000_000))
    assert await store.heads_at(writer.admission, 1) == (Mark(writer.chain, old),)
    assert await store.heads_at(writer.admission, 1_700_000_000_001) == (Mark(writer.chain, writer.head),)
    assert await store.check(deep=True) == ()
    await store.close()


async def test_a_database_of_the_second_version_goes_on(tmp_path: Path, opened: Opener) -> None:
    """Its notes are found by words and by paths, and the view root is that of what it shows; changes are not known."""
    writer, about = Writer(), document(1)
    bodies = {number: f"word{number} " * (1 + number * 200) for number in range(40)}
    rows = [
        note_row(document(n), f"note {n}", n, body=body, tags=(f"tag {n}",), path=f"path {n // 2}", deleted=n > 35)
        for n, body in bodies.items()
    ]
    store, event = await opened(), writer.say()
    await store.commit(Batch((kept(writer.said[0]), kept(event, about)), notes=tuple(rows)))
    root = await store.digest()
    await store.close()
    as_of(tmp_path, 2)
    store, plain_store = await opened(), MemoryStore()
    await plain_store.commit(Batch(notes=tuple(rows)))
    for deleted in (False, True):
        assert await store.notes(deleted=deleted, limit=99) == await plain_store.notes(deleted=deleted, limit=99)
    assert await store.notes(search="word7", limit=9) == (rows[7],)
    assert await store.digest() == root
    assert await store.view_root() == await plain_store.view_root()
    assert await store.conflicts() == await plain_store.conflicts() != ()
    assert (await store.counts()).conflicts == 18
    assert await store.of_changes(about, [b"a change".ljust(32)]) == {}
    await store.commit(Batch(changes=((event.digest, b"a change".ljust(32)),), notes=(note_row(about, "new"),)))
    await plain_store.commit(Batch(notes=(note_row(about, "new"),)))
    assert [row.placed for row in (await store.of_changes(about, [b"a change".ljust(32)])).values()] == [event]
    assert await store.view_root() == await plain_store.view_root()
    assert await store.check(deep=True) == ()


async def test_a_database_of_the_third_version_goes_on(tmp_path: Path, opened: Opener) -> None:
    """Notes are found by title; documents that it showed nothing of wait until they are weighed again."""
    writer, note, task = Writer(), document(1), document(2, kind="task")
    events = (kept(writer.said[0]), kept(writer.say(), note), kept(writer.say(), task), kept(writer.say(), task))
    void = kept(writer.say(), task, Standing.VOID)
    store = await opened()
    await store.commit(Batch((*events, void), notes=(note_row(note, "Buy seeds"),), settings=(("weighed", b"all"),)))
    whole = await store.digest()
    await store.close()
    as_of(tmp_path, 3)
    store = await opened()
    assert await store.hits("seeds", limit=9) == (note,)
    assert [(row.id, row.standing) for row in await store.unsettled()] == [
        (3, Standing.WAITS), (4, Standing.WAITS), (5, Standing.VOID)
    ]  # fmt: skip
    assert await store.setting("weighed") is None, "so everything is weighed at the next start"
    again = tuple(Weighed(one.placed.digest, Standing.HONOURED) for one in events[2:])
    await store.commit(Batch(standings=again, born=(record_row(task, 3, {"title": "Repair"}),)))
    assert await store.digest() == whole
    assert await store.hits("repair", limit=9) == (task,)
    assert await store.check(deep=True) == ()
    await store.close()


async def test_an_upgrade_without_records_weighs_nothing_again(tmp_path: Path, opened: Opener) -> None:
    """What it says stays, and the start after it is as fast as any."""
    writer, note = Writer(), document(1)
    store = await opened()
    await store.commit(Batch((kept(writer.said[0]), kept(writer.say(), note)), settings=(("weighed", b"all"),)))
    await store.close()
    as_of(tmp_path, 3)
    store = await opened()
    assert await store.setting("weighed") == b"all"
    assert await store.unsettled() == ()


async def test_paths_whose_numbers_are_one(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may find two paths that share a number; they are told apart by what they are, in every list."""
    monkeypatch.setattr(ledger_views, "place_of", lambda note: len(note.path) % 2 if note.path else None)
    store, plain_store, random = await opened(), MemoryStore(), Random(2)
    for step in range(12):
        rows = [
            placed_note(
                document(n, random.choice(("home", "work"))), random.choice(("a", "b", "cc", "dd")), step * 9 + n
            )
            for n in random.sample(range(12), 5)
        ]
        for one in (store, plain_store):
            await one.commit(Batch(notes=tuple(rows)))
        everything = await plain_store.conflicts()
        assert await store.conflicts() == everything
        assert await all_conflicts(store, 2) == list(everything)
        assert (await store.counts()).conflicts == len(everything)
        for n in range(12):
            mine = await plain_store.conflicts(document=document(n))
            assert await store.conflicts(document=document(n)) == mine
        for row in everything:
            assert await store.conflict(row.name.hex()) == (row,)
    assert len(everything) > 4


async def test_the_view_root_is_there_after_a_crash(tmp_path: Path, opened: Opener) -> None:
    """What was hashed and kept, what was not, and what changed since: no bucket is taken for what it was."""
    store, plain_store = await opened(), MemoryStore()
    for step in range(3):
        rows = tuple(note_row(document(number), f"{step}") for number in range(step, 1200 - step))
        batch = Batch(notes=rows, conflicts=((document(step), (conflict(document(step)),)),))
        await store.commit(batch)
        await plain_store.commit(batch)
        if step < 2:
            assert await store.view_root() == await plain_store.view_root()
        copied = tmp_path / f"copy {step}"
        copied.mkdir()
        await copy_store(tmp_path, copied, lambda *_: None)  # as a crash would leave it
        again = await open_store(copied)
        assert await again.view_root() == await plain_store.view_root()
        assert await again.digest() == ZERO
        await again.close()
    await store.close()
    assert plain(tmp_path, "SELECT count(*) > 0, min(id) >= 4096 FROM bucket") == [(1, 1)]
