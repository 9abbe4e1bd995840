"""What the store does when the disk is full, the database is damaged, or the process is killed while it writes."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from random import Random

import pytest

from mesh.clocks.frontier import Span
from mesh.errors import Busy, Damaged, DiskFull
from mesh.limits import KIB, MIB, PAGE_BYTES_MAX, STORE_PAGE_BYTES, STORE_WAL_BYTES
from mesh.node.storage.store import SqliteStore, open_store
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch
from tests.conftest import Spawn
from tests.contracts.store_writers import Writer, document, kept, note_row
from tests.system.store_child import batch

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parent.parent.parent
DATABASE = "mesh.db"

# ---------------------------------------------------------------- a full disk


@asynccontextmanager
async def opened(home: Path) -> AsyncIterator[SqliteStore]:
    """A store that is closed whatever happens: its threads would keep the test run alive."""
    store = await open_store(home)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
def small_disk(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of so many MiB; only root can mount one. Not below `tmp_path`, which pytest itself removes."""
    place = Path(tempfile.mkdtemp(prefix="mesh-disk-"))
    argv = ["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "mesh-test", str(place)]
    try:
        mounted = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("a full disk was NOT tested: there is no mount here")
    if mounted.returncode:
        pytest.skip(f"a full disk was NOT tested: {mounted.stderr.strip() or 'mount failed'}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
    place.rmdir()


def resize(disk: Path, megabytes: int) -> None:
    """Give a small disk another size."""
    subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(disk)], check=True)


def room(disk: Path) -> int:
    """Bytes that the disk still takes."""
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


async def fill(store: SqliteStore, writer: Writer) -> int:
    """Commit until the disk is full. Returns how many commits came back."""
    for number in count():
        try:
            await store.commit(batch(writer, number))
        except DiskFull:
            return number
    raise AssertionError


def rewind(writer: Writer, events: int) -> None:
    """Let a writer go on from where its store is: what was refused was never said."""
    del writer.said[events:]
    writer.head, writer.lamport = writer.said[-1].head, writer.said[-1].header.lamport


# 24 MiB: the write-ahead log reaches the size at which it is moved into the database, and there is no room for that.
@pytest.mark.parametrize("small_disk", [5, 24], indirect=True)
async def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    """A refused commit leaves nothing; reads go on; with room again, writing goes on by itself."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2 * MIB))
    writer = Writer(1, body_bytes=3000)
    async with opened(small_disk) as store:
        done = await fill(store, writer)
        events = 1 + 3 * done
        assert done > 3
        rewind(writer, events)
        root = await store.digest()
        for _ in range(2):
            with pytest.raises(DiskFull, match="full"):
                await store.commit(big(writer))
            rewind(writer, events)
        assert (await store.counts()).events == events
        assert len(await store.notes(search="commit", limit=100)) == min(done, 7)
        assert await store.serve(Span(writer.chain, writer.head, ()), PAGE_BYTES_MAX)
        assert await store.digest() == root
        assert await store.check(deep=True) == ()
        ballast.unlink()
        for number in range(done, done + 5):
            await store.commit(batch(writer, number))
        await holds(store, writer)
    async with opened(small_disk) as store:
        await holds(store, writer)


def big(writer: Writer) -> Batch:
    """More than there is room for."""
    writer.body_bytes = 100 * KIB
    found = Batch(tuple(kept(placed, document(1)) for placed in writer.run(40)))
    writer.body_bytes = 3000
    return found


async def holds(store: SqliteStore, writer: Writer) -> None:
    """The store is sound and holds exactly what the writer said, state digest and all."""
    assert await store.check(deep=True) == ()
    rows = await store.walk(writer.chain, limit=100_000)
    assert [row.placed for row in rows] == writer.said
    plain = MemoryStore()
    await plain.commit(Batch(tuple(kept(row.placed, row.document) for row in rows)))
    assert await store.digest() == await plain.digest()


@pytest.mark.parametrize("small_disk", [24], indirect=True)
async def test_a_log_that_cannot_be_moved_grows_on(small_disk: Path) -> None:
    """Commits come back as long as the write-ahead log itself has room; with room again, it is moved at once."""
    wal = small_disk / f"{DATABASE}-wal"
    writer = Writer(1, body_bytes=3000)
    async with opened(small_disk) as store:
        done = await fill(store, writer)
        rewind(writer, 1 + 3 * done)
        assert wal.stat().st_size > STORE_WAL_BYTES
        await holds(store, writer)
    async with opened(small_disk) as store:
        await holds(store, writer)
        resize(small_disk, 80)
        await store.commit(batch(writer, done))
        await holds(store, writer)
    assert not wal.exists()


@pytest.mark.parametrize("small_disk", [1], indirect=True)
async def test_a_disk_that_is_full_from_the_start(small_disk: Path) -> None:
    """No store can be made; the reason is told; the lock is free afterwards."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(room(small_disk) - 8 * KIB))
    for _ in range(2):
        with pytest.raises(DiskFull):
            await open_store(small_disk)
    ballast.unlink()
    async with opened(small_disk) as store:
        assert await store.commit(Batch()) == 0


