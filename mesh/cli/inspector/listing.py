"""The list of open conflicts: the first page at once, the others behind it; filtered by typing, sorted, live."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from mesh.cli.inspector import conflicts
from mesh.cli.inspector.columns import line
from mesh.cli.inspector.conflicts import ORDERS, Row
from mesh.cli.inspector.rows import NO_MARK, Rows
from mesh.cli.inspector.view import ALWAYS, View
from mesh.cli.run import Told
from mesh.cli.screen import counted, number, one_line
from mesh.cli.view_conflicts import parts
from mesh.errors import Refused
from mesh.limits import LIST_MAX

HELD_MAX = 50_000  # rows that are held; a person who has more filters by document
LOOKS_MAX = 3  # how often the pages are asked for anew when they change between two of them
TITLE_CHARACTERS = 60


class Listing(View):
    """All open conflicts, or those of one document."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("o", "order", "Order"),
        Binding("t", "timeline", "Timeline"),
        Binding("s", "settled", "Settled"),
        Binding("u", "undo", "Undo"),
        Binding("escape", "back", "Back", show=False),
        *ALWAYS,
    ]

    def __init__(self, first: Told, document: str | None) -> None:
        super().__init__()
        self._first: Told | None = first
        self._document = document
        self._held: dict[str, Row] = {}
        self._order = next(iter(ORDERS))
        self._words = ""
        self._loading = True
        self.total = 0

    def body(self) -> Iterable[Widget]:
        """The heads, the rows, what is said when there are none, and where the filter is typed."""
        yield Static("", id="heads", markup=False)
        yield Rows[Row](self._drawn, self.inspector.inks)
        yield Static("", id="nothing", markup=False)
        words = Input(placeholder="words that must occur in title, field, device or value", id="words")
        words.cursor_blink = False
        words.border_title = Content("filter: Enter keeps it, Esc ends it")
        yield words

    def on_mount(self) -> None:
        """Show the page that came before the screen did, and go on."""
        super().on_mount()
        self.query_one("#words").display = False
        if self._first is not None:
            self._take(self._first)
            self.total = len(self._held) if self._document is not None else _total(self._first)
        self.show()
        if self._held:  # else nothing has the keys, and the footer offers nothing to open
            self.query_one(Rows).focus()
        self.look_soon()

    def place(self) -> Text:
        """How many conflicts there are, and of what."""
        found = f"{counted(self.total, 'open conflict')}" if self.total else "no open conflicts"
        text = Text.assemble(("mesh inspect", self.inspector.inks["bold"]), f"  {found}")
        if self._document is not None:
            text.append(f" in {one_line(self._title(), TITLE_CHARACTERS)}")
        if self._words:
            text.append(f" · {number(len(self.query_one(Rows).rows))} with “{one_line(self._words, TITLE_CHARACTERS)}”")
        text.append(f" · {self._order}", self.inspector.inks["dim"])
        if self._loading and len(self._held) < self.total:
            text.append(f" · {number(len(self._held))} read", self.inspector.inks["dim"])
        return text

    async def look(self) -> None:
        """Ask for all pages. What is shown is replaced when all are here, and grows while there was nothing."""
        began = time.monotonic()
        first, self._first = self._first, None
        try:
            for left in reversed(range(LOOKS_MAX)):
                try:
                    await self._read(first)
                    break
                except Refused:  # where the next page begins was settled between two of them: begin again
                    first = None
                    if not left:
                        raise
        finally:
            self._loading = False
            self.inspector.look_took_s = time.monotonic() - began
        self.show()

    async def _read(self, page: Told | None) -> None:
        grows, found = page is not None, dict[str, Row]()
        while page is None or (page.get("next") is not None and len(found) < HELD_MAX):
            page = await self._page(page)
            found |= _rows(page)
            if grows:
                self._take(page)
                self.show()
        if not grows:
            self._held = found
        self.total = max(_total(page) if self._document is None else 0, len(self._held))

    async def _page(self, before: Told | None) -> Told:
        after = before.get("next") if before is not None else None
        return await self.ask("conflicts", document=self._document, limit=LIST_MAX, after=after)

    def _take(self, page: Told) -> None:
        self._held |= _rows(page)

    def show(self) -> None:
        """Filter and sort what is held; the cursor stays on its conflict where that is still there."""
        rows = self.query_one(Rows)
        before = rows.current
        shown = conflicts.chosen(self._held.values(), self._words, self._order)
        place = next((n for n, row in enumerate(shown) if before is not None and row.id == before.id), None)
        rows.show(shown, place)
        rows.display = bool(shown)
        self.query_one("#heads").display = bool(shown)
        nothing = self.query_one("#nothing", Static)
        nothing.display = not shown
        nothing.update(self._nothing())
        if not shown and self.focused is rows:
            self.set_focus(None)
        elif shown and self.focused is None:
            rows.focus()
        self._heads()
        self.tell()

    def on_resize(self) -> None:
        """Other columns fit."""
        super().on_resize()
        self._heads()

    def on_rows_opened(self) -> None:
        """Side by side."""
        row = self._row()
        if row is not None:
            self.inspector.open_sides(row.id)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._words = event.value
        self.show()

    def on_input_submitted(self) -> None:
        """The filter stays, the keys go to the rows."""
        self.query_one("#words").display = bool(self._words)
        self.query_one(Rows).focus()

    def action_back(self) -> None:
        """End the filter."""
        words = self.query_one("#words", Input)
        if words.display:
            words.value = ""
            words.display = False
            self.query_one(Rows).focus()

    def action_filter(self) -> None:
        """Type the filter."""
        words = self.query_one("#words", Input)
        words.display = True
        words.focus()

    def action_order(self) -> None:
        """Another order."""
        names = list(ORDERS)
        self._order = names[(names.index(self._order) + 1) % len(names)]
        self.show()

    def action_timeline(self) -> None:
        """The history of the document under the cursor, or of the only one."""
        row = self._row()
        document = row.document if row is not None else self._document
        if document is None:
            self.say("there is no document under the cursor; `mesh inspect DOCUMENT` opens one", "dim")
            return
        self.inspector.open_timeline(document)

    def action_settled(self) -> None:
        """What was settled."""
        self.inspector.open_settled(self._document)

    def action_undo(self) -> None:
        """Take back what was settled last."""
        self.inspector.take_back(self)

    def _row(self) -> Row | None:
        row = self.query_one(Rows).current
        assert row is None or isinstance(row, Row), "the list holds our rows"
        return row

    def _title(self) -> str:
        titles = {row.title for row in self._held.values()}
        return titles.pop() if len(titles) == 1 else str(self._document)

    def _drawn(self, row: Row, width: int) -> Text:
        return Text(line(conflicts.layout(width), conflicts.cells(row, width), width), no_wrap=True)

    def _heads(self) -> None:
        width = self.query_one(Rows).size.width - len(NO_MARK)
        if width > 0:
            layout = conflicts.layout(width)
            heads = line(layout, [column.head for column in layout], width)
            self.query_one("#heads", Static).update(Text(NO_MARK + heads, self.inspector.inks["dim"], no_wrap=True))

    def _nothing(self) -> Text:
        """What is true where no row is."""
        bold, dim = self.inspector.inks["bold"], self.inspector.inks["dim"]
        if self._held:
            text = Text.assemble(("No conflict has all of these words.\n\n", bold), ("Esc ends the filter.", dim))
        elif self._loading and self.total:
            text = Text("reading …", dim)
        elif self._document is not None:
            more = "t shows its timeline, s what was settled in it."
            text = Text.assemble(("Nobody disagrees about this document.\n\n", bold), (more, dim))
        else:
            first = "No conflicts: your devices agree on everything that this one has heard of.\n\n"
            more = "When two of them write different things without knowing of each other,\nboth are kept, and they"
            more += " appear here at once. s shows what was settled."
            text = Text.assemble((first, bold), (more, dim))
        text.justify = "center"
        return text


def _rows(page: Told) -> dict[str, Row]:
    return {row.id: row for row in map(conflicts.row_of, parts(page.get("conflicts")))}


def _total(page: Told) -> int:
    total = page.get("total")
    return total if isinstance(total, int) else len(parts(page.get("conflicts")))
