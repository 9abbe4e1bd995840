"""The commands about the Markdown files that the agent writes for whoever has no mesh."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from mesh.cli.options import Command, examples, running, tree
from mesh.cli.screen import Screen, counted, moment, one_line

projection = tree("What is kept as Markdown files, for people and programs without mesh.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(projection, name="projection")


@projection.command("on", cls=Command, epilog=examples("mesh projection on ~/Mesh"))
def on(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="Where they go; made where it is not there.")],
) -> None:
    """Write CONTINUITY.md, SHIPLOG.md and the files of each project into a folder, now and on every change."""
    _switched(context, str(Path(folder).expanduser().absolute()))


@projection.command("off", cls=Command, epilog=examples("mesh projection off"))
def off(context: typer.Context) -> None:
    """Write no more. The files stay as they are."""
    _switched(context, "")


@projection.command("status", cls=Command, epilog=examples("mesh projection status"))
def status(context: typer.Context) -> None:
    """Where the files are, when they were last written, and what is wrong."""
    run = running(context)
    result = run.ask("projection.status", {})
    run.out.result(result, lambda screen: _lines(screen, result))


def _switched(context: typer.Context, folder: str) -> None:
    run = running(context)
    result = run.ask("projection.set", {"folder": folder})
    run.out.acknowledge(result, lambda screen: _lines(screen, result))


def _lines(screen: Screen, told: Mapping[str, object]) -> list[str]:
    folder, aside = one_line(told.get("folder")), told.get("aside")
    written = (
        f"{moment(told.get('written_ms'))}, {counted(told.get('files'), 'file')}" if told.get("written_ms") else ""
    )
    out = screen.fields([("files", folder or "off"), ("written", written)])
    for one in aside if isinstance(aside, list) else ():
        out += screen.wrapped(f"put aside, since mesh did not write it: {one_line(one)}", "  ", "    ")
    return (
        out + screen.wrapped(one_line(told["problem"]), screen.ink("! ", "red"), "  ") if told.get("problem") else out
    )
