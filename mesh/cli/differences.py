"""What words of one text another one adds and leaves out, with signs that need no colour.

It compares and breaks lines; it prints nothing, and makes nothing safe: its callers give it texts that are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from mesh.cli.screen import Screen, columns

Piece = tuple[str, str]
"""A part of a text, and what it is beside the other one: SAME, ADDED or GONE."""

SAME, ADDED, GONE = "", "added", "gone"
WORDS_COMPARED_MAX = 4000  # of longer texts nobody reads the differences on a terminal
_SIGNS = {SAME: ("", ""), ADDED: ("{+", "+}"), GONE: ("[-", "-]")}
_WORD = re.compile(r"\w")
_TOKEN = re.compile(r"\w+|\s|[^\w\s]")
_PARTS = re.compile(r"\n|[^\S\n]+|\S+")


def marked(old: str, new: str) -> list[Piece]:
    """The new text in pieces, with what it adds to the old one and what it leaves out, word by word.

    A text that has no word in common with the old one is one piece: signs around all of it would say nothing.
    """
    pieces = [piece for piece in _compared(_TOKEN.findall(old), _TOKEN.findall(new)) if piece[0]]
    kept = any(_WORD.search(text) for text, what in pieces if what == SAME)
    return pieces if kept else [(new, SAME)] if new else []


def _compared(old: list[str], new: list[str]) -> Iterator[Piece]:
    from difflib import SequenceMatcher

    if max(len(old), len(new)) > WORDS_COMPARED_MAX:
        yield "".join(new), SAME
        return
    for tag, i, j, k, m in SequenceMatcher(None, old, new).get_opcodes():
        if tag == "equal":
            yield "".join(old[i:j]), SAME
        else:
            yield "".join(old[i:j]), GONE
            yield "".join(new[k:m]), ADDED


def signed(pieces: Iterable[Piece]) -> list[Piece]:
    """The pieces with their signs: what is added stands in {+ +}, what is left out in [- -]."""
    return [(f"{_SIGNS[what][0]}{text}{_SIGNS[what][1]}", what) for text, what in pieces]


def broken(pieces: Iterable[Piece], width: int | None) -> list[list[Piece]]:
    """Pieces as lines of at most so many columns: broken between words, and inside of those that do not fit."""
    lines: list[list[Piece]] = [[]]
    used = 0
    for text, what in pieces:
        for part in _PARTS.findall(text):
            if part == "\n":
                lines.append([])
                used = 0
                continue
            for bit in _bits(part, width):
                taken = columns(bit)
                if width is not None and used and used + taken > width:
                    lines.append([])
                    used = 0
                    if bit.isspace():
                        continue
                lines[-1].append((bit, what))
                used += taken
    return lines


def _bits(word: str, width: int | None) -> list[str]:
    """A word in parts that fit a line."""
    if width is None or columns(word) <= width:
        return [word]
    bits, bit, taken = [], "", 0
    for character in word:
        size = columns(character)
        if bit and taken + size > width:
            bits.append(bit)
            bit, taken = "", 0
        bit += character
        taken += size
    return [*bits, bit]


def inked(screen: Screen, line: Iterable[Piece]) -> str:
    """A line as it is printed: pieces of one kind share their colour."""
    out, held, kind = "", "", SAME
    for text, what in line:
        if what != kind:
            out += screen.ink(held, kind)
            held, kind = "", what
        held += text
    return out + screen.ink(held, kind)
