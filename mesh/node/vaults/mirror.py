"""The vault: a folder and the notes of a space, kept the same both ways.

First what happened in the folder is said in the mesh, then what came in the mesh is written into the folder. Both go by
content and never by a clock, so it does not matter whether the agent ran meanwhile, and what it writes itself changes
nothing. It deletes no note while most files are away at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mesh.errors import MeshError, Misuse, Refused
from mesh.events.speaking import Draft
from mesh.limits import LIST_MAX, VAULT_GROUP_NOTES, VAULT_LISTED_MAX
from mesh.names import DocumentId
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.vaults import importing, versions
from mesh.node.vaults.folder import File, Folder, Stat
from mesh.node.vaults.giving import Giving, Overtaken
from mesh.node.vaults.links import SETTING, Link, table_path
from mesh.node.vaults.table import Entry, Pending, Table
from mesh.node.vaults.taking import Taking, Unknown
from mesh.node.vaults.versions import Version
from mesh.state import notes
from mesh.sync.inputs import Effects

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_AT_ONCE = 64  # notes that are read where nothing else can come between
_MANY = 10  # files; of more, most must not be away at once
_NS = 1_000_000_000


class Mirror:
    """One vault at work."""

    def __init__(self, agent: Agent, link: Link) -> None:
        """Read what is known of its files. Raises OSError."""
        self.agent, self.link = agent, link
        self.folder, self.table = Folder(link.folder), Table(table_path(agent.home))
        self.folder.tidied()
        self.taking = Taking(agent, self.folder, self.table, link.space)
        self.giving = Giving(self.folder, self.table)
        self.lock = asyncio.Lock()
        self.poke = asyncio.Event()
        self.left: dict[str, tuple[Stat, str]] = {}  # files that are left alone, as they are, and why
        self.behind: dict[DocumentId, str] = {}  # notes that the folder does not show as they are, and why
        self.problem = ""
        self.watched = True
        self.ended = False
        self.allowed = False  # whether a person said that the missing files were deleted on purpose
        self._row, self._kept_row, self._kept_at = link.row, link.row, time.monotonic()
        self._missing: dict[str, float] = {}
        self._racy: set[str] = set()
        self._changed: dict[DocumentId, None] = {}
        self._soon = True  # whether to look at the folder again soon
        self._looked_at = 0.0
        self._doubtful = False  # whether something counts or does not that did not or did, without a row of the log
        self._shown: dict[DocumentId, int] = {}

    # ── what tells it to look ────────────────────────────────────────────────────────────────────

    def happened(self, effects: Effects) -> None:
        """Something was said or heard."""
        self._doubtful = self._doubtful or effects.judged or bool(effects.bodies)
        if effects.judged or effects.bodies or effects.append:
            self.poke.set()

    def stirred(self) -> None:
        """Something happened in the folder."""
        self._soon = True
        self.poke.set()

    async def run(self) -> None:
        """Keep both the same until cancelled."""
        from mesh.node.vaults.watching import watch  # noqa: PLC0415 - only an agent with a vault watches one

        async with asyncio.TaskGroup() as group:
            group.create_task(watch(self))
            while True:
                self.poke.clear()
                await self.look()
                wait_s = timing.VAULT_AGAIN_S if self._soon or self.giving.lingers else self._wait_s
                try:
                    await asyncio.wait_for(self.poke.wait(), wait_s)
                except TimeoutError:
                    continue

    @property
    def _wait_s(self) -> float:
        return timing.VAULT_LOOK_S if self.watched else timing.VAULT_LOOK_UNWATCHED_S

    async def look(self, *, settled: bool = False) -> None:
        """Take in what is new in the folder, then write out what is new in the mesh. `settled`: nobody writes now."""
        async with self.lock:
            if self.ended:
                return
            if not self.link.is_there:
                self.problem = "the folder is not there, or is not the one that was linked"
                return
            try:
                await self._recover()
                if settled or self._soon or time.monotonic() - self._looked_at > self._wait_s:
                    self._soon, self._looked_at = False, time.monotonic()
                    await self._take(settled=settled)
                await self._give()
                await self._linger()
                self.problem = self._stopped()
                await self._keep_row()
            except OSError as error:
                self.problem = f"the folder cannot be used: {error.strerror or error}"
            except MeshError as error:
                self.problem = str(error)

    async def end(self) -> None:
        """Let go of everything, with what was replaced lately."""
        async with self.lock:
            for pending, file in await self.giving.linger(at_once=True):
                await self._written_late(pending, file)
            await self._keep_row(at_once=True)
            self.ended = True
            self.table.close()

    def status(self) -> dict[str, object]:
        """How it is, for `mesh vault status`."""
        left = sorted({**{path: reason for path, (_, reason) in self.left.items()}, **self.folder.passed}.items())
        behind = sorted((str(name), reason) for name, reason in self.behind.items())
        return {
            "folder": str(self.link.folder),
            "space": self.link.space,
            "files": len(self.table),
            "left": len(left),
            "left_files": [{"path": path, "reason": why} for path, why in left[:VAULT_LISTED_MAX]],
            "behind": len(behind),
            "behind_notes": [{"document": name, "reason": why} for name, why in behind[:VAULT_LISTED_MAX]],
            "missing": len(self._missing),
            "problem": self.problem,
            "watched": self.watched,
        }

    # ── from the folder ──────────────────────────────────────────────────────────────────────────

    async def _take(self, *, settled: bool) -> None:
        files = dict(await asyncio.to_thread(lambda: list(self.folder.files())))
        self.left = {path: told for path, told in self.left.items() if path in files}
        missing = {entry.path: entry for entry in self.table.all() if entry.path not in files}
        strange: list[str] = []
        for path, stat in files.items():
            entry = self.table.get(path)
            if (path in self.left and self.left[path][0] == stat) or self._is_same(path, entry, stat):
                continue
            if not settled and 0 <= time.time_ns() - stat.changed_ns < timing.VAULT_SETTLE_S * _NS:
                self._soon = True
            elif entry is not None:
                await self._edited(entry, path, stat)
            else:
                self.left.pop(path, None)
                strange.append(path)
        strange = self._without_links(strange, files)
        strange = await self._renamed(strange, files, missing)
        for start in range(0, len(strange), VAULT_GROUP_NOTES):
            await self._added(strange[start : start + VAULT_GROUP_NOTES], files)
        await self._removed(missing)

    def _without_links(self, strange: Sequence[str], files: Mapping[str, Stat]) -> list[str]:
        """Leave alone what is one of our files under a second name, made by hand or by a move that was cut off."""
        ours = {entry.stat.inode: entry.path for entry in self.table.all() if entry.path in files} if strange else {}
        for path in strange:
            other = ours.get(files[path].inode)
            if other is not None and files[other].inode == files[path].inode:
                self.left[path] = (files[path], f"it is another name of {other}")
        return [path for path in strange if path not in self.left]

    def _is_same(self, path: str, entry: Entry | None, stat: Stat) -> bool:
        if entry is None or entry.stat != stat:
            return False
        if time.time_ns() - stat.changed_ns < timing.VAULT_RACY_S * _NS:
            self._racy.add(path)  # it may be written once more without its time telling so
            self._soon = True
            return False
        if path in self._racy:
            self._racy.discard(path)
            return False
        return True

    async def _edited(self, entry: Entry, path: str, stat: Stat) -> None:
        """A file of ours may be another one than it was."""
        file = await asyncio.to_thread(self._file, path)
        if file is None:
            return
        if file.digest == entry.digest and path == entry.path:
            if file.stat != entry.stat:
                self.table.put(Entry(path, entry.document, entry.digest, entry.heads, file.stat))
            return
        try:
            await self.taking.edited(entry, file, path)
        except Unknown:
            self.table.drop(entry.path)  # then it is a file like any other, and is recognised or becomes a note
            self._soon = True
        except (Misuse, Refused) as error:
            self.left[path] = (stat, str(error))
        else:
            self.left.pop(path, None)
            self._changed[DocumentId.parse(entry.document)] = None

    def _file(self, path: str) -> File | None:
        try:
            file = self.folder.read(path)
        except OSError as error:
            stat = self.folder.stat(path)
            if stat is not None:
                self.left[path] = (stat, importing.reason_of(error))
            return None
        self._soon = self._soon or file is None
        return file

    async def _renamed(self, strange: Sequence[str], files: Mapping[str, Stat], missing: dict[str, Entry]) -> list[str]:
        """Give files that are away, and are there under another name, that name. Returns the files that are new."""
        left: list[str] = []
        for path in strange:
            file = await asyncio.to_thread(self._file, path) if missing else None
            entry = None if file is None else await self._called_before(file, missing)
            if entry is None:
                left.append(path)
                continue
            missing.pop(entry.path)
            self._missing.pop(entry.path, None)
            await self._edited(entry, path, files[path])
        return left

    async def _called_before(self, file: File, missing: Mapping[str, Entry]) -> Entry | None:
        """The file that is away and is this one: by its content, or by its place on the disk and most of its lines."""
        same = [entry for entry in missing.values() if entry.digest == file.digest]
        here = [entry for entry in missing.values() if entry.stat.inode == file.stat.inode]
        for entry in (*(one for one in same if one in here), *same):
            return entry
        for entry in here:
            return entry if await self._alike(entry, file) else None
        return None

    async def _alike(self, entry: Entry, file: File) -> bool:
        """Whether a file that took the place on the disk of another one is that, renamed and edited, by its lines."""
        ((_, version),) = await self._versions([DocumentId.parse(entry.document)])
        old = set(version.past.text.encode().splitlines()) if version else set()
        new = set(file.raw.splitlines())
        return 2 * len(old & new) > max(len(old), len(new))

    async def _added(self, some: Sequence[str], files: Mapping[str, Stat]) -> None:
        """Files that nobody knows become notes, or are recognised."""
        new: list[importing.New] = []

        def read() -> None:
            for path in some:
                try:
                    new.append(importing.new_of(self.folder, path, self.link.space))
                except (MeshError, OSError) as error:
                    self.left[path] = (files[path], importing.reason_of(error))

        await asyncio.to_thread(read)
        if not new:
            return
        for path, reason in (await self.taking.added(new)).items():
            self.left[path] = (files[path], reason)
        for one in new:
            entry = self.table.get(one.path)
            if entry is not None:
                self._changed[DocumentId.parse(entry.document)] = None

    async def _removed(self, missing: Mapping[str, Entry]) -> None:
        """Files that are away for longer than saving takes were deleted."""
        now = time.monotonic()
        self._missing = {path: self._missing.get(path, now) for path in missing}
        if self._stopped():
            return
        self.allowed = self.allowed and bool(self._missing)
        for path, since in list(self._missing.items()):
            if now - since < timing.VAULT_MISSING_S:
                self._soon = True
            elif self.folder.lacks(path):
                await self.taking.removed(missing[path])
                del self._missing[path]

    def _stopped(self) -> str:
        """Why no note is deleted now: so many files are away at once that it is rather a mistake."""
        gone = len(self._missing)
        if gone > _MANY and 2 * gone > len(self.table) and not self.allowed:
            return f"{gone} of {len(self.table)} files are gone at once, and their notes are kept"
        return ""

    # ── into the folder ──────────────────────────────────────────────────────────────────────────

    async def _give(self) -> None:
        if self._row < 0 or self._doubtful:
            self._doubtful = False
            row = await self._all_changed()
            self._row = row if self._row < 0 else self._row
        self._row = await self._since(self._row)
        wanted = [*self._changed, *(name for name in self.behind if name not in self._changed)]
        for start in range(0, len(wanted), _AT_ONCE):
            for document, version in await self._versions(wanted[start : start + _AT_ONCE]):
                await self._given(document, version)

    async def _since(self, row: int) -> int:
        """Note which notes changed since that row of the log; the last row."""
        while rows := await self.agent.store.log(after=row, limit=LIST_MAX):
            self._mine(found.document for found in rows)
            row = rows[-1].id
        return row

    async def _all_changed(self) -> int:
        """Find the notes that show something else than the last time, or all; the last row of the log before that."""
        row = self.agent.engine.shelf.last_row
        before, self._shown = self._shown, {}
        for deleted in (False, True):
            after = None
            while page := await self.agent.store.notes(deleted=deleted, limit=LIST_MAX, after=after):
                self._shown |= {found.note.document: hash(found.note) for found in page}
                after = page[-1]
        ours = {DocumentId.parse(entry.document) for entry in self.table.all()}
        self._mine(name for name in {*self._shown, *ours} if before.get(name, -1) != self._shown.get(name, -2))
        return row

    def _mine(self, documents: Iterable[DocumentId | None]) -> None:
        space = self.link.space
        self._changed |= {d: None for d in documents if d and d.type == notes.KIND and d.space == space}

    async def _versions(self, documents: Sequence[DocumentId]) -> list[tuple[DocumentId, Version | None]]:
        found: list[tuple[DocumentId, Version | None]] = []

        async def make(engine: Engine) -> Sequence[Draft]:
            await engine.settled()
            found.extend([(document, await versions.now(engine, document)) for document in documents])
            return ()

        await self.agent.engine.look(make)
        return found

    async def _given(self, document: DocumentId, version: Version | None) -> None:
        entry = self.table.of(str(document))
        if entry is not None and (entry.path in self.left or entry.path in self._missing):
            self._changed.pop(document, None)
            self.behind[document] = self.left.get(entry.path, (None, "its file is away"))[1]
            return  # what the file has is not in the mesh, so nothing is written over it
        try:
            await self.giving.given(document, version)
        except Overtaken as found:
            self._soon = True
            if found.file is not None:
                await self._edited(found.entry, found.entry.path, found.file.stat)
            return
        except (Refused, OSError) as error:
            self.behind[document] = importing.reason_of(error)
        else:
            self.behind.pop(document, None)
            if (now := self.table.of(str(document))) is not None:
                self.left.pop(now.path, None)
        self._changed.pop(document, None)

    # ── afterwards ───────────────────────────────────────────────────────────────────────────────

    async def _recover(self) -> None:
        await self.taking.confirm()
        if self.table.pending and not self.giving.lingers:
            for pending, file in await self.giving.recovered():
                await self._written_late(pending, file)

    async def _linger(self) -> None:
        for pending, file in await self.giving.linger():
            await self._written_late(pending, file)

    async def _written_late(self, pending: Pending, file: File) -> None:
        """What somebody wrote into a file that had been replaced by then: an edit of what it was before."""
        try:
            await self.taking.edited(pending.before, file, pending.before.path, late=True)
        except (Misuse, Refused) as error:
            self.problem = (
                f"{pending.before.path} was replaced while somebody wrote it, and is {pending.draft}: {error}"
            )
            return
        self._changed[DocumentId.parse(pending.before.document)] = None
        await self.giving.dropped(pending)
        self._soon = True

    async def _keep_row(self, *, at_once: bool = False) -> None:
        """Keep up to where the log was written out; what is still behind is looked at after a start."""
        due = at_once or self._kept_row < 0 or time.monotonic() - self._kept_at > timing.VAULT_KEPT_S
        row = -1 if self.behind or self._changed else self._row
        if due and row != self._kept_row:
            self._kept_row, self._kept_at = row, time.monotonic()
            await self.agent.engine.remember(SETTING, Link(self.link.folder, self.link.space, row).setting())
