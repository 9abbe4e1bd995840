"""One value as lines of a pane: safe, compared word by word with what it began with, and broken a page at a time.

A value may be a megabyte of anything. Nothing of it is interpreted, and only what is scrolled to is broken into lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from mesh.cli.differences import SAME, WORDS_COMPARED_MAX, Piece, broken, marked, signed
from mesh.cli.inspector.colours import Styles
from mesh.cli.screen import counted, lines_of

AROUND_CHARACTERS = 60  # of what is the same, that is compared with what differs: words in common keep it readable
SAME_CHARACTERS = 400  # of what is the same in both, that is shown beside what differs
PAGE_CHARACTERS = 8_000
AROUND = "dim"
"""What a piece is that stands around the value, and belongs to all sides."""


def safe(text: str) -> str:
    """A foreign text of several lines; its tabs as spaces, since columns are counted."""
    return "\n".join(lines_of(text)).replace("\t", "    ")


def compared(base: str | None, text: str, *, signs: bool = True) -> tuple[list[Piece], bool]:
    """The pieces of a value, safe, and whether it was too long to be compared."""
    if not text:
        return [("(empty)", AROUND)], False
    if base is None or not signs:
        return [(safe(text), SAME)], False
    head = max(_common(base, text) - AROUND_CHARACTERS, 0)
    tail = max(_common(base[head:][::-1], text[head:][::-1]) - AROUND_CHARACTERS, 0)
    before, after = base[head : len(base) - tail], text[head : len(text) - tail]
    found = marked(before, after)
    if before != after and max(len(before), len(after)) > WORDS_COMPARED_MAX and len(found) == 1:
        return [(safe(text), SAME)], True
    pieces = [(text[:head], SAME), *found, (text[len(text) - tail :], SAME)]
    return _shortened(signed([(safe(part), what) for part, what in pieces if part])), False


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one.startswith(other[:middle]) else (low, middle - 1)
    return low


def _shortened(pieces: list[Piece]) -> list[Piece]:
    """The pieces, without most of what is the same for long: what differs shall be found."""
    found: list[Piece] = []
    for text, what in pieces:
        left = len(text) - 2 * SAME_CHARACTERS
        if what != SAME or left < SAME_CHARACTERS or all(kind == SAME for _, kind in pieces):
            found.append((text, what))
            continue
        between = f"\n… {counted(left, 'character')} that are the same; d shows all …\n"
        found += [(text[:SAME_CHARACTERS], SAME), (between, AROUND), (text[-SAME_CHARACTERS:], SAME)]
    return found


class Lines:
    """The lines of a value at one width, as many as were asked for yet."""

    def __init__(self, pieces: Sequence[Piece], width: int) -> None:
        self.lines: list[list[Piece]] = []
        self._width = max(width, 1)
        self._pages = _pages(pieces)
        self._next = next(self._pages, None)
        self.more()

    @property
    def ended(self) -> bool:
        """Whether all of the value is broken into lines."""
        return self._next is None

    def more(self) -> None:
        """Break a further page into lines."""
        page, self._next = self._next, next(self._pages, None)
        if page is None:
            return
        lines = broken(page, self._width)
        if page[-1][0].endswith("\n"):
            lines.pop()  # the next page begins on a line of its own
        self.lines += lines

    def drawn(self, place: int, styles: Styles) -> Text:
        """A line with its styles."""
        text = Text(end="", no_wrap=True)
        for part, what in self.lines[place]:
            text.append(part, styles[what] if what else None)
        return text


def _pages(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """The pieces in pages, each of which but the last ends with a line's end where there is one."""
    page: list[Piece] = []
    size = 0
    for text, what in pieces:
        place = 0
        while place < len(text):
            end = _end(text, place, PAGE_CHARACTERS - size)
            page.append((text[place:end], what))
            size += end - place
            place = end
            if size >= PAGE_CHARACTERS or (place < len(text)):
                yield page
                page, size = [], 0
    if page:
        yield page


def _end(text: str, place: int, room: int) -> int:
    if place + room >= len(text):
        return len(text)
    line = text.rfind("\n", place, place + room)
    word = text.rfind(" ", place, place + room)
    return (line if line >= 0 else word if word >= 0 else place + max(room, 1) - 1) + 1
