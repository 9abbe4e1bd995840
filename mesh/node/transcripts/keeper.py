"""Keeping transcripts: what a session's tool wrote of it becomes a drop, which the session's record names.

Only files are read that a hook on this device named, while the person wants it. Only this device writes the registers
that name them, one after the other, so nothing can be in conflict: a file that grew replaces the drop that it begins
with, one that is the beginning of what is kept changes nothing, and one that was written anew stands beside it. Of
those the latest few stay, so that no tool fills the disks of all devices by writing its file anew each time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import MeshError
from mesh.limits import TRANSCRIPT_SESSIONS_MAX, TRANSCRIPTS_KEPT
from mesh.names import DocumentId
from mesh.node import clock, keeping, timing
from mesh.node.drops.cutting import Cut, Cutting
from mesh.node.drops.joining import Lacking, data_of, safe_name
from mesh.node.engine import BESIDE
from mesh.node.keeping import New, Wanted
from mesh.node.transcripts.reading import SUFFIX, Read, Reading
from mesh.state import drops, sessions
from mesh.state.records import PROJECT, STATE, Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_ON, _SEEN = "transcripts/on", "transcripts/seen"
_MIME = "application/jsonl"


@dataclass(frozen=True, slots=True)
class Seen:
    """A session's file, how far it was read, the drop that this became, and when."""

    path: str
    size: int = 0
    digest: str = ""
    drop: str = ""
    at_ms: int = 0


