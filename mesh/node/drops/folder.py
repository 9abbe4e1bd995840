"""The folder where a person wants dropped files to appear: each that comes by itself for this device, whole, once.

Before a file gets its name, it is kept what the file is known by: so after a crash it is found out whether it got one.
What came before a folder was named stays where it is, and no file that is there is ever replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from mesh.errors import MeshError, Refused, Unreachable
from mesh.limits import LIST_MAX
from mesh.names import DocumentId, device_text, shown
from mesh.node import clock, timing
from mesh.node.drops.joining import Joining, Lacking, Mark, is_there
from mesh.node.drops.pool import Pool
from mesh.node.engine import Engine
from mesh.node.log import Log
from mesh.state.drops import KIND, Drop, drop_of

FOLDER = "drops/folder"
"""The setting with the folder, and since when."""
_PUT = "drops/put/"
"""The settings, one for each drop, with the mark of its file while it gets its name, and nothing from then on."""


class Folder:
    """Of one agent."""

    def __init__(self, engine: Engine, pool: Pool, log: Log, want: Callable[[DocumentId], Awaitable[None]]) -> None:
        """None, until `start`. `want` has a drop fetched again."""
        self._engine, self._pool, self._log, self._want = engine, pool, log, want
        self.path: Path | None = None
        self.since_ms = 0
        self.problem, self.hint = "", ""
        self._put: dict[str, Mark | None] = {}
        self._kick = asyncio.Event()

    def start(self, settings: Mapping[str, bytes]) -> None:
        """Take over what was said before, and what is there."""
        said = json.loads(settings.get(FOLDER, b"{}"))
        if said:
            self.path, self.since_ms = Path(said["folder"]), said["since_ms"]
        for key, value in settings.items():
            if key.startswith(_PUT):
                mark = json.loads(value or b"null")
                self._put[key.removeprefix(_PUT)] = tuple(mark) if mark else None

    @property
    def count(self) -> int:
        """How many files it put down, in whatever folder."""
        return sum(mark is None for mark in self._put.values())

    async def choose(self, path: Path | None) -> None:
        """From now on files appear there; nowhere without a path. Raises MeshError."""
        since_ms = clock.now_ms()
        said = {"folder": str(path), "since_ms": since_ms} if path else {}
        await self._engine.remember(FOLDER, json.dumps(said).encode())
        self.path, self.since_ms, self.problem, self.hint = path, since_ms if path else 0, "", ""
        self.look_soon()

    def look_soon(self) -> None:
        """A drop is whole."""
        self._kick.set()

    async def run(self) -> None:
        """Put down what is due, until cancelled; what could not be is tried again."""
        while True:
            self._kick.clear()
            await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.DROP_AGAIN_S if self.problem else None):
                    await self._kick.wait()

    async def look(self) -> None:
        """Put down what is due."""
        problem: MeshError | None = None
        async for drop in self._due():
            try:
                await self._put_down(drop)
            except MeshError as error:
                problem = error
                if isinstance(error, Lacking):  # what was damaged on the disk is missing now
                    await self._want(drop.document)
        if problem is not None and str(problem) != self.problem:
            self._log("drop.unplaced", error=str(problem))
        self.problem, self.hint = (str(problem), problem.hint) if problem else ("", "")

    async def _due(self) -> AsyncIterator[Drop]:
        after = None
        while self.path is not None:
            rows = await self._engine.store.records(types={KIND}, states=("",), limit=LIST_MAX, after=after)
            for row in rows:
                with contextlib.suppress(Refused):
                    drop = drop_of(row.record)
                    if self._is_due(drop):
                        yield drop
            if len(rows) < LIST_MAX:
                return
            after = rows[-1]

    def _is_due(self, drop: Drop) -> bool:
        own, name = device_text(self._engine.own.admission), str(drop.document)
        here = self.path is not None and drop.got.get(own, -1) >= self.since_ms
        return here and drop.sender != own and drop.comes_to(own) and self._put.get(name, (0, 0, 0)) is not None

    async def _put_down(self, drop: Drop) -> None:
        """Put one file down, unless a crash came after that. Raises MeshError."""
        assert self.path is not None, "only then something is due"
        if not await asyncio.to_thread(self.path.is_dir):
            hint = "Bring it back, or choose another one: mesh drop folder DIR"
            raise Unreachable(f"the folder for dropped files is away: {shown(str(self.path))}", hint=hint)
        mark = self._put.get(str(drop.document))
        if mark is None or not await asyncio.to_thread(is_there, self.path, mark):
            await asyncio.to_thread(self._pool.must_have_room, drop.size)
            joining = await asyncio.to_thread(Joining, self._pool, drop, self.path, seen=True)
            try:
                while await asyncio.to_thread(joining.step):
                    continue
                await self._remember(drop.document, await asyncio.to_thread(joining.mark))
                await asyncio.to_thread(joining.done)
            finally:
                await asyncio.to_thread(joining.close)
        await self._remember(drop.document, None)
        self._log("drop.put_down", document=str(drop.document))

    async def _remember(self, document: DocumentId, mark: Mark | None) -> None:
        await self._engine.remember(f"{_PUT}{document}", json.dumps(mark).encode() if mark else b"")
        self._put[str(document)] = mark
