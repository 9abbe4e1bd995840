"""What the keys do, and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.widget import Widget

from mesh.cli.differences import ADDED, GONE, SAME, Piece
from mesh.cli.inspector.pane import Pane
from mesh.cli.inspector.view import ALWAYS, BACK, View

_KEYS = (
    ("In every list", ""),
    ("arrows, j k", "up and down; Page Up, Page Down; g first, G last"),
    ("Enter", "open; a click sets the cursor, a second one opens"),
    ("Esc", "back"),
    ("r", "look again; with an agent, news show by themselves"),
    ("?  q", "this help; leave"),
    ("", ""),
    ("The list of conflicts", ""),
    ("/", "filter by words; Enter keeps it, Esc ends it"),
    ("o", "another order: newest, oldest, title, most values"),
    ("t  s", "the timeline of the document; what was settled"),
    ("u", "take back what you settled last"),
    ("", ""),
    ("Side by side", ""),
    ("1 to 9", "take that side, on all devices; u takes it back"),
    ("Enter", "take the side in the chosen frame, after a question"),
    ("m", "of a text: keep it as it reads now, with all edits"),
    ("e", "write it: in $VISUAL or $EDITOR if one is set, or here"),
    ("left right, h l", "choose another frame; up and down scroll in it"),
    ("[  ]", "other values, where there are more than nine"),
    ("d", "the values with signs, or as they are"),
    ("t", "the timeline of the document"),
    ("", ""),
    ("The timeline, and what was settled", ""),
    ("u", "take the one under the cursor back, after a question"),
)
_WIDTH = 17


class Help(View):
    """The keys and the signs."""

    BINDINGS: ClassVar[list[BindingType]] = [BACK, *ALWAYS]

    def body(self) -> Iterable[Widget]:
        """One text."""
        yield Pane(self.inspector.inks)

    def on_mount(self) -> None:
        """Write it."""
        super().on_mount()
        pane = self.query_one(Pane)
        pane.show("keys and signs", "", pieces())
        pane.focus()

    def place(self) -> Text:
        """That this is the help."""
        return Text("help", self.inspector.inks["bold"])

    async def look(self) -> None:
        """It never changes."""


def pieces() -> list[Piece]:
    """The help as a text."""
    found: list[Piece] = []
    for key, does in _KEYS:
        found += [(f"{key}\n", "bold")] if key and not does else [(f"  {key:<{_WIDTH}}", "good"), (f"{does}\n", SAME)]
    found += [("\nSigns\n", "bold"), ("  {+words+}", ADDED), ("  only in that side\n", SAME)]
    found += [("  [-words-]", GONE), ("  only in what both began with\n", SAME)]
    found += [("  !", "bad"), ("          something needs you, or went wrong\n", SAME)]
    found.append(("\nTo settle writes an event, and so does taking back: all devices\n", "dim"))
    found.append(("come to the same, and the timeline keeps every step.", "dim"))
    return found
