"""The store on SQLite keeps the contract."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.clocks.frontier import Span
from mesh.errors import Damaged
from mesh.events.kinds import Mark
from mesh.limits import STORE_PAGE_BYTES
from mesh.node.storage.connection import copy_store
from mesh.node.storage.store import open_store
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, Snapshot, Store
from tests.contracts.store_contract import LogContract
from tests.contracts.store_contract_conflicts import ConflictsContract, SettlementsContract
from tests.contracts.store_contract_ends import EndsContract
from tests.contracts.store_contract_paths import PathsContract, ViewRootContract
from tests.contracts.store_contract_records import RecordsContract
from tests.contracts.store_contract_serve import ServeContract
from tests.contracts.store_contract_views import ForgottenContract, NotesContract, StateContract
from tests.contracts.store_disputes import conflict, settlement, side
from tests.contracts.store_homes import Opener, plain
from tests.contracts.store_writers import Writer, document, kept, note_row, record_row

pytestmark = pytest.mark.contract


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty one."""
    opened = await open_store(tmp_path)
    yield opened
    await opened.close()


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


class TestRecords(RecordsContract):
    """Everything that is no note."""


class TestConflicts(ConflictsContract):
    """Inside documents."""


class TestSettlements(SettlementsContract):
    """And changes."""


class TestPaths(PathsContract):
    """Several notes at one."""


class TestViewRoot(ViewRootContract):
    """What is shown."""


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


def found_in(home: Path, *canaries: bytes) -> list[tuple[str, bytes]]:
    """Which of these are in any file of the home."""
    files = {path.name: path.read_bytes() for path in home.iterdir() if path.is_file()}
    return [(name, canary) for name, raw in files.items() for canary in canaries if canary in raw]


async def test_what_was_erased_is_in_no_file(tmp_path: Path, opened: Opener) -> None:
    """Bodies long and short, the words and tags of note and record, its snapshot: nothing is left in any file."""
    store, writer, about = await opened(), Writer(), document(1)
    short, long, words, saved = b"canary-short", b"canary-long" * 9000, b"canarywords", b"canary-snapshot" * 50
    value, rule, change = b"canary-value" * 3, b"canary-rule", b"canary-change"
    await store.commit(Batch((kept(writer.said[0]), kept(writer.say(body=short), about))))
    await store.commit(Batch((kept(writer.say(body=long), about), kept(writer.say(), document(2)))))
    row = note_row(about, words.decode(), 1, body=f"{words.decode()} text", tags=(f"tag{words.decode()}",))
    other = document(4, kind="task")
    record = record_row(other, 1, {"title": words.decode(), "done": words.decode()}, words.decode())
    await store.commit(Batch(records=(record, record_row(document(3), 1, {"title": "third"}))))
    await store.commit(Batch(notes=(row, note_row(document(2), "other")), snapshots=(Snapshot(about, saved, 2),)))
    open_there = conflict(about, sides=(side(value.decode(), 1),) * 9)
    settled = tuple(settlement(about, number, rule=rule.decode()) for number in range(50))
    changes = ((writer.said[1].digest, change),)
    await store.commit(
        Batch(conflicts=((about, (open_there,)),), settlements=((about, settled, True),), changes=changes)
    )
    canaries = (short, long[:64], words, saved[:40], value, rule, change)
    assert {canary for _, canary in found_in(tmp_path, *canaries)} == set(canaries)
    await store.commit(Batch(forgotten=(about, other), unshown=(about, other), stale=(about,), time_ms=1))
    assert await store.erase(2) == 2
    assert found_in(tmp_path, *canaries) == []
    assert await store.hits("other", limit=9) == (document(2),)
    assert await store.hits("third", limit=9) == (document(3),)
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
