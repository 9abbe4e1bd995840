"""A process that commits to a store and says each commit that came back, until it is ended.

`python -m tests.system.store_child HOME SEED`; tests kill it and look at what is left.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from mesh.node.storage.store import open_store
from mesh.node.storage.store_port import Batch
from tests.contracts.store_writers import Writer, document, kept, note_row

COMMITS_MAX = 5000


def batch(writer: Writer, number: int) -> Batch:
    """The same batch for the same number, whoever makes it: three events and a note."""
    opening = (kept(writer.said[0]),) if number == 0 else ()
    about = document(number % 7)
    events = tuple(kept(placed, about) for placed in writer.run(3))
    note = note_row(about, f"commit {number} of {writer.seed}", number)
    return Batch((*opening, *events), notes=(note,), settings=(("commit", b"%d" % number),))


async def _write(home: Path, seed: int) -> None:
    store = await open_store(home)
    writer = Writer(seed, body_bytes=3000)
    for number in range(COMMITS_MAX):
        await store.commit(batch(writer, number))
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()
        if number % 5 == 0:
            await store.digest()


if __name__ == "__main__":
    asyncio.run(_write(Path(sys.argv[1]), int(sys.argv[2])))
