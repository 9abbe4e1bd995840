"""How the store in memory sorts, finds and serves rows. It keeps nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from mesh.clocks.chain import Head
from mesh.events.event import CLEAR, Event, Lane, Placed, Run
from mesh.events.verdict import Standing
from mesh.limits import (
    EVENT_OVERHEAD_BYTES,
    KIB,
    PAGE_BYTES_MAX,
    PUSH_BYTES_MAX,
    SEARCH_CHARACTERS_MAX,
    SEARCH_WORDS_MAX,
    SIGNED_RUN_BYTES_MAX,
    SIGNED_RUN_EVENTS_MAX,
)
from mesh.names import Digest, DocumentId
from mesh.node.storage.store_port import NoteRow, Row, Shown
from mesh.state.digest import Trie, bucket, bucket_digest, key, leaf, part
from mesh.state.records import PROJECT, TITLE
from mesh.state.view_digest import content_of, view_leaf


def is_data(row: Row) -> bool:
    """Whether a row is of a data chain."""
    return row.placed.lane is Lane.DATA


def is_of(row: Row, admission: Digest | None, document: DocumentId | None) -> bool:
    """Whether a row is of a device and of a document, where these are given."""
    return (admission is None or row.placed.admission == admission) and (document is None or row.document == document)


def is_meant(document: DocumentId, prefix: str) -> bool:
    """Whether a person means this document: `space/type/name`, `type/name` or `name`, the name from its beginning."""
    *words, letters = prefix.strip().lower().split("/")
    *place, name = str(document).split("/")
    return len(words) <= len(place) and place[len(place) - len(words) :] == words and name.startswith(letters)


def stamp(row: Row) -> tuple[int, Digest, Digest]:
    """The order in which the newest rows are listed."""
    return row.placed.header.lamport, row.placed.chain, row.placed.digest


def list_order(row: Shown) -> tuple[int, bytes, str, str]:
    """The order in which notes and records are listed, the latest first."""
    document = named(row)
    lamport = row.lamport if isinstance(row, NoteRow) else row.updated.lamport
    return -lamport, document.name, document.space, document.type


def named(row: Shown) -> DocumentId:
    """The document that a row is of."""
    return row.note.document if isinstance(row, NoteRow) else row.record.document


def served(placed: Placed, *, bodies: bool) -> Event:
    """An event as it is served; what is clear never goes without its body."""
    clear = placed.lane is Lane.CONTROL or placed.header.epoch == CLEAR
    return placed.event if bodies or clear else Event(placed.event.header, None)


def is_deleted(row: Shown) -> bool:
    """Whether it was put away."""
    return row.note.deleted if isinstance(row, NoteRow) else row.record.deleted


def words_of(text: str) -> list[str]:
    """The words of a text as they are searched for."""
    plain = (c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return re.findall(r"[^\W_]+", "".join(plain))


def wanted_words(search: str) -> list[str]:
    """The words that are searched for."""
    return words_of(search[:SEARCH_CHARACTERS_MAX])[:SEARCH_WORDS_MAX]


def matches(row: Shown, wanted: Sequence[str]) -> bool:
    """Whether each of these begins a word of a note or record."""
    return _begin(wanted, words_of(" ".join((_title(row), *_texts(row)))))


def worth(row: Shown, wanted: Sequence[str]) -> int:
    """How good a match is, 0 the best: by words in the title, whole ones first; then anywhere."""
    title, held = words_of(_title(row)), words_of(" ".join((_title(row), *_texts(row))))
    tries = (set(wanted) <= set(title), _begin(wanted, title), set(wanted) <= set(held))
    return tries.index(True) if any(tries) else len(tries)


def _begin(wanted: Sequence[str], held: Sequence[str]) -> bool:
    return bool(wanted) and all(any(word.startswith(beginning) for word in held) for beginning in wanted)


def _title(row: Shown) -> str:
    return row.note.title if isinstance(row, NoteRow) else row.record.word(TITLE)


def _texts(row: Shown) -> tuple[str, ...]:
    if isinstance(row, NoteRow):
        return (row.note.body, *row.note.tags)
    return (row.record.text, *row.record.words())


def project_of(row: Shown) -> str:
    """The project of a record; notes have none."""
    return "" if isinstance(row, NoteRow) else row.record.word(PROJECT)


def honoured(rows: Iterable[Row]) -> dict[DocumentId, dict[Digest, list[tuple[int, Digest]]]]:
    """What counts of each document: by chain, sequence numbers and digests."""
    found: dict[DocumentId, dict[Digest, list[tuple[int, Digest]]]] = {}
    for row in rows:
        if row.document and is_data(row) and row.standing is Standing.HONOURED:
            chains = found.setdefault(row.document, {})
            chains.setdefault(row.placed.chain, []).append((row.placed.seq, row.placed.digest))
    return found


def state_leaves(rows: Iterable[Row]) -> list[tuple[DocumentId, Digest]]:
    """Every document's leaf in the state tree."""
    found = honoured(rows).items()
    return [(name, leaf(key(name), (part(chain, e) for chain, e in chains.items()))) for name, chains in found]


def view_leaves(
    rows: Iterable[Shown], conflicts: Callable[[DocumentId], Iterable[bytes]]
) -> list[tuple[DocumentId, Digest]]:
    """Every document's leaf in the tree over views."""
    shown = ((named(row), content_of(row.note if isinstance(row, NoteRow) else row.record)) for row in rows)
    return [(name, view_leaf(key(name), content, conflicts(name))) for name, content in shown]


def trie_of(leaves: Iterable[tuple[DocumentId, Digest]]) -> Trie:
    """The tree over these leaves."""
    buckets: dict[int, list[tuple[Digest, Digest]]] = {}
    for document, found in leaves:
        buckets.setdefault(bucket(key(document)), []).append((key(document), found))
    return Trie((index, bucket_digest(pairs)) for index, pairs in buckets.items())


def paged(chain: Digest, after: Head, path: Sequence[Placed], bytes_max: int, *, bodies: bool) -> Run | None:
    """The longest run of these events, which stand on `after`, that fits and ends on a signed one."""
    taken: list[Placed] = []
    signed = size = 0
    for placed in path:
        size += len(placed.event.header) + placed.header.body_bytes + EVENT_OVERHEAD_BYTES
        under_one = size - (len(taken) + 1) * EVENT_OVERHEAD_BYTES
        long = under_one > SIGNED_RUN_BYTES_MAX or len(taken) >= SIGNED_RUN_EVENTS_MAX
        if signed and (long or size > min(bytes_max, PAGE_BYTES_MAX)):
            break
        taken.append(placed)
        signed = len(taken) if placed.signature else signed
    if not signed:
        return None
    whole = sum(len(p.event.header) + p.header.body_bytes + EVENT_OVERHEAD_BYTES for p in taken[:signed])
    bodies = bodies and whole <= PUSH_BYTES_MAX - KIB  # as it came: more than a message came without
    events = tuple(served(placed, bodies=bodies) for placed in taken[:signed])
    return Run(chain, after, events, taken[signed - 1].signature or b"")
