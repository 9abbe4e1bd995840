"""The store on SQLite keeps the contract."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from mesh.clocks.frontier import Span
from mesh.errors import Damaged, Refused
from mesh.events.kinds import Mark
from mesh.limits import STORE_PAGE_BYTES
from mesh.names import ZERO
from mesh.node.storage import ledger_views, schema
from mesh.node.storage.connection import copy_store
from mesh.node.storage.store import SqliteStore, open_store
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, Snapshot, Store
from tests.contracts.store_contract import LogContract
from tests.contracts.store_contract_conflicts import ConflictsContract, SettlementsContract
from tests.contracts.store_contract_ends import EndsContract
from tests.contracts.store_contract_paths import PathsContract, ViewRootContract
from tests.contracts.store_contract_serve import ServeContract
from tests.contracts.store_contract_views import ForgottenContract, NotesContract, StateContract
from tests.contracts.store_disputes import all_conflicts, conflict, placed_note, settlement, side
from tests.contracts.store_writers import Writer, document, kept, note_row

pytestmark = pytest.mark.contract


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty one."""
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()


Opener = Callable[[], Awaitable[SqliteStore]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens the store of this test's home; closes it at the end, since its threads would keep a failed run alive."""
    stores: list[SqliteStore] = []

    async def opener() -> SqliteStore:
        stores.append(await open_store(tmp_path))
        return stores[-1]

    yield opener
    for store in stores:
        await store.close()


class TestLog(LogContract):
    """Events."""


class TestEnds(EndsContract):
    """Marks, and tips of earlier times."""


class TestServe(ServeContract):
    """Spans."""


class TestState(StateContract):
    """Standings and the state digest."""


class TestForgotten(ForgottenContract):
    """What leaves."""


class TestNotes(NotesContract):
    """Views."""


class TestConflicts(ConflictsContract):
    """Inside documents."""


class TestSettlements(SettlementsContract):
    """And changes."""


class TestPaths(PathsContract):
    """Several notes at one."""


class TestViewRoot(ViewRootContract):
    """What is shown."""


def plain(home: Path, sql: str) -> list[tuple[object, ...]]:
    """Run a statement past the store."""
    database = sqlite3.connect(home / "mesh.db", isolation_level=None)
    rows = database.execute(sql).fetchall()
    database.close()
    return rows


async def test_everything_is_there_after_reopening(tmp_path: Path, opened: Opener) -> None:
    """Events, views, settings, and the same root, whether it was asked for before closing or not."""
    writer = Writer()
    about = document(1)
    for asked in (True, False):
        store = await opened()
        events = writer.said if asked else []
        for placed in (*events, *writer.run(5)):
            await store.commit(Batch((kept(placed, about if placed.seq > 1 else None),)))
            if asked:
                await store.digest()
        snapshot = Snapshot(about, b"data", 3)
        await store.commit(Batch(notes=(note_row(about, "seeds"),), snapshots=(snapshot,), settings=(("a", b"b"),)))
        await store.close()
    store = await opened()
    boot, root = await store.boot(), await store.digest()
    assert boot.tips == {writer.chain: (writer.head,)}
    assert boot.settings == {"a": b"b"}
    assert await store.notes(search="seed", limit=9) == (note_row(about, "seeds"),)
    assert await store.snapshot(about) == snapshot
    assert await store.check(deep=True) == ()
    await store.close()
    plain(tmp_path, "DELETE FROM bucket")
    plain(tmp_path, "INSERT OR IGNORE INTO dirty_bucket SELECT bucket FROM document")
    store = await opened()
    assert await store.digest() == root
    await store.close()


async def test_what_changed_since_the_last_digest_is_not_taken_for_settled(opened: Opener) -> None:
    """Closing keeps what was hashed; what came after that is hashed at the next start."""
    writer = Writer()
    about = document(1)
    store = await opened()
    for number in range(2):
        events = (*(() if number else writer.said), *writer.run(2))
        await store.commit(Batch(tuple(kept(p, about if p.seq > 1 else None) for p in events)))
        if number == 0:
            await store.digest()
    await store.close()
    plain_store = MemoryStore()
    await plain_store.commit(Batch(tuple(kept(p, about if p.seq > 1 else None) for p in writer.said)))
    store = await opened()
    assert await store.digest() == await plain_store.digest()
    await store.close()


async def test_the_disk_is_asked_for_what_was_promised(tmp_path: Path, opened: Opener) -> None:
    """Write-ahead log, a sync of the disk at each commit (a real one on macOS), pages of 16 KiB."""
    store = await opened()
    found = {}
    for name in ("journal_mode", "synchronous", "fullfsync", "checkpoint_fullfsync", "page_size", "secure_delete"):
        found[name] = await store._writer.run(lambda db, name=name: db.execute(f"PRAGMA {name}").fetchone()[0])  # type: ignore[misc]  # noqa: SLF001
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "fullfsync": 1,
        "checkpoint_fullfsync": 1,
        "page_size": STORE_PAGE_BYTES,
        "secure_delete": 1,
    }
    await store.close()
    assert (tmp_path / "mesh.db").stat().st_mode & 0o77 == 0


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


