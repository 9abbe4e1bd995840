"""Open conflicts in tables, and those of several notes at one path, which no table has: they are found when asked for.

Both are listed in one order. Nothing here finds what is in conflict inside a document, or settles anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from mesh.events.kinds import Value
from mesh.limits import CONFLICT_NAME_BYTES, DIGEST_BYTES, MATCHES_MAX
from mesh.names import Digest, DocumentId
from mesh.node.storage.ledger_documents import Documents, document_number
from mesh.node.storage.placings import Placing, conflict_at, name_of_path
from mesh.node.storage.sql import Sql
from mesh.node.storage.store_port import Author, ConflictRow, SideRow
from mesh.state.conflicts import Kind

_CONFLICT = (
    "SELECT c.name, d.space, d.type, d.name, c.kind, c.field, c.since_ms, c.lamport, c.count, c.devices, c.sides"
    " FROM conflict c CROSS JOIN document d ON d.id = c.document"
)
_PLACED = (
    "SELECT n.place, d.space, n.path, d.type, d.name, n.placed_lamport, n.placed_event, n.placed_by, n.placed_agent,"
    " n.placed_ms, n.updated_by, n.updated_ms FROM note n CROSS JOIN document d ON d.id = n.document"
)
_SEVERAL = "FROM note WHERE place IS NOT NULL GROUP BY place HAVING count(*) > 1"
_SHARED = f"SELECT place {_SEVERAL}"
_PATHS = (
    "SELECT 1 FROM note n CROSS JOIN document d ON d.id = n.document"  # noqa: S608 - a constant
    f" WHERE n.place IN ({_SHARED}) GROUP BY n.place, d.space, n.path HAVING count(*) > 1"
)
_NEWEST = (
    "SELECT s.place, s.notes, (SELECT max(n.placed_lamport) FROM note n WHERE n.place = s.place) AS newest"  # noqa: S608
    f" FROM (SELECT place, count(*) AS notes {_SEVERAL}) s ORDER BY newest DESC"
)
_NOTES_OF_TWO = 4
"""Places share a number so seldom that nobody sees it; where two do, and both are in conflict, there are that many."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Disputes:
    """The open conflicts of documents that one batch writes."""

    def __init__(self, db: Sql, documents: Documents) -> None:
        """Start with none."""
        self._db, self._documents = db, documents
        self.changed: set[int] = set()
        """Documents whose open conflicts may be others now."""

    def drop(self, documents: Iterable[DocumentId]) -> None:
        """Of these documents nothing is shown any more: their conflicts and settlements go."""
        numbers = [number for document in documents if (number := document_number(self._db, document)) is not None]
        for number in numbers:
            self._db.execute("DELETE FROM settlement WHERE document = ?", (number,))
            if self._db.execute("DELETE FROM conflict WHERE document = ?", (number,)).rowcount:
                self.changed.add(number)

    def keep(self, conflicts: Iterable[tuple[DocumentId, tuple[ConflictRow, ...]]]) -> None:
        """Replace all open conflicts of each of these documents."""
        for document, rows in conflicts:
            number = self._documents.number(document)
            self.changed.add(number)
            self._db.execute("DELETE FROM conflict WHERE document = ?", (number,))
            self._db.executemany(
                "INSERT INTO conflict (document, name, kind, field, since_ms, lamport, count, devices, sides)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (number, r.name, r.kind, r.field, r.since_ms, r.lamport, r.count, b"".join(r.devices), _written(r))
                    for r in rows
                ],
            )


def _written(row: ConflictRow) -> str:
    """The ancestor and the sides of a conflict as one text."""
    sides = (
        [side.value, side.characters] if side.author is None else [side.value, side.characters, *_signed(side.author)]
        for side in row.sides
    )
    return _JSON.encode([row.ancestor, *sides])


def _signed(author: Author) -> tuple[object, ...]:
    return author.event.hex(), author.admission.hex(), author.agent, author.time_ms, author.lamport


# ---------------------------------------------------------------- reading


def read_conflicts(
    db: Sql,
    *,
    document: DocumentId | None,
    kind: str | None,
    device: Digest | None,
    limit: int,
    after: ConflictRow | None,
) -> tuple[ConflictRow, ...]:
    """Open conflicts, the latest first."""
    found: list[ConflictRow] = []
    if kind != Kind.PATH:
        found += _inside(db, document, kind, device, limit, after)
    if kind in {None, Kind.PATH}:
        oldest = found[-1].lamport if len(found) >= limit else 0  # what is older is on a later page
        found += _at_paths(db, document, device, limit, after, oldest)
    return tuple(sorted(found, key=order)[:limit])


def order(row: ConflictRow) -> tuple[int, bytes]:
    """The order in which conflicts are listed."""
    return -row.lamport, row.name


def _inside(
    db: Sql, document: DocumentId | None, kind: str | None, device: Digest | None, limit: int, after: ConflictRow | None
) -> Iterator[ConflictRow]:
    """Conflicts inside documents."""
    where, values = ["TRUE"], list[object]()
    if document is not None:
        where.append("c.document = ?")
        values.append(document_number(db, document))
    if kind is not None:
        where.append("c.kind = ?")
        values.append(kind)
    if device is not None:
        where.append("instr(c.devices, ?)")  # nobody has a digest that is half of one and half of another
        values.append(device)
    if after is not None:
        where.append("c.lamport <= ? AND (c.lamport < ? OR c.name > ?)")
        values += [after.lamport, after.lamport, after.name]
    sql = f"{_CONFLICT} WHERE {' AND '.join(where)} ORDER BY c.lamport DESC, c.name LIMIT ?"
    return (_row(columns) for columns in db.execute(sql, (*values, limit)))


