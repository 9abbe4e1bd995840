"""The floor: the least plain Python that gives an event the same guarantees, and nothing else.

Sealed (AES-256-GCM), chained (SHA-256), signed (Ed25519, once a page), in SQLite with synchronous=FULL on both sides,
over core NATS through one server without TLS; fetched with four requests under way. It has no permits, no documents,
no forks, no clocks, no bounds on what a stranger sends. With `views` it also keeps titles and texts in the clear and a
full-text index over them, as ours does.

Run as a process: `python -m mesh.cli.benches.floor URL FOLDER NAME [views]`.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cbor2
import nats
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nats.aio.client import Client
from nats.aio.msg import Msg

from mesh.cli.benches import corpus
from mesh.cli.benches.children import Told, obey

PAGE = 1000
REQUESTS = 4
NONCE = 12
ZERO = bytes(32)
_KEYS = {name: Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()) for name in ("a", "b")}
_CIPHER = AESGCM(hashlib.sha256(b"epoch").digest())
_SCHEMA = """
CREATE TABLE event (id INTEGER PRIMARY KEY, device TEXT NOT NULL, seq INTEGER NOT NULL, lamport INTEGER NOT NULL,
 document BLOB NOT NULL, digest BLOB NOT NULL, header BLOB NOT NULL, signature BLOB, body BLOB NOT NULL);
CREATE UNIQUE INDEX event_place ON event (device, seq);
CREATE INDEX event_document ON event (document, lamport);
CREATE TABLE note (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL);
CREATE VIRTUAL TABLE note_words USING fts5 (title, body, content = 'note', content_rowid = 'id');
"""
PRAGMAS = ("page_size = 16384", "journal_mode = WAL", "synchronous = FULL", "cache_size = -8192",
           "wal_autocheckpoint = 1024")  # fmt: skip
"""As our own store's, where they bear on speed."""

Row = tuple[object, ...]


class Floor:
    """One device."""

    def __init__(self, database: Path, name: str, *, views: bool) -> None:
        self.name, self.views = name, views
        self.db = sqlite3.connect(database, isolation_level=None)
        for pragma in PRAGMAS:
            self.db.execute(f"PRAGMA {pragma}")
        self.db.executescript(_SCHEMA)
        self.tips: dict[str, tuple[int, bytes]] = {}

    def say(self, said: Sequence[tuple[bytes, str, str]]) -> bytes:
        """Write events of (document, title, text), signed together; the page as it travels."""
        seq, digest = self.tips.get(self.name, (0, ZERO))
        events, after = [], seq
        for document, title, text in said:
            seq += 1
            plain = cbor2.dumps([time.time_ns() // 1_000_000, "note", document, title, text])
            nonce = os.urandom(NONCE)
            body = nonce + _CIPHER.encrypt(nonce, plain, seq.to_bytes(8, "big"))
            header = cbor2.dumps([1, seq, seq, hashlib.sha256(body).digest()])
            digest = hashlib.sha256(digest + header).digest()
            events.append((header, body))
        page = cbor2.dumps([after, events, _KEYS[self.name].sign(digest)])
        self.hear(self.name, page)
        return page

    def hear(self, device: str, page: bytes) -> int:
        """Check a page of a device and keep it. Returns how many events it brought."""
        after, events, signature = cbor2.loads(page)
        seq, digest = self.tips.get(device, (0, ZERO))
        if after != seq:
            raise ValueError((after, seq))
        rows: list[list[object]] = []
        notes: list[tuple[str, str]] = []
        for header, body in events:
            _, number, lamport, body_digest = cbor2.loads(header)
            seq += 1
            digest = hashlib.sha256(digest + header).digest()
            if number != seq or hashlib.sha256(body).digest() != body_digest:
                raise ValueError(seq)
            plain = _CIPHER.decrypt(body[:NONCE], body[NONCE:], seq.to_bytes(8, "big"))
            _, _, document, title, text = cbor2.loads(plain)
            rows.append([device, seq, lamport, document, digest, header, None, body])
            notes.append((title, text))
        _KEYS[device].public_key().verify(signature, digest)
        rows[-1][6] = signature
        self._keep(rows, notes)
        self.tips[device] = (seq, digest)
        return len(rows)

    def _keep(self, rows: Sequence[Sequence[object]], notes: Sequence[tuple[str, str]]) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        (last,) = self.db.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()
        numbered = list(enumerate(rows, last + 1))
        self.db.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [(n, *row) for n, row in numbered])
        if self.views:
            shown = [(n, *note) for (n, _), note in zip(numbered, notes, strict=True)]
            self.db.executemany("INSERT INTO note VALUES (?, ?, ?)", shown)
            self.db.executemany("INSERT INTO note_words (rowid, title, body) VALUES (?, ?, ?)", shown)
        self.db.execute("COMMIT")

    def page(self, after: int) -> bytes:
        """The page of this device's own events that begins there, empty at the end. Asked for as it was said."""
        rows = self.db.execute(
            "SELECT header, body, signature FROM event WHERE device = ? AND seq > ? ORDER BY seq LIMIT ?",
            (self.name, after, PAGE),
        ).fetchall()
        return cbor2.dumps([after, [row[:2] for row in rows], rows[-1][2]]) if rows else b""


def notes_of(first: int, count: int) -> Iterator[tuple[bytes, str, str]]:
    """Document, title and text of so many notes."""
    for number in range(first, first + count):
        yield (hashlib.sha256(str(number).encode()).digest()[:16], *corpus.note(number))


async def main(url: str, folder: str, name: str, views: str = "") -> None:
    """One device as a process."""
    device = Floor(Path(folder) / f"{name}.db", name, views=bool(views))
    wire = await nats.connect(url)

    async def news(message: Msg) -> None:
        device.hear(message.subject.rpartition(".")[2], message.data)

    async def serve(message: Msg) -> None:
        await message.respond(device.page(int(message.data)))

    async def do(told: Told) -> Told:
        match told["do"]:
            case "make":
                every = list(
                    range(int(str(told["first"])), int(str(told["first"])) + int(str(told["count"])) + PAGE, PAGE)
                )
                for first, last in pairwise(every):
                    device.say(list(notes_of(first, min(PAGE, last - first))))
            case "say":
                await wire.publish(f"floor.news.{name}", device.say([(b"", str(told["title"]), "")]))
            case "fetch":
                await _fetch(wire, device, str(told["device"]))
        return {"done": True}

    if name == "b":
        await wire.subscribe("floor.news.a", cb=news)
    await wire.subscribe(f"floor.pull.{name}", cb=serve)
    await wire.flush()
    await obey(do)
    await wire.close()
    device.db.close()


async def _fetch(wire: Client, device: Floor, other: str) -> None:
    """Everything of another device, several pages under way."""
    after = device.tips.get(other, (0, ZERO))[0]
    under_way: list[asyncio.Task[Msg]] = []
    async with asyncio.TaskGroup() as group:
        while True:
            while len(under_way) < REQUESTS:
                asked = wire.request(f"floor.pull.{other}", str(after).encode(), timeout=30)
                under_way.append(group.create_task(asked))
                after += PAGE
            page = (await under_way.pop(0)).data
            if not page:
                return
            device.hear(other, page)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
