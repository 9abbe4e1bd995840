"""From files to notes: what somebody did in the folder, said in the mesh.

An edit is made on the version that the file was last, so whatever came meanwhile stands beside it and merges. Whatever
the mesh has already said of a file, before a crash or on another device, is recognised by its content and not said
again. This module writes no file.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mesh.errors import Misuse, Refused
from mesh.events.event import Lane
from mesh.events.kinds import Changed
from mesh.events.speaking import Draft
from mesh.limits import MATCHES_MAX, SALT_BYTES, VAULT_VERSIONS_MAX
from mesh.names import DocumentId
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.node.vaults import front, importing, paths, sheets, versions
from mesh.node.vaults.folder import File, Folder
from mesh.node.vaults.importing import New
from mesh.node.vaults.reading import parsed
from mesh.node.vaults.table import Entry, Table
from mesh.state import branching, past
from mesh.state.edits import Delete, Edit, Put

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_DELETED = "deleted"
_ACTOR_HALF = 8


class Unknown(Refused):
    """Nobody here knows the version that a file was last."""


class Taking:
    """What becomes of files that changed."""

    def __init__(self, agent: Agent, folder: Folder, table: Table, space: str) -> None:
        """Of one vault."""
        self.agent, self.folder, self.table, self.space = agent, folder, table, space

    @property
    def _engine(self) -> Engine:
        return self.agent.engine

    # ── edits ────────────────────────────────────────────────────────────────────────────────────

    async def edited(self, entry: Entry, file: File, path: str, *, late: bool = False) -> None:
        """A file is another one than it was, or is called `path` now. Raises MeshError, Unknown.

        `late`: it is not what is at the path now.
        """
        sheet, heads = parsed(file.raw), entry.heads
        document = DocumentId.parse(entry.document)
        if fault := paths.fault(paths.spelled(path)):
            raise Refused(fault)

        async def make(engine: Engine) -> Sequence[Draft]:
            nonlocal heads
            loaded = await _loaded(engine, document)
            if not branching.knows(loaded.document, versions.changes_of(heads)):
                raise Unknown("its last version is not known here")
            if (said := _said_already(engine, loaded, entry, file, path)) is not None:
                heads = said
                return ()
            note = versions.at(loaded.document, heads)
            is_text = loaded.document.body is not None
            edits = sheets.edits(note, paths.spelled(entry.path), sheet, paths.spelled(path), is_text=is_text)
            _must_not_settle(note, edits)
            drafts, heads = _said(engine, loaded, heads, edits)
            if drafts and not late:
                self.table.say(Entry(path, entry.document, file.digest, heads, file.stat))
            return drafts

        await self._engine.say(Lane.DATA, make)
        if not late:
            self.table.put(Entry(path, entry.document, file.digest, heads, file.stat))

    async def revived(self, document: DocumentId, file: File, path: str) -> None:
        """A file of a deleted note is there again, as it is. Raises MeshError."""
        sheet = parsed(file.raw)
        heads: tuple[str, ...] = ()

        async def make(engine: Engine) -> Sequence[Draft]:
            nonlocal heads
            loaded = await _loaded(engine, document)
            note, spelled = past.today(loaded.document), paths.spelled(path)
            edits = sheets.edits(note, spelled, sheet, spelled, is_text=loaded.document.body is not None)
            edits = (*edits, Put(_DELETED, value=False))
            _must_not_settle(note, edits)
            drafts, heads = _said(engine, loaded, versions.heads_of(loaded.document), edits)
            self.table.say(Entry(path, str(document), file.digest, heads, file.stat))
            return drafts

        await self._engine.say(Lane.DATA, make)
        self.table.put(Entry(path, str(document), file.digest, heads, file.stat))

    async def removed(self, entry: Entry) -> None:
        """A file was deleted: so is its note, as the file was. Raises MeshError."""
        document = DocumentId.parse(entry.document)

        async def make(engine: Engine) -> Sequence[Draft]:
            loaded = await _loaded(engine, document)
            known = branching.knows(loaded.document, versions.changes_of(entry.heads))
            heads = entry.heads if known else versions.heads_of(loaded.document)
            note = versions.at(loaded.document, heads)
            if past.today(loaded.document).registers.get(_DELETED) is True or note.registers.get(_DELETED) is True:
                return ()
            return _said(engine, loaded, heads, (Put(_DELETED, value=True),))[0]

        with contextlib.suppress(Unknown):  # nothing of it counts any more, so there is nothing to delete
            await self._engine.say(Lane.DATA, make)
        self.table.drop(entry.path)

    # ── new files ────────────────────────────────────────────────────────────────────────────────

    async def added(self, new: Iterable[New]) -> dict[str, str]:
        """Files that nobody knows, at most a group. Returns why some are left alone. Raises MeshError."""
        found, left = list(new), dict[str, str]()
        held = await importing.held(self._engine, [one.document for one in found])
        first = not (await self.agent.store.counts()).documents
        fresh: dict[DocumentId, New] = {}
        for one in found:
            try:
                if one.document in held:
                    again = await self._held(one)
                else:
                    again = one if first or not await self._recognised(one) else None
                if again is not None and again.document in fresh:  # one name in two spellings
                    left[one.path] = f"it is the same note as {fresh[again.document].path}"
                elif again is not None:
                    fresh[again.document] = again
            except Refused as error:
                left[one.path] = str(error)
        entries = [Entry(n.path, str(n.document), n.file.digest, (), n.file.stat) for n in fresh.values()]
        self.table.say(*entries)
        await importing.said(self._engine, fresh.values())
        self.table.put(*entries)
        return left

    async def confirm(self) -> None:
        """Find out what of it was said in the mesh that was about to be, when something went wrong or ended."""
        for entry in list(self.table.saying.values()):
            if await self._has(entry):
                self.table.put(entry)
            else:
                self.table.saying.pop(entry.document, None)

    async def _has(self, entry: Entry) -> bool:
        found, document = False, DocumentId.parse(entry.document)

        async def make(engine: Engine) -> Sequence[Draft]:
            nonlocal found
            loaded = await engine.shelf.load(document)
            found = loaded is not None and branching.knows(loaded.document, versions.changes_of(entry.heads))
            return ()

        await self._engine.look(make)
        return found

    async def _held(self, new: New) -> New | None:
        """A file that is a note as it was born: the note's own file, or a copy of what that was once."""
        row = await self.agent.store.note(new.document)
        if row is None:
            raise Unknown("its note does not count any more")
        if self.table.of(str(new.document)) is not None:
            return await asyncio.to_thread(
                importing.new_of, self.folder, new.path, self.space, secrets.token_bytes(SALT_BYTES)
            )
        if row.note.deleted and _DELETED not in row.note.conflicts:
            await self.revived(new.document, new.file, new.path)
        else:
            self.table.put(Entry(new.path, str(new.document), new.file.digest, (), new.file.stat))
        return None

    async def _recognised(self, new: New) -> bool:
        """Whether a file is some version of a note that has no file here, and is that from now on."""
        spelled = paths.spelled(new.path)
        rows = list(await self.agent.store.notes(at=(self.space, spelled), limit=MATCHES_MAX))
        title = front.marks(str(new.birth.registers.get(sheets.FRONT) or "")).title or paths.stem(spelled)
        rows += await self.agent.store.notes(search=title, limit=MATCHES_MAX)
        wanted = [row.note.document for row in rows if row.note.path == spelled or not row.note.path]
        for document in dict.fromkeys(wanted):
            if document.space != self.space or self.table.of(str(document)) is not None:
                continue
            heads = await self._version_of(document, new)
            if heads is not None:
                self.table.put(Entry(new.path, str(document), new.file.digest, heads, new.file.stat))
                return True
        return False

    async def _version_of(self, document: DocumentId, new: New) -> tuple[str, ...] | None:
        found: tuple[str, ...] | None = None

        async def make(engine: Engine) -> Sequence[Draft]:
            nonlocal found
            version = await versions.now(engine, document)
            if version is None or version.deleted:
                return ()
            if _is(version.past, new.path, new.file):
                found = version.heads
            elif version.heads and (loaded := await engine.shelf.load(document)) is not None:
                found = _some_version(loaded, new)
            return ()

        await self._engine.look(make)
        return found


