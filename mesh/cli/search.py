"""The command that searches; what it does is in `mesh.cli.frequent`."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import frequent
from mesh.cli.options import Command, examples, running

_Types = Annotated[list[str] | None, typer.Option("--type", metavar="TYPE", help="Only of this type; may be repeated.")]


def add_to(app: typer.Typer) -> None:
    """Put this command into the tree."""
    lines = examples(
        "mesh search pump valve",
        "mesh search --type memory --type receipt login",
        "mesh search --project garden pump --limit 5 --json",
    )
    app.command("search", cls=Command, epilog=lines)(search)


def search(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(metavar="WORDS", help="Words, or how they begin; all must be there.")],
    *,
    kind: _Types = None,
    project: Annotated[str | None, typer.Option(metavar="NAME", help="Only what belongs to this project.")] = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many; 20 unless given.")] = None,
) -> None:
    """Find notes, tasks, hand-offs, receipts, memory and whatever else there is by its words, the best first."""
    frequent.search(running(context), words=tuple(words), types=tuple(kind or ()), project=project, limit=limit)
