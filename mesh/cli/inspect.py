"""Commands that look: at this device, its mesh, its log, and whether all that is stored is right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from mesh.cli import calls, frequent, view_bench, view_status
from mesh.cli.options import Command, examples, running
from mesh.cli.run import Run
from mesh.cli.screen import Screen, counted, one_line
from mesh.errors import Damaged, Misuse
from mesh.node.socket_client import Progress

_Device = Annotated[str | None, typer.Option(metavar="ID|NAME", help="Only what this device said.")]
_Document = Annotated[str | None, typer.Option(metavar="ID", help="Only what is about this document.")]
_Limit = Annotated[int | None, typer.Option(metavar="N", help=f"At most so many; {calls.EVENTS_SHOWN} unless given.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.command("status", cls=Command, epilog=examples("mesh status", "mesh status --json"))(status)
    lines = examples("mesh inspect", 'mesh inspect "shopping list"')
    app.command("inspect", cls=Command, epilog=lines)(inspect)
    app.command("devices", cls=Command, epilog=examples("mesh devices", "mesh devices --json"))(devices)
    lines = examples("mesh log --limit 20", "mesh log --device laptop --follow", "mesh log --follow --json")
    app.command("log", cls=Command, epilog=lines)(log)
    app.command("verify", cls=Command, epilog=examples("mesh verify", "mesh verify --deep --json"))(verify)
    app.command("rebuild", cls=Command, epilog=examples("mesh rebuild"))(rebuild)
    app.command(
        "bench",
        cls=Command,
        epilog=examples("mesh bench ingest", "mesh bench w1 --rounds 5 --json", "mesh bench w4 --seconds 60"),
    )(bench)


def status(context: typer.Context) -> None:
    """Show this device, its peers, whether all are in sync, and what is wrong with a hint."""
    frequent.status(running(context))


def inspect(
    context: typer.Context,
    document: Annotated[str | None, typer.Argument(metavar="DOCUMENT", help="Only what is about this one.")] = None,
) -> None:
    """Look at conflicts on the full screen: side by side, settle them by a key, take it back, see who wrote what."""
    run = running(context)
    frequent.inspect(run, document=document)
    if run.exit_code:
        raise typer.Exit(run.exit_code)


def devices(context: typer.Context) -> None:
    """List the devices of this mesh."""
    run = running(context)
    result = run.ask(*calls.devices())
    run.out.result(result, lambda screen: view_status.devices(screen, result))


def log(
    context: typer.Context,
    *,
    device: _Device = None,
    document: _Document = None,
    follow: Annotated[bool, typer.Option("--follow", help="Print what comes in, until Ctrl-C.")] = False,
    limit: _Limit = None,
    before: Annotated[str | None, typer.Option(metavar="EVENT", help="Only what comes before this event.")] = None,
) -> None:
    """List the latest events; with --follow those that come in from now on."""
    run = running(context)
    if not follow:
        frequent.log(run, device=device, document=document, limit=limit, before=before)
        return
    if limit is not None or before is not None:
        message = "--follow prints what comes, so --limit and --before have no meaning"
        raise Misuse(message, hint="Leave one of them out.")
    for item in run.follow(*calls.log_follow(device=device, document=document)):
        run.out.item(item, lambda _, item=item: view_status.event_line(item))  # type: ignore[misc]


def verify(
    context: typer.Context,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Also every body, signature, seal and database page.")] = False,
) -> None:
    """Check what is stored: chains, and with --deep everything. Ends with 4 when something is damaged."""
    run = running(context)
    with progress(run, "checking") as told:
        result = run.ask(*calls.verify(deep=deep), answer_s=None, progress=told)
    run.out.result(result, lambda screen: _verified(screen, result))
    if not result.get("ok"):
        raise typer.Exit(Damaged.exit_code)


def rebuild(context: typer.Context) -> None:
    """Make all views anew out of the log, and say whether they are the same as before."""
    run = running(context)
    with progress(run, "rebuilding") as told:
        result = run.ask("rebuild", {}, answer_s=None, progress=told)
    run.out.result(result, lambda screen: _rebuilt(screen, result))


def bench(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="ingest, w1 to w5, search, hook, mcp, vault or drop.")],
    *,
    count: Annotated[
        int | None, typer.Option("-n", "--count", metavar="N", help="How many events, edits or, for drop, MiB.")
    ] = None,
    seconds: Annotated[int | None, typer.Option(metavar="N", help="How long w4 looks on: 300.")] = None,
    rounds: Annotated[int | None, typer.Option(metavar="N", help="How often; 3, and 1 for w4 and drop.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small numbers, to see that it runs.")] = False,
) -> None:
    """Measure this machine: real agents and disks, beside others that do the same. It uses homes of its own."""
    from mesh.cli.bench import run as measure

    run = running(context)
    result = measure(name, quick=quick, count=count, rounds=rounds, seconds=seconds)
    run.out.result(result, lambda screen: view_bench.lines(screen, result))


@contextmanager
def progress(run: Run, what: str) -> Iterator[Progress | None]:
    """A bar on a terminal's standard error, for calls that tell how far they are."""
    import sys

    if run.out.quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.text import Text

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def told(line: dict[str, object]) -> None:
            done, total = line.get("done"), line.get("all")
            described = Text(one_line(line.get("what")) or what).markup  # foreign text is no markup
            bar.update(
                task,
                description=described,
                completed=done if isinstance(done, int) else None,
                total=total if isinstance(total, int) else None,
            )

        yield told


def _verified(screen: Screen, result: dict[str, object]) -> list[str]:
    faults = result.get("faults")
    lines = [f"{counted(result.get('events'), 'event')} in {counted(result.get('chains'), 'chain')}"]
    if result.get("ok"):
        return [f"{screen.ink('ok', 'green')}  {lines[0]}"]
    lines[0] = f"{screen.ink('damaged', 'red')}  {lines[0]}"
    for fault in faults if isinstance(faults, list) else []:
        told = fault if isinstance(fault, dict) else {"what": fault}
        lines.append("  " + "  ".join(f"{one_line(value)}" for value in told.values() if value not in {None, ""}))
    lines.append(f"hint: {Damaged.hint}")
    return lines


def _rebuilt(screen: Screen, result: dict[str, object]) -> list[str]:
    same = screen.ink("the same as before", "green") if result.get("same") else screen.ink("not as before", "yellow")
    counts = f"{counted(result.get('events'), 'event')}, {counted(result.get('documents'), 'document')}"
    return [f"rebuilt  {counts}: {same}", f"digest   {view_status.digest(result.get('state_digest'))}"]
