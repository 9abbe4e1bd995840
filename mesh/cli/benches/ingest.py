"""Ingest: pages as they come from a peer, all checks on, into the store with views and full text; beside raw SQLite.

One process, no network: the bytes of a peer's answers go into the engine of a second home, three signed runs at a
time, so that 1,000 events share a commit. Raw SQLite writes rows of the same length, with the same pragmas, in
batches of 1,000.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mesh.cli.benches import pair
from mesh.cli.benches.floor import PRAGMAS, Floor, notes_of
from mesh.cli.benches.measure import Series, folder_on_disk, report
from mesh.clocks.chain import START
from mesh.clocks.frontier import Span
from mesh.events.event import Lane
from mesh.limits import PAGE_BYTES_MAX
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node.agent import Agent
from mesh.sync import messages
from mesh.sync.messages import Push

BATCH = 1000
EVENTS, EVENTS_QUICK = 20_000, 2_000
PAGES_TOGETHER = 3
"""Signed runs of at most 192 KiB that make up about 1,000 events with bodies of this length."""
_PEER = "peer"


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Events a second."""
    events = count or (EVENTS_QUICK if quick else EVENTS)
    ours = Series("mesh", "notes being born: verified, opened, weighed, kept, listed, indexed for search")
    floor = Series("floor", "the plain-Python floor's own ingest, without views")
    searching = Series("floor with search", "the floor, keeping titles, texts and a full-text index too")
    raw = Series("raw SQLite", "executemany of 1,000 rows a commit, primary key and one index, no checks")
    with folder_on_disk() as folder:
        for number in range(rounds):
            place = folder / str(number)
            asyncio.run(_ours(place, events, ours))
            body_bytes = _row_bytes(place / "a" / "mesh.db")
            _raw(place / "raw.db", events, body_bytes, raw)
            _floor(place / "floor", events, floor, views=False)
            _floor(place / "floor-search", events, searching, views=True)
    ratios = {"events_per_s over raw SQLite": ours.over(raw, "events_per_s"), "goal": "at least 0.6",
              "processor_us over raw SQLite": ours.over(raw, "processor_us"),
              "events_per_s over floor": ours.over(floor, "events_per_s"),
              "events_per_s over floor with search": ours.over(searching, "events_per_s")}  # fmt: skip
    return report("ingest", ours, [raw, floor, searching], ratios, f"mesh bench ingest -n {events} --rounds {rounds}")


async def _ours(folder: Path, events: int, series: Series) -> None:
    await homes.found(folder / "a", "a")
    await pair.joined(folder / "a", folder / "b", "b")
    async with agents.opened(folder / "a") as agent:
        await pair.filled(agent, range(events))
        control, pages = await _answers(agent, Lane.CONTROL), await _answers(agent, Lane.DATA)
    async with agents.opened(folder / "b") as agent:
        for page in control:
            await agent.engine.hear(_PEER, messages.decode_push(page))
        with _timed(series, events):
            await _hear(agent, pages)


async def _answers(agent: Agent, lane: Lane) -> list[bytes]:
    """All events of a lane as answers to a peer's questions."""
    chains, found = agent.engine.replica.chains, []
    for chain, heads in chains.frontier(lane).items():
        span = Span(chain, heads[-1], (START,))
        while run := await agent.store.serve(span, PAGE_BYTES_MAX):
            found.append(messages.encode(Push((run,))))
            span = Span(chain, heads[-1], (chains.end(run),))
    return found


async def _hear(agent: Agent, pages: Sequence[bytes]) -> None:
    for start in range(0, len(pages), PAGES_TOGETHER):
        together = pages[start : start + PAGES_TOGETHER]
        await asyncio.gather(*(agent.engine.hear(_PEER, messages.decode_push(page)) for page in together))


@contextmanager
def _timed(series: Series, events: int) -> Iterator[None]:
    """By the clock, and by processor time of all threads, which a busy machine stretches less."""
    began, used = time.perf_counter(), time.process_time()
    yield
    used, took = time.process_time() - used, time.perf_counter() - began
    series.add(events_per_s=events / took, processor_us=used / events * 1e6)


def _row_bytes(database: Path) -> int:
    """How long header and body of an event are."""
    db = sqlite3.connect(database)
    (found,) = db.execute("SELECT avg(length(header) + length(body)) FROM event").fetchone()
    db.close()
    return int(found)


def _raw(database: Path, events: int, body_bytes: int, series: Series) -> None:
    db = sqlite3.connect(database, isolation_level=None)
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    db.execute(
        "CREATE TABLE e (dev INTEGER, seq INTEGER, lamport INTEGER, hash BLOB, doc BLOB, type TEXT, ts INTEGER,"
        " body BLOB, sig BLOB, PRIMARY KEY (dev, seq)) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX e_doc ON e (doc, lamport)")
    rows = [(1, n, n, os.urandom(32), os.urandom(16), "note", 0, os.urandom(body_bytes), None) for n in range(events)]
    with _timed(series, events):
        for start in range(0, events, BATCH):
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT INTO e VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows[start : start + BATCH])
            db.execute("COMMIT")
    db.close()


def _floor(folder: Path, events: int, series: Series, *, views: bool) -> None:
    folder.mkdir()
    a = Floor(folder / "a.db", "a", views=False)
    pages = [a.say(list(notes_of(n, min(BATCH, events - n)))) for n in range(0, events, BATCH)]
    b = Floor(folder / "b.db", "b", views=views)
    with _timed(series, events):
        for page in pages:
            b.hear("a", page)
    a.db.close()
    b.db.close()
