"""One conflict, its values side by side with what they began with: columns where there is room, else one below another.

Keys and clicks settle it; whether it changed meanwhile is asked before anything is believed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer
from textual.widget import Widget
from textual.widgets import Static

from mesh.cli import conflict_drafts
from mesh.cli.inspector.asked_back import Editing
from mesh.cli.inspector.pane import Pane
from mesh.cli.inspector.side_texts import SIDES_A_PAGE, Block, blocks, choices, heading, settlements, sides, taken
from mesh.cli.inspector.view import ALWAYS, BACK, View
from mesh.cli.run import Told
from mesh.cli.view_conflicts import parts
from mesh.errors import MeshError, Refused
from mesh.limits import LIST_MAX

BESIDE_MIN = 100  # from so many columns on values stand side by side
COLUMN_MIN = 36  # columns of a value beside others
PANE_LINES_MIN = 4
PANES_MAX = SIDES_A_PAGE + 2
LINES_SEEN = 3  # lines of panes that share the height when not all of them fit


class Sides(View):
    """A conflict, open or settled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "take(1)", "Take", key_display="1-9"),
        *(Binding(str(key), f"take({key})", f"Take {key}", show=False) for key in range(2, SIDES_A_PAGE + 1)),
        Binding("m", "merge", "Merge"),
        Binding("e", "edit", "Edit"),
        Binding("u", "undo", "Undo"),
        Binding("t", "timeline", "Timeline"),
        Binding("d", "signs", "Signs"),
        Binding("enter", "take_chosen", "Take this", show=False),
        Binding("right,l,tab", "beside(1)", "Next", show=False),
        Binding("left,h,shift+tab", "beside(-1)", "Previous", show=False),
        Binding("right_square_bracket,n", "page(1)", "More values", show=False),
        Binding("left_square_bracket,p", "page(-1)", "Fewer values", show=False),
        BACK,
        *ALWAYS,
    ]

    def __init__(self, conflict: str) -> None:
        super().__init__()
        self.conflict = conflict
        self.told: Told = {}
        self._offsets = [0]  # of the pages up to this one: a page holds fewer values where they are long
        self._signs = True
        self._blocks: list[Block] = []
        self._settling = False
        self._draft: str | None = None  # what was written here, until something is settled by it

    def body(self) -> Iterable[Widget]:
        """What the keys do, and a pane for each value of a page."""
        yield Static("", id="choices", markup=False)
        with ScrollableContainer(id="panes", can_focus=False):
            for _ in range(PANES_MAX):
                yield Pane(self.inspector.inks)

    def on_mount(self) -> None:
        """Ask for it."""
        super().on_mount()
        self.look_soon()

    def place(self) -> Text:
        """Which conflict."""
        return Text(heading(self.told), self.inspector.inks["bold"]) if self.told else Text("…")

    async def look(self) -> None:
        """Ask for the page of values. A conflict that is no more open leads to what became of it."""
        was_open = bool(self.told.get("open"))
        try:
            told = await self._page()
        except Refused:
            if not was_open:
                raise
            told = {"open": False}
        if was_open and not told.get("open"):
            told = await self._changed(told)
        if told != self.told:
            self.told = told
            self._show()

    async def _page(self) -> Told:
        asked = {"id": self.conflict, "offset": self._offsets[-1], "limit": SIDES_A_PAGE}
        return await self.ask("conflicts.show", **asked)

    async def _changed(self, told: Told) -> Told:
        """Say what became of a conflict that others changed; it as it is now, or else as it was when it was settled."""
        page = await self.ask("conflicts", document=self.told.get("document"), limit=LIST_MAX)
        about = [self.told.get("kind"), self.told.get("field")]
        same = [one for one in parts(page.get("conflicts")) if [one.get("kind"), one.get("field")] == about]
        if same:
            self.say("! it changed while you looked; this is how it stands now, look again", "bad")
            self.conflict = str(same[0].get("id"))
            self._offsets = [0]
            return await self._page()
        lines = settlements(told)
        self.say(f"! it changed meanwhile: {lines[-1] if lines else 'nothing stands side by side any more'}", "bad")
        return told if sides(told) else {**self.told, "open": False, "settled_by": told.get("settled_by")}

    def _show(self) -> None:
        self._blocks = blocks(self.told, signs=self._signs)
        panes = list(self.query(Pane))
        for place, pane in enumerate(panes):
            pane.display = place < len(self._blocks)
            if pane.display:
                pane.show(*self._blocks[place][1:])
        kept = ["What you wrote is kept: e goes on with it."] if self._draft is not None else []
        lines = [*settlements(self.told), choices(self.told, self._offsets[-1]), *kept]
        words = Text("\n".join(lines), self.inspector.inks["dim"])
        self.query_one("#choices", Static).update(words)
        self.call_after_refresh(self._arrange)
        if self.focused is None or not self.focused.display:
            panes[next((place for place, block in enumerate(self._blocks) if block.key), 0)].focus()
        self.tell()

    def on_resize(self) -> None:
        """Columns, or one below another."""
        super().on_resize()
        self.call_after_refresh(self._arrange)

    def _arrange(self) -> None:
        if self.left:
            return
        area = self.query_one("#panes", ScrollableContainer)
        shown = [pane for pane in self.query(Pane) if pane.display]
        width, height = area.size
        if not shown or not width or not height:
            return
        fit = max(width // COLUMN_MIN, 1) if self.size.width >= BESIDE_MIN else 1
        lines = -(-len(shown) // fit)
        across = -(-len(shown) // lines)
        groups = [shown[start : start + across] for start in range(0, len(shown), across)]
        wanted = [max(pane.height_at(width // across, height) for pane in group) for group in groups]
        if sum(wanted) > height:
            share = max(height // min(lines, LINES_SEEN), PANE_LINES_MIN)
            wanted = [min(each, share) for each in wanted]
        area.styles.grid_size_columns = across
        area.styles.grid_rows = " ".join(map(str, wanted))

    # ── choosing and settling ────────────────────────────────────────────────────────────────────

    def on_pane_pointed(self, event: Pane.Pointed) -> None:
        """A click chooses a side; Enter takes it."""
        event.pane.focus()

    def action_beside(self, by: int) -> None:
        """The next pane, or the one before."""
        shown = [pane for pane in self.query(Pane) if pane.display]
        if shown:
            place = shown.index(self.focused) if self.focused in shown else 0
            shown[(place + by) % len(shown)].focus()

    def action_page(self, by: int) -> None:
        """Other values of the same conflict."""
        count, following = self.told.get("count"), self._offsets[-1] + len(sides(self.told))
        if by > 0 and isinstance(count, int) and following < count:
            self._offsets.append(following)
        elif by < 0 and len(self._offsets) > 1:
            self._offsets.pop()
        else:
            return
        self.look_soon()

    def action_signs(self) -> None:
        """Show what differs with signs, or the values as they are."""
        self._signs = not self._signs
        self._show()

    def action_timeline(self) -> None:
        """The history of its document."""
        if self.told:
            self.inspector.open_timeline(str(self.told.get("document")))

    def action_take(self, key: int) -> None:
        """Take the side of a key."""
        here = sides(self.told)
        if not self._may_settle():
            return
        if key > len(here):
            self.say(f"there is no side {key}", "dim")
            return
        self._settle(taken(self.told, here[key - 1]), take=self._offsets[-1] + key)

    def action_take_chosen(self) -> None:
        """Take the side in the chosen pane, after a question: Enter may have been pressed once too often."""
        shown = [pane for pane in self.query(Pane) if pane.display]
        block = self._blocks[shown.index(self.focused)] if self.focused in shown else None
        if block is None or not block.key or not self._may_settle():
            return
        value = taken(self.told, sides(self.told)[block.key - 1])
        question = f"Settle it by {value}? It holds on all devices, nothing is lost, and u takes it back."

        self.inspector.when_sure(question, lambda: self.action_take(block.key))

    def action_merge(self) -> None:
        """Keep a text as it reads now."""
        if not self._may_settle():
            return
        if self.told.get("kind") != "text":
            self.say("only edits of a text can be kept together; take a side, or e to write the value", "dim")
            return
        self._settle("as it reads now, with all edits", merge=True)

    def action_edit(self) -> None:
        """Write the value that is to stay: in the person's own editor where one is named, else here."""
        if not self._may_settle():
            return
        if self.told.get("kind") == "deleted":
            self.say("there is nothing to write: it is deleted or it is not", "dim")
        elif os.environ.get("VISUAL") or os.environ.get("EDITOR"):
            self._edit_outside()
        else:
            self._edit_here(conflict_drafts.beginning(self.told))

    def action_undo(self) -> None:
        """Take this settlement back, or, while it is open, what was settled last."""
        self.inspector.take_back(self, self.conflict if self.told and not self.told.get("open") else None)

    def _may_settle(self) -> bool:
        if not self.told or self._settling:
            return False
        if not self.told.get("open"):
            self.say("this is settled; u takes it back first", "dim")
            return False
        return True

    def _settle(self, how: str, **choice: object) -> None:
        self._settling = True
        self.inspector.settle(self, how, choice)

    def settled(self, how: str, result: Told | None) -> None:
        """It is settled, or (None) that failed: then it may have changed, which another look finds."""
        self._settling = False
        if result is None:
            if self.is_attached:
                self._show()
                self.look_soon()
            return
        self.inspector.settled_here.append(self.conflict)
        opened = result.get("opened")
        left = len(opened) if isinstance(opened, list) else 0
        more = f" Still open in this document: {left}." if left else ""
        self.say(f"settled, on all devices: {how}.{more} u takes it back")
        if self.app.screen is self:
            self.action_back()
        self.inspector.look_below()

    def _edit_here(self, before: str) -> None:
        one_line = self.told.get("kind") != "text" and self.told.get("field") != "body"

        def written(value: str | None) -> None:
            if value is None or value == before:
                self.say("nothing was changed, so nothing is settled", "dim")
                return
            self._draft = value
            self._settle("as you wrote it", value=value)

        self.app.push_screen(Editing(heading(self.told), before, one_line=one_line, draft=self._draft), written)

    def _edit_outside(self) -> None:
        try:
            with self.app.suspend():
                result = conflict_drafts.settled(self.inspector.run_, self.conflict)
        except MeshError as error:
            self.fail(error)
            self.look_soon()
            return
        if result.get("events"):
            self.settled("as you wrote it", result)
        else:
            self.say("nothing was changed, so nothing is settled", "dim")
