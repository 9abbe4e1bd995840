"""Taking devices out, ranks, and new keys: lost, remove, rank, rotate.

Before anything is done it shows what would fall with a closed admin, and asks about each admission and grant of it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import prompts, view_trust
from mesh.cli.confirming import Approved, Ask, How, PassphraseStdin, Told, Wait, acted
from mesh.cli.options import Command, examples, running
from mesh.cli.run import Run
from mesh.cli.screen import counted, moment, one_line
from mesh.cli.times import read_time
from mesh.cli.view_status import rank as rank_text

_Device = Annotated[str, typer.Argument(metavar="DEVICE", help="Its name or its id, as `mesh devices` shows them.")]
_Drop = Annotated[
    list[str] | None, typer.Option(metavar="ID", help="Let this fall with it; may be repeated. --look shows the ids.")
]
_Look = Annotated[bool, typer.Option("--look", help="Show what would happen, and change nothing.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples("mesh lost phone", 'mesh lost laptop --since "yesterday 14:00"', "mesh lost laptop --look --json")
    app.command("lost", cls=Command, epilog=lines)(lost)
    app.command("remove", cls=Command, epilog=examples("mesh remove tablet", "mesh remove tablet --look"))(remove)
    lines = examples("mesh rank laptop member", "mesh rank laptop admin", "mesh rank laptop 3 --yes")
    app.command("rank", cls=Command, epilog=lines)(rank)
    app.command("rotate", cls=Command, epilog=examples("mesh rotate", "mesh rotate --ask --wait"))(rotate)


def lost(
    context: typer.Context,
    device: _Device,
    *,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="What came of it after that does not count; now unless given.")
    ] = None,
    drop: _Drop = None,
    look: _Look = False,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Take a lost or stolen device out, make a new key, and say what it could read. It never comes back as itself."""
    run = running(context)
    given: Told = {"device": device} | ({"since_ms": read_time(since)} if since is not None else {})
    closed(run, "lost", given, (drop, look), How(passphrase_stdin, ask, approved, wait))


def remove(
    context: typer.Context,
    device: _Device,
    *,
    drop: _Drop = None,
    look: _Look = False,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Take a device out that is not used any more: all that it wrote stays, and a new key is made."""
    closed(running(context), "remove", {"device": device}, (drop, look), How(passphrase_stdin, ask, approved, wait))


def rank(
    context: typer.Context,
    device: _Device,
    wanted: Annotated[str, typer.Argument(metavar="RANK", help="admin, member, or a number from 2 to 199.")],
    *,
    drop: _Drop = None,
    look: _Look = False,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Give a device another rank: it is closed and let in again with its keys, grants and agents, and goes on."""
    run, how = running(context), How(passphrase_stdin, ask, approved, wait)
    given: Told = {"device": device, "rank": wanted, "drop": list(drop or ())}
    planned = run.ask("rank", {**given, "look": True})
    if look:
        run.out.result(planned, lambda _: _shown(run, planned))
        return
    name = one_line(view_trust.part(planned, "device").get("name"))
    if approved is None:
        given["drop"] = _asked_to_drop(run, planned, drop)
        prompts.confirm(run, f"Give {name} the rank {one_line(planned.get('rank'))}?", input_used=passphrase_stdin)
    result = acted(run, "rank", given, how)
    text = rank_text(result.get("rank"))
    run.out.acknowledge(result, lambda screen: [f"{screen.ink('done', 'green')}  {name} is {text} now"])
    run.out.notice("Its id is another one from now on, and its agent starts anew when it hears of it.")


def rotate(
    context: typer.Context,
    *,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Make a new key for all devices: what is written from now on is sealed with it."""
    run = running(context)
    result = acted(run, "rotate", {}, How(passphrase_stdin, ask, approved, wait))
    readers = view_trust.words(result.get("readers"))
    run.out.acknowledge(result, lambda screen: [f"{screen.ink('rotated', 'green')}  a new key, for {readers}"])


def closed(run: Run, name: str, given: Told, choice: tuple[list[str] | None, bool], how: How) -> None:
    """Show what closing a device comes to, ask, and do it by this call."""
    drop, look = choice
    planned = run.ask(name, {**given, "drop": list(drop or ()), "look": True})
    if look:
        run.out.result(planned, lambda _: _shown(run, planned))
        return
    if how.approved is None:
        given["drop"] = _asked_to_drop(run, planned, drop)
        device = one_line(view_trust.part(planned, "device").get("name"))
        prompts.confirm(run, f"Take {device} out of the mesh? {_kept(planned)}", input_used=how.passphrase_stdin)
    result = acted(run, name, given, how)
    run.out.result(result, lambda screen: view_trust.closing(screen, result))


def _kept(planned: Told) -> str:
    since = moment(planned.get("since_ms"))
    if since and not planned.get("marks"):
        return f"Nothing of it had come before {since}, so nothing that it wrote counts."
    return f"What had come of it before {since} counts." if since else "What it wrote until now counts."


def _asked_to_drop(run: Run, planned: Told, drop: list[str] | None) -> list[str]:
    """What a person lets fall, of what would. With --yes all but what --drop names stays."""
    falls = view_trust.parts(planned.get("falls"))
    dropped = list(drop or ())
    if not falls:
        return dropped
    name = one_line(view_trust.part(planned, "device").get("name"))
    run.out.notice(f"{counted(len(falls), 'statement')} of {name} would fall with it. This device keeps up what stays:")
    for one in falls:
        line = view_trust.falling(run.out.error_screen, one)
        if not one.get("kept"):
            run.out.notice(f"  falls  {line}")
        elif run.yes or not one.get("asked"):
            run.out.notice(f"  stays  {line}")
        else:
            run.out.warn(f"         {line}")
            if prompts.answered("Keep that? [Y/n] ").lower() in {"n", "no"}:
                dropped.append(str(one.get("id")))
    return dropped


def _shown(run: Run, planned: Told) -> list[str]:
    screen = run.out.screen
    device = view_trust.part(planned, "device")
    lines = [f"{one_line(device.get('name'))}, {rank_text(device.get('rank'))}: {_kept(planned)}"]
    falls = view_trust.parts(planned.get("falls"))
    lines += ["Nothing falls with it."] if not falls else [f"{counted(len(falls), 'statement')} would fall with it:"]
    lines += [f"  {'stays' if one.get('kept') else 'falls'}  {view_trust.falling(screen, one)}" for one in falls]
    more = planned.get("falls_more")
    return [*lines, f"  and {counted(more, 'more')}"] if more else lines
