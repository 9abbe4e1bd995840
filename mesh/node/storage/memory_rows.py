"""How the store in memory sorts, finds and serves rows. It keeps nothing."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from mesh.events.event import CLEAR, Event, Lane, Placed
from mesh.names import Digest, DocumentId
from mesh.node.storage.store_port import NoteRow, Row


def is_data(row: Row) -> bool:
    """Whether a row is of a data chain."""
    return row.placed.lane is Lane.DATA


def is_of(row: Row, admission: Digest | None, document: DocumentId | None) -> bool:
    """Whether a row is of a device and of a document, where these are given."""
    return (admission is None or row.placed.admission == admission) and (document is None or row.document == document)


def stamp(row: Row) -> tuple[int, Digest, Digest]:
    """The order in which the newest rows are listed."""
    return row.placed.header.lamport, row.placed.chain, row.placed.digest


def list_order(row: NoteRow) -> tuple[int, bytes, str, str]:
    """The order in which notes are listed, the latest first."""
    document = row.note.document
    return -row.lamport, document.name, document.space, document.type


def spaces_of(rows: Iterable[Row]) -> dict[str, int]:
    """How many documents there are in each space."""
    documents = {row.document for row in rows}
    return dict(sorted(Counter(one.space for one in documents if one).items()))


def served(placed: Placed, *, bodies: bool) -> Event:
    """An event as it is served; what is clear never goes without its body."""
    clear = placed.lane is Lane.CONTROL or placed.header.epoch == CLEAR
    return placed.event if bodies or clear else Event(placed.event.header, None)


def words_of(text: str) -> list[str]:
    """The words of a text as they are searched for."""
    plain = (c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", "".join(plain))


def matches(row: NoteRow, wanted: Iterable[str]) -> bool:
    """Whether each of these begins a word of a note."""
    held = words_of(" ".join((row.note.title, row.note.body, *row.note.tags)))
    wanted = list(wanted)
    return bool(wanted) and all(any(word.startswith(beginning) for word in held) for beginning in wanted)
