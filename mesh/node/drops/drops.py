"""The dropped files of one device: which are wanted here, when they are fetched, and when their chunks go.

What is dropped for this device comes by itself; what is for everybody too, unless it is large; all else when somebody
asks for it. Chunks that no drop names any more are removed. It puts no file anywhere by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from mesh.errors import MeshError, Refused
from mesh.limits import DROP_UNASKED_BYTES_MAX, LIST_MAX
from mesh.names import DocumentId, device_text
from mesh.node import timing
from mesh.node.drops.fetching import Fetching
from mesh.node.drops.pool import SHARES, Pool
from mesh.node.drops.serving import Serving
from mesh.node.engine import Engine
from mesh.node.log import Log
from mesh.node.paths import drops_path
from mesh.state.drops import KIND, Drop, drop_of, unpacked

WANTED = "drops/wanted"
"""The setting that names what somebody asked for and is not here yet."""


class Drops:
    """Of one agent."""

    def __init__(self, home: Path, engine: Engine, log: Log, got: Callable[[DocumentId], Awaitable[None]]) -> None:
        """`got` says that a whole drop is here."""
        self._engine, self._log = engine, log
        self.pool = Pool(drops_path(home))
        self.serving = Serving(engine, self.pool)
        self.fetching = Fetching(engine, self.pool, log, got)
        self.filling = asyncio.Lock()
        """Held while chunks are here that no record names yet: nobody sweeps then."""
        self._wanted: set[DocumentId] = set()
        self._kick = asyncio.Event()

    @property
    def own(self) -> str:
        """This device."""
        return device_text(self._engine.own.admission)

    def start(self, settings: Mapping[str, bytes]) -> None:
        """Take over what was asked for before."""
        for said in json.loads(settings.get(WANTED, b"[]")):
            self._wanted.add(DocumentId.parse(said))

    def look_soon(self) -> None:
        """Something happened: a record or a link may be new."""
        self._kick.set()

    def linked(self, device: str) -> None:
        """A link is up."""
        self.fetching.linked(device)
        self.look_soon()

    async def run(self) -> None:
        """Fetch what is wanted, until cancelled."""
        while True:
            self._kick.clear()
            for drop in await self._owed():
                if await self.fetching.fetch(drop):
                    await self._want(drop.document, wanted=False)
                if self._kick.is_set():  # something smaller may have come
                    break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.DROP_AGAIN_S):
                    await self._kick.wait()
            await asyncio.sleep(timing.DROP_CALM_S)

    async def _owed(self) -> list[Drop]:
        """What is wanted and was not here last, the smallest first."""
        if self._engine.is_relay:
            return []
        return sorted([drop async for drop in self.all() if self.is_owed(drop)], key=lambda drop: drop.size)

    def is_owed(self, drop: Drop) -> bool:
        """Whether this device is to fetch a drop."""
        if drop.document in self._wanted:
            return True
        meant = drop.to == self.own or (not drop.to and drop.size <= DROP_UNASKED_BYTES_MAX)
        return meant and self.own not in drop.got

    async def all(self) -> AsyncIterator[Drop]:
        """All drops that are not put away; what says no file is left out."""
        after = None
        while True:
            rows = await self._engine.store.records(types={KIND}, limit=LIST_MAX, after=after)
            for row in rows:
                with contextlib.suppress(Refused):
                    yield drop_of(row.record)
            if len(rows) < LIST_MAX:
                return
            after = rows[-1]

    async def want(self, document: DocumentId) -> None:
        """Fetch this one, whether it comes by itself or not."""
        await self._want(document, wanted=True)
        self.look_soon()

    async def _want(self, document: DocumentId, *, wanted: bool) -> None:
        if wanted == (document in self._wanted):
            return
        changed = self._wanted | {document} if wanted else self._wanted - {document}
        await self._engine.remember(WANTED, json.dumps(sorted(map(str, changed))).encode())
        self._wanted = changed

    # ── chunks that nobody names ─────────────────────────────────────────────────────────────────

    async def tidy(self) -> None:
        """Sweep every now and then, until cancelled."""
        await asyncio.sleep(timing.DROP_SWEEP_FIRST_S)
        while True:
            try:
                await self.sweep()
            except (MeshError, OSError) as error:
                self._log("drop.unswept", error=str(error))
            await asyncio.sleep(timing.DROP_SWEEP_S)

    async def sweep(self) -> int:
        """Remove the chunks that no drop names any more, and what is known of drops that are gone; how many chunks."""
        async with self.filling:
            count = 0
            for share in SHARES:
                began_s = time.time()
                named = await self._named(share)
                count += await asyncio.to_thread(self.pool.sweep, share, named, began_s)
        there = {drop.document async for drop in self.all()}
        self.fetching.forget_all_but(there)
        self.serving.forget_all_but(there)
        return count

    async def _named(self, share: str) -> set[bytes]:
        """The chunks of a share that some drop names."""
        named: set[bytes] = set()
        async for drop in self.all():
            for digest in drop.pieces:
                named.update(await asyncio.to_thread(self._of_piece, digest, share))
        return named

    def _of_piece(self, digest: bytes, share: str) -> list[bytes]:
        raw = self.pool.read(digest)
        with contextlib.suppress(Refused):
            found = [chunk.digest for chunk in unpacked(raw)] if raw is not None else []
            return [one for one in (digest, *found) if one.hex().startswith(share)]
        return []
