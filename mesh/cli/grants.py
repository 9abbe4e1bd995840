"""Who may do what where: grants of devices and of agents."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import view_trust
from mesh.cli.confirming import Approved, Ask, How, PassphraseStdin, Wait, acted
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.times import read_time

_Space = Annotated[str, typer.Option(metavar="SPACE", help="In which space; * for every one.")]
_Types = Annotated[
    str | None, typer.Option(metavar="TYPE,…", help="Which types of documents; note unless given, * for all.")
]
_Verbs = Annotated[
    str | None,
    typer.Option(metavar="VERB,…", help="create, edit, read, resolve; all unless given, for an agent all but resolve."),
]
_Until = Annotated[str | None, typer.Option(metavar="TIME", help="When it ends by itself, as 2027-01-01.")]
_Subject = Annotated[
    str, typer.Argument(metavar="SUBJECT", help="A device by name or id, AGENT@DEVICE, or an agent of this device.")
]

agents = tree("Agents: programs that write and read as principals of their own, within grants of their own.")


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples(
        "mesh grant claude@laptop --space work --until 2027-01-01",
        "mesh grant claude --space work --types note,task --verbs read",
        'mesh grant phone --space home --until "in 30 days"',
        "mesh grant claude --space work --ask --wait",
    )
    app.command("grant", cls=Command, epilog=lines)(grant)
    app.command("ungrant", cls=Command, epilog=examples("mesh ungrant 5f2a9c01", "mesh ungrant 5f2a9c01 --ask"))(
        ungrant
    )
    app.command("grants", cls=Command, epilog=examples("mesh grants", "mesh grants claude@laptop --all"))(grants)
    app.add_typer(agents, name="agents")


def grant(
    context: typer.Context,
    subject: _Subject,
    *,
    space: _Space,
    types: _Types = None,
    verbs: _Verbs = None,
    until: _Until = None,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Let a device, or an agent on one, do more than it may. A device that joined may do everything already."""
    run = running(context)
    given = {"subject": subject, **_wanted(space, types, verbs, until)}
    result = acted(run, "grant", given, How(passphrase_stdin, ask, approved, wait))
    run.out.acknowledge(result, lambda screen: view_trust.granted(screen, view_trust.part(result, "grant")))


def ungrant(
    context: typer.Context,
    grant_id: Annotated[str, typer.Argument(metavar="ID", help="Of the grant, as `mesh grants` shows it.")],
    *,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """End a grant. What was written under it until now stays; a device's first grant lets it write at all."""
    run = running(context)
    result = acted(run, "ungrant", {"id": grant_id}, How(passphrase_stdin, ask, approved, wait))
    run.out.acknowledge(result, lambda screen: view_trust.ended(screen, result))


def grants(
    context: typer.Context,
    subject: Annotated[str | None, typer.Argument(metavar="SUBJECT", help="Only those of this one.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended.")] = False,
) -> None:
    """List who may do what where."""
    run = running(context)
    named = {"subject": subject} if subject is not None else {}
    result = run.ask("grants", {**named, "all": every})
    run.out.result(result, lambda screen: view_trust.grants(screen, result))


@agents.command(
    "add",
    cls=Command,
    epilog=examples(
        "mesh agents add claude --space work",
        "mesh agents add scribe --space home --verbs read --until 2027-01-01",
        "mesh agents add claude --space work --device laptop",
    ),
)
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case letters, digits and hyphens.")],
    *,
    space: _Space,
    types: _Types = None,
    verbs: _Verbs = None,
    until: _Until = None,
    device: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="On which device; this one unless given.")
    ] = None,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Make an agent a principal of its own: it may write and read notes in one space, unless told otherwise.

    It says who it is with --as NAME, or MESH_AGENT.
    """
    run = running(context)
    on = {"device": device} if device is not None else {}
    given = {"name": name, **on, **_wanted(space, types, verbs, until)}
    result = acted(run, "agents.add", given, How(passphrase_stdin, ask, approved, wait))
    run.out.acknowledge(result, lambda screen: view_trust.granted(screen, view_trust.part(result, "grant")))
    run.out.notice(f"It says who it is with --as {name}, or with MESH_AGENT={name} in its environment.")


@agents.command("list", cls=Command, epilog=examples("mesh agents list", "mesh agents list --json"))
def listed(context: typer.Context) -> None:
    """List the agents of all devices, and what each may do."""
    run = running(context)
    result = run.ask("agents.list", {})
    run.out.result(result, lambda screen: view_trust.agents(screen, result))


@agents.command("remove", cls=Command, epilog=examples("mesh agents remove claude", "mesh agents remove claude@laptop"))
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An agent of this device, or NAME@DEVICE.")],
    *,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """End all grants of an agent. What it wrote until now stays."""
    run = running(context)
    result = acted(run, "agents.remove", {"name": name}, How(passphrase_stdin, ask, approved, wait))
    run.out.acknowledge(result, lambda screen: view_trust.ended(screen, result))


def _wanted(space: str, types: str | None, verbs: str | None, until: str | None) -> dict[str, object]:
    named = {"types": _words(types), "verbs": _words(verbs), "until_ms": read_time(until) if until else None}
    return {"space": space, **{name: value for name, value in named.items() if value is not None}}


def _words(typed: str | None) -> list[str] | None:
    return None if typed is None else [word.strip() for word in typed.split(",") if word.strip()]
