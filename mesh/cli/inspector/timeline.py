"""The timeline of a document: who did what and when, and what the change under the cursor changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from mesh.cli.differences import ADDED, GONE, SAME, Piece, signed
from mesh.cli.inspector.columns import Column, line
from mesh.cli.inspector.conflicts import CELL_CHARACTERS, WIDE
from mesh.cli.inspector.pane import Pane
from mesh.cli.inspector.pieces import AROUND, safe
from mesh.cli.inspector.rows import Rows
from mesh.cli.inspector.view import ALWAYS, BACK, View
from mesh.cli.screen import counted, moment, one_line
from mesh.cli.view_conflicts import ID_CHARACTERS, Told, author, parts, plain
from mesh.errors import MeshError

PAGE = 200  # entries in one answer
BESIDE_MIN = 100  # from so many columns on the change stands beside the list
PAUSE_S = 0.15  # how long the cursor rests on a row before its change is asked for
TITLE_CHARACTERS = 60


class Row(NamedTuple):
    """One change of the document, as the list shows it."""

    event: str
    who: str
    at: object
    summary: str
    sign: str


class Timeline(View):
    """The changes of one document, the latest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", "Take back"),
        Binding("tab", "other", "Other part", show=False),
        BACK,
        *ALWAYS,
    ]

    def __init__(self, document: str) -> None:
        super().__init__()
        self._document = document
        self._title = ""
        self._next: object = None
        self._asked_for = ""

    def body(self) -> Iterable[Widget]:
        """The rows, and what the one under the cursor changed."""
        with Container(id="parts"):
            yield Rows[Row](self._drawn, self.inspector.inks)
            yield Pane(self.inspector.inks)

    def on_mount(self) -> None:
        """Ask for the first page."""
        super().on_mount()
        self.query_one(Rows).focus()
        self.look_soon()

    def place(self) -> Text:
        """Which document."""
        count = len(self.query_one(Rows).rows)
        more = "+" if self._next is not None else ""
        title = one_line(self._title, TITLE_CHARACTERS) or one_line(self._document)
        bold = self.inspector.inks["bold"]
        return Text.assemble((title, bold), f"  timeline, {counted(count, 'change')}{more}, the latest first")

    async def look(self) -> None:
        """Ask for as many entries as are shown; the cursor stays on its own."""
        rows = self.query_one(Rows)
        before = rows.current
        page = await self._page(None, max(PAGE, len(rows.rows)))
        found = [_row(told) for told in parts(page.get("entries"))]
        place = next((n for n, row in enumerate(found) if before is not None and row.event == before.event), None)
        self._title = str(page.get("title") or "")
        rows.show(found, place)
        self._asked_for = ""
        self._change_soon()

    async def _page(self, before: object, limit: int) -> Told:
        page = await self.ask("history", document=self._document, limit=limit, before=before)
        self._next = page.get("next")
        return page

    def on_resize(self) -> None:
        """The change stands beside the list, or below it."""
        super().on_resize()
        self.query_one("#parts").set_class(self.size.width >= BESIDE_MIN, "beside")

    def on_rows_moved(self) -> None:
        """Another change."""
        self._change_soon()

    def on_rows_opened(self) -> None:
        """The keys scroll what changed."""
        self.action_other()

    def on_rows_near_end(self) -> None:
        """Ask for older entries before they are scrolled to."""
        if self._next is not None:
            self._older()

    def on_pane_pointed(self, event: Pane.Pointed) -> None:
        """A click brings the keys there."""
        event.pane.focus()

    def action_other(self) -> None:
        """The keys go to the other part."""
        rows, pane = self.query_one(Rows), self.query_one(Pane)
        (pane if self.focused is rows else rows).focus()

    def action_undo(self) -> None:
        """Take the change under the cursor back, after a question."""
        row = self._current
        if row is None:
            return
        question = (
            f"Take back “{row.summary}” by {row.who}, {moment(row.at)}? A new event says so on all devices; the change"
            " stays in the timeline, and taking it back can be taken back too."
        )

        self.inspector.when_sure(question, lambda: self._take_back(row))

    @work(group="undo")
    async def _take_back(self, row: Row) -> None:
        result = await self.asked("undo", event=row.event)
        if result is not None:
            event = one_line(result.get("event"))[:ID_CHARACTERS]
            self.say(f"taken back, on all devices, by event {event}; u on that one brings it again")
            self.inspector.look_below()

    @property
    def _current(self) -> Row | None:
        row = self.query_one(Rows).current
        assert row is None or isinstance(row, Row), "the list holds our rows"
        return row

    @work(group="older", exclusive=True)
    async def _older(self) -> None:
        try:
            page = await self._page(self._next, PAGE)
        except MeshError as error:
            self.fail(error)
            return
        rows = self.query_one(Rows)
        rows.show([*rows.rows, *(_row(told) for told in parts(page.get("entries")))])
        self.tell()

    def _change_soon(self) -> None:
        self.set_timer(PAUSE_S, self._ask_change)

    def _ask_change(self) -> None:
        row = None if self.left else self._current
        if row is not None and row.event != self._asked_for:
            self._asked_for = row.event
            self._change(row)

    @work(group="change", exclusive=True)
    async def _change(self, row: Row) -> None:
        try:
            result = await self.ask("history.diff", document=self._document, of=row.event)
        except MeshError as error:
            self.fail(error)
            return
        if self._current is not None and self._current.event == row.event:
            above = f"{row.who}  {moment(row.at)}"
            self.query_one(Pane).show(above, f"event {row.event[:ID_CHARACTERS]}", change(result))

    def _drawn(self, row: Row, width: int) -> Text:
        who = Column("", 20 if self.size.width >= WIDE else 14)
        layout = (Column("", 1), Column("", 11), who, Column("", share=1))
        cells = (row.sign, moment(row.at)[5:], row.who, row.summary)
        return Text(line(layout, cells, width), no_wrap=True)


