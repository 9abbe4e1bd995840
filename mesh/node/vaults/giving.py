"""From notes to files: what came in the mesh, written into the folder.

A file is replaced, moved or removed only as it was when it was read or written last; whatever is found there instead
stays, and is taken in first. What a start finds half done it finishes. This module says nothing in the mesh.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mesh.errors import Refused
from mesh.names import DocumentId
from mesh.node import timing
from mesh.node.vaults import folder as folders
from mesh.node.vaults import paths, sheets
from mesh.node.vaults.folder import File, Folder, digest_of
from mesh.node.vaults.swapping import ASIDE
from mesh.node.vaults.table import Entry, Pending, Table
from mesh.node.vaults.versions import Version

_TITLE, _PATH = "title", "path"
_NUMBER_MAX = 100


class Overtaken(Exception):
    """A file is not as it was: what it has now is taken in first; None while somebody writes it."""

    def __init__(self, entry: Entry, file: File | None) -> None:
        """Which file, and what was found."""
        super().__init__(entry.path)
        self.entry, self.file = entry, file


@dataclass(frozen=True, slots=True)
class _Linger:
    pending: Pending
    until: float


class Giving:
    """What becomes of files when notes change."""

    def __init__(self, folder: Folder, table: Table) -> None:
        """Of one vault."""
        self.folder, self.table = folder, table
        self._lingering: list[_Linger] = []

    @property
    def lingers(self) -> bool:
        """Whether something that was replaced is still kept."""
        return bool(self._lingering)

    async def given(self, document: DocumentId, version: Version | None) -> None:
        """Have the folder show a note as it is. Raises Refused where it cannot, OSError, Overtaken."""
        entry = self.table.of(str(document))
        if version is None:
            if entry is not None:
                raise Refused("its note does not count any more, and the file is left as it is")
            return
        if version.disputed:
            return  # until somebody settles it, both the file and its absence stay
        if version.deleted:
            if entry is not None:
                await self._removed(entry)
            return
        if entry is None:
            await self._created(document, version)
            return
        await self._replaced(await self._moved(entry, version), version)

    async def _created(self, document: DocumentId, version: Version) -> None:
        path = self._new_path(version)
        raw = sheets.sheet_of(version.past, path).raw()
        try:
            stat = await asyncio.to_thread(self.folder.create, path, raw)
        except FileExistsError:
            raise Refused(f"another file is called {path}") from None
        self.table.put(Entry(path, str(document), digest_of(raw), version.heads, stat))

    def _new_path(self, version: Version) -> str:
        """Where a note without a file belongs. Raises Refused when that is taken."""
        wanted = version.past.registers.get(_PATH)
        if isinstance(wanted, str) and wanted:
            if fault := paths.fault(wanted):
                raise Refused(fault)
            if (other := self.table.like(wanted)) is not None:
                raise Refused(_taken(wanted, other))
            return wanted
        plain = paths.named_after(str(version.past.registers.get(_TITLE) or ""))
        for number in range(1, _NUMBER_MAX):
            path = plain if number == 1 else paths.numbered(plain, number)
            if self.table.like(path) is None and self.folder.stat(path) is None:
                return path
        raise Refused(f"{_NUMBER_MAX} files are called {plain}")

    async def _moved(self, entry: Entry, version: Version) -> Entry:
        """Have the file where the note says that it belongs. Raises Refused where another one is, OSError."""
        wanted = version.past.registers.get(_PATH)
        if not isinstance(wanted, str) or not wanted or wanted == paths.spelled(entry.path):
            return entry
        if fault := paths.fault(wanted):
            raise Refused(fault)
        other = self.table.like(wanted)
        if other is not None and other != entry.path:
            raise Refused(_taken(wanted, other))
        try:
            await asyncio.to_thread(self.folder.move, entry.path, wanted)
        except FileExistsError:
            raise Refused(f"another file is called {wanted}") from None
        except FileNotFoundError:
            raise Overtaken(entry, None) from None
        moved = replace(entry, path=wanted)
        self.table.put(moved)
        await asyncio.to_thread(self.folder.tidy, entry.path)
        return moved

    async def _replaced(self, entry: Entry, version: Version) -> None:
        raw = sheets.sheet_of(version.past, paths.spelled(entry.path)).raw()
        after = replace(entry, digest=digest_of(raw), heads=version.heads)
        if after.digest == entry.digest:
            if after != entry:
                self.table.put(after)
            return
        now = await asyncio.to_thread(self.folder.stat, entry.path)
        if now is None:
            raise Overtaken(entry, None)
        if not now.writable:
            raise Refused("the file is read-only")
        pending = Pending(folders.new_draft(), entry, after)
        self.table.begin(pending)
        try:
            made, found = await asyncio.to_thread(self.folder.replace, entry.path, pending.draft, raw, entry.digest)
        except FileNotFoundError:
            raise Overtaken(entry, None) from None
        if made is None:
            self.table.over(pending.draft)
            raise Overtaken(entry, found)
        self.table.put(replace(after, stat=made))
        self._lingering.append(_Linger(pending, time.monotonic() + timing.VAULT_LINGER_S))

    async def _removed(self, entry: Entry) -> None:
        now = await asyncio.to_thread(self.folder.stat, entry.path)
        if now is None:
            self.table.drop(entry.path)
            return
        if not now.writable:
            raise Refused("the file is read-only")
        pending = Pending(folders.new_draft(), entry, None)
        self.table.begin(pending)
        found = await asyncio.to_thread(self.folder.remove, entry.path, pending.draft, entry.digest)
        if found is not None:
            self.table.over(pending.draft)
            raise Overtaken(entry, found)
        self.table.drop(entry.path)
        self._lingering.append(_Linger(pending, time.monotonic() + timing.VAULT_LINGER_S))

    # ── afterwards ───────────────────────────────────────────────────────────────────────────────

    async def linger(self, *, at_once: bool = False) -> Sequence[tuple[Pending, File]]:
        """Let go of what was replaced a while ago. What somebody wrote into it since is handed out, to be taken in."""
        written: list[tuple[Pending, File]] = []
        due = [one for one in self._lingering if at_once or one.until <= time.monotonic()]
        for one in due:
            pending = one.pending
            file = await asyncio.to_thread(self.folder.draft, pending.before.path, pending.draft)
            if file is not None and file.digest != pending.before.digest:
                written.append((pending, file))
            else:
                await self.dropped(pending)
            self._lingering.remove(one)
        return written

    async def dropped(self, pending: Pending) -> None:
        """A draft is needed no more."""
        for name in (pending.draft, pending.draft + ASIDE):
            await asyncio.to_thread(self.folder.drop, pending.before.path, name)
        self.table.over(pending.draft)
        if pending.after is None:
            await asyncio.to_thread(self.folder.tidy, pending.before.path)

    async def recovered(self) -> Sequence[tuple[Pending, File]]:
        """Find out what became of what was about to be written when the agent ended.

        What somebody wrote meanwhile into a file that was replaced is handed out, to be taken in.
        """
        written: list[tuple[Pending, File]] = []
        for pending in list(self.table.pending.values()):
            file = await asyncio.to_thread(self._found, pending)
            if file is not None:
                written.append((pending, file))
            else:
                await self.dropped(pending)
        return written

    def _found(self, pending: Pending) -> File | None:
        """What a draft that was left has in it, if nobody else has that; the table says what is at the path."""
        before, after, folder = pending.before, pending.after, self.folder
        aside = folder.draft(before.path, pending.draft + ASIDE)
        if aside is not None and (after is None or aside.digest != after.digest):  # in the middle of two steps
            back = folder.put_back(before.path, pending.draft + ASIDE)
            return None if back else self._handed(pending, aside)
        draft = folder.draft(before.path, pending.draft)
        here = folder.read(before.path)
        if after is None:
            return self._left_aside(pending, draft)
        if here is not None and here.digest == after.digest and self.table.of(before.document) == before:
            self.table.put(replace(after, stat=here.stat))
        if draft is None or draft.digest == after.digest:
            return None  # nothing was replaced, or all is done
        if self.table.of(before.document) == before:  # replaced, and written anew since
            self.table.put(replace(after, stat=before.stat))
        return self._handed(pending, draft)

    def _left_aside(self, pending: Pending, draft: File | None) -> File | None:
        before = pending.before
        if draft is None:
            return None
        if draft.digest == before.digest:
            if self.folder.stat(before.path) is None and self.table.of(before.document) == before:
                self.table.drop(before.path)
            return None
        return None if self.folder.put_back(before.path, pending.draft) else draft

    @staticmethod
    def _handed(pending: Pending, file: File | None) -> File | None:
        return None if file is None or file.digest == pending.before.digest else file


def _taken(wanted: str, other: str) -> str:
    """Why a note cannot have its file: names that differ only in case or spelling are one file on some systems."""
    if wanted == other:
        return f"another note has the file {other}"
    return f"it belongs at {wanted}, and another note has the file {other}, which is the same one on some systems"