class Transcripts:
    """Of one agent."""

    def __init__(self, agent: Agent) -> None:
        """Nothing is looked at before it runs, or somebody keeps one."""
        self._agent = agent
        self._seen: dict[str, Seen] | None = None
        self._due: dict[str, None] = {}
        self._kick = asyncio.Event()
        self._keeping = asyncio.Lock()
        self._writing = asyncio.Lock()

    async def is_on(self) -> bool:
        """Whether the person wants them kept."""
        return await self._agent.store.setting(_ON) == b"1"

    async def switch(self, *, on: bool) -> None:
        """Keep them from now on, or no more; what was kept stays."""
        await self._agent.engine.remember(_ON, b"1" if on else b"0")

    async def told(self, session: str, path: str, *, calm: bool = False) -> None:
        """A hook of this device names a session's file, which is to be kept soon; `calm`: if it was not just now."""
        if not path.endswith(SUFFIX) or not Path(path).is_absolute() or "\0" in path or not await self.is_on():
            return
        async with self._writing:
            seen = await self._all()
            known = seen.get(session)
            if known is None or known.path != path:
                self._seen = _latest({**seen, session: (known := Seen(path))})
                await self._agent.engine.remember(_SEEN, _packed(self._seen))
        if not calm or clock.now_ms() - known.at_ms > timing.TRANSCRIPT_CALM_S * 1000:
            self.look(session)

    def look(self, session: str) -> None:
        """A session may have said more, in the file that is known of it."""
        self._due[session] = None
        self._kick.set()

    async def run(self) -> None:
        """Keep what is due, until cancelled; first what was written while the agent was off."""
        for session, seen in (await self._all()).items():
            if await asyncio.to_thread(_is_other, seen):
                self.look(session)
        while True:
            await self._kick.wait()
            self._kick.clear()
            while self._due:
                session = next(iter(self._due))
                del self._due[session]
                try:
                    await self.keep(session)
                except MeshError as error:
                    self._agent.log("transcript.not_kept", session=session, error=str(error))

    async def keep(self, session: str) -> bool:
        """Keep what is new in a session's file; whether there was anything. Raises MeshError."""
        async with self._keeping:
            seen = (await self._all()).get(session)
            row = await self._agent.store.record(DocumentId.parse(session))
            if seen is None or row is None or not await self.is_on():
                return False
            last = await self._last(row.record)
            if last is not None and last.drop.deleted:  # somebody took it away, and wants none
                return False
            kept = last.data if last is not None else b""
            goes_on = last is not None and seen.drop == str(last.drop.document) and bool(kept)
            before = Read(seen.size, seen.digest) if goes_on else Read()
            reading = await asyncio.to_thread(Reading, Path(seen.path), before, kept)
            while await asyncio.to_thread(reading.step):
                continue
            data = reading.done()
            if kept.startswith(data):  # nothing new; or it was cut short, and what is kept is longer
                return False
            async with self._agent.drops.filling:
                cut = await self._cut(data)
                await self._say(row.record, last, cut, reading.read, grew=bool(kept) and data.startswith(kept))
            return True

    async def _last(self, session: Record) -> _Last | None:
        """What is kept last of a session; without its bytes where they are not all here any more."""
        found = sessions.archives(session)
        row = await self._agent.store.record(found[-1][1]) if found else None
        if row is None:
            return None
        drop = drops.drop_of(row.record)
        try:
            data = await asyncio.to_thread(lambda: b"".join(data_of(self._agent.drops.pool, drop)))
        except Lacking:
            data = b""
        return _Last(found[-1][0], drop, data)

    async def _cut(self, data: bytes) -> Cut:
        cutting = Cutting(BytesIO(data), self._agent.drops.pool)
        await asyncio.to_thread(self._agent.drops.pool.must_have_room, len(data))
        while await asyncio.to_thread(cutting.step):
            continue
        return await asyncio.to_thread(cutting.done)

    async def _say(self, session: Record, last: _Last | None, cut: Cut, read: Read, *, grew: bool) -> None:
        """The new drop, the session that names it, and the end of the old one: in one commit with how far it read."""
        number = (last.number + (not grew)) if last is not None else 1
        now_ms = clock.now_ms()
        given = drops.registers(
            name=safe_name(f"{session.word('tool')}-{session.word('native')}-{number}{SUFFIX}"),
            size=cut.size,
            digest=cut.digest,
            pieces=cut.pieces,
            sender=self._agent.device,
            to="",
            at_ms=now_ms,
            mime=_MIME,
        )
        birth = New(drops.KIND, drops.in_project({**given, STATE: drops.TRANSCRIPT}, session.word(PROJECT))).birth()
        gone = [] if grew else list(sessions.archives(session)[: -(TRANSCRIPTS_KEPT - 1)])
        ends = [document for _, document in gone if await self._is_own(document)]
        if last is not None and grew:
            ends.append(last.drop.document)
        named = {sessions.archive_key(number): str(birth[0]), **{sessions.archive_key(old): None for old, _ in gone}}
        changes: dict[DocumentId, Wanted] = {session.document: lambda _: named}
        changes |= {document: lambda _: {"deleted": True} for document in ends}
        async with self._writing:
            seen, key = await self._all(), str(session.document)
            after = Seen(seen[key].path, read.size, read.digest, str(birth[0]), now_ms)
            changed = _latest({**seen, key: after})
            token = BESIDE.set({_SEEN: _packed(changed)})
            try:
                await keeping.said_together(self._agent, "", [birth], changes)
            finally:
                BESIDE.reset(token)
            self._seen = changed

    async def _is_own(self, document: DocumentId) -> bool:
        """Whether this is a transcript that this device keeps: what a session's register names is anybody's word."""
        row = await self._agent.store.record(document) if document.type == drops.KIND else None
        about = (row.record.word(STATE), row.record.word("from")) if row is not None else ()
        return about == (drops.TRANSCRIPT, self._agent.device)

    async def _all(self) -> dict[str, Seen]:
        if self._seen is None:
            told = json.loads(await self._agent.store.setting(_SEEN) or b"{}")
            self._seen = {session: Seen(**one) for session, one in told.items()}
        return self._seen


@dataclass(frozen=True, slots=True)
class _Last:
    """What is kept last of a session: its number, its drop, its bytes."""

    number: int
    drop: drops.Drop
    data: bytes


def _latest(seen: Mapping[str, Seen]) -> dict[str, Seen]:
    """As many as are remembered; of a session that is left out the whole file is read when it says something again."""
    return dict(sorted(seen.items(), key=lambda pair: pair[1].at_ms or clock.now_ms())[-TRANSCRIPT_SESSIONS_MAX:])


def _packed(seen: Mapping[str, Seen]) -> bytes:
    return json.dumps({session: asdict(one) for session, one in seen.items()}).encode()


def _is_other(seen: Seen) -> bool:
    """Whether a file is longer than what was read of it, or shorter: it may have been written anew."""
    try:
        return Path(seen.path).stat().st_size != seen.size
    except OSError:
        return False
