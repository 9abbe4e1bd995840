"""JetStream: the same bytes with neither seal nor signature, chain, permit or document; storage is nats-server's own.

Run as a process it is one side of the hop: `python -m mesh.cli.benches.stream URL FOLDER publisher|reader`.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ExternalStream, StorageType, StreamConfig, StreamSource

from mesh.cli.benches.children import Told, obey
from mesh.cli.benches.floor import PRAGMAS

STREAM = "events"
SUBJECT = "events.a"
MIRROR = "copy"
_FLUSH_EVERY = 2000
_LOOK_S = 0.01


async def main(url: str, folder: str, role: str) -> None:
    """One side of the hop."""
    wire = await nats.connect(url)
    stream = wire.jetstream()
    if role == "reader":
        await _read_into(stream, Path(folder) / "reader.db")

    async def do(told: Told) -> Told:
        await stream.publish(SUBJECT, str(told["title"]).encode().ljust(int(str(told["bytes"]))))
        return {"done": True}

    await obey(do)
    await wire.close()


async def _read_into(stream: JetStreamContext, database: Path) -> None:
    """Keep what comes in a table, one commit with synchronous=FULL each."""
    db = sqlite3.connect(database, isolation_level=None)
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE event (id INTEGER PRIMARY KEY, title TEXT NOT NULL, raw BLOB NOT NULL)")

    async def keep(message: Msg) -> None:
        title = message.data.rstrip().decode()
        db.execute("INSERT INTO event (title, raw) VALUES (?, ?)", (title, message.data))
        await message.ack()

    await stream.subscribe(SUBJECT, cb=keep, manual_ack=True)


async def made(url: str) -> None:
    """Make the stream, in files."""
    wire = await nats.connect(url)
    await wire.jetstream().add_stream(StreamConfig(name=STREAM, subjects=["events.*"], storage=StorageType.FILE))
    await wire.close()


async def filled(url: str, events: Iterable[bytes]) -> int:
    """Fill the stream; returns when the server has them all."""
    wire = await nats.connect(url)
    count = 0
    for count, event in enumerate(events, 1):
        await wire.publish(SUBJECT, event)
        if count % _FLUSH_EVERY == 0:
            await wire.flush()
    await wire.flush()
    await _until_held(wire.jetstream(), STREAM, count)
    await wire.close()
    return count


async def mirrored(url: str, count: int, hub_domain: str) -> float:
    """Mirror the stream of the other server here; the seconds until all of it is stored."""
    wire = await nats.connect(url)
    stream = wire.jetstream()
    began = time.perf_counter()
    source = StreamSource(name=STREAM, external=ExternalStream(api=f"$JS.{hub_domain}.API"))
    await stream.add_stream(StreamConfig(name=MIRROR, mirror=source, storage=StorageType.FILE))
    await _until_held(stream, MIRROR, count)
    took = time.perf_counter() - began
    await wire.close()
    return took


async def _until_held(stream: JetStreamContext, name: str, count: int) -> None:
    async with asyncio.timeout(600):
        while (await stream.stream_info(name)).state.messages < count:  # noqa: ASYNC110 - a server tells no event
            await asyncio.sleep(_LOOK_S)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
