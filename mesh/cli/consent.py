"""What confirms acts that only a person does: the passphrase of this home, and approvals of what other devices ask."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mesh.cli import prompts, view_trust
from mesh.cli.confirming import Approved, Ask, How, PassphraseStdin, Told, Wait, acted, hidden
from mesh.cli.options import Command, examples, running
from mesh.cli.screen import Screen, one_line
from mesh.errors import Misuse

_ACTIONS = ("show", "set", "change", "remove")
_LINE_CHARACTERS_MAX = 2000


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    lines = examples("mesh passphrase", "mesh passphrase set", "mesh passphrase change", "mesh passphrase remove")
    app.command("passphrase", cls=Command, epilog=lines)(passphrase)
    app.command("approve", cls=Command, epilog=examples("mesh approve", "mesh approve k5q2"))(approve)


def passphrase(
    context: typer.Context,
    action: Annotated[str, typer.Argument(metavar="[set|change|remove]", help="What to do; nothing: show.")] = "show",
    *,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Set, change or remove what confirms acts that only a person does. It seals no keys: MESH_PASSPHRASE does.

    With --passphrase-stdin: the old one, if one is set and it is not approved elsewhere, then the new one, a line each.
    """
    if action not in _ACTIONS:
        raise Misuse(f"{one_line(action)!r} is nothing to do with a passphrase", hint="set, change or remove.")
    run = running(context)
    told = run.ask("passphrase", {})
    if action == "show":
        run.out.result(told, lambda screen: _shown(screen, told))
        return
    is_set = bool(told.get("set"))
    if action == "set" and is_set:
        raise Misuse("a passphrase is set already", hint="`mesh passphrase change` sets another one.")
    if action != "set" and not is_set:
        raise Misuse("no passphrase is set in this home", hint="`mesh passphrase set` sets one.")
    elsewhere = ask or approved is not None
    given: Told = {}
    if is_set and not elsewhere:
        given["passphrase"] = _line() if passphrase_stdin else hidden("Passphrase of this home: ")
    if action != "remove":
        given["new"] = _line() if passphrase_stdin else hidden("New passphrase: ", twice=True)
    call = "passphrase.remove" if action == "remove" else "passphrase.set"
    acted(run, call, given, How(ask=ask, approved=approved, wait=wait))
    result: Told = {"set": action != "remove"}
    done = "removed" if action == "remove" else "set"
    run.out.acknowledge(result, lambda screen: [f"{screen.ink(done, 'green')}  the passphrase of this home"])


def approve(
    context: typer.Context,
    question: Annotated[str | None, typer.Argument(metavar="ID", help="Of what is asked; nothing: list it.")] = None,
    *,
    passphrase_stdin: PassphraseStdin = False,
) -> None:
    """List what other devices ask you to approve; with ID show it, ask, and approve it as the person."""
    run = running(context)
    result = run.ask("approvals", {})
    if question is None:
        run.out.result(result, lambda screen: view_trust.approvals(screen, result))
        return
    asked = [one for one in view_trust.parts(result.get("approvals")) if str(one.get("id")).startswith(question)]
    if len(asked) != 1:
        problem = f"{one_line(question)!r} names {'several questions' if asked else 'nothing that is asked'}"
        raise Misuse(problem, hint="`mesh approve` lists what is.")
    tell = run.out.notice if run.yes else run.out.warn  # whoever is asked must see what about
    tell("\n".join(view_trust.question(run.out.error_screen, asked[0])))
    prompts.confirm(run, "Approve exactly that?", input_used=passphrase_stdin)
    given: Told = {"id": asked[0].get("id"), "digest": asked[0].get("digest")}
    told = acted(run, "approve", given, How(passphrase_stdin))
    run.out.acknowledge(told, lambda screen: _approved(screen, told))


def _approved(screen: Screen, told: Told) -> list[str]:
    name, question = one_line(told.get("name")), one_line(told.get("id"))
    return [f"{screen.ink('approved', 'green')}  {name} can go on: there again with --approved {question}"]


def _shown(screen: Screen, told: Told) -> list[str]:
    state = screen.ink("set", "green") if told.get("set") else screen.ink("not set", "yellow")
    others = view_trust.words(told.get("approvers")) or "no other device"
    return screen.fields([("passphrase", state), ("could approve", others)])


def _line() -> str:
    line = sys.stdin.readline(_LINE_CHARACTERS_MAX).rstrip("\n") if sys.stdin else ""
    if not line:
        raise Misuse("there was no passphrase on standard input", hint="One line each: the old one, then the new one.")
    return line
