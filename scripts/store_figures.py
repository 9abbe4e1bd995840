"""What the store costs: rows a second beside raw SQLite, milliseconds for a commit of one, bytes for an event.

`python scripts/store_figures.py`, from the checkout. It prints and judges nothing. Rounds of both are interleaved, and
CPU time stands beside wall time, since the machine may have other work.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import sqlite3
import string
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mesh.node.storage.store import SqliteStore, open_store
from mesh.node.storage.store_port import Batch, Kept
from tests.contracts.store_disputes import all_conflicts, conflict, placed_note
from tests.contracts.store_writers import Writer, document, kept, note_row

BODY_BYTES = 380
BATCH = 1000
ROUNDS = 15
SINGLES = 300
LETTERS = random.Random(1)  # noqa: S311 - words, not secrets
WORDS = ["".join(LETTERS.choices(string.ascii_lowercase, k=LETTERS.randint(2, 11))) for _ in range(8000)]


def text(number: int, words: int = 50) -> str:
    """Some 370 bytes of words, a few of them frequent."""
    pick = random.Random(number)  # noqa: S311 - words, not secrets
    return " ".join(WORDS[int(len(WORDS) * pick.random() ** 3)] for _ in range(words))


def raw_database(home: Path) -> sqlite3.Connection:
    """Plain rows with the two indexes that any log needs."""
    db = sqlite3.connect(home / "raw.db", isolation_level=None)
    for pragma in ("page_size=16384", "journal_mode=wal", "synchronous=full"):
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute(
        "CREATE TABLE e (id INTEGER PRIMARY KEY, chain, seq, lamport, document, digest, header, signature, body)"
    )
    db.execute("CREATE UNIQUE INDEX p ON e (chain, seq)")
    db.execute("CREATE INDEX d ON e (document)")
    return db


def raw_batch(db: sqlite3.Connection, first: int, rows: int) -> Callable[[], Awaitable[None]]:
    """One batch of rows of the same size."""
    data = [
        (n, 1, n, n, n // 10, os.urandom(32), os.urandom(152), None, os.urandom(BODY_BYTES))
        for n in range(first, first + rows)
    ]

    async def run() -> None:
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO e VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", data)
        db.execute("COMMIT")

    return run


def batches(writer: Writer, rows: int, *, each_document: int, notes: bool) -> Iterator[Batch]:
    """Batches without end; a note's view is written once for each document in a batch."""
    opening: tuple[Kept, ...] = (kept(writer.said[0]),)
    while True:
        first = writer.head.seq
        events = [kept(placed, document(placed.seq // each_document)) for placed in writer.run(rows, 100)]
        about = {event.document: event.placed.seq for event in events if event.document}
        views = tuple(note_row(d, text(-n, 4), n, body=text(n)) for d, n in about.items()) if notes else ()
        yield Batch((*opening, *events), notes=views)
        opening = ()
        assert writer.head.seq == first + rows


async def timed(run: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """Seconds of wall and CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    await run()
    return time.perf_counter() - wall, time.process_time() - cpu


async def ingest() -> None:
    """Interleaved batches of 1,000."""
    plans = {
        "10 events a document": (10, False),
        "... and notes": (10, True),
        "1 event": (1, False),
        "... and note": (1, True),
    }
    with tempfile.TemporaryDirectory() as folder:
        db = raw_database(Path(folder))
        opened: dict[str, tuple[SqliteStore, Iterator[Batch]]] = {}
        for number, (name, (each, notes)) in enumerate(plans.items()):
            writer = Writer(number, body_bytes=BODY_BYTES)
            store = await open_store(Path(folder) / str(number))
            opened[name] = (store, batches(writer, BATCH, each_document=each, notes=notes))
        times: dict[str, list[tuple[float, float]]] = {"raw rows": [], **{name: [] for name in plans}}
        for number in range(ROUNDS):
            times["raw rows"].append(await timed(raw_batch(db, number * BATCH, BATCH)))
            for name, (store, source) in opened.items():
                batch = next(source)
                times[name].append(await timed(partial(store.commit, batch)))
        base_wall, base_cpu = (median(t[i] for t in times["raw rows"]) for i in (0, 1))
        for name, found in times.items():
            wall, cpu = (median(t[i] for t in found) for i in (0, 1))
            print(
                f"{name:22} {BATCH / wall:9,.0f} rows/s wall ({base_wall / wall:.2f}x of raw)"
                f" {cpu / BATCH * 1e6:6.1f} us CPU a row ({base_cpu / cpu:.2f}x)"
            )
        for store, _ in opened.values():
            await store.close()


async def space() -> None:
    """Bytes for an event that carries a change over its body, beyond what an empty store takes."""
    for each, signed_every, events in ((10, 100, 100_000), (10, 1, 100_000), (1, 100, 50_000)):
        with tempfile.TemporaryDirectory() as folder:
            store = await open_store(Path(folder))
            writer = Writer(each, body_bytes=BODY_BYTES)
            await store.commit(Batch((kept(writer.said[0]),)))
            empty = (await store.counts()).bytes
            for _ in range(events // BATCH):
                said = writer.run(BATCH, signed_every)
                batch = tuple(kept(placed, document(placed.seq // each)) for placed in said)
                await store.commit(Batch(batch, changes=tuple((placed.digest, os.urandom(32)) for placed in said)))
                del writer.said[:]
            over = ((await store.counts()).bytes - empty) / events - BODY_BYTES
            header = len(said[-1].event.header)
            print(
                f"{over:6.0f} bytes an event over a body of {BODY_BYTES} (header {header}, one document for each {each}"
                f" events, one signature for each {signed_every})"
            )
            await store.close()


async def singles() -> None:
    """Commits of one event."""
    with tempfile.TemporaryDirectory() as folder:
        db = raw_database(Path(folder))
        stores = {notes: await open_store(Path(folder) / str(notes)) for notes in (False, True)}
        sources = {
            notes: batches(Writer(notes, body_bytes=BODY_BYTES), 1, each_document=3, notes=notes) for notes in stores
        }
        times: dict[str, list[tuple[float, float]]] = {}
        for number in range(SINGLES):
            times.setdefault("raw row", []).append(await timed(raw_batch(db, number, 1)))
            for notes, store in stores.items():
                batch = next(sources[notes])
                name = "event and note" if notes else "event"
                times.setdefault(name, []).append(await timed(partial(store.commit, batch)))
        for name, found in times.items():
            print(
                f"a commit of one {name:16} {median(t[0] for t in found) * 1e3:6.2f} ms"
                f" {median(t[1] for t in found) * 1e3:6.2f} ms CPU"
            )
        for store in stores.values():
            await store.close()


async def large(events: int = 100_000, each_document: int = 2) -> None:
    """A store of some size: start, digest, questions, memory."""
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(Path(folder))
        writer = Writer(7, body_bytes=BODY_BYTES)
        source = batches(writer, BATCH, each_document=each_document, notes=True)
        for _ in range(events // BATCH):
            await store.commit(next(source))
            del writer.said[:]
        print(
            f"{events:,} events in {events // each_document:,} notes: peak"
            f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
        )
        asked: dict[str, Callable[[], Awaitable[object]]] = {
            "digest, first time": store.digest,
            "digest, nothing new": store.digest,
            "boot": store.boot,
            "50 notes": lambda: store.notes(limit=50),
            "search": lambda: store.notes(search=WORDS[3000][:4], limit=50),
            "search, frequent": lambda: store.notes(search=WORDS[0], limit=50),
            "newest 50": lambda: store.newest(limit=50),
            "counts": store.counts,
            "quick check": lambda: store.check(deep=False),
        }
        for name, question in asked.items():
            print(f"  {name:22} {(await timed(question))[0] * 1e3:8.1f} ms")
        await store.close()
        store = await open_store(Path(folder))
        print(f"  digest after a restart {(await timed(store.digest))[0] * 1e3:8.1f} ms")
        await store.close()


async def disputed(notes: int = 50_000, inside: int = 9_000, paths: int = 1_000) -> None:
    """Conflicts beside many notes with paths: listed whole and by the page, counted, found by their names."""
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(Path(folder))
        names = [f"folder/{n // 50}/{text(n, 3)} {n}.md" for n in range(notes - paths)]
        names += names[:paths]
        rows = [placed_note(document(n), names[n], n, body=text(n)) for n in range(notes)]
        for first in range(0, notes, BATCH):
            await store.commit(Batch(notes=tuple(rows[first : first + BATCH])))
        for first in range(0, inside, BATCH):
            numbers = range(first, min(first + BATCH, inside))
            found = tuple((document(n), (conflict(document(n), lamport=n + 1),)) for n in numbers)
            await store.commit(Batch(conflicts=found))
        print(f"{(await store.counts()).conflicts:,} open conflicts, {paths:,} of them paths, beside {notes:,} notes")
        everything = await store.conflicts(limit=notes)
        asked: dict[str, Callable[[], Awaitable[object]]] = {
            "all at once": lambda: store.conflicts(limit=notes),
            "all, by pages of 1,000": lambda: all_conflicts(store, 1000),
            "one page of 50": lambda: store.conflicts(limit=50),
            "a page from the middle": lambda: store.conflicts(limit=50, after=everything[len(everything) // 2]),
            "of one document": lambda: store.conflicts(document=document(0)),
            "of one device, 50": lambda: store.conflicts(device=everything[0].devices[0], limit=50),
            "of paths, 50": lambda: store.conflicts(kind="path", limit=50),
            "by its name": lambda: store.conflict(everything[77].name.hex()),
            "counts": store.counts,
            "view root, first time": store.view_root,
            "view root, nothing new": store.view_root,
        }
        for name, question in asked.items():
            times = [await timed(question) for _ in range(1 if "first time" in name else 5)]
            wall, cpu = (median(found) * 1e3 for found in zip(*times, strict=True))
            print(f"  {name:24} {wall:8.1f} ms {cpu:8.1f} ms CPU")
        await store.close()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    asyncio.run(disputed())
    asyncio.run(large())
    asyncio.run(ingest())
    asyncio.run(singles())
    asyncio.run(space())
