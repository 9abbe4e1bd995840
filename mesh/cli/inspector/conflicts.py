"""The rows of the list of open conflicts: from what the agent told, filtered, in order. Every text in them is safe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from mesh.cli.inspector.columns import Column
from mesh.cli.screen import moment, number, one_line
from mesh.cli.view_conflicts import Told, parts, plain

CELL_CHARACTERS = 200
PREVIEWED = 4  # values of a row that are shown in it
WIDE = 110  # from so many columns on the values themselves are in the list

KINDS = {"register": "value", "renamed": "rename", "text": "text", "deleted": "deleted", "path": "path"}


class Row(NamedTuple):
    """One open conflict, as the list shows it."""

    id: str
    document: str
    title: str
    field: str
    kind: str
    many: int
    devices: str
    since: int
    values: str
    sought: str


ORDERS: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "newest first": lambda row: (-row.since, row.id),
    "oldest first": lambda row: (row.since, row.id),
    "by title": lambda row: (row.title.lower(), row.field, row.id),
    "most values first": lambda row: (-row.many, -row.since, row.id),
}
"""What the list can be sorted by; the first one unless asked otherwise."""


def row_of(told: Told) -> Row:
    """A row from what `conflicts` told of one."""
    title = one_line(told.get("title"), CELL_CHARACTERS) or "(no title)"
    field = one_line(told.get("field"), CELL_CHARACTERS)
    kind = KINDS.get(str(told.get("kind")), one_line(told.get("kind"), CELL_CHARACTERS))
    names = told.get("devices")
    devices = ", ".join(one_line(name, CELL_CHARACTERS) for name in names) if isinstance(names, list) else ""
    shown = [one_line(plain(value.get("value")), CELL_CHARACTERS) for value in parts(told.get("values"))[:PREVIEWED]]
    values = " | ".join(value or "(empty)" for value in shown)
    count, since = told.get("count"), told.get("since")
    return Row(
        id=str(told.get("id")),
        document=str(told.get("document")),
        title=title,
        field=field,
        kind=kind,
        many=count if isinstance(count, int) else 0,
        devices=devices,
        since=since if isinstance(since, int) else 0,
        values=values,
        sought=f"{title} {field} {kind} {devices} {values} {told.get('document')} {told.get('id')}".lower(),
    )


def chosen(rows: Iterable[Row], words: str, order: str) -> list[Row]:
    """The rows in which each of the words occurs, in order."""
    wanted = words.lower().split()
    fit = [row for row in rows if all(word in row.sought for word in wanted)]
    return sorted(fit, key=ORDERS[order])


def layout(width: int) -> tuple[Column, ...]:
    """The columns of the list."""
    since = Column("SINCE", 16 if width >= WIDE else 11)
    first = (Column("DOCUMENT", share=2), Column("FIELD", 12 if width >= WIDE else 9), Column("KIND", 7))
    second = (Column("N", 5, right=True), *((Column("VALUES", share=3),) if width >= WIDE else ()))
    return (*first, *second, Column("DEVICES", 22 if width >= WIDE else 16), since)


def cells(row: Row, width: int) -> tuple[str, ...]:
    """What stands in them."""
    wide = width >= WIDE
    since = moment(row.since)
    values = (row.values,) if wide else ()
    return (row.title, row.field, row.kind, number(row.many), *values, row.devices, since if wide else since[5:])
