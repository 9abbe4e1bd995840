"""A Markdown file taken apart, and put together again byte for byte: its encoding, its front matter, its text.

Line ends stay in the text as they are. What is no text, or could not be written back exactly, is refused: such a file
is left alone. This module knows no YAML, and touches no file.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from mesh.errors import Refused, TooLarge
from mesh.limits import BODY_PLAIN_BYTES_MAX, LIST_REGISTER_BYTES_MAX

USUAL = ""
"""The encoding of most files: UTF-8 without a mark."""

FALLBACK = "windows-1252"
"""For what is no UTF-8; it has all printable characters of Latin-1 in their places."""

_MARKED = {
    "utf-8-bom": (b"\xef\xbb\xbf", "utf-8"),
    "utf-16-le": (b"\xff\xfe", "utf-16-le"),
    "utf-16-be": (b"\xfe\xff", "utf-16-be"),
}
"""Encodings with a mark at the start of the file: the mark, and what Python calls the rest."""

_OPENS = re.compile(r"---[ \t]*\r?\n")
_CLOSES = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_NAME = r"""[^\s:'"{}\[\]#&*!|>%@`-][^:\n]*|"[^"\n]*"|'[^'\n]*'"""
_LINE = re.compile(rf"[ \t]*(?:#.*)?\r?\n|[ \t-].*\n|(?:{_NAME})[ \t]*:(?:[ \t].*)?\r?\n")
_LINE_ENDS = frozenset("\t\n\r\f\v")


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is in a file. `front` has the fences of the front matter; `text` is all that follows."""

    encoding: str
    front: str
    text: str

    def raw(self) -> bytes:
        """The file. Characters that its encoding does not have make it UTF-8."""
        whole = self.front + self.text
        mark, codec = _MARKED.get(self.encoding, (b"", self.encoding or "utf-8"))
        try:
            return mark + whole.encode(codec)
        except (UnicodeEncodeError, LookupError):  # an encoding that another version may know
            return whole.encode("utf-8")


def parsed(raw: bytes) -> Sheet:
    """A file taken apart. Raises Refused when it is no text, TooLarge when one note does not hold it."""
    encoding, whole = _decoded(raw)
    front, text = divided(whole)
    if len(whole.encode()) > BODY_PLAIN_BYTES_MAX:
        raise TooLarge("it is longer than a note can be")
    found = Sheet(encoding, front, text)
    if found.raw() != raw:
        raise Refused("it could not be written back byte for byte")
    return found


def divided(whole: str) -> tuple[str, str]:
    """Front matter with its fences, empty where there is none, and the text behind it."""
    opening = _OPENS.match(whole)
    closing = _CLOSES.search(whole, opening.end()) if opening else None
    if opening is None or closing is None:
        return "", whole
    front = whole[: closing.end()]
    lines = whole[opening.end() : closing.start()].splitlines(keepends=True)
    if not all(_LINE.fullmatch(line) for line in lines) or len(front.encode()) > LIST_REGISTER_BYTES_MAX:
        return "", whole
    return front, whole[closing.end() :]


def _decoded(raw: bytes) -> tuple[str, str]:
    """The encoding of a file, and all of it as text. Raises Refused."""
    for name, (mark, codec) in _MARKED.items():
        if raw.startswith(mark):
            try:
                return name, _plain(raw[len(mark) :].decode(codec))
            except UnicodeDecodeError:
                raise Refused("it is no text") from None
    try:
        return USUAL, _plain(raw.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    try:
        whole = raw.decode(FALLBACK)
    except UnicodeDecodeError:
        raise Refused("it is no text") from None
    if any(_is_control(character) for character in whole):
        raise Refused("it is no text")
    return FALLBACK, whole


def _plain(whole: str) -> str:
    if "\0" in whole:
        raise Refused("it is no text")
    return whole


@cache
def _is_control(character: str) -> bool:
    return character not in _LINE_ENDS and unicodedata.category(character) == "Cc"
