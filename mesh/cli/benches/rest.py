"""W5: what an event costs at rest over its body.

The body is counted as it is kept: sealed and padded. The log is the tables and indexes of events (`event_over_body`),
and those of chains, documents and the state digest (`documents`: here each event is a new document, which is the worst
case), by the pages they take (dbstat); the views are the notes in the clear and their
full-text index, which repeat the text on purpose. The file is closed and so checkpointed before it is measured.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from mesh.cli.benches import pair
from mesh.cli.benches.floor import PAGE, Floor, notes_of
from mesh.cli.benches.measure import Series, folder_on_disk, report
from mesh.node import agent as agents
from mesh.node import home as homes

EVENTS, EVENTS_QUICK = 20_000, 1_000
_VIEWS = "name LIKE 'note%' OR name LIKE 'record%' OR name LIKE 'title_words%' OR name LIKE 'sqlite_autoindex_note%'"


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Bytes an event."""
    events = count or (EVENTS_QUICK if quick else EVENTS)
    ours = Series("mesh", "notes being born")
    floor = Series("floor", "the floor with search")
    with folder_on_disk() as folder:
        for number in range(rounds):
            asyncio.run(_ours(folder / str(number), events))
            _weigh(folder / str(number) / "mesh.db", ours)
            (folder / f"floor{number}").mkdir()
            _floor(folder / f"floor{number}", events)
            _weigh(folder / f"floor{number}" / "b.db", floor)
    ratios = {"log over sealed body, bytes an event": ours.told().get("log_over_body"), "goal": "at most 300",
              "log over that of floor": ours.over(floor, "log_over_body")}  # fmt: skip
    return report("w5", ours, [floor], ratios, f"mesh bench w5 -n {events} --rounds {rounds}")


async def _ours(home: Path, events: int) -> None:
    await homes.found(home, "a")
    async with agents.opened(home) as agent:
        await pair.filled(agent, range(events))


def _floor(folder: Path, events: int) -> None:
    device = Floor(folder / "b.db", "b", views=True)
    for first in range(0, events, PAGE):
        device.say(list(notes_of(first, min(PAGE, events - first))))
    device.db.close()


def _weigh(database: Path, series: Series) -> None:
    db = sqlite3.connect(database)
    events, sealed = db.execute("SELECT count(*), sum(length(body)) FROM event").fetchone()
    (plain,) = db.execute("SELECT sum(length(CAST(title || body AS BLOB))) FROM note").fetchone()
    (headers,) = db.execute("SELECT sum(length(header)) FROM event").fetchone()
    (views,) = db.execute(f"SELECT sum(pgsize) FROM dbstat WHERE {_VIEWS}").fetchone()  # noqa: S608 - a constant
    (rows,) = db.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'event%'").fetchone()
    db.close()
    size = database.stat().st_size
    series.add(
        log_over_body=(size - views - sealed) / events, event_over_body=(rows - sealed) / events,
        documents=(size - views - rows) / events, file_over_body=(size - sealed) / events,
        views=views / events, header=headers / events, sealed_body=sealed / events, plain_body=plain / events,
        file=size / events,
    )  # fmt: skip
