"""Search: a page of 20 hits among many notes, for words that are rare and for words that are in every note.

Ours is the whole call, with titles, snippets and who wrote what, in the process that has the home. Beside it SQLite's
own full-text search answers the same questions, ranked and with snippets by the library, over the same texts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
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
_PLAIN = (
    "SELECT n.title, snippet(note_words, 1, '', '', '…', 24) FROM note_words JOIN note n ON n.id = note_words.rowid"
    " WHERE note_words MATCH ? ORDER BY rank LIMIT ?"
)


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Milliseconds a question."""
    notes = count or (NOTES_QUICK if quick else NOTES)
    ours = Series("mesh", f"the call `search` over {notes:,} notes, {HITS} hits with snippets")
    plain = Series("SQLite FTS5", "the library's own ranking (bm25) and snippets over the same texts")
    with folder_on_disk() as folder:
        asyncio.run(_ours(folder / "home", notes, rounds, ours))
        asyncio.run(_plain(folder / "plain.db", notes, rounds, plain))
    ratios = {"slowest_ms of the worst round": round(max(ours.all("slowest_ms")), 1), "goal": "under 50",
              "everywhere_ms over SQLite FTS5": ours.over(plain, "everywhere_ms"),
              "slowest_ms over SQLite FTS5": ours.over(plain, "slowest_ms")}  # fmt: skip
    return report("search", ours, [plain], ratios, f"mesh bench search -n {notes} --rounds {rounds}")


async def _ours(home: Path, notes: int, rounds: int, series: Series) -> None:
    await homes.found(home, "a")
    async with agents.opened(home) as agent:
        await pair.filled(agent, range(notes))

        async def ask(words: str) -> bool:
            told = await agent.call("search", {"words": words, "limit": HITS})
            assert isinstance(told, dict)
            return bool(told["hits"])

        for _ in range(rounds):
            series.add(**await _round(ask))


async def _plain(database: Path, notes: int, rounds: int, series: Series) -> None:
    device = Floor(database, "b", views=True)
    for first in range(0, notes, PAGE):
        device.say(list(notes_of(first, min(PAGE, notes - first))))

    async def ask(words: str) -> bool:
        query = " ".join(f'"{word}"*' for word in words.split())
        return bool(device.db.execute(_PLAIN, (query, HITS)).fetchall())

    for _ in range(rounds):
        series.add(**await _round(ask))
    device.db.close()


async def _round(ask: Callable[[str], Awaitable[bool]]) -> dict[str, float]:
    """Each question, by the clock; of the slowest also the processor time, which a busy machine stretches less."""
    found: dict[str, float] = {}
    processor: dict[str, float] = {}
    for name, words in QUESTIONS.items():
        times, used = [], []
        for _ in range(TIMES):
            began, worked = time.perf_counter(), time.process_time()
            hit = await ask(words)
            times.append((time.perf_counter() - began) * 1000)
            used.append((time.process_time() - worked) * 1000)
            assert hit is (name != "nothing_ms"), name
        found[name], processor[name] = median(times), median(used)
    return {**found, "slowest_ms": max(found.values()), "slowest_processor_ms": max(processor.values())}
