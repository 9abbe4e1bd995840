"""The background agent: started, ended, run in the foreground, and its log read.

`up` answers when the agent does; `down` answers when its process has ended. Where a service was installed for the home,
both go through it. Neither touches anything else of the home.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import typer

from mesh.cli import frequent, local
from mesh.cli.options import Command, examples, running
from mesh.cli.ourselves import front
from mesh.cli.run import TAKEN_S, Run
from mesh.cli.screen import one_line
from mesh.cli.serving import at_home, pinged
from mesh.errors import Busy, MeshError, Unreachable
from mesh.node.paths import output_path
from mesh.node.socket_client import error_from

STARTED_S = 60.0  # for an agent to answer: after a crash it first looks through its store
ENDED_S = 60.0  # for an agent to end: it finishes what is under way, and its nats-server
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
    pid, unit = ended(run)
    if unit:
        run.out.notice(f"the service {unit} was stopped; it starts again with `mesh up`, or at the next boot")
    result: dict[str, object] = {"agent": {"pid": pid, "running": False}}
    word = "ended" if pid is not None else "was not running"
    run.out.acknowledge(result, lambda _: [f"agent {word}"])


def begun(run: Run) -> tuple[dict[str, object], bool]:
    """Have the agent run, by its service where there is one: what it answers, and whether it was started here."""
    from mesh.node.background import service_manager as manager
    from mesh.node.background.service import installed_for

    service = installed_for(run.home)
    if service is None or not manager.manager_answers(service):
        return _started(run)
    if run.interfaces:
        message = "the service of this home decides what it listens on"
        run.out.notice(f"{message}: `mesh service install --interface ...` changes it.")
    manager.start(service)
    return answering(run), True


def answering(run: Run) -> dict[str, object]:
    """Wait until the agent answers. Raises Unreachable when it does not."""
    until = time.monotonic() + STARTED_S
    while time.monotonic() < until:
        found = pinged(run)
        if found is not None:
            return found
        time.sleep(POLL_S)
    message = f"the agent has not answered within {STARTED_S:.0f} s"
    raise Unreachable(message, hint="It may still come up: `mesh status`, `mesh logs`, `mesh service status`.")


def ended(run: Run) -> tuple[object, str]:
    """Have the agent end, for its service as well: the pid it had, and the service's unit where it was one's."""
    from mesh.node.background import service_manager as manager
    from mesh.node.background.service import installed_for

    found = pinged(run)
    pid = found["pid"] if found else None
    service = installed_for(run.home)
    unit = ""
    if service is not None and manager.condition(service).at_work:
        manager.stop(service)
        unit = service.unit
    connection = run.agent() if found else None  # a unit's stop has ended it already
    if connection is not None:
        with connection:
            connection.call("down", {}, answer_s=ENDED_S)
            connection.wait_closed(ENDED_S)
    _wait_ended(pid)
    return pid, unit


def agent(context: typer.Context) -> None:
    """Run the agent in the foreground, until SIGTERM, Ctrl-C or `mesh down`."""
    frequent.agent(running(context))


def ensured(run: Run) -> tuple[dict[str, object], bool]:
    """The agent that answers, and whether it was started for that. Raises MeshError when it cannot be."""
    found = pinged(run)
    if found is not None:
        return found, False
    at_home(run)
    if not run.home.is_dir():
        local.must_be_joined(run.home)
    return begun(run)


def _started(run: Run) -> tuple[dict[str, object], bool]:
    """The agent that answers in the end, and whether it is the one that was started here."""
    output = output_path(run.home)
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
