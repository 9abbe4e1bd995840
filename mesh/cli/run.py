"""One run of one command: its home, how it answers, and how it asks the agent.

The agent is asked over its socket. Where none runs, the same Agent is opened in this process under the file lock;
only then more than the standard library is imported. It never opens the database on its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from mesh.cli.output import Output
from mesh.cli.screen import one_line
from mesh.errors import Busy, NotGranted, Unreachable
from mesh.node.paths import home_path, socket_path
from mesh.node.socket_client import ANSWER_S, Connection, Progress, connect

TAKEN_S = 5.0  # how long another command, or an agent that is starting, may hold the home before we say so
POLL_S = 0.05

Told = dict[str, object]


class Options:
    """What every command takes: --json, --home, --yes, --interface, --quiet, --as."""

    __slots__ = ("home", "interfaces", "json", "principal", "quiet", "yes")

    def __init__(self) -> None:
        self.json = False
        self.home: str | None = None
        self.yes = False
        self.interfaces: list[str] = []
        self.quiet = False
        self.principal: str | None = None  # the agent that says so of itself; None: as the environment has it

    def values(self) -> tuple[object, ...]:
        """All of them, to be compared."""
        return self.json, self.home, self.yes, tuple(self.interfaces), self.quiet, self.principal


class Run:
    """What a command needs to do its work."""

    def __init__(self, options: Options) -> None:
        self.out = Output(as_json=options.json, quiet=options.quiet)
        self.yes = options.yes
        self.interfaces = tuple(options.interfaces) or _from_environment()
        self.home: Path = home_path(options.home)
        self.principal = _principal(options.principal)
        self.exit_code = 0

    def agent(self) -> Connection | None:
        """A conversation with the running agent, if one runs."""
        return connect(socket_path(self.home))

    def ask(
        self, name: str, arguments: Told, *, answer_s: float | None = ANSWER_S, progress: Progress | None = None
    ) -> Told:
        """The result of a call: from the running agent, or from one opened here. Raises MeshError."""
        arguments = self._attributed(arguments)
        until = time.monotonic() + TAKEN_S
        while True:
            connection = self.agent()
            if connection is not None:
                with connection:
                    return connection.call(name, arguments, answer_s=answer_s, progress=progress)
            from mesh.cli.local import call_here

            try:
                return call_here(self.home, self.interfaces, name, arguments, progress)
            except Busy:
                if time.monotonic() >= until:
                    raise
            time.sleep(POLL_S)

    def follow(self, name: str, arguments: Told) -> Iterator[Told]:
        """The items of a streaming call; only a running agent has news."""
        connection = self.agent()
        if connection is None:
            message = "no agent is running, so nothing new can arrive"
            raise Unreachable(message, hint="Start it with `mesh up`; without --follow the log is read at once.")
        with connection:
            yield from connection.stream(name, self._attributed(arguments))

    def _attributed(self, arguments: Told) -> Told:
        """The arguments, with the name of the agent that asks."""
        return {**arguments, "as": self.principal} if self.principal else arguments


def must_be_a_person(run: Run) -> None:
    """Raise NotGranted for an agent."""
    if run.principal:
        message = f"{one_line(run.principal)} is an agent, and only a person does this"
        raise NotGranted(message, hint="Do it yourself: without --as, and without MESH_AGENT in the environment.")


def _principal(named: str | None) -> str:
    return os.environ.get("MESH_AGENT", "") if named is None else named


def _from_environment() -> tuple[str, ...]:
    named = os.environ.get("MESH_INTERFACES", "")
    return tuple(part for part in (part.strip() for part in named.split(",")) if part)
