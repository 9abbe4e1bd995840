"""W1: one edit, device to device, durable on both: from the start of the write call on A until B shows it.

Two agents as processes, each with its own disk files and its own nats-server, linked over loopback with TLS. B is not
asked: a second reader of its database looks every 0.2 ms whether the note has its new title, which adds 0.1 to 0.2 ms;
the contenders are looked at in the same way. A's own acknowledgement has come by then as well.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from mesh.cli.benches import pair, servers
from mesh.cli.benches import stream as streams
from mesh.cli.benches.children import Child
from mesh.cli.benches.measure import Series, folder_on_disk, percentile, report
from mesh.cli.benches.watch import LOOK_S, LOOK_SELDOM_S, Watch
from mesh.names import DocumentId
from mesh.node import agent as agents
from mesh.node import home as homes

EDITS, EDITS_QUICK = 200, 20
NOTES = 20
LIMIT_S = 30.0
PAUSE_S = 0.01
"""Between two edits: what the one before left to do is over by then."""
EVENT_BYTES = 400
"""Header and body of our event with a small edit, so that the stream carries the same."""
_ROW = "SELECT id FROM document WHERE name = ?"
_TITLE = "SELECT title FROM note WHERE document = ?"
_JETSTREAM = "one nats-server, file storage{}; then a reader commits it to SQLite with synchronous=FULL"

Write = Callable[[int, str], object]
"""Start the call that gives the n-th note a title; returns when it is acknowledged."""


class Hop:
    """One contender, ready to be timed."""

    def __init__(self, series: Series, write: Write, shown: Callable[[int, str], float]) -> None:
        """`shown` waits until the other side shows the title of the n-th note, and says when that was."""
        self.series, self._write, self._shown = series, write, shown
        self._caller = ThreadPoolExecutor(1)

    def timed(self, edits: int, turn: int) -> None:
        """Time some edits one after the other."""
        found = []
        for number in range(edits):
            title = f"turn {turn} edit {number}"
            began = time.perf_counter()
            acknowledged: Future[object] = self._caller.submit(self._write, number, title)
            shown = self._shown(number, title)
            acknowledged.result()
            found.append((max(shown, time.perf_counter()) - began) * 1000)
            time.sleep(PAUSE_S)
        self.series.add(p50_ms=percentile(found, 0.5), p99_ms=percentile(found, 0.99))


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Milliseconds, p50 and p99 of each round."""
    edits = count or (EDITS_QUICK if quick else EDITS)
    ours = Series("mesh", "note.edit on A's socket until the title is in B's committed view")
    floor = Series("floor", "sealed, chained, signed, FULL on both sides, core NATS without TLS")
    plain = Series("JetStream hop", _JETSTREAM.format(", acknowledged before any fsync"))
    synced = Series("JetStream hop, fsync each", _JETSTREAM.format(" with sync_interval: always"))
    with folder_on_disk() as folder, ExitStack() as stack:
        hops = [
            _ours(folder / "mesh", ours, stack),
            _floor(folder / "floor", floor, stack),
            _stream(folder / "js", plain, stack, sync_always=False),
            _stream(folder / "js-sync", synced, stack, sync_always=True),
        ]
        for hop in hops:
            hop.timed(3, -1)  # warm
            hop.series.rounds.clear()
        for turn in range(rounds):
            for hop in hops:
                hop.timed(edits, turn)
    ratios = {"p50 over floor": ours.over(floor, "p50_ms"), "goal over floor": "at most 1.5",
              "p50 over JetStream hop": ours.over(plain, "p50_ms"), "goal over JetStream hop": "at most 2",
              "p50 over JetStream hop, fsync each": ours.over(synced, "p50_ms")}  # fmt: skip
    return report("w1", ours, [floor, plain, synced], ratios, f"mesh bench w1 -n {edits} --rounds {rounds}")


async def _homes(folder: Path) -> list[str]:
    await homes.found(folder / "a", "a")
    async with agents.opened(folder / "a") as agent:
        documents = await pair.filled(agent, range(NOTES))
    await pair.joined(folder / "a", folder / "b", "b")
    return documents


def _ours(folder: Path, series: Series, stack: ExitStack) -> Hop:
    documents = asyncio.run(_homes(folder))
    a = stack.enter_context(pair.Device(folder / "a"))
    b = stack.enter_context(pair.Device(folder / "b"))
    mine, theirs = stack.enter_context(Watch(a.database)), stack.enter_context(Watch(b.database))
    b.meet(a)
    theirs.until(mine.one("SELECT max(id) FROM event"), "SELECT max(id) FROM event", limit_s=LIMIT_S,
                 pause_s=LOOK_SELDOM_S)  # fmt: skip
    pair.until_linked(a, b)
    rows = [theirs.one(_ROW, DocumentId.parse(document).name) for document in documents]

    def write(number: int, title: str) -> object:
        return a.call("note.edit", {"document": documents[number % NOTES], "title": title})

    def shown(number: int, title: str) -> float:
        return theirs.until(title, _TITLE, rows[number % NOTES], limit_s=LIMIT_S, pause_s=LOOK_S)

    return Hop(series, write, shown)


def _floor(folder: Path, series: Series, stack: ExitStack) -> Hop:
    served = stack.enter_context(servers.server(folder))
    a = stack.enter_context(Child("floor", served.url, str(folder), "a", "views"))
    stack.enter_context(Child("floor", served.url, str(folder), "b", "views"))
    theirs = stack.enter_context(Watch(folder / "b.db"))

    def shown(_number: int, title: str) -> float:
        newest = "SELECT title FROM note ORDER BY id DESC LIMIT 1"
        return theirs.until(title, newest, limit_s=LIMIT_S, pause_s=LOOK_S)

    return Hop(series, lambda _number, title: a.ask(do="say", title=title), shown)


def _stream(folder: Path, series: Series, stack: ExitStack, *, sync_always: bool) -> Hop:
    served = stack.enter_context(servers.server(folder, domain="hub", sync_always=sync_always))
    asyncio.run(streams.made(served.url))
    stack.enter_context(Child("stream", served.url, str(folder), "reader"))
    publisher = stack.enter_context(Child("stream", served.url, str(folder), "publisher"))
    theirs = stack.enter_context(Watch(folder / "reader.db"))

    def shown(_number: int, title: str) -> float:
        newest = "SELECT title FROM event ORDER BY id DESC LIMIT 1"
        return theirs.until(title, newest, limit_s=LIMIT_S, pause_s=LOOK_S)

    return Hop(series, lambda _number, title: publisher.ask(title=title, bytes=EVENT_BYTES), shown)
