"""Taking in a folder of Markdown files: notes a second, and the memory of the agent that does it.

The files are of 1 to 2 KB with front matter, in folders of 250. The agent is a process of its own and is asked over its
socket, as `mesh vault import` does. Its memory is its largest until the end, start and idle included. A busy machine
stretches the time; the processor's time tells more then, and it is of all threads.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from mesh.cli.benches import corpus
from mesh.cli.benches.floor import PRAGMAS
from mesh.cli.benches.measure import Series, folder_on_disk, peak_mb, processor_s, report
from mesh.cli.benches.pair import Device
from mesh.errors import Unreachable
from mesh.limits import VAULT_GROUP_NOTES
from mesh.node import home as homes
from mesh.node.paths import socket_path
from mesh.node.socket_client import connect

NOTES, NOTES_QUICK = 50_000, 500
_IN_A_FOLDER = 250
_LEAST_BYTES, _MORE_BYTES = 900, 1000


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Notes a second."""
    notes = count or (NOTES_QUICK if quick else NOTES)
    ours = Series("mesh", "files read, taken apart, sealed, chained, kept, listed, indexed for search")
    again = Series("mesh again", "the same folder once more: all of it is there")
    raw = Series("raw SQLite", "files read and hashed; text and full-text index, as many rows a commit")
    reading = Series("reading", "files read and hashed")
    with folder_on_disk() as folder:
        files = folder / "files"
        size = sum(_written(files, notes))
        for number in range(rounds):
            _read(files, notes, reading)
            home = folder / f"home{number}"
            asyncio.run(homes.found(home, "bench"))
            with Device(home) as device:
                _import(device, files, notes, ours)
                _import(device, files, notes, again)
                ours.rounds[-1]["peak_mb"] = peak_mb(device.pid) or 0.0
                ours.rounds[-1]["bytes_a_note"] = size / notes
            _raw(folder / f"{number}.db", files, notes, raw)
    ratios = {"notes_per_s": ours.told().get("notes_per_s"), "goal": "at least 2,000",
              "peak_mb": ours.told().get("peak_mb"), "its goal": "under 150",
              "notes_per_s over raw SQLite": ours.over(raw, "notes_per_s")}  # fmt: skip
    return report("vault", ours, [again, raw, reading], ratios, f"mesh bench vault -n {notes} --rounds {rounds}")


def _written(folder: Path, notes: int) -> Iterator[int]:
    """Write the files; the size of each."""
    for number in range(notes):
        title, text = corpus.note(number, _LEAST_BYTES + number * 37 % _MORE_BYTES)
        place = folder / f"folder {number // _IN_A_FOLDER}" / f"{title}.md"
        place.parent.mkdir(parents=True, exist_ok=True)
        front = f"---\ntitle: {title}\ntags: [{corpus.word(number)}, bench]\ncreated: 2026-01-02\n---\n"
        yield place.write_bytes(f"{front}# {title}\n\n{text}\n".encode())


def _import(device: Device, files: Path, notes: int, series: Series) -> None:
    connection = connect(socket_path(device.home))
    if connection is None:
        raise Unreachable("no agent answers")
    before, began = processor_s(device.pid), time.perf_counter()
    with connection:
        told = connection.call("vault.import", {"folder": str(files)}, answer_s=None)
    took, after = time.perf_counter() - began, processor_s(device.pid)
    if told["left"] or told["notes"] not in {0, notes}:
        raise Unreachable(f"the import came to something else: {told['notes']} notes, {told['left']} left alone")
    used = None if before is None or after is None else (after - before) / notes * 1e6
    series.add(notes_per_s=notes / took, seconds=took, processor_us=used)


def _read(files: Path, notes: int, series: Series) -> None:
    began = time.perf_counter()
    for place in files.rglob("*.md"):
        hashlib.sha256(place.read_bytes()).digest()
    took = time.perf_counter() - began
    series.add(notes_per_s=notes / took, seconds=took)


def _raw(database: Path, files: Path, notes: int, series: Series) -> None:
    db = sqlite3.connect(database, isolation_level=None)
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE note (digest BLOB PRIMARY KEY, path TEXT, body TEXT)")
    db.execute("CREATE VIRTUAL TABLE words USING fts5 (body, content='')")
    began = time.perf_counter()
    places = list(files.rglob("*.md"))
    for start in range(0, len(places), VAULT_GROUP_NOTES):
        raws = [(place, place.read_bytes()) for place in places[start : start + VAULT_GROUP_NOTES]]
        rows = [(hashlib.sha256(raw).digest(), str(place), raw.decode()) for place, raw in raws]
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO note VALUES (?, ?, ?)", rows)
        db.executemany("INSERT INTO words (body) VALUES (?)", [(body,) for _, _, body in rows])
        db.execute("COMMIT")
    took = time.perf_counter() - began
    db.close()
    series.add(notes_per_s=notes / took, seconds=took)
