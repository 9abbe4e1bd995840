"""Plain text for terminals: safe foreign text, columns, colours, times; standard library only.

It knows nothing of meshes and prints nothing. Every foreign text passes `safe` or `one_line` before it is shown.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence

WIDTH_MIN = 40
WIDTH_DEFAULT = 80
CELL_MIN = 8
SHOWN_CHARACTERS_MAX = 1000
_STYLES = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36",
    "added": "4;94", "gone": "38;5;208",  # underlined blue, and orange: told apart by everybody
}  # fmt: skip


class Screen:
    """Where text goes to: how wide it is (None: as wide as the text) and whether it has colours."""

    __slots__ = ("colours", "width")

    def __init__(self, width: int | None = None, *, colours: bool = False) -> None:
        self.width = width
        self.colours = colours

    def ink(self, text: str, style: str) -> str:
        """The text in one of the styles, where there are colours."""
        if not (self.colours and style and text):
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, flexible: int = 0) -> list[str]:
        """Lines of a table; the flexible column gives way when it is wider than the screen.

        A head that starts with `>` is set to the right. The cells must be safe already, and of one line.
        """
        right = [head.startswith(">") for head in heads]
        cells = [[head.lstrip(">") for head in heads], *(list(row) for row in rows)]
        widths = [max(columns(row[index]) for row in cells) for index in range(len(heads))]
        if self.width is not None:
            over = sum(widths) + 2 * (len(widths) - 1) - self.width
            widths[flexible] = max(widths[flexible] - max(over, 0), min(CELL_MIN, widths[flexible]))
        lines = []
        for number, row in enumerate(cells):
            parts = []
            for text, width, to_right in zip(row, widths, right, strict=True):
                cut = fitted(text, width)
                gap = " " * (width - columns(cut))
                parts.append(gap + cut if to_right else cut + gap)
            line = "  ".join(parts).rstrip()
            lines.append(self.ink(line, "dim") if number == 0 else line)
        return lines

    def fields(self, pairs: Iterable[tuple[str, str]]) -> list[str]:
        """Lines of `name  value`, the values below each other; empty values are left out."""
        shown = [(name, value) for name, value in pairs if value]
        width = max((len(name) for name, _ in shown), default=0)
        return [f"{self.ink(name.ljust(width), 'dim')}  {value}" for name, value in shown]

    def wrapped(self, text: str, first: str = "", later: str = "") -> list[str]:
        """A sentence broken at spaces, with what each line begins with; whole where the width is not known."""
        if self.width is None:
            return [first + text]
        lines, line, empty = [], first, True
        for word in text.split(" "):
            if not empty and columns(line) + 1 + columns(word) > self.width:
                lines.append(line)
                line, empty = later, True
            line += word if empty else " " + word
            empty = False
        return [*lines, line]


def of_stream(descriptor: int, *, terminal: bool) -> Screen:
    """The screen behind a file descriptor, as the environment describes it (NO_COLOR, TERM, COLUMNS)."""
    if not terminal:
        return Screen(None)
    named = os.environ.get("COLUMNS", "")
    width = int(named) if named.isdecimal() and len(named) < CELL_MIN else 0
    if not width:
        try:
            width = os.get_terminal_size(descriptor).columns
        except OSError:
            width = 0
    dumb = os.environ.get("TERM", "") in {"", "dumb"}
    return Screen(max(width or WIDTH_DEFAULT, WIDTH_MIN), colours=not dumb and not os.environ.get("NO_COLOR"))


def safe(text: str, characters_max: int = SHOWN_CHARACTERS_MAX) -> str:
    """A foreign text made safe to print by `mesh.names.shown`, which is only imported for what needs it."""
    if len(text) <= characters_max and text.isprintable():
        return text
    from mesh.names import shown

    return shown(text, characters_max)


def one_line(value: object, characters_max: int = SHOWN_CHARACTERS_MAX) -> str:
    """A foreign value as one safe line; nothing for None."""
    if value is None:
        return ""
    text = safe(value if isinstance(value, str) else str(value), characters_max)
    return " ".join(text.splitlines()) if "\n" in text or not text.isprintable() else text


def lines_of(text: str) -> list[str]:
    """A long foreign text as safe lines, complete; tabs stay, since they can do no harm."""
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    return ["\t".join(safe(part, len(part) + 1) for part in line.split("\t")) for line in text.split("\n")]


def columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from unicodedata import category, combining, east_asian_width

    def taken(character: str) -> int:
        if combining(character) or category(character) in {"Mn", "Me", "Cf"}:
            return 0
        return 2 if east_asian_width(character) in {"W", "F"} else 1

    return sum(map(taken, text))


def fitted(text: str, width: int) -> str:
    """The text, cut with an ellipsis where it takes more columns than there are."""
    if columns(text) <= width:
        return text
    while text and columns(text) > width - 1:
        text = text[:-1]
    return text + "…"


def number(value: object) -> str:
    """A count with its thousands apart; `-` for what is not known."""
    return f"{value:,}" if isinstance(value, int) else "-"


def counted(value: object, noun: str) -> str:
    """A count with its noun, as `1 event` and `2 events`."""
    return f"{number(value)} {noun}" if value == 1 else f"{number(value)} {noun}s"


def moment(time_ms: object) -> str:
    """A time of day as people write it, in the zone of this machine; the clock may have been wrong."""
    if not isinstance(time_ms, int | float):
        return ""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(time_ms / 1000))
    except (OverflowError, ValueError, OSError):
        return "?"


def duration(seconds: object) -> str:
    """A length of time in its largest unit, as `3 min`."""
    if not isinstance(seconds, int | float):
        return "-"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(int(seconds), 0)} s"
