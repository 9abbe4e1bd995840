"""What was settled, the latest first; each of it can be looked at and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from mesh.cli.inspector.columns import Column, line
from mesh.cli.inspector.conflicts import CELL_CHARACTERS, WIDE
from mesh.cli.inspector.rows import NO_MARK, Rows
from mesh.cli.inspector.view import ALWAYS, BACK, View
from mesh.cli.screen import counted, moment, one_line
from mesh.cli.view_conflicts import Told, author, parts
from mesh.limits import LIST_MAX


class Row(NamedTuple):
    """One settlement, as the list shows it."""

    id: str
    document: str
    title: str
    who: str
    at: object
    how: str
    back: bool


class Settled(View):
    """Settlements of all documents, or of one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "undo", "Take back"),
        Binding("t", "timeline", "Timeline"),
        BACK,
        *ALWAYS,
    ]

    def __init__(self, document: str | None) -> None:
        super().__init__()
        self._document = document

    def body(self) -> Iterable[Widget]:
        """The heads, the rows, and what is said when there are none."""
        yield Static("", id="heads", markup=False)
        yield Rows[Row](self._drawn, self.inspector.inks)
        yield Static("", id="nothing", markup=False)

    def on_mount(self) -> None:
        """Ask for them."""
        super().on_mount()
        self.query_one("#nothing").display = False
        self.query_one(Rows).focus()
        self.look_soon()

    def place(self) -> Text:
        """How many there are."""
        found = counted(len(self.query_one(Rows).rows), "settlement")
        return Text.assemble(("settled conflicts", self.inspector.inks["bold"]), f"  {found}, the latest first")

    async def look(self) -> None:
        """Ask again."""
        page = await self.ask("conflicts.settled", document=self._document, limit=LIST_MAX)
        rows = self.query_one(Rows)
        rows.show([_row(told) for told in parts(page.get("settled"))])
        rows.display = self.query_one("#heads").display = bool(rows.rows)
        nothing = self.query_one("#nothing", Static)
        nothing.display = not rows.rows
        nothing.update(Text("Nothing was settled here yet. Esc leads back.", self.inspector.inks["bold"]))
        self._heads()

    def on_resize(self) -> None:
        """Other columns fit."""
        super().on_resize()
        self._heads()

    def on_rows_opened(self) -> None:
        """How it was."""
        row = self._current
        if row is not None:
            self.inspector.open_sides(row.id)

    def action_timeline(self) -> None:
        """The history of the document under the cursor."""
        row = self._current
        if row is not None:
            self.inspector.open_timeline(row.document)

    def action_undo(self) -> None:
        """Take the settlement under the cursor back, after a question."""
        row = self._current
        if row is None:
            return
        if row.back:
            self.say("that is taken back already; the list of open conflicts has it", "dim")
            return
        question = (
            f"Take back how “{row.title}” was settled, by {row.who}? The values stand side by"
            " side again on all devices, and you can settle it anew."
        )

        self.inspector.when_sure(question, lambda: self.inspector.take_back(self, row.id))

    @property
    def _current(self) -> Row | None:
        row = self.query_one(Rows).current
        assert row is None or isinstance(row, Row), "the list holds our rows"
        return row

    def _drawn(self, row: Row, width: int) -> Text:
        at = moment(row.at)
        cells = (row.title, row.who, at if width >= WIDE else at[5:], "taken back" if row.back else row.how)
        return Text(line(_layout(width), cells, width), no_wrap=True)

    def _heads(self) -> None:
        width = self.query_one(Rows).size.width - len(NO_MARK)
        if width > 0:
            layout = _layout(width)
            heads = NO_MARK + line(layout, [column.head for column in layout], width)
            self.query_one("#heads", Static).update(Text(heads, self.inspector.inks["dim"], no_wrap=True))


def _layout(width: int) -> tuple[Column, ...]:
    wide = width >= WIDE
    first = (Column("DOCUMENT", share=1), Column("BY", 28 if wide else 18))
    return (*first, Column("WHEN", 16 if wide else 11), Column("", 14))


def _row(told: Told) -> Row:
    rule = told.get("rule")
    return Row(
        id=str(told.get("id")),
        document=str(told.get("document")),
        title=one_line(told.get("title"), CELL_CHARACTERS) or "(no title)",
        who=author(told)[0],
        at=told.get("at"),
        how=f"rule {one_line(rule, CELL_CHARACTERS)}" if rule else "",
        back=bool(told.get("undone_by")),
    )
