"""A list of any length with a cursor: it draws the lines that are seen, and nothing else.

The keys and the mouse move the cursor; what a row means is its screen's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mesh.cli.inspector.colours import Styles

R = TypeVar("R")
MARK, NO_MARK = "> ", "  "
NEAR_END = 50  # rows before the end at which more of them are asked for


class Rows(ScrollView, Generic[R], can_focus=True):
    """Rows of anything, drawn by a function from a row and a width to a line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f,space", "leap(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "leap(-1)", "Page up", show=False),
        Binding("home,g", "edge(0)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
        Binding("enter", "open", "Open"),
    ]
    cursor: reactive[int] = reactive(0)

    class Moved(Message):
        """The cursor stands on another row."""

    class Opened(Message):
        """A row was chosen, by Enter or by a click."""

    class NearEnd(Message):
        """The cursor comes near the last row that is here."""

    def __init__(self, draw: Callable[[R, int], Text], styles: Styles) -> None:
        super().__init__(id="rows")
        self._draw = draw
        self._styles = styles
        self.rows: Sequence[R] = ()

    @property
    def current(self) -> R | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def show(self, rows: Sequence[R], cursor: int | None = None) -> None:
        """Show other rows, with the cursor on one of them."""
        self.rows = rows
        self.virtual_size = Size(0, len(rows))
        wanted = self.cursor if cursor is None else cursor
        self.cursor = max(0, min(wanted, len(rows) - 1))
        self._follow()
        self.refresh()

    def watch_cursor(self) -> None:
        """Keep the cursor in sight, and say that it moved."""
        self._follow()
        self.refresh()
        self.post_message(self.Moved())
        if self.cursor >= len(self.rows) - NEAR_END:
            self.post_message(self.NearEnd())

    def action_move(self, by: int) -> None:
        """So many rows down."""
        self.cursor = max(0, min(self.cursor + by, len(self.rows) - 1))

    def action_leap(self, pages: int) -> None:
        """So many pages down."""
        self.action_move(pages * max(self.size.height - 1, 1))

    def action_edge(self, last: int) -> None:
        """To the first row, or to the last."""
        self.action_move(len(self.rows) if last else -len(self.rows))

    def action_open(self) -> None:
        """Choose the row under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """A click sets the cursor; a click on the row under the cursor opens it."""
        place = event.y + self.scroll_offset.y
        if place >= len(self.rows):
            return
        if place == self.cursor:
            self.action_open()
        else:
            self.cursor = place

    def on_resize(self) -> None:
        """Another size."""
        self._follow()

    def on_focus(self) -> None:
        """The keys come here."""
        self.refresh()

    def on_blur(self) -> None:
        """The keys go elsewhere."""
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line at this height of what is seen."""
        width = self.size.width
        place = y + self.scroll_offset.y
        base = self.rich_style
        if place >= len(self.rows):
            return Strip.blank(width, base)
        chosen = place == self.cursor
        text = Text(MARK if chosen else NO_MARK, end="") + self._draw(self.rows[place], width - len(MARK))
        text.end = ""
        style = base
        if chosen:
            style = base + self._styles["chosen" if self.has_focus else "blurred"]
        parts = text.render(self.app.console)
        segments = [Segment(part, style + own if own else style, control) for part, own, control in parts]
        return Strip(segments).adjust_cell_length(width, style)

    def _follow(self) -> None:
        height, top = self.size.height, round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif height and self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)
