"""Who may do what where: grants of devices and of agents."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import view_trust
from mesh.cli.confirming import Approved, Ask, How, PassphraseStdin, Wait, acted
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.run import Run
from mesh.cli.times import read_time
from mesh.names import is_word
from mesh.node.timing import HOOK_WAIT_S, HOOK_WAIT_S_MAX

_TOOL_TYPES = ("ask", "decision", "drop", "handoff", "memory", "note", "project", "receipt", "session", "task")
_TOOL_VERBS = ("create", "edit", "read")
"""What a tool that was set up may do with records of the space `home`."""

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


@agents.command(
    "install",
    cls=Command,
    epilog=examples(
        "mesh agents install claude --dry-run",
        "mesh agents install gemini",
        "mesh agents install claude --permission-wait 0",
    ),
)
def install(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(metavar="TOOL", help="claude, gemini or codex.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    permission_wait: Annotated[
        int,
        typer.Option(
            min=0, max=HOOK_WAIT_S_MAX, metavar="SECONDS", help="How long a permission waits for another device."
        ),
    ] = HOOK_WAIT_S,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Set an agent tool up on this device: a grant of its own, its hooks, the MCP server and a few lines of advice.

    Its settings are kept as they were; `mesh agents remove TOOL` puts them back.
    """
    from mesh.cli import installing

    run = running(context)
    changes = installing.planned(run.home, tool, permission_wait)
    grant = _missing_grant(run, tool)
    result: dict[str, object] = {"tool": tool, "dry_run": dry_run, "grant": grant, "files": view_trust.files(changes)}
    if not dry_run:
        if grant is not None:
            done = acted(run, "agents.add", {"name": tool, **grant}, How(passphrase_stdin, ask, approved, wait))
            result["grant"] = done.get("grant")
        installing.install(run.home, tool, changes)
    run.out.acknowledge(result, lambda screen: view_trust.installed(screen, result))
    if not dry_run:
        run.out.notice(f"{tool} takes it up when it is started next. The agent must run: `mesh up`.")


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
    """End all grants of an agent. What it wrote until now stays.

    A tool that was set up with `mesh agents install` gets its settings back as they were.
    """
    from mesh.cli import installing

    run = running(context)
    files: list[dict[str, object]] = []
    there = is_word(name) and installing.installed(run.home, name)
    if not there or _held(run, name):
        result = acted(run, "agents.remove", {"name": name}, How(passphrase_stdin, ask, approved, wait))
    else:
        result = {"ended": [], "warning": None}
    if there:
        files = view_trust.files(installing.put_back(run.home, name))
    result = {**result, "files": files}
    run.out.acknowledge(result, lambda screen: [*view_trust.ended(screen, result), *view_trust.edited(screen, files)])


def _held(run: Run, name: str) -> list[dict[str, object]]:
    """The grants that an agent has on this device."""
    found = run.ask("agents.list", {})["agents"]
    assert isinstance(found, list), "the agents"
    return [grant for one in found if one["self"] and one["agent"] == name for grant in one["grants"]]


def _missing_grant(run: Run, name: str) -> dict[str, object] | None:
    """What an agent that works with records needs and does not have."""
    wanted: dict[str, object] = {"space": "home", "types": list(_TOOL_TYPES), "verbs": list(_TOOL_VERBS)}
    for held in _held(run, name):
        types, verbs = held["types"], held["verbs"]
        assert isinstance(types, list), "a grant"
        assert isinstance(verbs, list), "a grant"
        fits = {*_TOOL_TYPES} <= {*types} or "*" in types
        if held["space"] in {"home", "*"} and fits and ({*_TOOL_VERBS} <= {*verbs} or "*" in verbs):
            return None
    return wanted


def _wanted(space: str, types: str | None, verbs: str | None, until: str | None) -> dict[str, object]:
    named = {"types": _words(types), "verbs": _words(verbs), "until_ms": read_time(until) if until else None}
    return {"space": space, **{name: value for name, value in named.items() if value is not None}}


def _words(typed: str | None) -> list[str] | None:
    return None if typed is None else [word.strip() for word in typed.split(",") if word.strip()]
