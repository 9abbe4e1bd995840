"""Search: a page of 20 hits among many notes, for words that are rare and for words that are in every note.

Ours is the whole call, with titles, snippets and who wrote what, in the process that has the home. Beside it SQLite's
own full-text search answers the same questions, ranked and with snippets by the library, over the same texts.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from mesh.cli.benches import corpus, pair
from mesh.cli.benches.floor import PAGE, Floor, notes_of
from mesh.cli.benches.measure import Series, folder_on_disk, report
from mesh.node import agent as agents
from mesh.node import home as homes

NOTES, NOTES_QUICK = 50_000, 1_000
HITS = 20
TIMES = 9
"""How often each question is asked in a round; the median counts."""

QUESTIONS = {
    "everywhere_ms": corpus.word(0),
    "two_everywhere_ms": f"{corpus.word(0)} {corpus.word(1)}",
    "uncommon_ms": corpus.word(2500),
    "one_note_ms": corpus.unique(77),
    "beginning_ms": corpus.word(0)[:2],
    "letter_ms": corpus.word(0)[:1],
    "everywhere_and_one_note_ms": f"{corpus.word(0)} {corpus.unique(77)}",
    "nothing_ms": "qqqqqqq",
}


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Milliseconds a question."""
    notes = count or (NOTES_QUICK if quick else NOTES)
    ours = Series("mesh", f"the call `search` over {notes:,} notes, {HITS} hits with snippets")
    plain = Series("SQLite FTS5", "the library's own ranking (bm25) and snippets over the same texts")
    with folder_on_disk() as folder:
        asyncio.run(_ours(folder / "home", notes, rounds, ours))
        _plain(folder / "plain.db", notes, rounds, plain)
    slowest = max(figure for found in ours.rounds for figure in [found["slowest_ms"]])
    ratios = {"slowest question, ms": round(slowest, 1), "goal": "under 50",
              "everywhere_ms over SQLite FTS5": ours.over(plain, "everywhere_ms"),
              "slowest_ms over SQLite FTS5": ours.over(plain, "slowest_ms")}  # fmt: skip
    return report("search", ours, [plain], ratios, f"mesh bench search -n {notes} --rounds {rounds}")


async def _ours(home: Path, notes: int, rounds: int, series: Series) -> None:
    await homes.found(home, "a")
    async with agents.opened(home) as agent:
        await pair.filled(agent, range(notes))
        for _ in range(rounds):
            found: dict[str, float] = {}
            for name, words in QUESTIONS.items():
                times = []
                for _ in range(TIMES):
                    began = time.perf_counter()
                    told = await agent.call("search", {"words": words, "limit": HITS})
                    times.append((time.perf_counter() - began) * 1000)
                    assert isinstance(told, dict)
                    assert bool(told["hits"]) is (name != "nothing_ms"), name
                found[name] = median(times)
            series.add(**found, slowest_ms=max(found.values()))


def _plain(database: Path, notes: int, rounds: int, series: Series) -> None:
    device = Floor(database, "b", views=True)
    for first in range(0, notes, PAGE):
        device.say(list(notes_of(first, min(PAGE, notes - first))))
    for _ in range(rounds):
        found = {name: _median(lambda words=words: _ask(device.db, words)) for name, words in QUESTIONS.items()}  # type: ignore[misc]
        series.add(**found, slowest_ms=max(found.values()))
    device.db.close()


def _median(do: Callable[[], None]) -> float:
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        do()
        times.append((time.perf_counter() - began) * 1000)
    return median(times)


def _ask(db: sqlite3.Connection, words: str) -> None:
    query = " ".join(f'"{word}"*' for word in words.split())
    db.execute(
        "SELECT n.title, snippet(note_words, 1, '', '', '…', 24) FROM note_words JOIN note n ON n.id = note_words.rowid"
        " WHERE note_words MATCH ? ORDER BY rank LIMIT ?",
        (query, HITS),
    ).fetchall()
