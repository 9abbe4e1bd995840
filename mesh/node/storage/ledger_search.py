"""Searching in tables: what a person typed as a query, and what is found in notes and records alike, the best first.

Titles count for more than texts, and whole words for more than beginnings. Each step is a question to an index that
hands out the latest first and stops when there is enough, so a word that is everywhere costs no more than a rare one.
Nothing here reads an event.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from mesh.limits import LIST_MAX, SEARCH_CANDIDATES_MAX, SEARCH_CHARACTERS_MAX, SEARCH_WORDS_MAX
from mesh.names import DocumentId
from mesh.node.storage.sql import Sql, insert
from mesh.state.notes import KIND as NOTE

_OLD = unicodedata.ucd_3_2_0  # every SQLite with full-text search knows these letters
_HIT = "SELECT t.lamport, d.name, d.space, d.type FROM"
_NAMED = "CROSS JOIN document d ON d.id = t.document"
_LATEST = "ORDER BY w.rowid DESC LIMIT ?"
_NOTES = f"note t ON t.document = w.rowid AND t.deleted = 0 {_NAMED}"
_RECORDS = f"record t ON t.document = w.rowid AND t.deleted = 0 {_NAMED}"

_Place = tuple[int, bytes, str, str]
"""Where something found stands among others: how late it was touched, and its document."""


def retitle(db: Sql, titles: Iterable[tuple[int, str | None, str | None]]) -> None:
    """Have the index of titles know documents by what they are called now, and no more by what they were before."""
    changed = [(number, was, now) for number, was, now in titles if was != now]
    gone = [(number, was) for number, was, _ in changed if was is not None]
    come = [(number, now) for number, _, now in changed if now is not None]
    # The index holds no texts of its own: it must be told what it is to forget.
    db.executemany("INSERT INTO title_words (title_words, rowid, title) VALUES ('delete', ?, ?)", gone)
    insert(db, "INSERT INTO title_words (rowid, title)", come)


def index_anew(db: Sql) -> None:
    """Make every index of words again from what is shown: an index only marks what was deleted from it."""
    for words in ("note_words", "record_words"):
        db.execute(f"INSERT INTO {words} ({words}) VALUES ('rebuild')")  # noqa: S608 - the names stand above
    db.execute("INSERT INTO title_words (title_words) VALUES ('delete-all')")
    for table in ("note", "record"):
        db.execute(f"INSERT INTO title_words (rowid, title) SELECT document, title FROM {table}")  # noqa: S608


def search_words(text: str, *, whole: bool = False) -> str:
    """What a person typed as a query in which nothing is syntax: each word in quotes, as a beginning or whole."""
    words = [word for typed in text[:SEARCH_CHARACTERS_MAX].split() for word in _words(typed)]
    return " ".join(f'"{word}"' if whole else f'"{word}"*' for word in words[:SEARCH_WORDS_MAX]) or '""'


def _words(typed: str) -> Iterator[str]:
    """The words in what was typed between two spaces, split as the index splits them.

    Two words in one quote would be a phrase, which the index cannot answer. So a letter or mark about which the index
    may think otherwise than we do ends what is searched for.
    """
    word = ""
    for character in typed:
        old, now = _OLD.category(character), unicodedata.category(character)
        if old[0] in "LN" or old == "Co":
            word += character
            continue
        if word:
            yield word
            word = ""
        if now[0] not in "PSZ" and now not in {"Cc", "Cf"}:
            return
    if word:
        yield word


@dataclass(frozen=True, slots=True)
class Sought:
    """What is looked for: words, in documents of some types (of all when there are none) and of one project."""

    search: str
    types: Collection[str]
    project: str

    @property
    def in_notes(self) -> bool:
        """Whether it may be in a note."""
        return not self.project and (not self.types or NOTE in self.types)

    @property
    def narrowed(self) -> tuple[str, list[object]]:
        """What is asked of a record beside its words, and the values for that."""
        kinds = [kind for kind in self.types if kind != NOTE]
        asked = [f"AND t.type IN ({', '.join('?' * len(kinds))})"] if self.types else []
        asked += ["AND t.project = ?"] if self.project else []
        return " ".join(asked), [*kinds, *([self.project] if self.project else [])]


def read_hits(db: Sql, sought: Sought, limit: int) -> tuple[DocumentId, ...]:
    """Notes and records in which every word begins a word: in the title or anywhere, whole or not, each latest first.

    Of more than SEARCH_CANDIDATES_MAX that are equally good those that came last are looked at.
    """
    wanted = min(limit, LIST_MAX)
    found: dict[DocumentId, None] = {}
    for in_title in (True, False):
        for whole in (True, False):
            if len(found) < wanted:
                places = sorted(_matching(db, sought, whole=whole, in_title=in_title))
                found |= {DocumentId(space, kind, name): None for _, name, space, kind in places}
    return tuple(found)[:wanted]


def _matching(db: Sql, sought: Sought, *, whole: bool, in_title: bool) -> list[_Place]:
    words = search_words(sought.search, whole=whole)
    more, values = sought.narrowed
    asked: list[tuple[str, str, list[object]]] = []
    if sought.in_notes:
        asked.append(("title_words" if in_title else "note_words", _NOTES, []))
    if set(sought.types) != {NOTE}:
        asked.append(("title_words" if in_title else "record_words", f"{_RECORDS} {more}", values))
    found: list[_Place] = []
    for index, joined, given in asked:
        sql = f"{_HIT} {index} w CROSS JOIN {joined} WHERE w.{index} MATCH ? {_LATEST}"
        rows = db.execute(sql, (*given, words, SEARCH_CANDIDATES_MAX))
        found += [(-lamport, name, space, kind) for lamport, name, space, kind in rows]
    return found
