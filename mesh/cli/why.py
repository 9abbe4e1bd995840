"""What blocks an event, a document or a device, and the way of an event."""

from __future__ import annotations

from typing import Annotated

import typer

import mesh
from mesh.cli import view_why
from mesh.cli.options import Command, examples, running

_Subject = Annotated[
    str,
    typer.Argument(
        metavar="DOCUMENT|DEVICE|EVENT",
        help="A document by id or title, a device by name or id, an event by the first digits of its digest.",
    ),
]
_Event = Annotated[str, typer.Argument(metavar="EVENT", help="The first digits of its digest: `mesh log --json`.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples('mesh why "buy seeds"', "mesh why phone", "mesh why 3ac91f0e", "mesh why 3ac91f0e --json")
    app.command("why", cls=Command, epilog=lines)(why)
    app.command("trace", cls=Command, epilog=examples("mesh trace 3ac91f0e", "mesh trace 3ac91f0e --json"))(trace)


def why(context: typer.Context, subject: _Subject) -> None:
    """Say what blocks a document, a device or an event: where, since when, by what evidence, and what helps."""
    run = running(context)
    result = run.ask("why", {"subject": subject, "version": mesh.__version__})
    run.out.result(result, lambda screen: view_why.why(screen, result))


def trace(context: typer.Context, event: _Event) -> None:
    """Show the way of an event: written, kept, sent, arrived where, counted or not, shown."""
    run = running(context)
    result = run.ask("trace", {"event": event})
    run.out.result(result, lambda screen: view_why.trace(screen, result))