def change(told: Told) -> Sequence[Piece]:
    """What a change did, as pieces: registers before and after, and the lines of the text with their signs."""
    found: list[Piece] = []
    registers = told.get("registers")
    for name, value in registers.items() if isinstance(registers, dict) else ():
        for side, sign, what in (("was", "-", GONE), ("is", "+", ADDED)):
            if isinstance(value, dict) and value.get(side) is not None:
                found.append((f"{sign} {one_line(name)}: {safe(plain(value[side]))}\n", what))
    if found and told.get("lines"):
        found.append(("\n", SAME))
    for one in parts(told.get("lines")):
        found += _line(one)
    return found or [("nothing that is shown", AROUND)]


def _line(told: Told) -> list[Piece]:
    sign, held = str(told.get("sign")), told.get("parts")
    bits = [part for part in held if isinstance(part, list) and len(part) > 1] if isinstance(held, list) else []
    if sign == "@":
        count = one_line(bits[0][0]) if bits else "some"
        return [(f"  … {count} lines that are the same …\n", AROUND)]
    what = {"+": ADDED, "-": GONE}.get(sign, SAME)
    pieces = [(safe(plain(text)), what if changed else SAME) for text, changed, *_ in bits]
    whole = all(kind for _, kind in pieces)  # of a line that is all new the sign before it says enough
    return [(f"{sign} ", what), *(pieces if whole else signed(pieces)), ("\n", SAME)]


def _row(told: Told) -> Row:
    sign = "u" if told.get("undoes") else "s" if told.get("settles") else " "
    standing = one_line(told.get("standing"))
    back = "taken back: " if told.get("undone_by") else ""
    held = f"({standing}) " if standing not in {"", "honoured"} else ""
    return Row(
        event=str(told.get("event")),
        who=author(told)[0],
        at=told.get("at"),
        summary=f"{back}{held}{one_line(told.get('summary'), CELL_CHARACTERS)}",
        sign="!" if held else "-" if back else sign,
    )
