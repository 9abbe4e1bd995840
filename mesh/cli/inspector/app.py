"""The inspector as an application: its screens one above another, what they share, and how it begins and ends.

It leaves the terminal as it was, whatever happens: an error of ours ends it and is raised then. All screens but the
first are imported when they are opened, so that the first is there at once.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text
from textual import work
from textual.app import App, ScreenStackError
from textual.filter import Monochrome, NoColor
from textual.message import Message
from textual.worker import WorkerFailed

from mesh.cli.inspector.asked_back import Question
from mesh.cli.inspector.asking import ALONE, GONE, NEWS, Asking, Listening
from mesh.cli.inspector.colours import FULL, PLAIN, styles
from mesh.cli.inspector.listing import Listing
from mesh.cli.inspector.view import View
from mesh.cli.output import INTERRUPTED
from mesh.cli.run import Run, Told

if TYPE_CHECKING:
    from mesh.cli.inspector.sides import Sides

CALM_S = 0.3  # after news: what comes with it is looked at together
FACTOR = 4  # a look that took long is repeated the more seldom
FEW_COLOURS = {None, "standard", "windows"}


class Heard(Message):
    """Something was heard of the agent."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what


class Inspector(App[None]):
    """All screens, one run of it."""

    CSS_PATH = Path(__file__).with_name("inspector.tcss")
    ENABLE_COMMAND_PALETTE = False
    TITLE = "mesh inspect"
    BINDINGS = [("ctrl+c", "interrupt", "Quit")]  # noqa: RUF012 - as Textual types it
    lowest = 2  # Textual's own screen, and the list

    def __init__(self, run: Run, document: str | None, first: Told) -> None:
        super().__init__()
        few = self.no_color or self.console.color_system in FEW_COLOURS
        self.inks = styles(plain=few)
        for theme in (FULL, PLAIN):
            self.register_theme(theme)
        self.theme = (PLAIN if few else FULL).name
        # Textual chose how to leave colours out before it knew the theme, and would show black on black.
        self._filters = [NoColor() if isinstance(one, Monochrome) else one for one in self._filters]
        self.animation_level = "none"  # over a slow line each step of one would be sent
        self.run_ = run
        self.document, self._first = document, first
        self.asking = Asking(run)
        self.listening: Listening | None = None
        self.link = ""
        self.words = Text()
        self.settled_here: list[str] = []
        self.look_took_s = 0.0
        self._waits = False

    @property
    def fault(self) -> Exception | None:
        """The error of ours that ended it."""
        ended = self._exception
        return ended.error if isinstance(ended, WorkerFailed) and isinstance(ended.error, Exception) else ended

    def on_mount(self) -> None:
        """Show the list, and listen."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.exit, None, 128 + number)
        self.push_screen(Listing(self._first, self.document))
        self.listening = Listening(self.run_, lambda what: self.post_message(Heard(what)))

    def end(self) -> None:
        """Ask and hear nothing more."""
        if self.listening is not None:
            self.listening.end()
        self.asking.end()

    # ── what the screens share ───────────────────────────────────────────────────────────────────

    def say(self, text: str, style: str = "good") -> None:
        """Say what happened, in one safe sentence, on whatever screen is shown."""
        sign = "ok  " if style == "good" else ""
        self.words = Text(sign + text, self.inks[style])
        self.tell()

    def tell(self) -> None:
        """Have the screen write its lines anew."""
        with suppress(ScreenStackError):
            for screen in self.screen_stack:
                if isinstance(screen, View):
                    screen.tell()

    def look_below(self) -> None:
        """Have every screen look again: the one above now, the others when they come up."""
        with suppress(ScreenStackError):  # while it ends
            views = [screen for screen in self.screen_stack if isinstance(screen, View)]
            for view in views:
                view.stale = True
            if views and self.screen is views[-1]:
                views[-1].look_soon()

    def when_sure(self, question: str, do: Callable[[], object]) -> None:
        """Ask, and do it after a yes."""

        def answered(yes: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if yes:
                do()

        self.push_screen(Question(question), answered)

    @work(group="settle")
    async def settle(self, view: Sides, how: str, choice: Told) -> None:
        """Settle the conflict of a screen, which then goes; it is finished though a person left the screen."""
        view.settled(how, await view.asked("conflicts.resolve", id=view.conflict, **choice))

    @work(group="settle")
    async def take_back(self, view: View, conflict: str | None = None) -> None:
        """Take back a settlement: a given one, or the last of this session."""
        name = conflict or (self.settled_here[-1] if self.settled_here else None)
        if name is None:
            view.say("nothing was settled here yet; s lists what was settled before", "dim")
            return
        result = await view.asked("conflicts.undo", id=name)
        if result is None:
            return
        if name in self.settled_here:
            self.settled_here.remove(name)
        opened = result.get("opened")
        shown = f"; open in its document: {len(opened)}" if isinstance(opened, list) else ""
        view.say(f"taken back, on all devices: the values stand side by side again{shown}")
        self.look_below()

    def open_sides(self, conflict: str) -> None:
        """One conflict."""
        from mesh.cli.inspector.sides import Sides

        self.push_screen(Sides(conflict))

    def open_timeline(self, document: str) -> None:
        """The history of a document."""
        from mesh.cli.inspector.timeline import Timeline

        self.push_screen(Timeline(document))

    def open_settled(self, document: str | None) -> None:
        """What was settled."""
        from mesh.cli.inspector.settled import Settled

        self.push_screen(Settled(document))

    def show_help(self) -> None:
        """What the keys do."""
        from mesh.cli.inspector.help import Help

        if not isinstance(self.screen, Help):
            self.push_screen(Help())

    # ── news ─────────────────────────────────────────────────────────────────────────────────────

    def on_heard(self, event: Heard) -> None:
        """Look again, soon and not too often."""
        if event.what != NEWS:
            changed = self.link != event.what
            self.link = event.what
            self.tell()
            if event.what == GONE or (event.what == ALONE and changed):
                return
        if not self._waits:
            self._waits = True
            self.set_timer(max(CALM_S, FACTOR * self.look_took_s), self._look)

    def _look(self) -> None:
        self._waits = False
        self.look_below()

    # ── the end ──────────────────────────────────────────────────────────────────────────────────

    def action_interrupt(self) -> None:
        """Ctrl-C."""
        self.exit(return_code=INTERRUPTED)

    def _fatal_error(self) -> None:
        # Textual would print a trace with everything in it; ours goes where all go (`fault`).
        self._close_messages_no_wait()


def inspected(run: Run, document: str | None, first: Told) -> int:
    """Show the inspector until the person leaves it; the exit code. Raises what went wrong in it."""
    app = Inspector(run, document, first)
    try:
        app.run()
    finally:
        app.end()
    if app.fault is not None:
        raise app.fault
    return app.return_code or 0
