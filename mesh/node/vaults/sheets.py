"""What a note is as a file, and what an edited file means for its note.

A note keeps its file's front matter and encoding as they are. Where title or tags were changed in the mesh, the file
says so in its front matter. This module decides nothing about versions, and touches no file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mesh.events.kinds import Born, Value
from mesh.node.vaults import front, paths
from mesh.node.vaults.front import Marks
from mesh.node.vaults.reading import Sheet
from mesh.state import notes
from mesh.state.catalogue import BODY, TAG
from mesh.state.edits import Delete, Edit, Put
from mesh.state.past import Past
from mesh.state.rewording import splices

FRONT, ENCODING = "front", "encoding"
_TITLE, _PATH = "title", "path"


def birth(sheet: Sheet, path: str, salt: bytes = b"") -> Born:
    """The birth of the note that a new file is, without salt equal on all devices. Raises Misuse or TooLarge."""
    said = front.marks(sheet.front)
    born = notes.birth(said.title or paths.stem(path), sheet.text, said.tags, path, salt)
    kept: dict[str, Value] = {FRONT: sheet.front, ENCODING: sheet.encoding}
    return replace(born, registers={**born.registers, **{key: value for key, value in kept.items() if value}})


def sheet_of(note: Past, path: str) -> Sheet:
    """The file that a note is, where it is called so."""
    title, tags = _word(note, _TITLE), _tags(note)
    before = _word(note, FRONT)
    said = front.marks(before)
    wanted = said.title if (said.title or paths.stem(path)) == title else title
    return Sheet(_word(note, ENCODING), front.rewritten(before, Marks(wanted, tags)), note.text)


def edits(note: Past, path: str, sheet: Sheet, now: str, *, is_text: bool) -> tuple[Edit, ...]:
    """What somebody did who had a note as this file, and left it as that one; `is_text`: its letters merge.

    `path` is what the file was called, `now` what it is called. None where nothing was changed.
    """
    before = sheet_of(note, path)
    had, has = front.marks(before.front), front.marks(sheet.front)
    out: list[Edit] = []
    if now != path:
        out += _put(note, _PATH, now)
    if (has.title or paths.stem(now)) != (had.title or paths.stem(path)):
        out += _put(note, _TITLE, has.title or paths.stem(now))
    if sheet.front != before.front:
        out += _put(note, FRONT, sheet.front)
    if sheet.encoding != before.encoding:
        out += _put(note, ENCODING, sheet.encoding)
    out += [Put(TAG + tag, value=True) for tag in has.tags if tag not in had.tags and TAG + tag not in note.registers]
    out += [Delete(TAG + tag) for tag in had.tags if tag not in has.tags and TAG + tag in note.registers]
    if sheet.text != note.text:
        out += splices(note.text, sheet.text) if is_text else [Put(BODY, sheet.text)]
    return tuple(out)


def _put(note: Past, key: str, value: str) -> Iterable[Edit]:
    if value:
        return [] if note.registers.get(key) == value else [Put(key, value)]
    return [Delete(key)] if key in note.registers else []


def _tags(note: Past) -> tuple[str, ...]:
    return tuple(sorted(key.removeprefix(TAG) for key in note.registers if key.startswith(TAG)))


def _word(note: Past, key: str) -> str:
    value = note.registers.get(key)
    return value if isinstance(value, str) else ""
