"""What the inspector asks a person: whether to do something, and what a value shall be. Both can be left by Esc."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static, TextArea

from mesh.cli.inspector.pieces import safe


class Question(ModalScreen[bool]):
    """A question that says what will be done; only a yes does it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "Yes", priority=True),
        Binding("n,escape,q", "answer(False)", "No", priority=True),
    ]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The question, and what answers it."""
        with Vertical(id="box"):
            yield Static(self._text, markup=False)
            yield Button("Yes  (Enter or y)", id="yes", compact=True)
            yield Button("No   (Esc or n)", id="no", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """By the mouse."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:  # noqa: FBT001 - an action takes what its binding says
        """By a key."""
        self.dismiss(yes)


class Editing(ModalScreen["str | None"]):
    """A value to be written, in this very screen: it works over any line, and starts no other program."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f2", "keep", "Settle with this", priority=True),
        Binding("escape", "leave", "Leave", priority=True),
    ]

    def __init__(self, about: str, text: str, *, one_line: bool, draft: str | None = None) -> None:
        super().__init__()
        self._about = about
        self._before = text
        self._shown = text if "\t" in text and safe(text) == text.replace("\t", "    ") else safe(text)
        self._begins = self._shown if draft is None else draft
        self._one_line = one_line
        self._asked = False

    def compose(self) -> ComposeResult:
        """What it is about, the text, and the keys."""
        written_out = self._shown != self._before
        note = "\nControl characters in it are written out, and are kept like that if you save." if written_out else ""
        with Vertical(id="box"):
            yield Static(self._about + note, id="about", markup=False)
            yield TextArea(self._begins, soft_wrap=True, show_line_numbers=False, compact=True)
            yield Static(
                "Ctrl-S or F2 settles it with this text on all devices; Esc leaves it open", id="keys", markup=False
            )

    def on_mount(self) -> None:
        """Begin at the end."""
        area = self.query_one(TextArea)
        area.cursor_blink = False  # over a slow line each blink is sent
        area.focus()
        area.move_cursor(area.document.end)

    def action_keep(self) -> None:
        """This text it shall be."""
        text = self.query_one(TextArea).text
        if text == self._shown:
            self.dismiss(None)
        else:
            self.dismiss(" ".join(text.splitlines()) if self._one_line else text)

    def action_leave(self) -> None:
        """Leave it open; what was written is only thrown away when that was said once."""
        if self.query_one(TextArea).text == self._shown or self._asked:
            self.dismiss(None)
            return
        self._asked = True
        self.query_one("#keys", Static).update(
            "! Esc again throws away what you wrote; Ctrl-S or F2 settles it with it"
        )
