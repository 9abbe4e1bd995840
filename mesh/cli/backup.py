"""A home in one file, and a home out of one: `backup` and `restore`; the latter also brings back a note as it was.

A backup is the device itself, so what protects it is asked for or warned about. Neither command ever replaces anything
that is there, unless told to.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from mesh.cli import history, local
from mesh.cli.options import Command, examples, running
from mesh.cli.progress_line import ProgressLine
from mesh.cli.run import Run, must_be_a_person
from mesh.cli.screen import Screen, counted, one_line
from mesh.errors import Damaged, Misuse, Refused
from mesh.node.vault import PASSPHRASE_VARIABLE

_Passphrase = Annotated[
    bool, typer.Option("--passphrase", help=f"Ask for the passphrase instead of taking {PASSPHRASE_VARIABLE}.")
]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples("mesh backup ~/mac.mesh --passphrase", "mesh backup /mnt/stick/mac.mesh --force --json")
    app.command("backup", cls=Command, epilog=lines)(backup)
    lines = examples(
        "mesh restore ~/mac.mesh",
        "mesh restore /mnt/stick/mac.mesh --home ~/.mesh-again",
        'mesh restore "buy seeds" --at "yesterday 14:00"',
        "mesh restore home/note/k5q2 --at 3ac91f0e",
    )
    app.command("restore", cls=Command, epilog=lines)(restore)


def backup(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to write it.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    passphrase: _Passphrase = False,
) -> None:
    """Write this home into one file: keys, log and notes, as they are now. The agent goes on working."""
    from mesh.node.moving import backup as backups

    run = running(context)
    local.must_be_joined(run.home)
    path = _path(file)
    backups.check_target(path, force=force)
    words = _asked("Passphrase of the backup", twice=True) if passphrase else os.environ.get(PASSPHRASE_VARIABLE, "")
    progress = ProgressLine(run)
    try:
        result = local.done(backups.back_up(run.home, path, words, progress.told, force=force))
    finally:
        progress.end()
    run.out.acknowledge(result, lambda screen: _backed_up(screen, result))
    if not words:
        run.out.warn(
            "This backup is not sealed: whoever can read the file can be this device and read everything. "
            f"Keep it as you keep a key, or make it again with --passphrase or {PASSPHRASE_VARIABLE}."
        )


def restore(
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="FILE|NOTE", help="The backup; with --at a note.")],
    *,
    at: Annotated[str | None, typer.Option(metavar="EVENT|TIME", help="Bring this note back as it was then.")] = None,
    passphrase: _Passphrase = False,
) -> None:
    """Make a home out of a backup, in a folder where none is. The device goes on as itself, with new chains.

    With --at: bring a note back as it was at an event or a time, on every device, by an ordinary change.
    """
    run = running(context)
    if at is not None:
        history.restored(run, what, at)
        return
    must_be_a_person(run)
    _restore(run, what, passphrase=passphrase)


def _restore(run: Run, file: str, *, passphrase: bool) -> None:
    from mesh.node.moving import restore as restores

    path = _path(file)
    restores.check_empty(run.home)
    words = _opening(passphrase, path) if restores.needs_passphrase(path) else ""
    progress = ProgressLine(run)
    try:
        result = local.done(restores.restore(run.home, path, words, progress.told))
    finally:
        progress.end()
    run.out.acknowledge(result, lambda screen: _restored(screen, result))
    if not result["same_digest"]:
        run.out.warn(
            "The home is restored and every chain verifies, but its state is not the one that the backup names: "
            "another version of mesh may have made it. `mesh verify --deep` looks once more."
        )
        run.exit_code = Damaged.exit_code
        raise typer.Exit(run.exit_code)
    run.out.notice("Next: `mesh up`. What this device wrote after the backup comes back from the others.")


def _path(file: str) -> Path:
    if file in {"", "-"}:
        message = "a backup is a file; it cannot go through a pipe"
        raise Misuse(message, hint="Name the file: mesh backup ~/mac.mesh")
    return Path(file).expanduser().absolute()


def _opening(asked: bool, path: Path) -> str:  # noqa: FBT001 - what the option says
    words = "" if asked else os.environ.get(PASSPHRASE_VARIABLE, "")
    if words or asked or (sys.stdin and sys.stdin.isatty()):
        return words or _asked(f"Passphrase of {one_line(path.name)}", twice=False)
    message = "a passphrase protects this backup"
    raise Refused(message, hint=f"Set {PASSPHRASE_VARIABLE}, or let --passphrase ask for it.")


def _asked(prompt: str, *, twice: bool) -> str:
    """A passphrase from the terminal, or one line of standard input where none is."""
    if sys.stdin and sys.stdin.isatty():
        words = getpass.getpass(f"{prompt}: ")
        again = getpass.getpass("The same once more: ") if twice and words else words
    else:
        words = again = sys.stdin.readline().rstrip("\n") if sys.stdin else ""
    if not words:
        message = "no passphrase was given"
        raise Misuse(message, hint="Type one, or pipe it in as one line. Nothing was written.")
    if words != again:
        message = "the two were not the same"
        raise Misuse(message, hint="Try again. Nothing was written.")
    return words


def _backed_up(screen: Screen, result: dict[str, object]) -> list[str]:
    held = f"{counted(result['events'], 'event')}, {counted(result['documents'], 'document')}"
    kind = "sealed" if result["sealed"] else "not sealed"
    return [
        f"{screen.ink('backed up', 'green')}  {one_line(result['file'])}",
        *screen.fields(
            [("holds", held), ("state", str(result["state_digest"])[:16]), ("bytes", f"{result['bytes']:,}, {kind}")]
        ),
    ]


def _restored(screen: Screen, result: dict[str, object]) -> list[str]:
    held = f"{counted(result['events'], 'event')}, {counted(result['documents'], 'document')}; every chain verifies"
    same = "the one of the backup" if result["same_digest"] else "NOT the one of the backup"
    return [
        f"{screen.ink('restored', 'green')}  {one_line(result['name'])}  {one_line(result['device'])}",
        *screen.fields([("holds", held), ("state", f"{str(result['state_digest'])[:16]}, {same}")]),
    ]