def as_of(home: Path, version: int) -> None:
    """Make the database of a home one of an older version, with the rows that it would have."""
    current, old = home / "mesh.db", home / "old.db"
    database = sqlite3.connect(old, isolation_level=None)
    for statement in (one for step in schema.MIGRATIONS[:version] for one in step if isinstance(one, str)):
        database.execute(statement)
    database.execute(f"PRAGMA user_version = {version}")
    database.execute("ATTACH ? AS new", (str(current),))
    tables = database.execute(
        "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'note_words%'"
    )
    for (table,) in tables.fetchall():
        names = ", ".join(name for _, name, *_ in database.execute(f"PRAGMA main.table_info({table})").fetchall())
        of_state = " WHERE id < 4096" if table in {"bucket", "dirty_bucket"} else ""
        database.execute(f"INSERT OR REPLACE INTO main.{table} SELECT {names} FROM new.{table}{of_state}")  # noqa: S608
    database.execute("INSERT INTO note_words (note_words) VALUES ('rebuild')")
    database.execute("DETACH new")
    database.close()
    old.replace(current)


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


def found_in(home: Path, *canaries: bytes) -> list[tuple[str, bytes]]:
    """Which of these are in any file of the home."""
    files = {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    return [(name, canary) for name, raw in files.items() for canary in canaries if canary in raw]


async def test_what_was_erased_is_in_no_file(tmp_path: Path, opened: Opener) -> None:
    """Bodies long and short, the words and tags of the note, its snapshot: nothing is left in any file."""
    store, writer, about = await opened(), Writer(), document(1)
    short, long, words, saved = b"canary-short", b"canary-long" * 9000, b"canarywords", b"canary-snapshot" * 50
    value, rule, change = b"canary-value" * 3, b"canary-rule", b"canary-change"
    await store.commit(Batch((kept(writer.said[0]), kept(writer.say(body=short), about))))
    await store.commit(Batch((kept(writer.say(body=long), about), kept(writer.say(), document(2)))))
    row = note_row(about, words.decode(), 1, body=f"{words.decode()} text", tags=(f"tag{words.decode()}",))
    await store.commit(Batch(notes=(row, note_row(document(2), "other")), snapshots=(Snapshot(about, saved, 2),)))
    open_there = conflict(about, sides=(side(value.decode(), 1),) * 9)
    settled = tuple(settlement(about, number, rule=rule.decode()) for number in range(50))
    changes = ((writer.said[1].digest, change),)
    await store.commit(
        Batch(conflicts=((about, (open_there,)),), settlements=((about, settled, True),), changes=changes)
    )
    canaries = (short, long[:64], words, saved[:40], value, rule, change)
    assert {canary for _, canary in found_in(tmp_path, *canaries)} == set(canaries)
    await store.commit(Batch(forgotten=(about,), unshown=(about,), stale=(about,), time_ms=1))
    assert await store.erase(2) == 2
    assert found_in(tmp_path, *canaries) == []
    assert await store.check(deep=True) == ()
    assert [row.note.title for row in await store.notes(search="oth", limit=9)] == ["other"]
    await store.close()
    assert found_in(tmp_path, *canaries) == []


async def test_reads_go_on_while_a_commit_runs(opened: Opener) -> None:
    """And see all of it or nothing."""
    store = await opened()
    writer = Writer()
    writer.run(6000)
    batch = Batch(tuple(kept(placed, document(placed.seq) if placed.seq > 1 else None) for placed in writer.said))
    seen = []
    async with asyncio.TaskGroup() as group:
        commit = group.create_task(store.commit(batch))
        await asyncio.sleep(0)
        while not commit.done():
            seen.append((await store.counts()).events)
    assert len(seen) > 2
    assert set(seen) <= {0, 6001}
    assert (await store.counts()).events == 6001
    await store.close()


async def test_a_cancelled_commit_is_whole_or_not_there(opened: Opener) -> None:
    """Whoever gave up waiting leaves a store that goes on."""
    store = await opened()
    writer = Writer()
    async with asyncio.TaskGroup() as group:
        commit = group.create_task(
            store.commit(Batch(tuple(kept(placed) for placed in (*writer.said, *writer.run(500)))))
        )
        await asyncio.sleep(0)
        commit.cancel()
    await store.commit(Batch((kept(writer.say()),)))
    assert (await store.counts()).events == 502
    assert await store.check(deep=True) == ()
    await store.close()


async def test_questions_are_answered_from_indexes(tmp_path: Path, opened: Opener) -> None:
    """No frequent statement reads a whole table."""
    store = await opened()
    statements: list[str] = []
    await store._reader.run(lambda db: db.set_trace_callback(statements.append))  # type: ignore[attr-defined]  # noqa: SLF001
    await store._writer.run(lambda db: db.set_trace_callback(statements.append))  # type: ignore[attr-defined]  # noqa: SLF001
    writer = Writer()
    about = document(1)
    await store.commit(
        Batch((kept(writer.said[0]), *(kept(p, about) for p in writer.run(5))), notes=(note_row(about, "a"),))
    )
    await store.boot()
    await store.digest()
    await store.places([writer.head.digest])
    await store.under(Mark(writer.chain, writer.head), [writer.said[1].digest])
    await store.heads_at(writer.admission, 1)
    await store.event("abc")
    await store.serve(Span(writer.chain, writer.head, ()), 1000)
    await store.rows(about)
    await store.unsettled()
    await store.unsettled(about)
    await store.missing_bodies()
    await store.newest(limit=5)
    await store.newest(document=about, limit=5)
    await store.walk(writer.chain)
    await store.notes(limit=5)
    await store.notes(tag="a", limit=5)
    await store.notes(search="a", limit=5)
    await store.find_documents("abc")
    await store.note(about)
    await store.snapshot(about)
    await store.commit(
        Batch(
            notes=tuple(note_row(document(n), "a", path="a") for n in (1, 2)),
            conflicts=((about, (conflict(about),)),),
            settlements=((about, (settlement(about, 1),), False),),
            changes=((writer.head.digest, b"change"),),
        )
    )
    await store.conflicts()
    await store.conflicts(document=about)
    await store.conflict("abc")
    await store.settlements()
    await store.settlements(document=about)
    await store.settlements(conflict="abc")
    await store.of_changes(about, [b"change"])
    await store.view_root()
    await store.leaves(1, views=True)
    await store.leaves(1, views=False)
    await store.close()
    found = set()
    for statement in statements:
        if statement.startswith(("SELECT", "UPDATE", "INSERT")) and "note_words_" not in statement:
            steps = [str(step) for *_, step in plain(tmp_path, f"EXPLAIN QUERY PLAN {statement}")]
            found |= {step for step in steps if step.startswith("SCAN") and "VIRTUAL" not in step}
    small = {"b", "b USING COVERING INDEX branch_chain", "bucket", "c", "chain", "dirty_bucket", "setting"}
    partial = {"e USING INDEX event_bodiless"}
    as_listed = {"c USING INDEX conflict_newest", "s USING COVERING INDEX settlement_newest"}  # until the page is full
    shared = {"s"}  # paths at which there are several notes, out of an index
    assert {scan.removeprefix("SCAN ") for scan in found} <= small | partial | as_listed | shared


async def test_a_copy_is_one_moment_of_a_store_that_is_written(tmp_path: Path, opened: Opener) -> None:
    """What was committed before is in it, what comes later is not, and in between nothing is torn."""
    store, writer, about = await opened(), Writer(body_bytes=30_000), document(1)
    await store.commit(Batch((kept(writer.said[0]),)))
    for _ in range(40):
        await store.commit(Batch(tuple(kept(placed, about) for placed in writer.run(10))))
    to, steps = tmp_path / "to", []
    to.mkdir()
    before, root = len(writer.said), await store.digest()
    loop = asyncio.get_running_loop()

    def told(done: int, of: int) -> None:
        steps.append((done, of))
        late = store.commit(Batch(tuple(kept(placed, about) for placed in writer.run(3))))
        asyncio.run_coroutine_threadsafe(late, loop).result(30)  # it is kept before the next step

    await copy_store(tmp_path, to, told)
    assert len(steps) > 2
    assert steps[-1][0] == steps[-1][1]
    copy = await open_store(to)
    try:
        assert [row.placed for row in await copy.log(limit=10_000)] == writer.said[:before]
        assert await copy.digest() == root
        assert await copy.check(deep=True) == ()
    finally:
        await copy.close()
    assert (await store.counts()).events == len(writer.said) == before + 3 * len(steps)
    assert sorted(path.name for path in to.iterdir()) == ["lock", "mesh.db"]


async def test_a_copy_can_be_given_up(tmp_path: Path, opened: Opener) -> None:
    """It ends at its next step, and the store goes on."""
    store, writer = await opened(), Writer(body_bytes=30_000)
    await store.commit(Batch(tuple(kept(placed) for placed in (*writer.said, *writer.run(400)))))
    to, begun = tmp_path / "to", asyncio.Event()
    to.mkdir()
    loop = asyncio.get_running_loop()

    def told(_done: int, _of: int) -> None:
        loop.call_soon_threadsafe(begun.set)

    async with asyncio.TaskGroup() as group:
        copying = group.create_task(copy_store(tmp_path, to, told))
        await begun.wait()
        copying.cancel()
    assert copying.cancelled()
    assert await store.commit(Batch(tuple(kept(placed) for placed in writer.run(1)))) == 402


async def test_a_copy_of_nothing_is_refused(tmp_path: Path) -> None:
    """It makes no database where none is."""
    (tmp_path / "to").mkdir()
    with pytest.raises(Damaged):
        await copy_store(tmp_path, tmp_path / "to", lambda *_: None)
    assert not (tmp_path / "mesh.db").exists()
