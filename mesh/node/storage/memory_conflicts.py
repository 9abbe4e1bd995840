"""Open conflicts, settlements and changes as the store in memory has them: plainly, by looking at all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from mesh.limits import MATCHES_MAX
from mesh.names import Digest, DocumentId
from mesh.node.storage.ledger_conflicts import order
from mesh.node.storage.ledger_settlements import preferred
from mesh.node.storage.placings import Placing, conflict_at, placing_of
from mesh.node.storage.store_port import Batch, ConflictRow, NoteRow, Row, SettlementRow


class Disputes:
    """What is in conflict inside documents, and what was settled."""

    def __init__(self) -> None:
        """Start with none."""
        self.open: dict[DocumentId, tuple[ConflictRow, ...]] = {}
        self.settlements: dict[DocumentId, dict[Digest, SettlementRow]] = {}
        self.changes: dict[Digest, bytes] = {}

    def write(self, batch: Batch) -> None:
        """What a batch says of them."""
        for document in (*(batch.forgotten or ()), *batch.unshown):
            self.open.pop(document, None)
            self.settlements.pop(document, None)
        self.open |= dict(batch.conflicts)
        for document, rows, whole in batch.settlements:
            was = {} if whole else self.settlements.get(document, {})
            self.settlements[document] = was | {row.author.event: row for row in rows}
        self.changes |= dict(batch.changes)

    def erase(self, events: Iterable[Digest]) -> None:
        """What these events carried is not known any more."""
        for event in events:
            self.changes.pop(event, None)

    def names(self, document: DocumentId) -> list[bytes]:
        """The names of a document's open conflicts."""
        return [row.name for row in self.open.get(document, ())]

    def documents(self) -> set[DocumentId]:
        """Documents of which something is said here."""
        return self.open.keys() | self.settlements.keys()


def at_paths(notes: Iterable[NoteRow]) -> list[tuple[ConflictRow, list[Placing]]]:
    """The conflicts of several notes at one path, each with these notes."""
    found: dict[tuple[str, str], list[Placing]] = {}
    for row in notes:
        note = row.note
        if note.path and not note.deleted:
            found.setdefault((note.document.space, note.path), []).append(placing_of(row))
    return [(conflict_at(placings), placings) for placings in found.values() if len(placings) > 1]


def some(
    disputes: Disputes,
    notes: Iterable[NoteRow],
    document: DocumentId | None = None,
    kind: str | None = None,
    device: Digest | None = None,
) -> list[ConflictRow]:
    """The open conflicts that fit, in the order of lists."""
    found = [row for rows in disputes.open.values() for row in rows if document in {None, row.document}]
    for row, placings in at_paths(notes):
        if document is None or document in {one.document for one in placings}:
            found.append(row)
    fitting = (row for row in found if kind in {None, row.kind} and (device is None or device in row.devices))
    return sorted(fitting, key=order)


def named(disputes: Disputes, notes: Iterable[NoteRow], prefix: str) -> tuple[ConflictRow, ...]:
    """The open conflicts whose name begins like that."""
    digits = prefix.strip().lower()
    rows = some(disputes, notes)
    found = [row for row in rows if digits and row.name.hex().startswith(digits)]
    return tuple(sorted(found, key=lambda row: row.name)[:MATCHES_MAX])


def settled(
    disputes: Disputes, document: DocumentId | None, conflict: str, limit: int, before: int
) -> tuple[SettlementRow, ...]:
    """The settlements that fit, the latest first; a page is not cut between equal numbers."""
    digits = conflict.strip().lower()
    rows = (row for found in disputes.settlements.values() for row in found.values())
    fitting = sorted(
        (
            row
            for row in rows
            if document in {None, row.document}
            and row.conflict.hex().startswith(digits)
            and (not before or row.author.lamport < before)
        ),
        key=lambda row: (-row.author.lamport, row.author.event),
    )
    last = fitting[:limit][-1].author.lamport if fitting else 0
    return tuple(row for row in fitting if row.author.lamport >= last)


def carried(
    disputes: Disputes, rows: Iterable[Row], document: DocumentId, changes: Collection[bytes]
) -> dict[bytes, Row]:
    """The event of each change of a document; of several one that is honoured, the same on every device."""
    found: dict[bytes, Row] = {}
    for row in rows:
        change = disputes.changes.get(row.placed.digest)
        if change is not None and change in changes and row.document == document:
            found[change] = min(found.get(change, row), row, key=preferred)
    return found
