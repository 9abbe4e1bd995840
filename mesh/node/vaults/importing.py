"""Files taken in as notes, many in a commit: equal path and content are one note, on every device and every time.

So whoever stops in the middle begins again, and nothing is there twice. Files are only read. What is no note (too
long, no text, a name that cannot be written everywhere) is left alone, and named.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mesh.errors import MeshError, Refused, TooLarge
from mesh.events.bodies import document_named_after, encode_body
from mesh.events.event import Lane
from mesh.events.kinds import Born
from mesh.events.speaking import Draft
from mesh.limits import BODY_PLAIN_BYTES_MAX, VAULT_GROUP_BYTES, VAULT_GROUP_NOTES, VAULT_GROUPS_AHEAD, VAULT_LISTED_MAX
from mesh.names import DocumentId
from mesh.node import progress
from mesh.node.engine import Engine
from mesh.node.vaults import paths, sheets
from mesh.node.vaults.folder import File, Folder, Stat
from mesh.node.vaults.reading import parsed
from mesh.state import notes

if TYPE_CHECKING:
    from mesh.node.agent import Agent


@dataclass(frozen=True, slots=True)
class New:
    """A file that is to become a note."""

    path: str
    file: File
    birth: Born
    plain: bytes
    document: DocumentId

    @property
    def draft(self) -> Draft:
        """Its birth as it is to be said."""
        return Draft(self.birth, self.document, plain=self.plain)


@dataclass(slots=True)
class Counts:
    """What came of files: notes that are new, those that were there, files left alone with the reason."""

    notes: int = 0
    known: int = 0
    bytes: int = 0
    left: int = 0
    named: list[tuple[str, str]] = field(default_factory=list)

    def leave(self, path: str, reason: str) -> None:
        """Count a file that is left alone."""
        self.left += 1
        if len(self.named) < VAULT_LISTED_MAX:
            self.named.append((path, reason))


async def taken_in(agent: Agent, folder: Folder, space: str) -> dict[str, object]:
    """Take in a whole folder. Raises MeshError; what was taken in until then is kept."""
    counts, began = Counts(), time.monotonic()
    files = folder.files()
    reader = ThreadPoolExecutor(1, "files")  # one, so that the files come in their order
    ahead = deque(reader.submit(_read, folder, files, space, counts) for _ in range(VAULT_GROUPS_AHEAD))
    try:
        while some := await asyncio.wrap_future(ahead.popleft()):
            ahead.append(reader.submit(_read, folder, files, space, counts))  # while the disk takes these notes
            await _say_new(agent.engine, some, counts)
    finally:
        reader.shutdown(wait=False, cancel_futures=True)
    for path, reason in folder.passed.items():
        counts.leave(path, reason)
    return {
        "notes": counts.notes,
        "known": counts.known,
        "bytes": counts.bytes,
        "left": counts.left,
        "files": [{"path": path, "reason": reason} for path, reason in counts.named],
        "took_ms": int((time.monotonic() - began) * 1000),
    }


async def _say_new(engine: Engine, some: Sequence[New], counts: Counts) -> None:
    known = await held(engine, [new.document for new in some])
    fresh = [new for new in some if new.document not in known]
    await said(engine, fresh)
    counts.notes += len(fresh)
    counts.known += len(some) - len(fresh)
    counts.bytes += sum(len(new.file.raw) for new in fresh)
    progress.tell("notes", counts.notes + counts.known)


def _read(folder: Folder, files: Iterator[tuple[str, Stat]], space: str, counts: Counts) -> list[New]:
    """The next files, as many as one commit takes; empty at the end."""
    found: list[New] = []
    size = 0
    for path, _ in files:
        try:
            new = new_of(folder, path, space)
        except (MeshError, OSError) as error:
            counts.leave(path, reason_of(error))
            continue
        found.append(new)
        size += len(new.file.raw)
        if len(found) >= VAULT_GROUP_NOTES or size >= VAULT_GROUP_BYTES:
            break
    return found


def new_of(folder: Folder, path: str, space: str, salt: bytes = b"") -> New:
    """A file as a note that is to be. Raises MeshError or OSError when it is none."""
    if fault := paths.fault(paths.spelled(path)):
        raise Refused(fault)
    file = folder.read(path)
    if file is None:
        raise Refused("it is being written")
    birth = sheets.birth(parsed(file.raw), paths.spelled(path), salt)
    plain = encode_body(birth)
    if len(plain) > BODY_PLAIN_BYTES_MAX:
        raise TooLarge("it is longer than a note can be")
    return New(path, file, birth, plain, document_named_after(space, notes.KIND, plain))


def reason_of(error: MeshError | OSError) -> str:
    """Why a file is left alone."""
    return str(error) if isinstance(error, MeshError) else f"it cannot be read: {error.strerror}"


async def held(engine: Engine, documents: Collection[DocumentId]) -> set[DocumentId]:
    """Those of these documents that are here, or were forgotten."""
    gone = engine.replica.verdict.forgotten
    return {*await engine.store.titles(documents), *(document for document in documents if document in gone)}


async def said(engine: Engine, new: Iterable[New]) -> None:
    """Say births in one commit; of equal ones one. Raises MeshError."""
    drafts = list({one.document: one.draft for one in new}.values())

    async def make(_engine: Engine) -> Sequence[Draft]:
        return drafts

    if drafts:
        await engine.say(Lane.DATA, make)
