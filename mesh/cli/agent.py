"""The background agent: started, ended, run in the foreground, and its log read.

`up` answers when the agent does; `down` answers when its process has ended. Neither touches anything else of the home.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import typer

from mesh.cli import local
from mesh.cli.options import Command, examples, running
from mesh.cli.ourselves import front
from mesh.cli.run import TAKEN_S, Run
from mesh.cli.screen import one_line
from mesh.errors import Busy, MeshError, Unreachable
from mesh.node.paths import log_path
from mesh.node.socket_client import error_from

STARTED_S = 60.0  # for an agent to answer: after a crash it first looks through its store
ENDED_S = 60.0  # for an agent to end: it finishes what is under way, and its nats-server
FREED_S = 15.0  # for a home that single commands hold, one after the other, before an agent gives up
PING_S = 5.0
POLL_S = 0.02
OUTPUT_BYTES_MAX = 64 * 1024  # of what an agent said before it ended at its start


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.command("up", cls=Command, epilog=examples("mesh up", "mesh up --interface 127.0.0.1 --json"))(up)
    app.command("down", cls=Command, epilog=examples("mesh down"))(down)
    app.command("agent", cls=Command, epilog=examples("mesh agent", "mesh agent --interface 127.0.0.1"))(agent)


def up(context: typer.Context) -> None:
    """Start the agent in the background; returns when it answers. Running already is fine."""
    run = running(context)
    found, started = ensured(run)
    result: dict[str, object] = {"agent": {"pid": found["pid"], "version": found.get("version"), "started": started}}
    word = "started" if started else "was running"
    run.out.acknowledge(result, lambda screen: [f"agent {screen.ink(word, 'green')}, pid {found['pid']}"])


def down(context: typer.Context) -> None:
    """End the agent; returns when its process has ended. Not running is fine."""
    run = running(context)
    found = pinged(run)
    pid = found["pid"] if found else None
    connection = run.agent() if found else None
    if connection is not None:
        with connection:
            connection.call("down", {}, answer_s=ENDED_S)
            connection.wait_closed(ENDED_S)
        _wait_ended(pid)
    result: dict[str, object] = {"agent": {"pid": pid, "running": False}}
    word = "ended" if found else "was not running"
    run.out.acknowledge(result, lambda _: [f"agent {word}"])


def agent(context: typer.Context) -> None:
    """Run the agent in the foreground, until SIGTERM, Ctrl-C or `mesh down`."""
    run = running(context)
    from mesh.node.agent import run as serve

    begun: list[Mapping[str, object]] = []

    def ready(told: Mapping[str, object]) -> None:
        begun.append(told)
        result: dict[str, object] = {"agent": {"pid": os.getpid(), "device": told.get("device")}}
        run.out.item(result, lambda _: f"agent of {one_line(told.get('device'))} is running, pid {os.getpid()}")

    until = time.monotonic() + FREED_S
    while True:
        if pinged(run) is not None:
            message = "an agent is running in this home already"
            raise Busy(message, hint="`mesh status` shows it, `mesh down` ends it.")
        try:
            local.done(serve(run.home, run.interfaces, ready))
        except Busy:
            if begun or time.monotonic() >= until:
                raise
            time.sleep(POLL_S)  # a single command holds the home, for a moment
        else:
            return


def ensured(run: Run) -> tuple[dict[str, object], bool]:
    """The agent that answers, and whether it was started for that. Raises MeshError when it cannot be."""
    found = pinged(run)
    if found is not None:
        return found, False
    if not run.home.is_dir():
        local.must_be_joined(run.home)
    return _started(run)


def pinged(run: Run) -> dict[str, object] | None:
    """Which agent answers, if one runs."""
    connection = run.agent()
    if connection is None:
        return None
    with connection:
        try:
            return connection.call("ping", {}, answer_s=PING_S)
        except Busy:
            raise
        except Unreachable:
            return None  # it ended just now


def _started(run: Run) -> tuple[dict[str, object], bool]:
    """The agent that answers in the end, and whether it is the one that was started here."""
    output = log_path(run.home).with_name("start.log")
    output.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603 - ourselves
            _argv(run), stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor, start_new_session=True, cwd="/"
        )
    finally:
        os.close(descriptor)
    until = time.monotonic() + STARTED_S
    while time.monotonic() < until:
        ended = child.poll()
        found = pinged(run)
        if found is not None:
            child.returncode = child.returncode or 0  # it outlives us: nothing to warn of
            return found, found.get("pid") == child.pid
        if ended is not None:
            error = _failed(output, ended)
            if not isinstance(error, Busy) or time.monotonic() > until - STARTED_S + TAKEN_S:
                raise error
            # Another `mesh up` was faster: its agent will answer, or this one gives up soon.
        time.sleep(POLL_S)
    message = f"the agent (pid {child.pid}) has not answered within {STARTED_S:.0f} s"
    raise Unreachable(message, hint="It may still come up: `mesh status`, `mesh logs`.")


def _argv(run: Run) -> list[str]:
    interfaces = [word for address in run.interfaces for word in ("--interface", address)]
    return front("--json", "--home", str(run.home), *interfaces, "agent")


def _failed(output: Path, code: int) -> MeshError:
    try:
        with output.open("rb") as file:
            lines = file.read(OUTPUT_BYTES_MAX).decode(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in reversed(lines):
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and isinstance(told.get("error"), dict):
            return error_from(told["error"])
    last = one_line(lines[-1]) if lines else "it said nothing"
    return Unreachable(f"the agent ended at its start with code {code}: {last}", hint=f"More is in {output}")


def _wait_ended(pid: object) -> None:
    until = time.monotonic() + ENDED_S
    while isinstance(pid, int) and _lives(pid):
        if time.monotonic() >= until:
            message = f"the agent (pid {pid}) has not ended within {ENDED_S:.0f} s"
            raise Unreachable(message, hint=f"`mesh logs` tells what it does; as a last resort: kill -9 {pid}")
        time.sleep(POLL_S)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # the number is somebody else's by now
        return False
    try:
        # A process that nobody waits for stays as a zombie: it has ended all the same.
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}
