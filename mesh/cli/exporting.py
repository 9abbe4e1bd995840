"""`mesh export` and `mesh import`: the mesh as files that need no mesh, and a log carried on a stick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mesh.cli.inspect import progress
from mesh.cli.options import Command, examples, running
from mesh.cli.screen import Screen, counted, moment, one_line
from mesh.cli.times import read_time
from mesh.errors import Misuse

SUFFIX = ".meshbundle"
Told = dict[str, object]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples(
        "mesh export ~/mesh-2026",
        "mesh export /mnt/stick/all.meshbundle",
        'mesh export /mnt/stick/week.meshbundle --since "7 days ago"',
    )
    app.command("export", cls=Command, epilog=lines)(export)
    lines = examples("mesh import /mnt/stick/week.meshbundle", "mesh import /mnt/stick/week.meshbundle --json")
    app.command("import", cls=Command, epilog=lines)(import_)


def export(
    context: typer.Context,
    target: Annotated[str, typer.Argument(metavar=f"DIR|FILE{SUFFIX}", help="A folder that is new, or a bundle.")],
    *,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="A bundle of what came after it alone.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a bundle that is there.")] = False,
) -> None:
    """Write everything as Markdown and JSON into a folder, or as signed events into one file.

    The folder is for reading without a mesh, now or in 2050. The file is for carrying to a device that no network
    reaches: it is sealed as it was, so a stick that is lost shows nothing.
    """
    run = running(context)
    path = Path(target).expanduser().absolute()
    if path.suffix != SUFFIX:
        if since is not None or force:
            raise Misuse(f"--since and --force are for bundles, whose names end in {SUFFIX}")
        with progress(run, "writing") as told:
            result = run.ask("export.folder", {"path": str(path)}, answer_s=None, progress=told)
        run.out.acknowledge(result, lambda screen: _folder(screen, result))
        return
    given: Told = {"path": str(path), "force": force} | ({"since_ms": read_time(since)} if since is not None else {})
    with progress(run, "writing") as told:
        result = run.ask("export.bundle", given, answer_s=None, progress=told)
    run.out.acknowledge(result, lambda screen: _bundle(screen, result))


def import_(
    context: typer.Context,
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="What `mesh export` wrote on another device.")],
) -> None:
    """Take in a bundle: every event is checked as if a device had brought it. Reading one again changes nothing."""
    run = running(context)
    path = Path(bundle).expanduser().absolute()
    with progress(run, "taking in") as told:
        result = run.ask("import.bundle", {"path": str(path)}, answer_s=None, progress=told)
    run.out.acknowledge(result, lambda screen: _taken(screen, result))
    if result.get("gaps"):
        run.out.warn(
            f"{counted(result.get('gaps'), 'chain')} in it go on from events that are not here, and wait for nothing: "
            "bring a bundle that begins earlier, or one without --since, then this one again."
        )
    if result.get("refused"):
        run.out.warn(f"{counted(result.get('refused'), 'run')} did not hold and changed nothing: `mesh logs` says why.")


def _bundle(screen: Screen, result: Told) -> list[str]:
    since = f", since {moment(result.get('since_ms'))}" if result.get("since_ms") else ""
    counts = f"{counted(result.get('events'), 'event')} of {counted(result.get('chains'), 'chain')}{since}"
    return [
        f"{screen.ink('written', 'green')}  {one_line(result.get('path'))}",
        f"         {counts}, {_size(result.get('bytes'))}",
        f"next     {screen.ink('mesh import FILE', 'bold')} on the other device",
    ]


def _folder(screen: Screen, result: Told) -> list[str]:
    counts = f"{counted(result.get('notes'), 'note')}, {counted(result.get('records'), 'record')}"
    return [
        f"{screen.ink('written', 'green')}  {one_line(result.get('path'))}",
        f"         {counts}, and the signed log of {counted(result.get('events'), 'event')}",
        "read     README.md in it says what is where, and how to verify it without a mesh",
    ]


def _taken(screen: Screen, result: Told) -> list[str]:
    new = counted(result.get("new"), "event")
    return [f"{screen.ink('taken in', 'green')}  {new} new, of {counted(result.get('events'), 'event')} in it"]


def _size(value: object) -> str:
    size = float(value) if isinstance(value, int) else 0.0
    for unit in ("bytes", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