def _row(columns: Sequence[Any]) -> ConflictRow:
    name, space, of_type, document, kind, field, since_ms, lamport, count, devices, sides = columns
    split = range(0, len(devices), DIGEST_BYTES)
    ancestor, *read = json.loads(sides)
    return ConflictRow(
        name,
        DocumentId(space, of_type, document),
        kind,
        field,
        since_ms,
        lamport,
        count,
        tuple([Digest(devices[place : place + DIGEST_BYTES]) for place in split]),
        tuple([_side(*side) for side in read]),
        ancestor,
    )


def _side(value: Value, characters: int, event: str = "", by: str = "", agent: str = "", *numbers: int) -> SideRow:
    """A side as `_written` has it."""
    if not event:
        return SideRow(value, characters, None)
    return SideRow(value, characters, Author(Digest(bytes.fromhex(event)), Digest(bytes.fromhex(by)), agent, *numbers))


def read_conflict(db: Sql, prefix: str) -> tuple[ConflictRow, ...]:
    """The open conflicts whose name begins with these hex digits."""
    span = name_span(prefix, CONFLICT_NAME_BYTES)
    if span is None:
        return ()
    rows = db.execute(f"{_CONFLICT} WHERE c.name BETWEEN ? AND ? ORDER BY c.name LIMIT ?", (*span, MATCHES_MAX))
    found = [_row(columns) for columns in rows]
    shared = db.execute(f"{_PLACED} WHERE n.place IN ({_SHARED}) ORDER BY n.place")
    fitting = (p for p in _together(shared) if span[0] <= name_of_path(p) <= span[1])
    found += map(conflict_at, fitting)
    return tuple(sorted(found, key=lambda row: row.name)[:MATCHES_MAX])


def name_span(prefix: str, size: int) -> tuple[bytes, bytes] | None:
    """The first and the last name of that many bytes whose hex begins with these digits; None when none does."""
    digits = prefix.strip().lower()
    try:
        spread = [bytes.fromhex(digits.ljust(2 * size, rest)) for rest in "0f"]
    except ValueError:
        return None
    return (spread[0], spread[1]) if digits and len(spread[0]) == size else None


# ---------------------------------------------------------------- several notes at one path


def _at_paths(
    db: Sql, document: DocumentId | None, device: Digest | None, limit: int, after: ConflictRow | None, oldest: int
) -> list[ConflictRow]:
    """Conflicts of notes at one path: as many places are looked at as are needed, the latest first."""
    found: list[ConflictRow] = []
    for newest, places in groupby(_places(db, document), lambda place: place[2]):
        if newest < oldest or (len(found) >= limit and newest < sorted(found, key=order)[limit - 1].lamport):
            break
        for place, notes, _ in places:
            if after is not None and newest > after.lamport and notes < _NOTES_OF_TWO:
                continue  # it was on an earlier page
            for placings in _together(db.execute(f"{_PLACED} WHERE n.place = ?", (place,))):
                row = conflict_at(placings)
                mine = document is None or any(one.document == document for one in placings)
                later = after is None or order(row) > order(after)
                if mine and later and (device is None or device in row.devices):
                    found.append(row)
    return found


def _places(db: Sql, document: DocumentId | None) -> list[tuple[int, int, int]]:
    """Places at which there are several notes: how many, and when the last one came there, the latest first."""
    if document is None:
        return db.execute(_NEWEST).fetchall()
    return db.execute(
        "SELECT n.place, count(*), max(m.placed_lamport) FROM note n CROSS JOIN note m ON m.place = n.place"
        " WHERE n.document = ? AND n.place IS NOT NULL GROUP BY n.place",
        (document_number(db, document),),
    ).fetchall()


def _together(rows: Iterable[Sequence[Any]]) -> Iterator[list[Placing]]:
    """Notes that are at one path of one space, at least two. Rows are those of `_PLACED`, in the order of places."""
    for _, at_place in groupby(rows, lambda row: row[0]):
        paths: dict[tuple[str, str], list[Placing]] = {}
        for _, space, path, kind, name, *placed in at_place:
            paths.setdefault((space, path), []).append(_placing(DocumentId(space, kind, name), *placed))
        yield from (placings for placings in paths.values() if len(placings) > 1)


def _placing(
    document: DocumentId,
    lamport: int,
    event: bytes | None,
    by: bytes,
    agent: str,
    time_ms: int,
    updated_by: bytes,
    updated_ms: int,
) -> Placing:
    if event is None:
        return Placing(lamport, b"", document, Digest(updated_by), updated_ms, None)
    author = Author(Digest(event), Digest(by), agent, time_ms, lamport)
    return Placing(lamport, event, document, author.admission, time_ms, author)


def count_conflicts(db: Sql) -> int:
    """How many conflicts are open, inside documents and of paths."""
    (inside,) = db.execute("SELECT count(*) FROM conflict").fetchone()
    (paths,) = db.execute(f"SELECT count(*) FROM ({_PATHS})").fetchone()  # noqa: S608 - it stands above
    assert isinstance(inside, int) and isinstance(paths, int)  # noqa: PT018
    return inside + paths
