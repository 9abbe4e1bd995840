"""Fetching what is dropped for this device: from any linked device that has it, page by page, on from what is here.

A few pages are on their way at once, so a cut line loses no more than those. Every chunk is checked before it is kept,
and the whole before this device says that it has it. What is wanted is decided elsewhere (`drops`).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from mesh.errors import Malformed, MeshError, Refused, Unreachable
from mesh.limits import CHUNKS_ASKED_MAX, DROP_PAGES_MAX, DROP_PAGES_MIN, NONCE_BYTES, PAGE_BYTES_MAX
from mesh.names import DocumentId
from mesh.node import timing
from mesh.node.drops.joining import Checking, Lacking, lacking
from mesh.node.drops.pool import Pool
from mesh.node.engine import Engine
from mesh.node.log import Log
from mesh.node.ports import Bus
from mesh.node.supervision import innermost
from mesh.state.drops import Chunk, Drop, in_pages, unpacked
from mesh.sync.drops import VERB, Ask, Page, opened_page, sealed_ask
from mesh.sync.inputs import Peer
from mesh.sync.saying import epoch_to_write

Rows = Sequence[tuple[int, Chunk]]


@dataclass(slots=True)
class Progress:
    """How far one drop is."""

    size: int
    here: int = 0
    received: int = 0  # bytes of chunks that came over the network since the start, twice or not
    peer: Peer = ""
    problem: str = ""
    hint: str = ""
    moved_s: float = 0.0  # when something came last


def window(round_trip_ms: float | None) -> int:
    """How many pages are on their way at once: two, and one more for each so many milliseconds of way."""
    more = 0 if round_trip_ms is None else int(round_trip_ms / timing.DROP_NEAR_MS)
    return min(DROP_PAGES_MIN + more, DROP_PAGES_MAX)


class Fetching:
    """What one device fetches: any number of drops at once, each once."""

    def __init__(self, engine: Engine, pool: Pool, log: Log, got: Callable[[DocumentId], Awaitable[None]]) -> None:
        """`got` is called when a whole drop is here."""
        self._engine, self._pool, self._log, self._got = engine, pool, log, got
        self.bus: Bus | None = None
        self.progress: dict[DocumentId, Progress] = {}
        self._links: Counter[Peer] = Counter()  # how often one came up
        self._vain: dict[tuple[DocumentId, Peer], float] = {}  # who had not what was asked for, and when

    def linked(self, peer: Peer) -> None:
        """A link is up: whoever is there may have more by now, and what failed before failed over another one."""
        self._links[peer] += 1
        self._vain = {key: when for key, when in self._vain.items() if key[1] != peer}

    def forget_all_but(self, there: Collection[DocumentId]) -> None:
        """All other drops are gone: transcripts that grow leave one behind each time."""
        self.progress = {document: one for document, one in self.progress.items() if document in there}
        self._vain = {key: when for key, when in self._vain.items() if key[0] in there}

    async def fetch(self, drop: Drop) -> bool:
        """Bring what is lacking of a drop, as far as linked devices have it; whether it is whole now."""
        progress = self.progress.setdefault(drop.document, Progress(drop.size))
        try:
            try:
                await self._bring(drop, progress)
            except Lacking:  # what was damaged on the disk is missing now
                await self._bring(drop, progress)
        except MeshError as error:
            self._note(drop, progress, error)
            return False
        progress.here, progress.problem, progress.hint = drop.size, "", ""
        return True

    async def _bring(self, drop: Drop, progress: Progress) -> None:
        """Bring all that is lacking, and check the whole. Raises MeshError."""
        left = await asyncio.to_thread(lacking, self._pool, drop)
        progress.here, progress.moved_s = drop.size - left, time.monotonic()
        await asyncio.to_thread(self._pool.must_have_room, left)
        if left:
            await self._from_anybody(drop, progress)
        await self._checked(drop)

    def _note(self, drop: Drop, progress: Progress, error: MeshError) -> None:
        if str(error) != progress.problem:
            self._log("drop.stopped", document=str(drop.document), error=str(error))
        progress.problem, progress.hint = str(error), error.hint

    async def _from_anybody(self, drop: Drop, progress: Progress) -> None:
        """Bring all that is lacking from linked devices. Raises what the last one came to, or Unreachable."""
        problem: MeshError = Unreachable(
            "no device that has it is linked", hint="It comes by itself as soon as one is: `mesh devices`."
        )
        for peer in self._holders(drop):
            progress.peer, link = peer, self._links[peer]
            try:
                if await self._from(peer, drop, progress):
                    return
            except (Unreachable, Refused) as error:
                problem = error
            if self._links[peer] == link:
                self._vain[drop.document, peer] = time.monotonic()
        raise problem

    def _holders(self, drop: Drop) -> list[Peer]:
        """Linked devices that may have it, the likeliest first."""
        replica = self._engine.replica
        readers = replica.verdict.readers()
        links = self.bus.links() if self.bus else ()
        peers = [link.device for link in links if link.connected and replica.devices.get(link.device) in readers]
        until = time.monotonic() - timing.DROP_AGAIN_S
        fresh = [peer for peer in peers if self._vain.get((drop.document, peer), until) <= until]
        return sorted(fresh, key=lambda peer: (peer not in drop.got, peer != drop.sender, peer))

    async def _from(self, peer: Peer, drop: Drop, progress: Progress) -> bool:
        """Bring what one device has; whether nothing is lacking then. Raises Unreachable, Refused."""
        whole, size = True, 0
        for number, digest in enumerate(drop.pieces):
            rows = await self._piece(peer, drop, number, digest)
            if rows is None:
                return False
            size += sum(chunk.size for chunk in rows)
            if size > drop.size:
                raise Malformed(f"the list of {drop.document} is longer than its file")
            missing = await asyncio.to_thread(self._missing, rows)
            whole &= await self._pages(peer, drop, number, missing, progress)
            await asyncio.to_thread(self._pool.settle)
        return whole

    def _missing(self, rows: Sequence[Chunk]) -> Rows:
        """What is not here, each chunk once: a file may have many that are alike."""
        found = {chunk.digest: (row, chunk) for row, chunk in enumerate(rows) if not self._pool.has(chunk)}
        return sorted(found.values(), key=lambda pair: pair[0])

    async def _piece(self, peer: Peer, drop: Drop, number: int, digest: bytes) -> Sequence[Chunk] | None:
        here = await asyncio.to_thread(self._pool.read, digest)
        if here is not None:
            return unpacked(here)
        page = await self._ask(peer, Ask(drop.document, number))
        if not page.chunks:
            return None
        ((_, data), *_) = page.chunks
        chunk = Chunk.of(data)
        if chunk.digest != digest:
            raise Malformed(f"{peer} brought something else than the list of {drop.document}")
        rows = unpacked(data)
        await asyncio.to_thread(self._pool.keep, chunk, data)
        return rows

    async def _pages(self, peer: Peer, drop: Drop, number: int, missing: Rows, progress: Progress) -> bool:
        """Bring chunks of one piece, some pages at once; whether all came."""
        pages = iter(in_pages(missing, PAGE_BYTES_MAX, CHUNKS_ASKED_MAX))
        lacks: list[bool] = []

        async def work(pages: Iterator[Rows]) -> None:
            for page in pages:
                ask = Ask(drop.document, number, tuple(row for row, _ in page))
                lacks.append(not await self._page(peer, ask, dict(page), progress))

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(window(self._round_trip_ms(peer))):
                    group.create_task(work(pages))
        except BaseExceptionGroup as group:
            raise innermost(group) from group
        return not any(lacks)

    def _round_trip_ms(self, peer: Peer) -> float | None:
        links = self.bus.links() if self.bus else ()
        return next((link.round_trip_ms for link in links if link.device == peer), None)

    async def _page(self, peer: Peer, ask: Ask, wanted: dict[int, Chunk], progress: Progress) -> bool:
        page = await self._ask(peer, ask)
        size = sum(len(data) for _, data in page.chunks)
        progress.received += size
        progress.here += await asyncio.to_thread(self._kept, peer, page, wanted)
        progress.moved_s = time.monotonic()
        return not wanted

    def _kept(self, peer: Peer, page: Page, wanted: dict[int, Chunk]) -> int:
        """Check and keep what came; what is left in `wanted` did not come. Raises Malformed, DiskFull or Refused."""
        here = 0
        for row, data in page.chunks:
            chunk = wanted.pop(row, None)
            if chunk != Chunk.of(data):
                raise Malformed(f"{peer} brought something else than the chunk that was asked for")
            here += chunk.size if self._pool.keep(chunk, data) else 0
        return here

    async def _ask(self, peer: Peer, ask: Ask) -> Page:
        assert self.bus is not None, "nobody is linked without a bus"
        engine = self._engine
        epoch = epoch_to_write(engine.replica.verdict, engine.keyring)
        sent = sealed_ask(ask, engine.keyring, epoch, secrets.token_bytes(NONCE_BYTES))
        raw = await self.bus.request(peer, VERB, sent, timeout_s=timing.CHUNKS_TIMEOUT_S)
        return opened_page(raw, engine.keyring)

    async def _checked(self, drop: Drop) -> None:
        """Read all of it once more, and say that it is here. Raises Lacking or Malformed."""
        checking = Checking(self._pool, drop)
        while await asyncio.to_thread(checking.step):
            continue
        await asyncio.to_thread(self._pool.settle)
        await self._got(drop.document)
        self._log("drop.whole", document=str(drop.document), bytes=drop.size)
        self._vain = {key: when for key, when in self._vain.items() if key[0] != drop.document}
