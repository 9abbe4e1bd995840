"""What all screens of the inspector share: a line above, one that says what happened, the keys, and looking anew."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from mesh.cli.inspector.asking import ALONE, GONE, LIVE
from mesh.cli.run import Told
from mesh.cli.screen import one_line
from mesh.errors import MeshError

if TYPE_CHECKING:
    from mesh.cli.inspector.app import Inspector

LINKS = {LIVE: "live", ALONE: "no agent runs", GONE: "agent gone, trying again", "": "…"}


BACK = Binding("escape,backspace", "back", "Back", key_display="esc")
ALWAYS: tuple[Binding, ...] = (
    Binding("question_mark,f1", "help", "Help", key_display="?"),
    Binding("q", "quit_all", "Quit"),
    Binding("r", "refresh", "Refresh", show=False),
)
"""What every screen's keys end with, so that its own come first."""


class View(Screen[None]):
    """A screen between the line above and the keys below. `place` says where one is."""

    AUTO_FOCUS = ""  # each screen knows better where the keys belong
    stale = False  # something came in while another screen lay above

    @property
    def inspector(self) -> Inspector:
        """The application."""
        from mesh.cli.inspector.app import Inspector

        assert isinstance(self.app, Inspector), "our screens belong to our application"
        return self.app

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        yield Static("", id="head", markup=False)
        yield from self.body()
        yield Static("", id="said", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def body(self) -> Iterable[Widget]:
        """What stands between."""
        raise NotImplementedError

    def place(self) -> Text:
        """Where one is: what the line above says."""
        raise NotImplementedError

    async def look(self) -> None:
        """Ask the agent again for what is shown. Raises MeshError."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """The screen is there."""
        self.tell()

    def on_screen_resume(self) -> None:
        """The screen is above again."""
        self.tell()
        if self.stale:
            self.look_soon()

    def on_resize(self) -> None:
        """Another size: what the line above says may fit another way."""
        self.tell()

    def tell(self) -> None:
        """Write the line above and what happened."""
        if not self.is_mounted or self.left:
            return
        place, link = self.place(), LINKS[self.inspector.link]
        place.no_wrap, place.end = True, ""
        room = self.size.width - 2
        place.truncate(max(room - len(link) - 2, 0), overflow="ellipsis")
        place.append(" " * max(room - place.cell_len - len(link), 0))
        sign = "good" if self.inspector.link == LIVE else "dim" if self.inspector.link in {"", ALONE} else "bad"
        place.append(link, self.inspector.inks[sign])
        self.query_one("#head", Static).update(place)
        self.query_one("#said", Static).update(self.inspector.words)

    @property
    def left(self) -> bool:
        """Whether the person left this screen, or all: its parts go before its workers end, so nothing is drawn."""
        return not self.app.is_running or self not in self.app.screen_stack

    @work(group="look", exclusive=True)
    async def look_soon(self) -> None:
        """Look, without waiting for it; what goes wrong is said."""
        if self.left:
            return
        self.stale = False
        try:
            await self.look()
        except MeshError as error:
            self.fail(error)
        self.tell()

    async def ask(self, name: str, **arguments: object) -> Told:
        """The result of a call that is to be drawn here. Ends the worker if the screen is left. Raises MeshError."""
        result = await self.inspector.asking.ask(name, **arguments)
        if self.left:
            raise asyncio.CancelledError
        return result

    async def asked(self, name: str, **arguments: object) -> Told | None:
        """The result of an act, which ends though its screen is left; None where it failed, which is said."""
        try:
            return await self.inspector.asking.ask(name, **arguments)
        except MeshError as error:
            self.fail(error)
            return None

    def say(self, text: str, style: str = "good") -> None:
        """Say what happened, in one safe sentence."""
        self.inspector.say(text, style)

    def fail(self, error: MeshError) -> None:
        """Say what went wrong, and what helps."""
        hint = one_line(error.hint)
        message = one_line(str(error)).rstrip(".")
        self.say(f"! {message}. {hint}".strip(), "bad")

    def action_back(self) -> None:
        """Back to where one came from."""
        if len(self.app.screen_stack) > self.inspector.lowest:
            self.app.pop_screen()

    def action_refresh(self) -> None:
        """Ask again."""
        self.say("looking again", "dim")
        self.look_soon()

    def action_help(self) -> None:
        """What the keys do."""
        self.inspector.show_help()

    def action_quit_all(self) -> None:
        """Leave the inspector."""
        self.app.exit()
