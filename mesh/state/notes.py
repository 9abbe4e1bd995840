"""Notes: a title, a text, tags, and where an imported one came from.

A note that nobody edited is read from its birth alone. This module reads and suggests; it changes no document.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesh.errors import Misuse, TooLarge
from mesh.events.bodies import encode_body
from mesh.events.kinds import Born, Value
from mesh.limits import (
    BODY_PLAIN_BYTES_MAX,
    PATH_BYTES_MAX,
    SALT_BYTES,
    TAG_BYTES_MAX,
    TAGS_MAX,
    TITLE_BYTES_MAX,
)
from mesh.names import DocumentId
from mesh.state.catalogue import BODY, TAG
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put
from mesh.state.rewording import splices

KIND = "note"
"""The document type of notes."""

_TITLE, _PATH, _DELETED = "title", "path", "deleted"
_LETTER_BYTES = 4  # that one letter takes at most
_SURELY_FITS = BODY_PLAIN_BYTES_MAX - TITLE_BYTES_MAX - PATH_BYTES_MAX - TAGS_MAX * 2 * TAG_BYTES_MAX - 1024
"""A text of so many bytes is a note with whatever title, path and tags it may have."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note as people see it. `conflicts` names what is in conflict: registers, `body` for the text, `deleted`."""

    document: DocumentId
    title: str
    body: str
    tags: tuple[str, ...]
    path: str | None
    deleted: bool
    conflicts: tuple[str, ...] = ()


def birth(title: str, body: str, tags: Iterable[str], path: str | None, salt: bytes) -> Born:
    """The birth of a note. Raises Misuse or TooLarge.

    The salt is random; it is empty for an imported note, so that equal path and text imported on two devices become
    one document.
    """
    assert len(salt) in {0, SALT_BYTES}, len(salt)
    registers: dict[str, Value] = {_TITLE: _line(title, "title", TITLE_BYTES_MAX)}
    if path:
        registers[_PATH] = _line(path, "path", PATH_BYTES_MAX)
    names = {_tag(tag) for tag in tags}
    _count_tags(names)
    registers |= {TAG + tag: True for tag in sorted(names)}
    born = Born(registers, _text(body, "text", BODY_PLAIN_BYTES_MAX), salt)
    if _LETTER_BYTES * len(body) > _SURELY_FITS and len(encode_body(born)) > BODY_PLAIN_BYTES_MAX:
        raise _too_large("note", BODY_PLAIN_BYTES_MAX)
    return born


def view(document: DocumentId, born: Born) -> Note:
    """A note as it was born, without Automerge."""
    return as_shown(document, born.registers, born.text, ())


def view_of(document: Document, conflicts: tuple[str, ...] = ()) -> Note:
    """A note as it is, with what is in conflict in it (conflicts.py)."""
    return as_shown(document.id, document.registers(), document.text(), conflicts)


def edits(
    document: Document,
    *,
    title: str | None = None,
    body: str | None = None,
    add_tags: Iterable[str] = (),
    remove_tags: Iterable[str] = (),
    path: str | None = None,
    deleted: bool | None = None,
) -> tuple[Edit, ...]:
    """What must be done to a note so that it is as given; None leaves a part as it is, an empty path removes it.

    A register that is in conflict is written even when the shown value is the wanted one: that settles it. Empty
    when nothing would change. Raises Misuse or TooLarge.
    """
    out: list[Edit] = []
    if title is not None:
        out += _set(document, _TITLE, _line(title, "title", TITLE_BYTES_MAX))
    if path is not None:
        out += _set(document, _PATH, _line(path, "path", PATH_BYTES_MAX)) if path else _remove(document, _PATH)
    if deleted is not None and (deleted or document.live(_DELETED)):
        out += _set(document, _DELETED, deleted)
    out += _retag(document, {_tag(tag) for tag in add_tags}, {_tag(tag) for tag in remove_tags})
    if body is not None:
        out += _reword(document, _text(body, "text", BODY_PLAIN_BYTES_MAX))
    return tuple(out)


def as_shown(document: DocumentId, registers: Mapping[str, Value], body: str, conflicts: tuple[str, ...] = ()) -> Note:
    """A note of these registers and this text."""
    path = registers.get(_PATH)
    return Note(
        document,
        title=str(registers.get(_TITLE) or ""),
        body=body,
        tags=tuple(sorted(key.removeprefix(TAG) for key in registers if key.startswith(TAG))),
        path=path if isinstance(path, str) else None,
        deleted=registers.get(_DELETED) is True,
        conflicts=conflicts,
    )


def _set(document: Document, key: str, value: Value) -> list[Edit]:
    return [] if [live.value for live in document.live(key)] == [value] else [Put(key, value)]


def _remove(document: Document, key: str) -> list[Edit]:
    return [Delete(key)] if document.live(key) else []


def _retag(document: Document, add: set[str], remove: set[str]) -> list[Edit]:
    if both := add & remove:
        raise Misuse(f"the tag {min(both)!r} is both added and removed")
    held = {key.removeprefix(TAG) for key in document.registers() if key.startswith(TAG)}
    _count_tags((held | add) - remove)
    out: list[Edit] = [Put(TAG + tag, value=True) for tag in sorted(add - held)]
    return out + [Delete(TAG + tag) for tag in sorted(remove & held)]


def _reword(document: Document, body: str) -> list[Edit]:
    if document.body is None:
        return _set(document, BODY, body)
    return list(splices(document.text(), body))


def _count_tags(tags: set[str]) -> None:
    if len(tags) > TAGS_MAX:
        raise TooLarge(f"a note has at most {TAGS_MAX} tags", hint="Remove some tags first. Nothing was changed.")


def _tag(tag: str) -> str:
    """A tag in one spelling: what looks the same is the same tag."""
    name = unicodedata.normalize("NFC", _line(tag, "tag", TAG_BYTES_MAX)).strip()
    if not name:
        raise Misuse("a tag is empty")
    return _line(name, "tag", TAG_BYTES_MAX)


def _line(text: str, what: str, bytes_max: int) -> str:
    if not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text):
        raise Misuse(f"a {what} is one line without control characters", hint="Leave out line breaks and tabs.")
    return _text(text, what, bytes_max)


def _text(text: str, what: str, bytes_max: int) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Misuse(f"the {what} has half a character in it", hint="It was probably cut, or is no text.") from None
    if "\0" in text:
        raise Misuse(f"the {what} has a NUL in it", hint="It is probably no text; import it as a file.")
    if size > bytes_max:
        raise _too_large(what, bytes_max)
    return text


def _too_large(what: str, bytes_max: int) -> TooLarge:
    return TooLarge(f"a {what} has at most {bytes_max:,} bytes", hint="Split it, or import it as a file.")
