"""W2: two devices write 10,000 edits each while apart, meet, and are timed until both hold everything.

Each device edits notes one after the other, 50 edits in each, one event an edit; half of the notes are edited on both,
so their documents really merge. One edit in five sets the title, the others insert a word. Timed from the dial until
both databases hold all events (seen by a second reader) and both agents then tell one state digest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from mesh.cli.benches import corpus, pair, servers
from mesh.cli.benches.children import Child
from mesh.cli.benches.measure import Series, folder_on_disk, peak_mb, report
from mesh.cli.benches.watch import LOOK_SELDOM_S, Watch
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node.agent import Agent

EDITS, EDITS_QUICK = 10_000, 100
EDITS_A_NOTE = 50
TOGETHER = 200
LIMIT_S = 300.0
_LAST = "SELECT max(id) FROM event"


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Seconds until both have everything."""
    edits = count or (EDITS_QUICK if quick else EDITS)
    ours = Series("mesh", "Automerge edits in shared notes, merged, listed, indexed; equal state digests")
    floor = Series("floor", "as many new texts of 256 bytes from each side, kept with a full-text index; no documents")
    with folder_on_disk() as folder:
        for number in range(rounds):
            _ours(folder / str(number), edits, ours)
            _floor(folder / f"floor{number}", edits, floor)
    ratios = {"seconds over floor": ours.over(floor, "seconds"), "goal": "at most 1.5",
              "after_first_page_s over floor": ours.over(floor, "after_first_page_s")}  # fmt: skip
    return report("w2", ours, [floor], ratios, f"mesh bench w2 -n {edits} --rounds {rounds}")


def _ours(folder: Path, edits: int, series: Series) -> None:
    asyncio.run(_homes(folder, edits))
    with ExitStack() as stack:
        devices = [pair.Device(folder / name) for name in ("a", "b")]
        watches = [stack.enter_context(Watch(device.database)) for device in devices]
        # B alone wrote an opening after they had parted; the rest is the edits of both. Looked up before they start:
        # who told where it is may be found before it is dialled.
        mine = int(str(watches[1].one(_LAST)))
        for device in devices:
            stack.enter_context(device)
        whole = mine + edits
        began = time.perf_counter()
        devices[1].meet(devices[0])
        first = watches[1].until(1, f"SELECT max(id) > {mine} FROM event", limit_s=LIMIT_S, pause_s=0.001)  # noqa: S608
        for watch in watches:
            watch.until(whole, _LAST, limit_s=LIMIT_S, pause_s=LOOK_SELDOM_S)
        while len({str(device.call("status")["state_digest"]) for device in devices}) > 1:
            time.sleep(LOOK_SELDOM_S)
        ended = time.perf_counter()
        series.add(
            seconds=ended - began,
            after_first_page_s=ended - first,
            peak_mb=max(peak_mb(device.pid) or 0 for device in devices),
        )


async def _homes(folder: Path, edits: int) -> None:
    """Two homes with the same notes, edited apart."""
    notes = max(1, edits // EDITS_A_NOTE)
    await homes.found(folder / "a", "a")
    async with agents.opened(folder / "a") as agent:
        documents = await pair.filled(agent, range(notes + notes // 2))
    await pair.joined(folder / "a", folder / "b", "b")
    await asyncio.to_thread(_met, folder)
    for name, mine in (("a", documents[:notes]), ("b", documents[-notes:])):
        async with agents.opened(folder / name) as agent:
            await _edited(agent, mine, edits, name)


def _met(folder: Path) -> None:
    """Let the two trade what there is, then part, and forget each other's address."""
    with pair.Device(folder / "a") as a, pair.Device(folder / "b") as b:
        b.meet(a)
        pair.until_linked(a, b)
        b.call("peer.remove", {"address": f"{pair.HOST}:{a.server()['port']}"})


async def _edited(agent: Agent, documents: Sequence[str], edits: int, name: str) -> None:
    each = -(-edits // len(documents))
    for start in range(0, edits, TOGETHER):
        calls = []
        for number in range(start, min(start + TOGETHER, edits)):
            document = documents[number // each]
            said = _edit(number, documents.index(document), each, name)
            calls.append(agent.call("note.edit", {"document": document, **said}))
        await asyncio.gather(*calls)


def _edit(number: int, note: int, each: int, name: str) -> dict[str, object]:
    """The n-th edit of a device: a title, or one word more at the end of the text than the edit before left."""
    _, text = corpus.note(note)
    turn = number % each
    if turn % 5 == 4:
        return {"title": f"{name} {number}"}
    return {"body": " ".join([text, *(corpus.word(number - turn + n) for n in range(turn + 1))])}


def _floor(folder: Path, edits: int, series: Series) -> None:
    with ExitStack() as stack:
        served = stack.enter_context(servers.server(folder))
        a = stack.enter_context(Child("floor", served.url, str(folder), "a", "views"))
        b = stack.enter_context(Child("floor", served.url, str(folder), "b", "views"))
        a.ask(do="make", first=0, count=edits)
        b.ask(do="make", first=edits, count=edits)
        began = time.perf_counter()
        a.tell(do="fetch", device="b")
        b.tell(do="fetch", device="a")
        a.read()
        b.read()
        seconds = time.perf_counter() - began
        series.add(seconds=seconds, after_first_page_s=seconds, peak_mb=peak_mb(b.pid))
