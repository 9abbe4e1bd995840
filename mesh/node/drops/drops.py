"""The dropped files of one device: which are wanted here, when they are fetched, and when their chunks go.

What is dropped for this device comes by itself; what is for everybody too, unless it is large; all else when somebody
asks for it. Some are fetched at once, and a small one never waits for large ones. Chunks that no drop names any more
are removed. It puts no file anywhere by itself: that is the folder's (`folder`), where a person named one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from mesh.errors import MeshError, Refused
from mesh.limits import DROPS_AT_ONCE_MAX, LIST_MAX
from mesh.names import DocumentId, device_text
from mesh.node import timing
from mesh.node.drops.fetching import Fetching
from mesh.node.drops.folder import Folder
from mesh.node.drops.pool import SHARES, Pool
from mesh.node.drops.serving import Serving
from mesh.node.engine import Engine
from mesh.node.log import Log
from mesh.node.paths import drops_path
from mesh.node.supervision import innermost
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
        self.folder = Folder(engine, self.pool, log, self.want)
        self.fetching = Fetching(engine, self.pool, log, self._whole)
        self._got = got
        self.filling = asyncio.Lock()
        """Held while chunks are here that no record names yet: nobody sweeps then."""
        self._wanted: set[DocumentId] = set()
        self._writing = asyncio.Lock()
        self._kick = asyncio.Event()
        self._fetched: dict[DocumentId, int] = {}  # right now, and how large each is
        self._tried: set[DocumentId] = set()  # since something happened: whatever stopped them may still be so

    @property
    def own(self) -> str:
        """This device."""
        return device_text(self._engine.own.admission)

    def start(self, settings: Mapping[str, bytes]) -> None:
        """Take over what was asked for before."""
        for said in json.loads(settings.get(WANTED, b"[]")):
            self._wanted.add(DocumentId.parse(said))
        self.folder.start(settings)

    async def _whole(self, document: DocumentId) -> None:
        await self._got(document)
        self.folder.look_soon()

    def look_soon(self) -> None:
        """Something happened: a record or a link may be new."""
        self._tried.clear()
        self._kick.set()

    def linked(self, device: str) -> None:
        """A link is up."""
        self.fetching.linked(device)
        self.look_soon()

    async def run(self) -> None:
        """Fetch what is wanted, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._kick.clear()
                    for drop in await self._owed():
                        if drop.document not in self._tried and self._has_place(drop):
                            self._fetched[drop.document] = drop.size
                            group.create_task(self._fetch(drop))
                    try:
                        async with asyncio.timeout(timing.DROP_AGAIN_S):
                            await self._kick.wait()
                    except TimeoutError:
                        self._tried.clear()
                    await asyncio.sleep(timing.DROP_CALM_S)
        except BaseExceptionGroup as group:
            raise innermost(group) from group

    def _has_place(self, drop: Drop) -> bool:
        """Whether a drop can be fetched beside those that are: the last place is for what is smaller than they are."""
        if drop.document in self._fetched or len(self._fetched) >= DROPS_AT_ONCE_MAX:
            return False
        return len(self._fetched) < DROPS_AT_ONCE_MAX - 1 or drop.size < min(self._fetched.values())

    async def _fetch(self, drop: Drop) -> None:
        try:
            if await self.fetching.fetch(drop):
                await self._want(drop.document, wanted=False)
        finally:
            del self._fetched[drop.document]
            self._tried.add(drop.document)
            self._kick.set()  # another may have its place

    async def _owed(self) -> list[Drop]:
        """What is wanted and was not here last, the smallest first."""
        if self._engine.is_relay:
            return []
        return sorted([drop async for drop in self.all() if self.is_owed(drop)], key=lambda drop: drop.size)

    def is_owed(self, drop: Drop) -> bool:
        """Whether this device is to fetch a drop."""
        if drop.document in self._wanted:
            return True
        return drop.comes_to(self.own) and self.own not in drop.got

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
        async with self._writing:
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
