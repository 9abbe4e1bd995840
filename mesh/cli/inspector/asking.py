"""How the inspector asks the agent: questions one after the other in a thread of their own, and news in another.

The screen never waits for either. Both threads end with the process, so a question that is not answered holds up no
exit. It shows nothing.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress

from mesh.cli.run import Run, Told
from mesh.errors import MeshError
from mesh.node.socket_client import Connection

ALONE_S = 10.0  # without an agent: how long until it is looked again
GONE_S = 2.0  # after the agent went: how long until it is called again
WAIT_S = 2.0  # at the end: how long an answer that is on its way is waited for

LIVE, ALONE, GONE, NEWS = "live", "alone", "gone", "news"
"""What a listener hears: that an agent tells of events, that none runs, that it went; that something came in."""

_Question = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Told]", str, Told]


class Asking:
    """Questions to the agent, answered in the order in which they were asked."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="mesh-asking", daemon=True)
        self._thread.start()

    async def ask(self, name: str, **arguments: object) -> Told:
        """The result of a call; what is None is not asked for. Raises MeshError."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Told] = loop.create_future()
        given = {key: value for key, value in arguments.items() if value is not None}
        self._questions.put((loop, future, name, given))
        return await future

    def end(self) -> None:
        """Ask nothing more."""
        self._questions.put(None)
        self._thread.join(WAIT_S)

    def _work(self) -> None:
        while (question := self._questions.get()) is not None:
            loop, future, name, arguments = question
            if future.cancelled():
                continue
            try:
                result = self._run.ask(name, arguments)
            except Exception as error:  # noqa: BLE001 - whoever asked raises it
                told: Callable[[], None] = _later(future, None, error)
            else:
                told = _later(future, result, None)
            with suppress(RuntimeError):  # the screen is closed
                loop.call_soon_threadsafe(told)


def _later(future: asyncio.Future[Told], result: Told | None, error: Exception | None) -> Callable[[], None]:
    def tell() -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result or {})

    return tell


class Listening:
    """Hears what the agent tells of events, for as long as the screen is open; without one it says when to look."""

    def __init__(self, run: Run, heard: Callable[[str], object]) -> None:
        self._run = run
        self._heard = heard
        self._ended = threading.Event()
        self._held: Connection | None = None
        self._thread = threading.Thread(target=self._work, name="mesh-listening", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Hear nothing more."""
        self._ended.set()
        if self._held is not None:
            self._held.stop()
        self._thread.join(WAIT_S)

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                connection = self._run.agent()
                if connection is not None:
                    self._follow(connection)
            except MeshError:
                self._tell(GONE)
                self._ended.wait(GONE_S)
                continue
            self._tell(ALONE)
            self._ended.wait(ALONE_S)

    def _follow(self, connection: Connection) -> None:
        with connection:
            self._held = connection
            try:
                if self._ended.is_set():
                    return
                self._tell(LIVE)
                for _ in connection.stream("log.follow", {}):
                    self._tell(NEWS)
            finally:
                self._held = None

    def _tell(self, what: str) -> None:
        if not self._ended.is_set():
            self._heard(what)
