"""The commands about notes as files: `mesh vault link`, `import`, `unlink`, `status`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mesh.cli import view_vault
from mesh.cli.inspect import progress
from mesh.cli.options import Command, examples, running, tree

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of Markdown files.")]
_Space = Annotated[str | None, typer.Option(metavar="SPACE", help="Where the notes belong; home unless given.")]

vault = tree("Notes as ordinary Markdown files in a folder of yours.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(vault, name="vault")


@vault.command("link", cls=Command, epilog=examples("mesh vault link ~/Notes", "mesh vault link ~/Notes --gone"))
def link(
    context: typer.Context,
    folder: _Folder,
    *,
    space: _Space = None,
    gone: Annotated[
        bool, typer.Option("--gone", help="The many files that are missing were deleted on purpose.")
    ] = False,
) -> None:
    """Keep a folder and the notes the same, both ways, while the agent runs. Again: look at everything now."""
    run = running(context)
    arguments = _arguments(folder, space) | ({"gone": True} if gone else {})
    with progress(run, "linking") as told:
        result = run.ask("vault.link", arguments, answer_s=None, progress=told)
    run.out.result(result, lambda screen: view_vault.status(screen, result))


@vault.command(
    "import", cls=Command, epilog=examples("mesh vault import ~/Notes", "mesh vault import docs --space work")
)
def import_(context: typer.Context, folder: _Folder, *, space: _Space = None) -> None:
    """Take in all Markdown files of a folder, once. Again it takes in only what is new; the files stay as they are."""
    run = running(context)
    with progress(run, "importing") as told:
        result = run.ask("vault.import", _arguments(folder, space), answer_s=None, progress=told)
    run.out.result(result, lambda screen: view_vault.imported(screen, result))


@vault.command("unlink", cls=Command, epilog=examples("mesh vault unlink"))
def unlink(context: typer.Context) -> None:
    """End that. All files and notes stay as they are."""
    run = running(context)
    result = run.ask("vault.unlink", {}, answer_s=None)
    run.out.acknowledge(result, lambda screen: view_vault.unlinked(screen, result))


@vault.command("status", cls=Command, epilog=examples("mesh vault status", "mesh vault status --json"))
def status(context: typer.Context) -> None:
    """Show which folder is linked, and what is not the same on both sides, with the reason."""
    run = running(context)
    result = run.ask("vault.status", {})
    run.out.result(result, lambda screen: view_vault.status(screen, result))


def _arguments(folder: Path, space: str | None) -> dict[str, object]:
    said: dict[str, object] = {"folder": str(folder.expanduser().absolute())}
    return said if space is None else {**said, "space": space}
