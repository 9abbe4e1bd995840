"""Real meshes for the system tests: homes, agents and nats-servers as processes on loopback, and waits with a deadline.

It waits for conditions and never for luck, ends only processes that it started, and a wait that fails shows what every
device said last.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar

from mesh.errors import MeshError, Unreachable
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node.paths import log_path, server_path, socket_path
from mesh.node.socket_client import Told, connect
from tests.conftest import Spawn
from tests.system.commands import Answer, alive, command, mesh, processes_in

HOST = "127.0.0.1"
NAMES = ("alder", "birch", "cedar", "dogwood", "elder", "fir", "ginkgo", "hazel", "ivy", "juniper")
DEADLINE_S = 45.0  # a busy machine is no reason to fail
POLL_S = 0.02
POLL_S_MAX = 0.1  # whoever is asked often has less time for what is waited for
LOG_LINES = 25
ENDED_S = 20.0

T = TypeVar("T")


class Device:
    """One home, and the agent in it as a process of its own."""

    def __init__(self, home: Path, spawn: Spawn) -> None:
        self.home = home
        self.name = home.name
        self.host = HOST
        self.interface = ""  # what it is told to listen on, where that is not the host
        self.within: list[str] = []  # what the agent is started with, for one in a network of its own
        self.pid: int | None = None
        self._spawn = spawn
        self._process: subprocess.Popen[bytes] | None = None

    # ── the command line and the socket ──────────────────────────────────────────────────────────

    def mesh(self, *argv: str | Path, stdin: str | bytes | None = None, **env: str) -> Answer:
        """Run a command here, whatever comes of it."""
        return mesh(self.home, *argv, stdin=stdin, **env)

    def done(self, *argv: str | Path, stdin: str | bytes | None = None) -> Told:
        """Run a command here that must succeed; its object."""
        answer = self.mesh("--json", *argv, stdin=stdin)
        assert answer.code == 0, answer
        return answer.json

    def call(self, name: str, **arguments: object) -> Told:
        """Ask the agent over its socket. Raises MeshError."""
        connection = connect(socket_path(self.home))
        if connection is None:
            message = f"no agent runs in {self.home}"
            raise Unreachable(message)
        with connection:
            return connection.call(name, arguments)

    def note(self, title: str, body: str = "") -> str:
        """A new note; its document."""
        return str(self.call("note.add", title=title, body=body)["document"])

    def titles(self) -> set[str]:
        """The titles of all notes here."""
        return set(self.all_titles())

    def all_titles(self) -> list[str]:
        """One title for each note here, so that a note that is here twice shows."""
        titles: list[str] = []
        after: object = None
        while True:
            more = {"after": after} if after else {}
            page = self.call("note.list", limit=1000, **more)
            titles += [row["title"] for row in page["notes"]]  # type: ignore[attr-defined]
            after = page.get("next")
            if not after:
                return titles

    def titles_now(self) -> set[str]:
        """As `titles`, by a command, with or without an agent."""
        notes = self.done("note", "list")["notes"]
        assert isinstance(notes, list), notes
        return {note["title"] for note in notes}

    def status(self) -> Told:
        """What the agent says of itself."""
        return self.call("status")

    @property
    def events(self) -> int:
        """How many events it holds."""
        count = self.status()["events"]
        assert isinstance(count, int), count
        return count

    @property
    def address(self) -> str:
        """Where its nats-server listens."""
        server = self.status()["server"]
        assert isinstance(server, dict), server
        return f"{self.host}:{server['port']}"

    @property
    def server_pid(self) -> int:
        """The pid of its nats-server. Raises Unreachable while there is none."""
        server = self.status()["server"]
        assert isinstance(server, dict), server
        if server["state"] != "up" or not server["pid"]:
            message = f"the nats-server of {self.name} is not up"
            raise Unreachable(message)
        return int(server["pid"])

    def linked(self) -> list[Told]:
        """The peers that it is connected to."""
        peers = self.status()["peers"]
        assert isinstance(peers, list), peers
        return [peer for peer in peers if peer["connected"]]

    def logged(self) -> list[Told]:
        """The agent's log."""
        try:
            return [json.loads(line) for line in log_path(self.home).read_text().splitlines()]
        except OSError:
            return []

    # ── the agent ────────────────────────────────────────────────────────────────────────────────

    def start(self, **env: str) -> Device:
        """Start the agent, and return when it answers."""
        with (self.home.with_name(f"{self.name}.out")).open("ab") as output:
            self._process = self._spawn(
                [*self.within, *command(self.home), "--interface", self.interface or self.host, "agent"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).with_name("told_tasks")), **env},
            )
        self.pid = self._process.pid
        wait(f"the agent of {self.name} answers", self._answers, (self,))
        return self

    def _answers(self) -> bool:
        assert self._process is not None, "it was started"
        assert self._process.poll() is None, f"the agent ended: {self.output()}"
        return self.call("ping")["pid"] == self._process.pid

    def output(self) -> str:
        """What the agent's process printed."""
        path = self.home.with_name(f"{self.name}.out")
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def served(self) -> Device:
        """Wait until its nats-server is up."""
        wait(f"the server of {self.name} is up", lambda: bool(self.server_pid), (self,))
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send its agent a signal."""
        assert self.pid is not None, "only while it runs"
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill -9 of its agent."""
        self.signal(signal.SIGKILL)
        self.ended()

    def stop(self) -> float:
        """End the agent as SIGTERM does; how long that took."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        assert self.ended() == 0, self.output()
        return time.monotonic() - began

    def ended(self) -> int | None:
        """Wait for the end of its agent; the exit code, where the process is our child."""
        pid, process = self.pid, self._process
        assert pid is not None, "only after it was started"
        code = None
        if process is not None and process.pid == pid:
            code = process.wait(ENDED_S)
        else:
            wait(f"process {pid} ends", lambda: not alive(pid), (self,), ENDED_S)
        self.pid = None
        return code

    def last_words(self) -> str:
        """All that helps to understand a failure."""
        lines = [f"--- {self.name}: pid {self.pid}"]
        try:
            status = self.status()
            lines += [
                f"{key}: {status[key]}" for key in ("server", "peers", "events", "in_sync", "problems", "waiting")
            ]
        except (MeshError, OSError) as error:
            lines.append(f"status: {error!r}")
        lines += [json.dumps(line) for line in self.logged()[-LOG_LINES:]]
        server_log = server_path(self.home) / "nats.log"
        if server_log.exists():
            lines += server_log.read_text(errors="replace").splitlines()[-LOG_LINES // 2 :]
        return "\n".join([*lines, self.output()])


class Fleet:
    """The devices of one test."""

    def __init__(self, folder: Path, spawn: Spawn) -> None:
        self.folder = folder
        self.devices: list[Device] = []
        self._spawn = spawn

    def empty(self, name: str) -> Device:
        """A home in which nothing is yet."""
        device = Device(self.folder / name, self._spawn)
        self.devices.append(device)
        return device

    def joined(self, count: int, prefix: str = "") -> list[Device]:
        """Devices of one mesh: the first founded it and let the others in, one after the other."""
        made = []
        for name in NAMES[:count]:
            device = self.empty(prefix + name)
            shutil.copytree(founded(count) / name, device.home)
            made.append(device)
        return made

    def founded_anew(self, count: int, prefix: str) -> list[Device]:
        """As `joined`, of another mesh."""
        asyncio.run(_found(self.folder, [prefix + name for name in NAMES[:count]]))
        return [self.empty(prefix + name) for name in NAMES[:count]]

    def linked(self, count: int) -> list[Device]:
        """As `joined`, with agents that run and are all connected to the first one."""
        made = self.joined(count)
        for device in made:
            device.start()
        for device in made[1:]:
            self.link(device, made[0])
        return made

    def link(self, caller: Device, called: Device) -> None:
        """Tell one device the address of another, and wait until both know each other there."""
        called.served()
        caller.call("peer.add", address=called.address)
        name = str(called.status()["device"]["id"])  # type: ignore[index]
        self.wait(f"{caller.name} reaches {called.name}", lambda: name in {p["device"] for p in caller.linked()})

    def converged(self, *devices: Device) -> str:
        """Wait until these hold and show the same; their state digest."""
        chosen = devices or tuple(self.devices)

        def same() -> str:
            told = [device.status() for device in chosen]
            frontiers = {json.dumps(one["frontier"], sort_keys=True) for one in told}
            digests = {str(one["state_digest"]) for one in told}
            agree = len(frontiers) == 1 and len(digests) == 1 and all(one["in_sync"] for one in told)
            return digests.pop() if agree else ""

        return self.wait("all are in sync", same)

    def wait(self, what: str, condition: Callable[[], T], deadline_s: float = DEADLINE_S) -> T:
        """Wait for a condition; its value."""
        return wait(what, condition, self.devices, deadline_s)

    def end(self) -> None:
        """End every agent, and fail when a process of these homes is left."""
        for device in self.devices:
            if device.pid is not None and alive(device.pid):
                device.signal(signal.SIGCONT)
                device.signal(signal.SIGTERM)
        left = _gone(self.folder)
        for device in self.devices:
            if device.pid in left and not device.within:
                device.signal(signal.SIGUSR1)  # it prints what its tasks wait for
                time.sleep(1)
                left[device.pid] += device.output()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, f"left behind: {left}"


def _gone(folder: Path) -> dict[int, str]:
    until = time.monotonic() + ENDED_S
    while (left := processes_in(folder)) and time.monotonic() < until:
        time.sleep(POLL_S)
    return left


def wait(what: str, condition: Callable[[], T], devices: Sequence[Device] = (), deadline_s: float = DEADLINE_S) -> T:
    """Wait until a condition holds; its value. An agent that does not answer yet is no failure before the deadline."""
    until = time.monotonic() + deadline_s
    last: object = None
    pause_s = POLL_S
    while time.monotonic() < until:
        try:
            last = value = condition()
            if value:
                return value
        except MeshError as error:
            last = error
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.15, POLL_S_MAX)
    words = "\n".join(device.last_words() for device in devices)
    message = f"not within {deadline_s:g} s: {what} (last: {last!r})\n{words}"
    raise AssertionError(message)


# ---------------------------------------------------------------- meshes to copy


TEMPLATES: list[Path] = []
"""The folder for them, set once a session."""


@cache
def founded(count: int) -> Path:
    """A folder with the homes of one mesh, made once and copied by tests that are not about joining."""
    folder = TEMPLATES[-1] / str(count)
    folder.mkdir(parents=True)
    asyncio.run(_found(folder, NAMES[:count]))
    return folder


async def _found(folder: Path, names: Sequence[str]) -> None:
    first = folder / names[0]
    await homes.found(first, names[0])
    for name in names[1:]:
        asked = await homes.request(folder / name, name)
        async with agents.opened(first) as agent:
            told = await agent.call("admit", {"request": asked["request"], "rank": "admin"})
        assert isinstance(told, dict), told
        await homes.accept(folder / name, told["admission"])


@contextlib.contextmanager
def fleet(folder: Path, spawn: Spawn) -> Iterator[Fleet]:
    """Devices that end with the block."""
    made = Fleet(folder, spawn)
    try:
        yield made
    finally:
        made.end()
