"""What the inspector's tests share: the application at a size, before an agent that tells of a disagreement."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from mesh.cli import calls
from mesh.cli.inspector.app import Inspector
from mesh.cli.run import Options, Run
from mesh.node.paths import socket_path
from mesh.node.socket_client import Told
from tests.unit.cli.fake_agent import FakeAgent
from tests.unit.cli.inspector.disagreement import Disagreement, usual

DEADLINE_S = 20.0
POLL_S = 0.02
SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x50": (200, 50)}


class Seen:
    """The inspector as a person sees it."""

    def __init__(self, app: Inspector, pilot: Pilot[None], fake: FakeAgent, mesh: Disagreement) -> None:
        self.app = app
        self.pilot = pilot
        self.fake = fake
        self.mesh = mesh

    def text(self) -> str:
        """All that stands on the screen."""
        strips = self.app.screen._compositor.render_strips()  # noqa: SLF001 - Textual shows it to terminals only
        return "\n".join(strip.text.rstrip() for strip in strips)

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until what they began is done."""
        await self.pilot.press(*keys)
        await self.settled()

    async def settled(self) -> None:
        """Nothing is asked any more, and all is drawn."""
        await self.pilot.pause()
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def shows(self, *words: str) -> str:
        """What stands on the screen, as soon as all of these do."""
        until = time.monotonic() + DEADLINE_S
        while not all(word in (text := self.text()) for word in words):
            assert time.monotonic() < until, f"{words} are not on the screen:\n{text}"
            await self.pilot.pause(POLL_S)
        return text

    def asked(self, name: str) -> list[Told]:
        """With what a call was made, each time."""
        return [arguments for call, arguments in self.fake.asked if call == name]


Opening = Callable[..., AbstractAsyncContextManager[Seen]]


@pytest.fixture
def inspector(home: Path, monkeypatch: pytest.MonkeyPatch) -> Opening:
    """A context in which it is open, before these conflicts, at a size, of all documents or of one."""
    for name in ("NO_COLOR", "VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")

    @asynccontextmanager
    async def opened(
        conflicts: list[Told] | None = None, *, size: tuple[int, int] = SIZES["120x40"], document: str | None = None
    ) -> AsyncIterator[Seen]:
        mesh = Disagreement(usual() if conflicts is None else conflicts)
        with FakeAgent(socket_path(home), mesh.answers()) as fake:
            run = Run(Options())
            first = run.ask(*calls.inspect(document=document))
            app = Inspector(run, document, first)
            try:
                async with app.run_test(size=size) as pilot:
                    seen = Seen(app, pilot, fake, mesh)
                    await seen.shows("live")
                    await seen.settled()
                    yield seen
            finally:
                mesh.end()
                app.end()

    return opened
