"""`mesh brief` in the full tree; what it does is in `mesh.cli.frequent`."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import frequent
from mesh.cli.options import Command, examples, running


def add_to(app: typer.Typer) -> None:
    """Put this command into the tree."""
    words = examples("mesh brief", "mesh brief --project .", 'mesh brief --since "2 days ago"', "mesh brief --markdown")
    app.command("brief", cls=Command, epilog=words)(brief)


def brief(
    context: typer.Context,
    *,
    project: Annotated[
        str | None, typer.Option(metavar="NAME|.", help="Only this project; . is that of this folder.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help='Since when: yesterday, "2 hours ago"; else the last brief.')
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As an agent gets it.")] = False,
    budget: Annotated[int | None, typer.Option(metavar="TOKENS", help="Of that, at most so much.")] = None,
) -> None:
    """The morning view: what happened on which device, what waits for you, what is ready, what is wrong."""
    frequent.brief(running(context), project=project, since=since, markdown=markdown, budget=budget)
