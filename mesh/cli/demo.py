"""`mesh demo`: three real devices on this machine live through a bad day; the story for people, or one object.

It touches nothing of the person's own mesh, and speaks on the loopback only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from mesh.cli.options import Command, examples, running
from mesh.cli.run import Run
from mesh.cli.screen import Screen, one_line
from mesh.errors import MeshError

EXAMPLES = examples("mesh demo", "mesh demo --notes ~/notes", "mesh demo --json")
_DIGEST_CHARACTERS = 16


def add_to(app: typer.Typer) -> None:
    """Put this command into the tree."""
    app.command("demo", cls=Command, epilog=EXAMPLES)(demo)


def demo(
    context: typer.Context,
    *,
    notes: Annotated[Path | None, typer.Option(metavar="DIR", help="With the Markdown files in this folder.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the three homes where they are, and say where.")] = False,
) -> None:
    """Show it all with three real devices on this machine: join, part, write at once, meet, crash, and a forger."""
    run = running(context)
    result, error = _played(run, notes, keep=keep)
    run.out.result(result, lambda screen: _summary(screen, result))
    if error is not None:
        run.out.warn(f"{error}\n{error.hint}")
        raise typer.Exit(error.exit_code)


def _played(run: Run, notes: Path | None, *, keep: bool) -> tuple[dict[str, object], MeshError | None]:
    from mesh.cli.demonstration import devices, script, steps
    from mesh.cli.demonstration.folder import Folder, read

    folder = read(notes) if notes else Folder()
    began, error = time.monotonic(), None
    told: list[dict[str, object]] = []
    with devices.stage(steps.NAMES, keep=keep) as (place, made), _progress(run) as say:
        run.out.notice(f"Three devices on this machine, on {devices.HOST} only: {', '.join(steps.NAMES)}.\n")
        mac, laptop, phone = made
        story = steps.Story(mac, laptop, phone, folder, say)
        for step in script.script(notes):
            name, sentence, _ = step
            story.told = lambda more, sentence=sentence: say(f"{sentence}: {more}")  # type: ignore[misc]
            say(sentence)
            started = time.monotonic()
            figures, error = steps.done(step, story)
            figures["seconds"] = round(time.monotonic() - started, 2)
            told.append({"name": name, "ok": error is None, "figures": figures})
            _tell(run, sentence, figures, error)
            if error is not None:
                break
        if keep:
            run.out.notice(f"\nThe homes are in {place}")
    result: dict[str, object] = {
        "ok": error is None,
        "seconds": round(time.monotonic() - began, 1),
        "steps": told,
        "digests": story.digests,
        "acknowledged": story.acknowledged,
        "kept": story.kept,
        "refused": story.refused,
        "conflicts": story.conflicts,
    }
    return result, error


@contextmanager
def _progress(run: Run) -> Iterator[Callable[[str], None]]:
    """What is being done, on a terminal's standard error, while it is being done."""
    if run.out.quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("") as status:
        yield lambda text: status.update(one_line(text))


def _tell(run: Run, sentence: str, figures: Mapping[str, object], error: MeshError | None) -> None:
    screen = run.out.error_screen
    mark = screen.ink("✓", "green") if error is None else screen.ink("✗", "red")
    took = screen.ink(f"{figures['seconds']} s", "dim")
    run.out.notice(f" {mark} {sentence}  {took}")
    for name, value in figures.items():
        if name != "seconds" and value not in ("", {}):
            run.out.notice(f"     {screen.ink(name.replace('_', ' '), 'dim')}  {_figure(value)}")


def _figure(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{one_line(name)}: {one_line(each)}" for name, each in value.items())
    if isinstance(value, list):
        return " | ".join(one_line(each) for each in value)
    return f"{value:,}" if isinstance(value, int) else one_line(value)


def _summary(screen: Screen, result: Mapping[str, object]) -> list[str]:
    """What it came to, for a person."""
    digests = result["digests"]
    assert isinstance(digests, dict)
    if not result["ok"]:
        return ["", screen.ink("not everything came true", "red")]
    same = screen.ink("equal", "green") if len(set(digests.values())) == 1 else screen.ink("different", "red")
    shown = ", ".join(f"{name} {one_line(digest)[:_DIGEST_CHARACTERS]}…" for name, digest in digests.items())
    conflicts = result["conflicts"]
    assert isinstance(conflicts, list)
    values = [f"{value['value']} ({value['name']})" for one in conflicts for value in one["values"]]
    return [
        "",
        *screen.fields(
            [
                ("state digests", f"{same}  {shown}"),
                ("acknowledged", f"{result['acknowledged']:,}, of which kept after kill -9: {result['kept']:,}"),
                ("side by side", one_line(" | ".join(values))),
                ("forged, refused", f"{result['refused']}"),
                ("took", f"{result['seconds']} s"),
            ]
        ),
        "",
        "Your own: `mesh join` on this device, then `mesh invite` here and `mesh join CODE` on the next one.",
    ]
