"""Two devices on this machine: homes founded and joined without a network, agents as processes of their own.

Everything goes through what a person's commands go through: the socket, the admission, the typed address.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mesh.cli.benches import corpus
from mesh.errors import MeshError, Unreachable
from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.speaking import Draft
from mesh.limits import SALT_BYTES
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node.agent import Agent
from mesh.node.calls_notes import SPACE
from mesh.node.engine import Engine
from mesh.node.paths import socket_path
from mesh.node.socket_client import connect
from mesh.state import notes

HOST = "127.0.0.1"
START_S = 30.0
GROUP = 1000
"""Events that are written together while a home is filled."""


async def joined(founder: Path, home: Path, name: str) -> None:
    """Let a new home into the founder's mesh. No agent runs, so the admission names no address."""
    asked = await homes.request(home, name)
    async with agents.opened(founder) as agent:
        answer = await agent.call("admit", {"request": asked["request"]})
    assert isinstance(answer, dict)
    await homes.accept(home, str(answer["admission"]))


async def filled(agent: Agent, numbers: Sequence[int], text_bytes: int = corpus.TEXT_BYTES) -> list[str]:
    """Write one new note for each number, many in a commit. Returns their documents."""
    documents: list[str] = []
    for start in range(0, len(numbers), GROUP):
        drafts = [_draft(number, text_bytes) for number in numbers[start : start + GROUP]]

        async def make(_engine: Engine, made: Sequence[Draft] = drafts) -> Sequence[Draft]:
            return made

        await agent.engine.say(Lane.DATA, make)
        documents += [str(draft.document) for draft in drafts]
    return documents


def _draft(number: int, text_bytes: int) -> Draft:
    title, text = corpus.note(number, text_bytes)
    birth = notes.birth(title, text, (), None, number.to_bytes(SALT_BYTES, "big"))
    return Draft(birth, document_of(SPACE, notes.KIND, birth))


class Device:
    """An agent as a process, for as long as the block lasts."""

    def __init__(self, home: Path) -> None:
        """Of a home that is in a mesh."""
        self.home = home
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        words = [sys.executable, "-m", "mesh.cli.front", "agent", "--home", str(self.home), "--interface", HOST]
        with (self.home / "bench.out").open("ab") as out:
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)  # noqa: S603 - ours
        until = time.monotonic() + START_S
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(MeshError):
                if self.server()["pid"]:
                    return self
            time.sleep(0.02)
        raise Unreachable(f"the agent in {self.home} did not start", hint=self._last_words())

    def _last_words(self) -> str:
        return (self.home / "bench.out").read_text("utf-8", errors="replace")[-1000:]

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        with contextlib.suppress(MeshError):
            self.call("down")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def pid(self) -> int:
        """The agent's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def database(self) -> Path:
        """Where its events are."""
        return self.home / "mesh.db"

    def call(self, name: str, arguments: dict[str, object] | None = None) -> dict[str, object]:
        """Ask the agent over its socket, as every command does. Raises MeshError."""
        connection = connect(socket_path(self.home))
        if connection is None:
            raise Unreachable("no agent answers")
        with connection:
            return connection.call(name, arguments or {})

    def server(self) -> dict[str, object]:
        """Its nats-server."""
        found = self.call("status")["server"]
        assert isinstance(found, dict)
        return found

    def meet(self, other: Device) -> None:
        """Dial another device at its address."""
        self.call("peer.add", {"address": f"{HOST}:{other.server()['port']}"})


def until_linked(*devices: Device) -> None:
    """Wait until each device says that it is connected and in sync. Raises TimeoutError."""
    until = time.monotonic() + START_S
    while not all(device.call("status").get("in_sync") for device in devices):
        if time.monotonic() > until:
            message = f"the devices are not in sync after {START_S} s"
            raise TimeoutError(message)
        time.sleep(0.05)
