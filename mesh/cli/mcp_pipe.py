"""`mesh mcp`, which a client of MCP starts: it carries lines between its own streams and the agent.

Standard library only. It understands no method; it only keeps in mind which requests wait for their answers, and what
began the conversation, so that a client goes on when the agent was started anew: what waited is answered with an error,
nothing is sent twice. Everything for people goes to standard error.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path

from mesh.cli import calls
from mesh.cli.run import Run
from mesh.errors import MeshError, Unreachable
from mesh.limits import KIB

TYPE_CHECKING = False
if TYPE_CHECKING:  # it costs what no client should wait for
    from _socket import socket

INPUT, OUTPUT = 0, 1
CHUNK_BYTES = 64 * KIB
NO_AGENT = -32000  # of the codes that JSON-RPC leaves to servers
AGAIN_S = 10.0  # for an agent that is started anew, as an upgrade does
ENDED_S = 10.0  # for the agent to see that the client went
POLL_S = 0.1
BEGINNINGS_MAX = 64  # lines that are said again to a new agent

_BEGINS = frozenset({"initialize", "notifications/initialized", "resources/subscribe"})
"""What a client of the older handshakes says once, for the whole conversation."""


def piped(run: Run) -> None:
    """Carry everything between this process's streams and the agent until the input ends. Raises MeshError."""
    pipe = Pipe(run)
    pipe.begin()
    with os.fdopen(os.dup(INPUT), "rb") as lines:
        for line in lines:
            pipe.take(line)
    pipe.end()


class Pipe:
    """The two directions: `take` is called for what the client says, a thread writes what the agent says."""

    def __init__(self, run: Run) -> None:
        """Before it is connected."""
        self._run = run
        self._lock = threading.Lock()  # for what both directions touch: the waiting and the output
        self._waiting: dict[str, object] = {}
        self._beginnings: list[bytes] = []
        self._unheard: set[str] = set()  # answers that the client has had already
        self._agent: socket | None = None
        self._listening: threading.Thread | None = None
        self._error: MeshError | None = None  # of a pipe that was never connected

    def begin(self) -> None:
        """Reach the agent, and start one where none runs. What is wrong is told to whoever asks something."""
        try:
            if self._connect() is None:
                from mesh.cli.agent import ensured

                ensured(self._run)
                self._connect()
        except MeshError as error:
            self._error = error

    def take(self, line: bytes) -> None:
        """Send what the client said on its way, or answer in the agent's place that there is none."""
        said = _read(line)
        asks = "method" in said and "id" in said
        agent = self._agent or (self._again() if asks else None)
        if said.get("method") in _BEGINS and len(self._beginnings) < BEGINNINGS_MAX:
            self._beginnings.append(line)
        if asks:
            with self._lock:
                self._waiting[_key(said)] = said["id"]
        try:
            if agent is not None:
                agent.sendall(line)
                return
        except OSError:  # it ended just now
            self._agent = None
        if asks:
            self._give_up([_key(said)], self._error)

    def end(self) -> None:
        """The client says nothing more. Raises what kept the pipe from ever being connected."""
        if self._agent is not None and self._listening is not None:
            try:
                self._agent.shutdown(1)  # SHUT_WR
            except OSError:  # it is gone already
                return
            self._listening.join(ENDED_S)
        if self._error is not None:
            raise self._error

    # ── the agent ────────────────────────────────────────────────────────────────────────────────

    def _again(self) -> socket | None:
        """The agent, which may be on its way back; one that a person ended is not started again."""
        until = time.monotonic() + (AGAIN_S if self._listening is not None else 0)
        while True:
            try:
                if (agent := self._connect()) is not None:
                    return agent
            except MeshError as error:
                if self._listening is None:
                    self._error = error
            if time.monotonic() >= until:
                return None
            time.sleep(POLL_S)

    def _connect(self) -> socket | None:
        """A new conversation, which begins as the one before did; None when no agent runs. Raises MeshError."""
        connection = self._run.agent()
        if connection is None:
            return None
        connection.call(*self._call())
        agent, held = connection.taken()
        for line in self._beginnings:
            if "id" in (said := _read(line)):
                self._unheard.add(_key(said))
            agent.sendall(line)
        self._agent, self._error = agent, None
        self._listening = threading.Thread(target=self._listen, args=(agent, held), daemon=True)
        self._listening.start()
        return agent

    def _call(self) -> calls.Call:
        """Who asks, and from where: clients start this in the folder that they work in."""
        try:
            folder = str(Path.cwd())
        except OSError:  # it was deleted
            folder = ""
        name, arguments = calls.mcp(cwd=folder)
        return name, {**arguments, **({"as": self._run.principal} if self._run.principal else {})}

    def _listen(self, agent: socket, held: bytes) -> None:
        """Write what the agent says, until it ends, or the client takes no more."""
        try:
            while data := _received(agent):
                *lines, held = (held + data).split(b"\n")
                for line in lines:
                    self._tell(line)
            if self._agent is agent:
                self._agent = None
            self._give_up(list(self._waiting), None)
        except BrokenPipeError:  # the client is gone, and its input ends as well
            self._agent = None
        agent.close()

    # ── the client ───────────────────────────────────────────────────────────────────────────────

    def _tell(self, line: bytes) -> None:
        said = _read(line)
        with self._lock:
            if "id" in said and "method" not in said:
                if (key := _key(said)) in self._unheard:
                    self._unheard.discard(key)
                    return
                self._waiting.pop(key, None)
            _write(line + b"\n")

    def _give_up(self, keys: list[str], error: MeshError | None) -> None:
        """Answer requests that the agent does not answer any more, each once."""
        error = error or Unreachable("the mesh agent ended", hint="`mesh up` starts it; look before you repeat this.")
        told = {"code": NO_AGENT, "message": f"{error}. {error.hint}"}
        with self._lock:
            for key in keys:
                if key in self._waiting:
                    answer = {"jsonrpc": "2.0", "id": self._waiting.pop(key), "error": told}
                    _write(json.dumps(answer).encode() + b"\n")


def _read(line: bytes) -> dict[str, object]:
    """A message; empty for what is none."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _key(said: dict[str, object]) -> str:
    return json.dumps(said.get("id"))


def _received(agent: socket) -> bytes:
    try:
        return agent.recv(CHUNK_BYTES)
    except OSError:
        return b""


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(OUTPUT, data) :]
