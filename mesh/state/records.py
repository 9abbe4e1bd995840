"""Records: documents that are no notes, as lists show them: their registers, their text, and what is in conflict.

A hand-off, a task, a receipt and their like are all kept in this one form; the module of each type reads it with the
type's own words. This module reads and suggests; it changes no document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mesh.errors import Misuse, TooLarge
from mesh.events.bodies import encode_body
from mesh.events.kinds import Born, Value
from mesh.limits import BODY_PLAIN_BYTES_MAX, JSON_DEPTH_MAX, LIST_REGISTER_BYTES_MAX, SALT_BYTES, SEQ_MAX
from mesh.names import DocumentId
from mesh.state.catalogue import BODY, SHAPES, TAG
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put
from mesh.state.notes import KIND as NOTE
from mesh.state.rewording import splices
from mesh.state.shapes import check_birth, check_register

TYPES = tuple(sorted(SHAPES.keys() - {NOTE}))
"""The types of records."""

TITLE, PROJECT, STATE, DELETED = "title", "project", "state", "deleted"

_UNSEARCHED = ("ack/", "chunks", "claim/", "end/", "got/")
"""Registers, by how they begin, that say nothing that anybody looks for."""

_DIGITS_MAX = 400  # of a whole number: of many more Python would not take it, and a browser does

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Record:
    """A record as people see it: of each register the value that is shown. `conflicts` names what is in conflict."""

    document: DocumentId
    registers: Mapping[str, Value]
    text: str
    conflicts: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """Its type."""
        return self.document.type

    @property
    def deleted(self) -> bool:
        """Whether it was put away."""
        return self.registers.get(DELETED) is True

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return tuple(self.under(TAG))

    def word(self, key: str) -> str:
        """A register that holds text; empty where it is missing or holds something else."""
        value = self.registers.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str, default: int = 0) -> int:
        """A register that holds a whole number."""
        value = self.registers.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def said(self, key: str) -> object:
        """A register that holds JSON; None where it is missing or cannot be read."""
        return read(self.word(key))

    def listed(self, key: str) -> tuple[str, ...]:
        """A register that holds a list of texts; what is no text is left out."""
        found = self.said(key)
        return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()

    def maps(self, key: str) -> tuple[Mapping[str, object], ...]:
        """A register that holds a list of maps; what is no map is left out."""
        found = self.said(key)
        return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()

    def under(self, prefix: str) -> dict[str, Value]:
        """The registers under a prefix, without it, by name."""
        keys = [key for key in self.registers if key.startswith(prefix)]  # of most records none, and lists ask often
        return {key.removeprefix(prefix): self.registers[key] for key in sorted(keys)} if keys else {}

    def saids(self, prefix: str) -> dict[str, Mapping[str, object]]:
        """The registers under a prefix that hold a JSON map."""
        found = {name: read(value) for name, value in self.under(prefix).items() if isinstance(value, str)}
        return {name: value for name, value in found.items() if isinstance(value, dict)}

    def words(self) -> tuple[str, ...]:
        """What it is found by, beside its title and its text: the texts in its registers, and its tags."""
        found = list(self.tags)
        for key in sorted(self.registers):
            value = self.registers[key]
            if isinstance(value, str) and key != TITLE and not key.startswith(_UNSEARCHED):
                found += _texts(read(value) if value[:1] in {"[", "{"} else value, value)
        return tuple(found)


def _texts(value: object, whole: str = "") -> Iterator[str]:
    """The texts in something that was JSON; `whole` when it was none after all."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is None and whole:
        yield whole


def birth(kind: str, registers: Mapping[str, Value], text: str = "", salt: bytes = b"") -> Born:
    """The birth of a record; registers without a value (None, an empty text) are left out.

    The salt is random, and empty where equal births on two devices are one thing. Raises Misuse or TooLarge.
    """
    assert len(salt) in {0, SALT_BYTES}, len(salt)
    born = Born({key: value for key, value in sorted(registers.items()) if value not in {None, ""}}, text, salt)
    check_birth(kind, born)
    if len(encode_body(born)) > BODY_PLAIN_BYTES_MAX:
        raise TooLarge(f"a {kind} has at most {BODY_PLAIN_BYTES_MAX:,} bytes", hint="Say it in fewer words.")
    return born


def view(document: DocumentId, born: Born) -> Record:
    """A record as it was born, without Automerge."""
    return Record(document, born.registers, born.text)


def view_of(document: Document, conflicts: tuple[str, ...] = ()) -> Record:
    """A record as it is, with what is in conflict in it (conflicts.py)."""
    registers = {key: value for key, value in document.registers().items() if key != BODY}
    return Record(document.id, registers, document.text(), conflicts)


def edits(document: Document, registers: Mapping[str, Value], text: str | None = None) -> tuple[Edit, ...]:
    """What must be done to a record so that these registers are as given; None removes one. Empty: nothing to do.

    Raises Malformed or TooLarge when the type has no such register.
    """
    out: list[Edit] = []
    for key, value in sorted(registers.items()):
        live = [found.value for found in document.live(key)]
        if value is None and live:
            out.append(Delete(key))
        elif value is not None and live != [value]:
            check_register(document.id.type, key, value)
            out.append(Put(key, value))
    if text is not None and text != document.text():
        out += splices(document.text(), text) if document.body is not None else [Put(BODY, text)]
    return tuple(out)


def said(value: object) -> str:
    """JSON for a register: in one form, so that what is equal is one value. Raises TooLarge."""
    text = _JSON.encode(value)
    if len(text.encode()) > LIST_REGISTER_BYTES_MAX:
        raise TooLarge(f"a list has at most {LIST_REGISTER_BYTES_MAX:,} bytes", hint="Say it in fewer words.")
    return text


def listing(texts: Iterable[str]) -> str:
    """A list of texts for a register; empty where there is none, so that the register is left out."""
    found: Sequence[str] = [text for text in texts if text.strip()]
    return said(found) if found else ""


def read(text: str) -> object:
    """JSON out of a register, which anybody may have written; None when it is none, or too deep.

    Numbers are those of a browser: 5.0 is 5.
    """
    try:
        found = json.loads(text, parse_int=_int, parse_float=_float, parse_constant=_no_constant) if text else None
    except (ValueError, RecursionError):
        return None
    return found if _is_flat(found, JSON_DEPTH_MAX) else None


def whole(value: object) -> int | None:
    """Something that was JSON as a whole number which every device can hold; None where it is none."""
    return value if type(value) is int and abs(value) <= SEQ_MAX else None


def must_be_line(text: str, what: str) -> str:
    """One line of text, without blanks around it. Raises Misuse."""
    line = " ".join(text.split())
    if not line or any(character < " " for character in line):
        raise Misuse(f"a {what} is one line of text", hint="Give it a few words.")
    return line


def _is_flat(value: object, most: int) -> bool:
    """Whether lists and maps stand in each other no deeper than so often."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inside is None or (most > 0 and all(_is_flat(one, most - 1) for one in inside))


def _int(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS_MAX else float(digits)


def _float(digits: str) -> int | float:
    number = float(digits)
    return int(number) if number.is_integer() and abs(number) <= SEQ_MAX else number


def _no_constant(name: str) -> object:
    raise ValueError(name)