async def _loaded(engine: Engine, document: DocumentId) -> Loaded:
    loaded = await engine.shelf.load(document)
    if loaded is None or not loaded.shown:
        raise Unknown("its note does not count any more")
    return loaded


def _said(
    engine: Engine, loaded: Loaded, heads: tuple[str, ...], edits: Sequence[Edit]
) -> tuple[Sequence[Draft], tuple[str, ...]]:
    """What edits are as events, and the version that the note is then. Raises Misuse or TooLarge."""
    if not edits:
        return (), heads
    changes = versions.steps(engine, loaded, heads, edits)
    return [Draft(Changed(change.raw), loaded.document.id) for change in changes], (changes[-1].hash.hex(),)


def _must_not_settle(note: past.Past, edits: Iterable[Edit]) -> None:
    """Raise Refused where a file would write over values that live side by side: that is settled by name."""
    written = {edit.key for edit in edits if isinstance(edit, Put | Delete)}
    if both := sorted(written.intersection(note.conflicts)):
        raise Misuse(
            f"its {both[0]} is in conflict", hint="`mesh conflicts` shows it. The file is taken in after that."
        )


def _is(note: past.Past, path: str, file: File) -> bool:
    return sheets.sheet_of(note, paths.spelled(path)).raw() == file.raw


def _said_already(engine: Engine, loaded: Loaded, entry: Entry, file: File, path: str) -> tuple[str, ...] | None:
    """The version that a file is already: as the note is now, or as this device said before it could be noted."""
    document = loaded.document
    today = past.today(document)
    if _is(today, path, file) and _placed(today, path):
        return versions.heads_of(document)
    history, known = document.history, versions.changes_of(entry.heads) or [document.history.first]
    later = list(history.difference(history.reach(history.heads), history.reach(known)))
    for change in later[-VAULT_VERSIONS_MAX:]:
        if history.number(change)[0][:_ACTOR_HALF] == engine.own.admission[:_ACTOR_HALF]:
            then = past.at(document, [change])
            if _is(then, path, file) and _placed(then, path):
                return (change.hex(),)
    return None


def _placed(note: past.Past, path: str) -> bool:
    return note.registers.get("path") in {None, paths.spelled(path)}


def _some_version(loaded: Loaded, new: New) -> tuple[str, ...] | None:
    """Which of its last versions a note was when it was this file."""
    document = loaded.document
    count = document.change_count
    for change in reversed(document.history.placed(max(count - VAULT_VERSIONS_MAX, 0), count)):
        if _is(past.at(document, [change]), new.path, new.file):
            return () if change == document.history.first else (change.hex(),)
    return None
