"""One value in a frame: who wrote it above, its size below; it scrolls, and breaks into lines what is scrolled to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mesh.cli.differences import Piece
from mesh.cli.inspector.colours import Styles
from mesh.cli.inspector.pieces import Lines
from mesh.cli.screen import fitted

FRAME = 2  # lines and columns of the frame
PADDING = 2  # columns beside the text
SCROLLBAR = 1


class Pane(ScrollView, can_focus=True):
    """A value, or anything else of many lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", show=False),
        Binding("up,k", "scroll_up", "Up", show=False),
        Binding("pagedown,ctrl+f,space", "page_down", "Page down", show=False),
        Binding("pageup,ctrl+b", "page_up", "Page up", show=False),
        Binding("home,g", "scroll_home", "Start", show=False),
        Binding("end,G", "scroll_end", "End", show=False),
    ]

    class Pointed(Message):
        """The pane was clicked."""

        def __init__(self, pane: Pane) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self, styles: Styles) -> None:
        super().__init__()
        self._styles = styles
        self._pieces: Sequence[Piece] = ()
        self._lines = Lines((), 1)
        self._width = 0
        self._above, self._below = "", ""

    def show(self, above: str, below: str, pieces: Sequence[Piece]) -> None:
        """Show a value from its start; `above` and `below` are safe, and of one line."""
        self._above, self._below, self._pieces = above, below, pieces
        self._width = 0
        self._broken_for(self._text_width)
        self.scroll_to(y=0, animate=False, force=True)
        self._framed()
        self.refresh()

    def height_at(self, width: int, height_max: int) -> int:
        """How many lines the frame and the first page take at a width."""
        self._broken_for(width - FRAME - PADDING - SCROLLBAR)
        return min(len(self._lines.lines) + FRAME, height_max)

    def on_resize(self) -> None:
        """Another width breaks the lines anew."""
        self._broken_for(self._text_width)
        self._framed()

    def on_click(self, event: events.Click) -> None:
        """A click chooses the pane."""
        event.stop()
        self.post_message(self.Pointed(self))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Break more of the value into lines before its end is in sight."""
        super().watch_scroll_y(old_value, new_value)
        if not self._lines.ended and new_value + 2 * self.size.height >= len(self._lines.lines):
            self._lines.more()
            self.virtual_size = Size(0, len(self._lines.lines))
            self._framed()

    def render_line(self, y: int) -> Strip:
        """The line at this height of what is seen."""
        base, width = self.rich_style, self.size.width
        place = y + self.scroll_offset.y
        if place >= len(self._lines.lines):
            return Strip.blank(width, base)
        text = self._lines.drawn(place, self._styles)
        parts = [Segment(part, base + own if own else base) for part, own, _ in text.render(self.app.console)]
        return Strip([Segment(" ", base), *parts]).adjust_cell_length(width, base)

    @property
    def _text_width(self) -> int:
        return self.size.width - PADDING if self.size.width else 0

    def _broken_for(self, width: int) -> None:
        if width <= 0 or width == self._width:
            return
        self._width = width
        self._lines = Lines(self._pieces, width)
        self.virtual_size = Size(0, len(self._lines.lines))
        self.refresh()

    def _framed(self) -> None:
        room = max(self.outer_size.width - 2 * FRAME - PADDING, 0)
        more = "" if self._lines.ended else "more below · "
        self.border_title = Content(fitted(self._above, room)) if room else ""
        self.border_subtitle = Content(fitted(more + self._below, room)) if room else ""
