"""What the documents of a commit have in conflict, and who wrote it: looked at once, before the commit.

Where nothing was written side by side this costs a look at the registers. It settles nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from mesh.errors import Refused
from mesh.events.kinds import Born, Settled, Undone, Value
from mesh.events.verdict import Standing
from mesh.limits import CONFLICT_SIDE_CHARACTERS, CONFLICT_SIDES_KEPT, ROWS_READ_MAX
from mesh.names import Digest, DocumentId
from mesh.node.gathered import Gathered, Loaded, Step, author_of
from mesh.node.scales import Scales
from mesh.node.showing import with_conflicts
from mesh.node.storage.store_port import Author, ConflictRow, NoteRow, SettlementRow, SideRow, Store
from mesh.state.conflicts import PATH, Conflict, Kind, conflicts_of, fields
from mesh.state.edits import Delete, Edit, Put

_SHOWN_DIGITS = 12  # of a conflict's name, in a hint


class Disputes:
    """The conflicts of the documents that are in memory."""

    def __init__(self, store: Store, scales: Scales, gathered: Gathered) -> None:
        """All that is found goes into the next commit."""
        self.store, self.scales, self.gathered = store, scales, gathered

    # ── settlements ──────────────────────────────────────────────────────────────────────────────

    async def recall(self, loaded: Loaded) -> None:
        """What was settled in a document that comes out of its snapshot, as the store has it."""
        before = 0
        while rows := await self.store.settlements(document=loaded.document.id, before=before):
            for row in rows:
                body = Undone(b"", row.undoes) if row.undoes else Settled(b"", row.conflict, row.prints, row.rule)
                loaded.settlements.add(row.author.event, body, row.change)
            before = rows[-1].author.lamport

    def said(self, loaded: Loaded, steps: Iterable[Step]) -> None:
        """Settlements came into a document, or were taken back."""
        rows = [row for step in steps if (row := _settlement(loaded.document.id, step))]
        self.gathered.settles(loaded.document.id, rows, whole=False)

    # ── conflicts ────────────────────────────────────────────────────────────────────────────────

    async def look(self, loaded: Loaded) -> None:
        """Find what a document has in conflict now; what changed goes into the commit."""
        document = loaded.document
        found = conflicts_of(document, loaded.settlements) if loaded.shown else ()
        if loaded.row:
            loaded.row = with_conflicts(loaded.row, fields(found))
        if isinstance(loaded.row, NoteRow):
            loaded.row = replace(loaded.row, placed=await self._placed(loaded.row, loaded))
        changes = {side.change for one in found for side in one.sides}
        loaded.authors = await self.authors(loaded, changes) if changes else {}
        rows = tuple(_row(document.id, one, loaded.authors) for one in found)
        if rows != loaded.conflicts:
            self.gathered.conflicts[document.id] = loaded.conflicts = rows
        loaded.entered.clear()

    async def authors(self, loaded: Loaded, changes: Collection[bytes]) -> dict[bytes, Author]:
        """Who wrote these changes of a document: the event of each that counts, as far as it is known."""
        document = loaded.document
        found = {change: author for change, author in loaded.authors.items() if change in changes}
        for step in loaded.entered:
            if step.change.hash in changes:
                found[step.change.hash] = min(step.author, found.get(step.change.hash, step.author), key=_first)
        missing = [change for change in changes if change not in found]
        rows = await self.store.of_changes(document.id, missing) if missing else {}
        placed = self.gathered.read(rows.values())
        for change, event, reading in zip(rows, placed, await self.scales.read(placed), strict=True):
            if reading.inner:
                found[change] = author_of(event, reading.inner.agent, reading.inner.time_ms)
        first = document.history.first
        if first in missing and (born := await self._birth(document.id)):
            found[first] = born
        return found

    async def _birth(self, document: DocumentId) -> Author | None:
        """Who brought a document into being; of several events of one birth the first that came here and counts."""
        if birth := self.gathered.births.get(document):
            return birth.author
        after = 0
        while rows := await self.store.rows(document, after):
            placed = self.gathered.read(rows[:ROWS_READ_MAX])
            for event, reading in zip(placed, await self.scales.read(placed), strict=True):
                if isinstance(reading.body, Born) and reading.inner and reading.standing is Standing.HONOURED:
                    return author_of(event, reading.inner.agent, reading.inner.time_ms)
            after = rows[:ROWS_READ_MAX][-1].id
        return None

    async def _placed(self, row: NoteRow, loaded: Loaded) -> Author | None:
        """Who gave a note the path that is shown."""
        if row.note.path is None:
            return None
        if row.placed and not any(_moves(step) for step in loaded.entered):
            return row.placed
        change = loaded.document.live(PATH)[0].change
        return (await self.authors(loaded, [change])).get(change, row.placed)


def must_not_settle(loaded: Loaded, edits: Iterable[Edit]) -> None:
    """Raise Refused where an edit would write over values that live side by side: that is settled by name."""
    written = {edit.key for edit in edits if isinstance(edit, Put | Delete)}
    if not written.intersection(loaded.document.conflicts()):
        return
    for conflict in conflicts_of(loaded.document, loaded.settlements):
        if conflict.field in written and conflict.kind in {Kind.REGISTER, Kind.RENAMED}:
            name, count = conflict.name.hex()[:_SHOWN_DIGITS], len(conflict.sides)
            raise Refused(
                f"{conflict.field} is in conflict: it has {count} values, and this would write over all of them",
                hint=f"See them with `mesh conflicts show {name}`, then `mesh conflicts resolve {name} --value ...`.",
            )


def may_settle_itself(row: ConflictRow) -> bool:
    """Whether it is worth looking if a rule settles a conflict: by the beginnings of its sides, which lists have."""
    values = [str(side.value) for side in row.sides]
    longest = max(values, key=len, default="")
    return row.kind == Kind.TEXT and row.count <= len(values) and all(longest.startswith(value) for value in values)


def _moves(step: Step) -> bool:
    return any(operation.object is None and operation.key == PATH for operation in step.change.operations)


def _first(author: Author) -> tuple[int, Digest]:
    """Of several events with one change the one that the store names, too."""
    return author.lamport, author.event


def _settlement(document: DocumentId, step: Step) -> SettlementRow | None:
    match step.body:
        case Settled(_, conflict, prints, rule):
            return SettlementRow(document, step.author, conflict, prints, rule, None, step.change.hash)
        case Undone(_, event):
            return SettlementRow(document, step.author, b"", (), "", event, step.change.hash)
    return None


def _row(document: DocumentId, conflict: Conflict, authors: dict[bytes, Author]) -> ConflictRow:
    by = [authors.get(side.change) for side in conflict.sides]
    known = sorted((one for one in by if one), key=_first)
    sides = zip(conflict.sides[:CONFLICT_SIDES_KEPT], by, strict=False)
    return ConflictRow(
        conflict.name,
        document,
        conflict.kind.value,
        conflict.field,
        since_ms=known[min(1, len(known) - 1)].time_ms if known else 0,
        lamport=known[-1].lamport if known else 0,
        count=len(conflict.sides),
        devices=tuple(dict.fromkeys(one.admission for one in by if one)),
        sides=tuple(SideRow(_short(side.value), _characters(side.value), author) for side, author in sides),
        ancestor=_short(conflict.ancestor),
    )


def _short(value: Value) -> Value:
    return value[:CONFLICT_SIDE_CHARACTERS] if isinstance(value, str) else value


def _characters(value: Value) -> int:
    return len(value) if isinstance(value, str) else 0
