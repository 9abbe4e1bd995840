"""The commands about sessions of agents: which there are, what one had come to, and how to go on with it here."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from mesh.cli import calls, drop, view_sessions
from mesh.cli.options import Command, examples, running, tree

_Session = Annotated[str, typer.Argument(metavar="SESSION", help="Its id, the beginning of it, or its tool's own id.")]

sessions = tree("Sessions of agents, on all devices.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(sessions, name="session")


@sessions.command(
    "list",
    cls=Command,
    epilog=examples("mesh session list", "mesh session list --project . --all", "mesh session list --device mini"),
)
def listed(
    context: typer.Context,
    *,
    project: Annotated[
        str | None, typer.Option(metavar="NAME|.", help="Only of this project; . is that of this folder.")
    ] = None,
    device: Annotated[str | None, typer.Option(metavar="DEVICE", help="Only on this device.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many.")] = None,
) -> None:
    """List sessions that are not over, the latest first."""
    run = running(context)
    result = run.ask(*calls.session_list(project=project, device=device, every=every, limit=limit))
    run.out.result(result, lambda screen: view_sessions.listed(screen, result))


@sessions.command(
    "show", cls=Command, epilog=examples("mesh session show k5q2abcd", "mesh session show k5q2abcd --json")
)
def show(context: typer.Context, session: _Session) -> None:
    """Show one session: its goal, its state, what it had come to, and how to go on with it."""
    run = running(context)
    result = run.ask(*calls.session("show", session))
    run.out.result(result, lambda screen: view_sessions.shown(screen, result))


@sessions.command(
    "transcript",
    cls=Command,
    epilog=examples("mesh session transcript k5q2abcd", "mesh session transcript k5q2abcd --into ~/Downloads"),
)
def transcript(
    context: typer.Context,
    session: _Session,
    *,
    into: Annotated[str | None, typer.Option(metavar="DIR", help="Put them down in this folder.")] = None,
) -> None:
    """Show what is kept of the file that its tool wrote of a session, on any device, without secrets.

    There is more than one where the tool wrote its file anew.
    """
    run = running(context)
    result = run.ask(*calls.session("transcript", session))
    found = result["transcripts"]
    if into is not None and isinstance(found, list):
        for one in found:
            one["path"] = drop.put_down(run, str(one["document"]), into)["path"]
    run.out.result(result, lambda screen: view_sessions.transcripts(screen, result))


class Switch(StrEnum):
    """Whether something is done."""

    ON = "on"
    OFF = "off"


@sessions.command(
    "transcripts", cls=Command, epilog=examples("mesh session transcripts", "mesh session transcripts on")
)
def transcripts(
    context: typer.Context,
    wanted: Annotated[
        Switch | None, typer.Argument(metavar="[on|off]", help="What it is to be; else it is told.")
    ] = None,
) -> None:
    """Whether transcripts of this device's sessions are kept for your other devices; off unless you say otherwise.

    They hold what agents and tools said, without what looks like a secret. What was kept stays: `mesh drop rm`.
    """
    run = running(context)
    result = run.ask("session.transcripts", {} if wanted is None else {"on": wanted is Switch.ON})
    words = f"transcripts of this device's sessions are {'kept' if result['on'] else 'not kept'}"
    run.out.acknowledge(result, lambda _: [words])


@sessions.command("resume", cls=Command, epilog=examples("mesh session resume k5q2abcd"))
def resume(context: typer.Context, session: _Session) -> None:
    """Print the command that goes on with a session on this device, in the folder that its project has here."""
    run = running(context)
    result = run.ask(*calls.session("resume", session))
    run.out.result(result, lambda screen: view_sessions.resumed(screen, result))
