"""Work that does not count: what it is, having it count after all, leaving it out of lists; and forgetting."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import prompts, view_trust
from mesh.cli.confirming import Approved, Ask, How, PassphraseStdin, Told, Wait, acted
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.screen import counted, one_line
from mesh.errors import Misuse

_What = Annotated[list[str], typer.Argument(metavar="DOCUMENT|EVENT", help="Documents, or single events.")]
_Device = Annotated[str | None, typer.Option(metavar="DEVICE", help="Only what this device wrote.")]

voids = tree("Honest work, or a thief's, that a close or an ungrant left out.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(voids, name="void")
    app.command("forget", cls=Command, epilog=examples("mesh forget home/note/k5q2", 'mesh forget "old pins"'))(forget)


@voids.command("list", cls=Command, epilog=examples("mesh void list", "mesh void list --device laptop --again"))
def listed(
    context: typer.Context,
    *,
    device: _Device = None,
    again: Annotated[bool, typer.Option("--again", help="Also what was discarded.")] = False,
) -> None:
    """List changes that do not count, by document and device, and why."""
    run = running(context)
    result = run.ask("void.list", {"again": again, **_of(device)})
    run.out.result(result, lambda screen: view_trust.void(screen, result))


@voids.command("show", cls=Command, epilog=examples("mesh void show home/note/k5q2", "mesh void show 3ac91f0e --json"))
def show(context: typer.Context, what: _What, *, device: _Device = None) -> None:
    """Show what void changes say."""
    run = running(context)
    result = run.ask("void.show", {"what": what, **_of(device)})
    run.out.result(result, lambda screen: view_trust.void_content(screen, result))


@voids.command(
    "adopt",
    cls=Command,
    epilog=examples("mesh void adopt home/note/k5q2 --device laptop", "mesh void adopt 3ac91f0e --ancestors"),
)
def adopt(
    context: typer.Context,
    what: _What,
    *,
    device: _Device = None,
    ancestors: Annotated[
        bool, typer.Option("--ancestors", help="Also the void changes that they stand on, which stay hidden otherwise.")
    ] = False,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Have void changes count after all: in their place, and by who wrote them."""
    run = running(context)
    given: Told = {"what": what, "ancestors": ancestors, **_of(device)}
    result = acted(run, "void.adopt", given, How(passphrase_stdin, ask, approved, wait))
    adopted = result.get("adopted")
    count = len(adopted) if isinstance(adopted, list) else 0
    run.out.acknowledge(result, lambda screen: [f"{screen.ink('adopted', 'green')}  {counted(count, 'event')}"])


@voids.command("discard", cls=Command, epilog=examples("mesh void discard home/note/k5q2", "mesh void discard --again"))
def discard(
    context: typer.Context,
    what: Annotated[list[str] | None, typer.Argument(metavar="DOCUMENT|EVENT", help="Documents, or events.")] = None,
    *,
    device: _Device = None,
    again: Annotated[bool, typer.Option("--again", help="List everything again.")] = False,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Leave void changes out of lists on this device. Nothing is removed, and --again lists them all again."""
    run = running(context)
    if bool(what) == again:
        raise Misuse("name what to leave out, or --again", hint="For example: mesh void discard home/note/k5q2")
    given: Told = {"what": what or [], "again": again, **_of(device)}
    result = acted(run, "void.discard", given, How(passphrase_stdin, ask, approved, wait))
    done = "everything is listed again" if again else f"{counted(result.get('discarded'), 'event')} left out of lists"
    run.out.acknowledge(result, lambda screen: [f"{screen.ink('done', 'green')}  {done}"])


def forget(
    context: typer.Context,
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Its id, the beginning of it, or its title.")],
    *,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """End a document on every device, for ever: the one act that nothing undoes. `mesh note rm` only removes a note."""
    run = running(context)
    found = run.ask("forget", {"document": document, "look": True})
    name = str(found["document"])
    if approved is None:
        question = f"Forget {one_line(name)} for ever, on every device? Nothing brings it back."
        prompts.confirm(run, question, input_used=passphrase_stdin)
    result = acted(run, "forget", {"document": name}, How(passphrase_stdin, ask, approved, wait))
    run.out.acknowledge(result, lambda screen: [f"{screen.ink('forgotten', 'green')}  {one_line(name)}"])


def _of(device: str | None) -> Told:
    return {} if device is None else {"device": device}
