"""The past of a note: what was done to it, how it was, and taking things back."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from mesh.cli import view_history, view_notes
from mesh.cli.options import Command, examples, running
from mesh.cli.run import Run
from mesh.cli.screen import Screen
from mesh.cli.times import read_time
from mesh.errors import Misuse

Told = dict[str, object]
_EVENT = re.compile(r"[0-9a-fA-F]{2,64}\Z")

_Document = Annotated[str, typer.Argument(metavar="NOTE", help="Its id, the beginning of it, or its exact title.")]
_At = Annotated[str | None, typer.Option(metavar="EVENT|TIME", help="As it was at this event, or at this time.")]
_To = Annotated[str | None, typer.Option(metavar="EVENT|TIME", help="With --diff: up to there, instead of now.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples(
        'mesh history "buy seeds"',
        'mesh history "buy seeds" --at 3ac91f0e',
        'mesh history "buy seeds" --at "yesterday 14:00" --diff',
        "mesh history home/note/k5q2 --limit 20 --json",
    )
    app.command("history", cls=Command, epilog=lines)(history)
    app.command("undo", cls=Command, epilog=examples("mesh undo 3ac91f0e", "mesh undo 3ac91f0e --json"))(undo)


def history(
    context: typer.Context,
    document: _Document,
    *,
    at: _At = None,
    diff: Annotated[bool, typer.Option("--diff", help="What is different since --at, word by word.")] = False,
    to: _To = None,
    limit: Annotated[int | None, typer.Option(metavar="N", help="At most so many; 50 unless given.")] = None,
    before: Annotated[str | None, typer.Option(metavar="EVENT", help="Go on before this event (`next`).")] = None,
) -> None:
    """Show what was done to a note, the latest first; with --at how it was; with --diff what is different since."""
    run = running(context)
    if at is None and (diff or to is not None):
        raise Misuse("--diff compares with a moment", hint="Name it: --at EVENT, or --at 'yesterday 14:00'.")
    if to is not None and not diff:
        raise Misuse("--to belongs to --diff", hint="Leave it out, or add --diff.")
    if at is not None and (limit is not None or before is not None):
        raise Misuse("--limit and --before belong to the list", hint="Leave out --at to see the list.")
    if diff and at is not None:
        given: Told = {"document": document, "at": moment(at)}
        result = run.ask("history.diff", given if to is None else {**given, "to": moment(to)})
        run.out.result(result, lambda screen: view_history.difference(screen, result))
    elif at is not None:
        result = run.ask("history.at", {"document": document, "at": moment(at)})
        run.out.result(result, lambda screen: _as_it_was(screen, result))
    else:
        page: Told = {"document": document, "limit": limit, "before": before}
        result = run.ask("history", {name: value for name, value in page.items() if value is not None})
        run.out.result(result, lambda screen: view_history.listed(screen, result))


def undo(
    context: typer.Context,
    event: Annotated[str, typer.Argument(metavar="EVENT", help="As `mesh history` shows it.")],
) -> None:
    """Take back what an event did to its note, on every device. It is an event: undo takes that back too."""
    run = running(context)
    result = run.ask("undo", {"event": event})
    run.out.acknowledge(result, lambda screen: view_history.taken_back(screen, result))


def restored(run: Run, document: str, at: str) -> None:
    """Bring a note back as it was."""
    result = run.ask("restore", {"document": document, "at": moment(at)})
    run.out.acknowledge(result, lambda screen: view_history.brought_back(screen, result))


def moment(typed: str) -> str | int:
    """What --at names: the digits of an event as they are, a time in milliseconds. Raises Misuse."""
    if _EVENT.match(typed):
        return typed.lower()
    return read_time(typed)


def _as_it_was(screen: Screen, result: Told) -> list[str]:
    head, registers = view_history.past(screen, result), view_history.registers(screen, result)
    return [*head, *view_notes.shown(screen, result), *registers]
