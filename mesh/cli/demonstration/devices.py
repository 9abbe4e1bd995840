"""The devices of the demonstration: each a home of its own, used through the commands and the socket of its agent.

It ends only agents that it started, and removes only the folder that it made.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from mesh.cli.ourselves import front
from mesh.errors import MeshError, Unreachable
from mesh.node.paths import socket_path
from mesh.node.socket_client import Told, connect, error_from

HOST = "127.0.0.1"
COMMAND_S_MAX = 120.0  # one command; a busy machine is no reason to fail
WAIT_S_MAX = 60.0  # for devices to agree
POLL_S = 0.02
_KEPT_VARIABLE = "MESH_NATS_SERVER"  # of the person's environment: where to find the server

T = TypeVar("T")


class Device:
    """One home, and the agent that runs in it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.home = folder / name
        self._pid: int | None = None

    def mesh(self, *words: str, given: str | None = None) -> Told:
        """Do a command here. Raises the MeshError that it ended with."""
        done = subprocess.run(  # noqa: S603 - ourselves
            self._line(words),
            input=given,
            stdin=None if given is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_S_MAX,
            env=_environment(),
        )
        return _told(done.stdout.splitlines(), done.stderr)

    @contextmanager
    def stream(self, *words: str) -> Iterator[Callable[[], Told]]:
        """A command that answers with several objects; gives a function that waits for the next one."""
        process = subprocess.Popen(  # noqa: S603 - ourselves
            self._line(words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=_environment(),
        )
        assert process.stdout is not None
        assert process.stderr is not None
        out, errors = process.stdout, process.stderr
        try:
            yield lambda: _told([line] if (line := out.readline()) else [], "" if line else errors.read())
        finally:
            process.terminate()
            process.communicate()

    def call(self, name: str, **arguments: object) -> Told:
        """Ask the agent over its socket, as the commands do. Raises MeshError."""
        connection = connect(socket_path(self.home))
        if connection is None:
            message = f"the agent of {self.name} does not run"
            raise Unreachable(message)
        with connection:
            return connection.call(name, arguments)

    def up(self) -> None:
        """Start the agent."""
        agent = self.mesh("up")["agent"]
        assert isinstance(agent, dict), agent
        self._pid = int(agent["pid"])

    def down(self) -> None:
        """End the agent in order."""
        self.mesh("down")
        self._pid = None

    def kill(self) -> None:
        """Kill -9 of the agent; returns when it is gone."""
        assert self._pid is not None, "only a running agent"
        os.kill(self._pid, signal.SIGKILL)
        until(f"the agent of {self.name} is gone", lambda: connect(socket_path(self.home)) is None)
        self._pid = None

    def end(self) -> None:
        """End what still runs here, whatever state it is in."""
        if self._pid is None:
            return
        with contextlib.suppress(MeshError, subprocess.TimeoutExpired):
            self.down()
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)

    def digest(self) -> str:
        """The digest of all that it shows."""
        return str(self.call("status")["state_digest"])

    def documents(self) -> set[str]:
        """All its notes."""
        found: set[str] = set()
        after: object = None
        while True:
            page = self.call("note.list", limit=1000, **({"after": after} if after else {}))
            notes = page["notes"]
            assert isinstance(notes, list), notes
            found |= {str(note["document"]) for note in notes}
            after = page.get("next")
            if not after:
                return found

    def _line(self, words: Sequence[str]) -> list[str]:
        return front("--json", "--home", str(self.home), "--interface", HOST, *words)


def agreed(devices: Sequence[Device]) -> dict[str, str]:
    """Wait until all devices have everything and show the same; the digest of each."""

    def same() -> dict[str, str] | None:
        told = {device.name: device.call("status") for device in devices}
        digests = {name: str(status["state_digest"]) for name, status in told.items()}
        fits = len(set(digests.values())) == 1 and all(status["in_sync"] for status in told.values())
        return digests if fits else None

    found = until("all devices agree", same)
    assert found is not None
    return found


def until(what: str, condition: Callable[[], T], wait_s: float = WAIT_S_MAX) -> T:
    """Wait until a condition holds; its value. Raises Unreachable with what was waited for."""
    ends = time.monotonic() + wait_s
    last = ""
    while time.monotonic() < ends:
        try:
            value = condition()
        except MeshError as error:  # an agent that starts does not answer yet
            last = f": {error}"
        else:
            if value:
                return value
        time.sleep(POLL_S)
    message = f"not within {wait_s:g} s: {what}{last}"
    raise Unreachable(message, hint="Is this machine very busy? `mesh demo --keep` leaves the logs in place.")


@contextmanager
def stage(names: Sequence[str], *, keep: bool) -> Iterator[tuple[Path, list[Device]]]:
    """Homes in a new folder, which goes with all that runs in it when the block ends, in whatever way."""
    # Not below a long path: a socket in it must fit into 104 bytes.
    folder = Path(tempfile.mkdtemp(prefix="mesh-demo-"))
    devices = [Device(folder, name) for name in names]
    try:
        yield folder, devices
    finally:
        for device in devices:
            device.end()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _environment() -> dict[str, str]:
    """The person's environment without what belongs to the person's own mesh."""
    return {key: value for key, value in os.environ.items() if not key.startswith("MESH_") or key == _KEPT_VARIABLE}


def _told(lines: Sequence[str], said: str) -> Told:
    try:
        told = json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        message = f"a command answered with no object: {said.strip()[-300:]}"
        raise Unreachable(message) from error
    assert isinstance(told, dict), told
    if isinstance(told.get("error"), dict):
        raise error_from(told["error"])
    return told
