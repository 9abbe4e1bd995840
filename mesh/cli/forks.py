"""Chains on which one device wrote two different stories: shown with a proof, checked anywhere, and acknowledged."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from mesh.cli.options import Command, Group, examples, running
from mesh.cli.screen import Screen, moment, one_line
from mesh.errors import Misuse

Told = dict[str, object]
_HINT = (
    "Was that device restored from a backup, or its home copied? Then `mesh forks ack ID`. If not, somebody else has "
    "its keys: take it out."
)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    forks = typer.Typer(
        cls=Group,
        help="Show chains on which one device wrote two different stories: restored from a backup, or stolen?",
        add_completion=False,
        rich_markup_mode="rich",
        invoke_without_command=True,
        epilog=examples("mesh forks", "mesh forks --json", "mesh forks verify proof.txt", "mesh forks ack 3fa9c1d2"),
    )
    forks.callback()(listed)
    forks.command("verify", cls=Command, epilog=examples("mesh forks verify proof.txt"))(verify)
    forks.command("ack", cls=Command, epilog=examples("mesh forks ack 3fa9c1d2e4b5a697"))(ack)
    app.add_typer(forks, name="forks")


def listed(context: typer.Context) -> None:
    """List the forks that are held here, each with a proof that anybody can check."""
    if context.invoked_subcommand is not None:
        return
    run = running(context)
    result = run.ask("forks", {})
    run.out.result(result, lambda screen: _lines(screen, result))


def verify(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A proof as `mesh forks` prints it; - reads it here.")],
) -> None:
    """Check a proof with nothing but its bytes: two signed events on one place of one chain."""
    from mesh.events.forks import read_proof
    from mesh.limits import FORK_PROOF_BYTES_MAX
    from mesh.names import digest_text

    run = running(context)
    proof = read_proof(_text(file, 4 * FORK_PROOF_BYTES_MAX))
    result: Told = {
        "proven": True,
        "mesh": digest_text(proof.mesh),
        "chain": digest_text(proof.chain),
        "key": proof.key.hex(),
        "seq": proof.after.seq + 1,
        "events": [digest_text(event) for event in proof.events],
    }
    run.out.result(result, lambda screen: _proven(screen, result))


def ack(
    context: typer.Context,
    fork: Annotated[str, typer.Argument(metavar="ID", help="The name of a fork, as `mesh forks` shows it.")],
) -> None:
    """Say that you know what happened: `mesh status` shows this fork no more, unless it grows."""
    run = running(context)
    result = run.ask("forks.ack", {"fork": fork})
    run.out.acknowledge(result, lambda screen: [f"{screen.ink('acknowledged', 'green')}  {one_line(result.get('id'))}"])


def _text(file: str, characters_max: int) -> str:
    try:
        if file == "-":
            return sys.stdin.read(characters_max)
        with Path(file).open(encoding="ascii") as opened:
            return opened.read(characters_max)
    except (OSError, UnicodeDecodeError) as error:
        message = f"the proof cannot be read: {one_line(str(error))}"
        raise Misuse(message, hint="Save what `mesh forks` prints below PROOF to a file, and name that.") from error


def _lines(screen: Screen, result: Told) -> list[str]:
    found = result.get("forks")
    lines: list[str] = []
    for fork in found if isinstance(found, list) else []:
        seen = (
            screen.ink("acknowledged", "green") if fork.get("acknowledged") else screen.ink("not acknowledged", "red")
        )
        name = one_line(fork.get("name")) or one_line(fork.get("device"))
        lines += [f"{screen.ink(one_line(fork.get('id')), 'bold')}  {name}, {one_line(fork.get('lane'))}, {seen}"]
        lines += [f"  {one_line(fork.get('branches'))} events number {one_line(fork.get('seq'))} of one chain:"]
        for event in fork.get("events", []):
            what = " ".join(filter(None, (one_line(event.get("kind")), one_line(event.get("document")))))
            lines += [f"  {moment(event.get('time_ms'))}  {one_line(event.get('event'))}  {what or 'sealed'}"]
        lines += ["  proof:", f"  {one_line(fork.get('proof'), len(str(fork.get('proof'))))}", ""]
    return [*lines, *screen.wrapped(_HINT, screen.ink("hint: ", "dim"), "      ")] if lines else ["no chain is forked"]


def _proven(screen: Screen, result: Told) -> list[str]:
    events = result["events"]
    assert isinstance(events, list), "two of them"
    return [
        f"{screen.ink('proven', 'green')}  one key signed two events number {result['seq']} of one chain",
        f"key     {result['key']}",
        f"chain   {result['chain']}",
        *(f"event   {event}" for event in events),
        "restored from a backup, or stolen? The proof does not say which.",
    ]
