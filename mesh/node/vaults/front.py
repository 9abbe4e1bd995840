"""YAML front matter: the title and the tags in it, and writing them anew while every other byte stays.

Most front matter is read line by line; what is unusual goes through a YAML parser. All of it counts as text: a title
`2024` is these four letters. What is no YAML says nothing, and stays as it is. This module touches no file.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from mesh.limits import TAG_BYTES_MAX, TAGS_MAX, TITLE_BYTES_MAX

_TITLE, _TAGS = "title", "tags"
_NAME = r"""[^\s:'"{}\[\]#&*!|>%@`-][^:\n]*?|"[^"\n]*"|'[^'\n]*'"""
_KEY = re.compile(rf"(?P<name>{_NAME})[ \t]*:(?=[ \t\r\n])[ \t]*(?P<value>.*?)[ \t]*\r?\n")
_PLAIN = re.compile(r"""[^\s\-?:,\[\]{}#&*!|>'"%@`~][^:#'"\\,\[\]{}&*!|>%@`]*""")
_ITEM = re.compile(r"[ \t]*-[ \t]+(?P<value>.*?)[ \t]*\r?\n")
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, slots=True)
class Marks:
    """What front matter says of a note: its title, where it has one, and its tags, in their order."""

    title: str | None = None
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class _Entry:
    """One key with all its lines, and which of the lines are its own."""

    name: str
    first: int
    end: int
    value: str


def marks(front: str) -> Marks:
    """What front matter says, as far as a note can have it."""
    if not front:
        return Marks()
    lines = front.splitlines(keepends=True)
    entries = {entry.name: entry for entry in _entries(lines)}
    title: object = _quickly(lines, entries.get(_TITLE))
    tags: object = _quickly(lines, entries.get(_TAGS))
    if title is None or tags is None or isinstance(title, list):
        said = _thoroughly(lines)
        title, tags = said.get(_TITLE, ""), said.get(_TAGS, "")
    return Marks(_title(title), _tags(tags))


def rewritten(front: str, said: Marks) -> str:
    """Front matter that says this; as it was, where it says so already or is none that can be written."""
    now = marks(front)
    if now.title == said.title and set(now.tags) == set(said.tags):
        return front
    lines = front.splitlines(keepends=True) or ["---\n", "---\n"]
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    if now.title != said.title:
        _put(lines, _TITLE, [] if said.title is None else [f"title: {_written(said.title)}{end}"], first=True)
    if set(now.tags) != set(said.tags):
        _put(lines, _TAGS, _tag_lines(lines, _kept(lines, now, said), end))
    made = "".join(lines)
    found = marks(made)
    fits = found.title == said.title and set(found.tags) == set(said.tags)
    return ("" if not front and len(lines) == 2 else made) if fits else front


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def _entries(lines: Sequence[str]) -> list[_Entry]:
    """The keys between the fences. Comments and empty lines before the next key are nobody's."""
    found: list[_Entry] = []
    for number, line in enumerate(lines[1:-1], start=1):
        key = _KEY.fullmatch(line)
        if key is not None:
            found.append(_Entry(key["name"].strip("\"'"), number, number + 1, key["value"]))
        elif found and line.strip() and not line.startswith("#"):
            found[-1].end = number + 1
    return found


def _quickly(lines: Sequence[str], entry: _Entry | None) -> str | list[str] | None:
    """The value of a simple entry; empty without one, None where only a parser can tell."""
    if entry is None:
        return ""
    value, below = entry.value, lines[entry.first + 1 : entry.end]
    if not below:
        if value.startswith("[") and value.endswith("]"):
            items = [item.strip() for item in value[1:-1].split(",")] if value[1:-1].strip() else []
            return items if all(_PLAIN.fullmatch(item) for item in items) else None
        return value if value in _NULLS or _PLAIN.fullmatch(value) else _quoted(value)
    if value:
        return None
    found = [_ITEM.fullmatch(line) for line in below]
    items = [item["value"] for item in found if item is not None and _PLAIN.fullmatch(item["value"])]
    return items if len(items) == len(below) else None


def _quoted(value: str) -> str | None:
    inner = value[1:-1]
    simple = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return inner if simple and "\\" not in inner and value[0] not in inner else None


def _thoroughly(lines: Sequence[str]) -> dict[str, object]:
    try:
        found = YAML(typ="base").load("".join(lines[1:-1]))
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError, RecursionError):  # foreign text, any fault
        return {}
    return dict(found) if isinstance(found, dict) else {}


def _title(said: object) -> str | None:
    if not isinstance(said, str) or said in _NULLS:
        return None
    title = said.strip()
    fits = title and len(title.encode()) <= TITLE_BYTES_MAX and not _has_controls(title)
    return title if fits else None


def _tags(said: object) -> tuple[str, ...]:
    """Tags in one spelling; those that a note cannot have are left out."""
    if isinstance(said, str):
        said = [] if said in _NULLS else said.replace(",", " ").split()
    items = said if isinstance(said, list) else []
    found = dict.fromkeys(_tag(item) for item in items if isinstance(item, str))
    return tuple(tag for tag in found if tag)[:TAGS_MAX]


def _tag(said: str) -> str:
    tag = unicodedata.normalize("NFC", said).strip()
    return tag if len(tag.encode()) <= TAG_BYTES_MAX and not _has_controls(tag) else ""


def _has_controls(text: str) -> bool:
    return not text.isprintable() and any(unicodedata.category(character) in {"Cc", "Cs"} for character in text)


# ── writing ──────────────────────────────────────────────────────────────────────────────────────


def _put(lines: list[str], name: str, written: list[str], *, first: bool = False) -> None:
    """Put these lines in the place of an entry, or where a new one belongs."""
    entry = next((entry for entry in _entries(lines) if entry.name == name), None)
    if entry is not None:
        lines[entry.first : entry.end] = written
    else:
        place = 1 if first else len(lines) - 1
        lines[place:place] = written


def _kept(lines: Sequence[str], now: Marks, said: Marks) -> list[str]:
    """The tags as they are to be written: those that stay as they stood, what no note can have, then the new ones."""
    found = _thoroughly(lines).get(_TAGS)
    items = found if isinstance(found, list) else list(now.tags)
    gone = set(now.tags) - set(said.tags)
    stays = [item for item in items if isinstance(item, str) and _tag(item) not in gone]
    return stays + [tag for tag in said.tags if tag not in now.tags]


def _tag_lines(lines: Sequence[str], tags: Sequence[str], end: str) -> list[str]:
    """An entry of these tags, in the manner of the one that is there."""
    entry = next((entry for entry in _entries(lines) if entry.name == _TAGS), None)
    if not tags:
        return []
    if entry is not None and entry.value.startswith("["):
        return [f"tags: [{', '.join(map(_written, tags))}]{end}"]
    below = lines[entry.first + 1 : entry.end] if entry else ()
    item = next((found for line in below if (found := _ITEM.fullmatch(line))), None)
    indent = item[0][: item[0].index("-")] if item else "  "
    return [f"tags:{end}", *(f"{indent}- {_written(tag)}{end}" for tag in tags)]


def _written(text: str) -> str:
    """A text as YAML that stands on one line."""
    if _PLAIN.fullmatch(text) and text == text.strip() and text not in _NULLS:
        return text
    out = io.StringIO()
    yaml = YAML()
    yaml.width, yaml.allow_unicode = 2 * TITLE_BYTES_MAX, True
    yaml.dump([DoubleQuotedScalarString(text)], out)
    return out.getvalue().removeprefix("- ").rstrip("\n")
