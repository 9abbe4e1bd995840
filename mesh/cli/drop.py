"""Dropped files: handed to another device of the mesh, or to all of them.

A file is read when it is dropped and put down when somebody asks for it, or by itself in the folder that is chosen for
that; nothing that is there is ever replaced.
"""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import click
import typer

from mesh.cli import view_drops
from mesh.cli.options import Command, Group, examples, running
from mesh.cli.progress_line import ProgressLine
from mesh.cli.run import Run, Told
from mesh.errors import Misuse, Unreachable
from mesh.limits import DROP_FILES_MAX, LIST_MAX
from mesh.node import timing

_SHOWN = 100
_Id = Annotated[str, typer.Argument(metavar="DROP", help="Its id, the beginning of it, or the file's exact name.")]


class What(StrEnum):
    """Which drops are listed."""

    FILES = "files"
    TRANSCRIPTS = "transcripts"
    ALL = "all"


class Files(Group):
    """A group in which a word that is no command is a file: `mesh drop plan.pdf` is `mesh drop add plan.pdf`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names; else `add`, with all words."""
        if args and args[0] not in self.commands:
            args = ["add", *args]
        return super().resolve_command(ctx, args)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    drops = typer.Typer(
        cls=Files,
        help="Hand files to your other devices; they come in pieces, go on after every cut, and are checked.",
        add_completion=False,
        rich_markup_mode="rich",
        invoke_without_command=True,
        context_settings={"ignore_unknown_options": True},
        epilog=examples("mesh drop plan.pdf", "mesh drop *.jpg --to desk", "mesh drop list", "mesh drop get plan.pdf"),
    )
    drops.callback()(start)
    drops.command("add", cls=Command, epilog=examples("mesh drop add plan.pdf", "mesh drop add *.jpg --to desk"))(add)
    drops.command("list", cls=Command, epilog=examples("mesh drop list", "mesh drop list --limit 5 --json"))(listed)
    lines = examples("mesh drop get plan.pdf", "mesh drop get home/drop/k5q2 --into ~/Downloads")
    drops.command("get", cls=Command, epilog=lines)(get)
    drops.command("status", cls=Command, epilog=examples("mesh drop status plan.pdf"))(status)
    lines = examples("mesh drop folder", "mesh drop folder ~/Drops", "mesh drop folder --off")
    drops.command("folder", cls=Command, epilog=lines)(folder)
    drops.command("rm", cls=Command, epilog=examples("mesh drop rm plan.pdf"))(rm)
    app.add_typer(drops, name="drop")


def start(context: typer.Context) -> None:
    """Say what is missing where nothing is named."""
    if context.invoked_subcommand is None:
        running(context)
        raise Misuse("no file was named", hint="For example: mesh drop plan.pdf --to desk")


def add(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files of this machine.")],
    *,
    to: Annotated[str | None, typer.Option(metavar="DEVICE", help="For this device; for all unless given.")] = None,
    project: Annotated[str | None, typer.Option(metavar="ID", help="The project that they belong to.")] = None,
) -> None:
    """Drop files. They are read now; what happens to them afterwards changes nothing."""
    run = running(context)
    if len(files) > DROP_FILES_MAX:
        raise Misuse(f"at most {DROP_FILES_MAX} files at once", hint="Put them into an archive first: tar, zip.")
    named = {"to": to, "project": project}
    given: Told = {name: value for name, value in named.items() if value is not None}
    done: list[Told] = []
    for file in files:
        result = run.ask("drop.add", {**given, "path": _path(file)}, answer_s=None)
        done.append(result)
        if not run.out.json:
            run.out.acknowledge(result, lambda screen, result=result: view_drops.dropped(screen, result))  # type: ignore[misc]
    if run.out.json:
        run.out.result({"drops": done}, lambda _: [])


def listed(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=LIST_MAX, help="At most so many.")] = _SHOWN,
    what: Annotated[
        What, typer.Option(help="Files, the transcripts of sessions that are kept as drops, or all.")
    ] = What.FILES,
) -> None:
    """List dropped files, the latest first, and how far each is on this device."""
    run = running(context)
    result = run.ask("drop.list", {"limit": limit, "what": what.value})
    run.out.result(result, lambda screen: view_drops.listed(screen, result))


def get(
    context: typer.Context,
    drop: _Id,
    *,
    into: Annotated[
        str, typer.Option(metavar="DIR", help="The folder that it is put down in; this one unless given.")
    ] = ".",
) -> None:
    """Put a dropped file down in a folder; what is not here yet is fetched first.

    A name that is taken there gets a number.
    """
    run = running(context)
    result = put_down(run, drop, into)
    run.out.result(result, lambda screen: view_drops.put_down(screen, result))


def put_down(run: Run, drop: str, into: str) -> Told:
    """Ask until it is put down; fetching goes on when this ends."""
    given: Told = {"id": drop, "into": _path(into)}
    progress, here, moved_s = ProgressLine(run), -1, time.monotonic()
    try:
        while True:
            result = run.ask("drop.get", given, answer_s=None)
            if result["path"]:
                return result
            if result["here_bytes"] != here:
                here, moved_s = view_drops.whole(result["here_bytes"]), time.monotonic()
            elif time.monotonic() - moved_s > timing.DROP_STILL_S:
                problem = view_drops.problem(result)
                raise Unreachable(problem, hint="It goes on by itself; give the same command again later.")
            progress.told("fetching", here, view_drops.whole(result["size"]))
            time.sleep(timing.DROP_TELL_S)
    finally:
        progress.end()


def status(context: typer.Context, drop: _Id) -> None:
    """Show one drop: what it is, who has it, and how far it is on this device."""
    run = running(context)
    result = run.ask("drop.status", {"id": drop})
    run.out.result(result, lambda screen: view_drops.shown(screen, result))


def folder(
    context: typer.Context,
    chosen: Annotated[
        str | None, typer.Argument(metavar="DIR", help="Made where it is not there; without one, show how it is.")
    ] = None,
    *,
    off: Annotated[bool, typer.Option("--off", help="Put down no more by itself; the files stay.")] = False,
) -> None:
    """Have dropped files that come to this device appear in a folder by themselves, from now on.

    A name that is taken there gets a number.
    """
    if off and chosen is not None:
        raise Misuse("it is a folder or --off", hint="For example: mesh drop folder ~/Drops")
    run = running(context)
    given: Told = {"folder": ""} if off else {} if chosen is None else {"folder": _path(chosen)}
    result = run.ask("drop.folder", given)
    if given:
        run.out.acknowledge(result, lambda screen: view_drops.folder(screen, result))
    else:
        run.out.result(result, lambda screen: view_drops.folder(screen, result))


def rm(context: typer.Context, drop: _Id) -> None:
    """Take a drop away, and its bytes from every device. Files that were put down stay."""
    run = running(context)
    result = run.ask("drop.rm", {"id": drop}, answer_s=None)
    run.out.acknowledge(result, lambda screen: view_drops.removed(screen, result))


def _path(said: str) -> str:
    if said in {"", "-"}:
        raise Misuse("a file or folder has a name", hint="What comes through a pipe goes into a file first.")
    return str(Path(said).expanduser().absolute())
