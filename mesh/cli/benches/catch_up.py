"""W3: a new device catches up 100,000 events, verified and durable, until it can list, show and search.

Of the events four in five are notes being born (256 bytes of text) and one in five is an edit, ten in each edited
note. Timed from the dial until all events are in the new device's database (seen by a second reader) and its agent
has answered a list, a note and a search. Beside it: a stream of the same bytes mirrored between two nats-servers, and
the floor with as many texts. Each round is a new device; the old one is filled once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from mesh.cli.benches import corpus, pair, servers
from mesh.cli.benches import stream as streams
from mesh.cli.benches.children import Child
from mesh.cli.benches.measure import Series, folder_on_disk, peak_mb, processor_s, report
from mesh.cli.benches.watch import LOOK_SELDOM_S, Watch
from mesh.node import agent as agents
from mesh.node import home as homes

EVENTS, EVENTS_QUICK = 100_000, 1_000
EDITS_SHARE = 5
"""One event of so many is an edit."""
EDITS_A_NOTE = 10
TOGETHER = 200
LIMIT_S = 300.0
_LAST = "SELECT max(id) FROM event"


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Seconds and memory."""
    events = count or (EVENTS_QUICK if quick else EVENTS)
    ours = Series("mesh, mixed", "80 % births, 20 % edits; verified, durable; then listed, shown and searched")
    births = Series("mesh, births", "half as many events, all notes being born")
    mirror = Series("JetStream mirror", "the same bytes, unsigned and unread, between two nats-servers, in files")
    floor = Series("floor", "as many texts, sealed, chained, signed, FULL; without views")
    searching = Series("floor with search", "the same, with titles, texts and a full-text index")
    with folder_on_disk() as folder:
        asyncio.run(_old(folder / "old", births=events - events // EDITS_SHARE, edits=events // EDITS_SHARE))
        asyncio.run(_old(folder / "births", births=events // 2, edits=0))
        for number in range(rounds):
            _ours(folder / "old", folder / f"new{number}", ours)
            _ours(folder / "births", folder / f"newest{number}", births)
            asyncio.run(_mirrored(folder / f"js{number}", folder / "old" / "mesh.db", mirror))
            _floor(folder / f"floor{number}", events, floor, views="")
            _floor(folder / f"search{number}", events, searching, views="views")
    ratios = {"seconds over JetStream mirror": ours.over(mirror, "seconds"), "goal": "at most 2",
              "seconds over floor": ours.over(floor, "seconds"),
              "seconds over floor with search": ours.over(searching, "seconds"),
              "goal for peak_mb": "at most 100"}  # fmt: skip
    return report(
        "w3", ours, [births, mirror, floor, searching], ratios, f"mesh bench w3 -n {events} --rounds {rounds}"
    )


async def _old(home: Path, *, births: int, edits: int) -> None:
    """A device that has been written on for a while."""
    await homes.found(home, "old")
    async with agents.opened(home) as agent:
        documents = await pair.filled(agent, range(births))
        for start in range(0, edits, TOGETHER):
            numbers = range(start, min(start + TOGETHER, edits))
            calls = [agent.call("note.edit", _edit(documents[n // EDITS_A_NOTE], n)) for n in numbers]
            await asyncio.gather(*calls)


def _edit(document: str, number: int) -> dict[str, object]:
    _, text = corpus.note(number // EDITS_A_NOTE)
    turn = number % EDITS_A_NOTE
    if turn % 5 == 4:
        return {"document": document, "title": f"edited {corpus.unique(number // EDITS_A_NOTE)} {turn}"}
    return {"document": document, "body": " ".join([text, *(corpus.word(n) for n in range(turn + 1))])}


def _ours(old: Path, home: Path, series: Series) -> None:
    asyncio.run(pair.joined(old, home, home.name))
    with ExitStack() as stack:
        a, b = stack.enter_context(pair.Device(old)), stack.enter_context(pair.Device(home))
        server = b.server()["pid"]
        mine, theirs = stack.enter_context(Watch(a.database)), stack.enter_context(Watch(b.database))
        whole, before = mine.one(_LAST), theirs.one(_LAST)
        began = time.perf_counter()
        b.meet(a)
        first = theirs.until(1, f"SELECT max(id) > {before} FROM event", limit_s=LIMIT_S, pause_s=0.001)  # noqa: S608
        held = theirs.until(whole, _LAST, limit_s=LIMIT_S, pause_s=LOOK_SELDOM_S)
        _usable(b)
        ended = time.perf_counter()
        events = int(str(whole)) - int(str(before))
        series.add(
            seconds=ended - began, until_first_page_s=first - began, until_held_s=held - began,
            events_per_s=events / (held - first), peak_mb=peak_mb(b.pid), server_peak_mb=peak_mb(int(str(server))),
            old_peak_mb=peak_mb(a.pid), processor_s=processor_s(b.pid), old_processor_s=processor_s(a.pid),
        )  # fmt: skip
        pair.until_linked(a, b)


def _usable(device: pair.Device) -> None:
    listed = device.call("note.list", {"limit": 50})["notes"]
    assert isinstance(listed, list)
    assert len(listed) == 50, len(listed)
    device.call("note.show", {"document": listed[-1]["document"]})
    found = device.call("note.list", {"search": corpus.unique(100)})["notes"]
    assert isinstance(found, list)
    assert len(found) == 1, len(found)


async def _mirrored(folder: Path, database: Path, series: Series) -> None:
    with ExitStack() as stack:
        hub = stack.enter_context(servers.server(folder / "hub", domain="hub"))
        await streams.made(hub.url)
        count = await streams.filled(hub.url, _events(database))
        leaf = stack.enter_context(servers.server(folder / "leaf", domain="leaf", hub=hub))
        await asyncio.sleep(1)  # the leaf has dialled its hub by then
        seconds = await streams.mirrored(leaf.url, count, "hub")
        series.add(seconds=seconds, events_per_s=count / seconds, server_peak_mb=peak_mb(leaf.pid))


def _events(database: Path) -> Iterator[bytes]:
    """The bytes of all events as they were kept."""
    last, group = 0, 1000
    with Watch(database) as watch:
        while rows := watch.rows(
            "SELECT id, CAST(header || body AS BLOB) FROM event WHERE id > ? ORDER BY id LIMIT ?", last, group
        ):
            for number, raw in rows:
                yield raw
                last = number


def _floor(folder: Path, events: int, series: Series, *, views: str) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(servers.server(folder))
        a = stack.enter_context(Child("floor", served.url, str(folder), "a"))
        b = stack.enter_context(Child("floor", served.url, str(folder), "b", views))
        a.ask(do="make", first=0, count=events)
        began = time.perf_counter()
        b.ask(do="fetch", device="a")
        seconds = time.perf_counter() - began
        series.add(seconds=seconds, events_per_s=events / seconds, peak_mb=peak_mb(b.pid))