# ---------------------------------------------------------------- a damaged database


async def made(home: Path) -> Writer:
    """A store of some size, closed."""
    writer = Writer(1, body_bytes=3000)
    async with opened(home) as store:
        for number in range(40):
            await store.commit(batch(writer, number))
    return writer


async def read_all(home: Path) -> None:
    """Open and read everything there is."""
    async with opened(home) as store:
        assert await store.check(deep=True) != ()
        await store.boot()
        await store.log(limit=1000)
        await store.notes(limit=1000)
        await store.notes(search="commit", limit=1000)
        await store.digest()
        await store.commit(Batch(tuple(kept(placed) for placed in Writer(2).said)))


@pytest.mark.parametrize("pages", [range(1), range(1, 2), range(2, 8), range(8, 10_000), range(1, 10_000)])
async def test_damaged_pages_are_named_as_such(tmp_path: Path, pages: range) -> None:
    """Whichever pages are bad: the error is Damaged, with a hint, and never a wrong answer from them."""
    await made(tmp_path)
    with (tmp_path / DATABASE).open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        for page in pages:
            if page * STORE_PAGE_BYTES < size:
                file.seek(page * STORE_PAGE_BYTES)
                file.write(Random(page).randbytes(STORE_PAGE_BYTES))
    with pytest.raises(Damaged) as caught:
        await read_all(tmp_path)
    assert "verify" in caught.value.hint


async def test_a_database_that_was_cut_off(tmp_path: Path) -> None:
    """A file that lost its end is damaged."""
    await made(tmp_path)
    os.truncate(tmp_path / DATABASE, 5 * STORE_PAGE_BYTES)
    with pytest.raises(Damaged):
        await read_all(tmp_path)


async def test_a_damaged_header_in_a_sound_page(tmp_path: Path) -> None:
    """SQLite cannot see it; who reads the row is told."""
    await made(tmp_path)
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("UPDATE event SET header = CAST(x'ff' || substr(header, 2) AS BLOB) WHERE id = 5")
    database.commit()
    database.close()
    async with opened(tmp_path) as store:
        with pytest.raises(Damaged, match="event 5"):
            await store.log(limit=1000)


async def test_a_roll_that_does_not_follow_is_found(tmp_path: Path) -> None:
    """The deep check adds up the events again."""
    await made(tmp_path)
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute("UPDATE event SET standing = 2 WHERE id = 5")
    database.commit()
    database.close()
    async with opened(tmp_path) as store:
        assert await store.check(deep=False) == ()
        assert "digest" in (await store.check(deep=True))[0]


# ---------------------------------------------------------------- killed


async def test_what_came_back_is_there_after_kill_9(tmp_path: Path, spawn: Spawn) -> None:
    """Killed at any moment, a process loses no commit that it was told of, and its lock is free at once."""
    random = Random(7)
    for seed in range(8):
        child = spawn(
            [sys.executable, "-m", "tests.system.store_child", tmp_path, str(seed)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        for _ in range(random.randint(1, 120)):
            assert child.stdout.readline()
        await asyncio.sleep(random.random() / 100)
        child.send_signal(signal.SIGKILL)
        child.wait()
        said = child.stdout.read().split()
        async with opened(tmp_path) as store:
            await same_as_said(store, seed, int(said[-1]) if said else None)


async def same_as_said(store: SqliteStore, seed: int, last: int | None) -> None:
    """All commits up to the last one that was told of, and of a later one either all or nothing."""
    assert await store.check(deep=True) == ()
    kept_last = int(await store.setting("commit") or b"-1")
    assert last is None or last <= kept_last <= last + 1
    writer = Writer(seed, body_bytes=3000)
    plain = MemoryStore()
    for number in range(kept_last + 1):
        await plain.commit(batch(writer, number))
    rows = await store.walk(writer.chain, limit=100_000)
    assert [row.placed for row in rows] == writer.said
    for row in await plain.notes(limit=100):
        assert await store.note(row.note.document) == row
    known = await store.chains()
    assert sum(facts.events for facts in known) == (await store.counts()).events
    everything = MemoryStore()
    log = await store.log(limit=1_000_000)
    await everything.commit(Batch(tuple(kept(row.placed, row.document) for row in log)))
    assert await store.digest() == await everything.digest()


async def test_a_second_process_is_told_who_has_the_home(tmp_path: Path, spawn: Spawn) -> None:
    """Busy, with the number of the process that has it."""
    argv = [sys.executable, "-m", "tests.system.store_child", tmp_path, "1"]
    child = spawn(argv, cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline()
    with pytest.raises(Busy, match=str(child.pid)) as caught:
        await open_store(tmp_path)
    assert "mesh" in caught.value.hint
    child.kill()
    child.wait()
    async with opened(tmp_path) as store:
        with pytest.raises(Busy, match=str(os.getpid())):
            await open_store(tmp_path)
        await store.commit(Batch(notes=(note_row(document(1), "still there"),)))
