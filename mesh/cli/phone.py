"""Phones: let one in step by step, see and take out those that are in, and serve their page.

It shows and asks; who is let in and what a phone may do is decided by the agent. No token is ever kept by it.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from mesh.cli import admitting, closing, local, view_phone
from mesh.cli.agent import ensured
from mesh.cli.confirming import Approved, Ask, How, PassphraseStdin, Told, Wait
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.run import Run
from mesh.cli.screen import counted, one_line
from mesh.errors import Misuse

phones = tree("Phones: let one in, see and take out those that are in, and serve their page.")
home = tree("The networks on which phones find this device by the name of the page.")

_Phone = Annotated[str, typer.Argument(metavar="PHONE", help="Its name or its id, as `mesh phone list` shows them.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    phones.add_typer(home, name="home")
    app.add_typer(phones, name="phone")


# ── letting one in ───────────────────────────────────────────────────────────────────────────────


@phones.command(
    "add", cls=Command, epilog=examples("mesh phone add", "mesh phone add --code", "mesh phone add --json --yes")
)
def add(
    context: typer.Context,
    *,
    code: Annotated[
        bool, typer.Option("--code", help="Show the code at once: the phone has the page already.")
    ] = False,
) -> None:
    """Let a phone in, step by step: shows what to do there, how far it has come, then who asks, and asks you."""
    run = running(context)
    steps: list[view_phone.Step] = []
    with admitting.offered(run, "phone.add", {}) as items:
        for item in items:
            match item:
                case {"opened": dict(opened)}:
                    steps = view_phone.steps(opened)
                    run.out.item(opened, lambda _: view_phone.opened(opened))
                    _show(run, steps, 3 if code or run.out.json or not sys.stderr.isatty() else 0)
                case {"passed": {"step": str(step)}}:
                    _passed(run, steps, step)
                case {"wrong": {"tries_left": int(left)}}:
                    run.out.warn(f"Somebody asked without the code; that may happen {counted(left, 'time')} more.")
                case {"asking": dict(asking)}:
                    _ask(run, asking)
                case {"admitted": dict(admitted)}:
                    run.out.item({"admitted": admitted}, lambda screen: view_phone.admitted(screen, admitted))
                    return
                case _:  # of a later version
                    pass


def _show(run: Run, steps: list[view_phone.Step], until: int) -> None:
    """Show the first step, or all until this one; each once."""
    for step in [one for one in steps if not one.shown][: max(until + 1 - sum(one.shown for one in steps), 1)]:
        step.shown = True
        run.out.notice("")
        for line in step.lines:
            run.out.notice(line)
        if step.qr:
            admitting.picture(run, step.qr)


def _passed(run: Run, steps: list[view_phone.Step], step: str) -> None:
    if run.out.json:
        run.out.item({"passed": {"step": step}}, lambda _: "")
        return
    run.out.notice(view_phone.passed(step))
    _show(run, steps, view_phone.next_of(step))


def _ask(run: Run, asking: Told) -> None:
    if run.out.json:
        run.out.item({"asking": asking}, lambda _: "")
    question = "Does the phone show the same digits? Let it in?"
    answer = "phone.answer", {"fingerprint": asking.get("fingerprint")}
    admitting.let_in(run, "phone", answer, view_phone.asking(asking), question)


# ── who is in ────────────────────────────────────────────────────────────────────────────────────


@phones.command("list", cls=Command, epilog=examples("mesh phone list", "mesh phone list --json"))
def listed(context: typer.Context) -> None:
    """List the phones, what each may do without you, and how the page stands that serves them."""
    run = running(context)
    result = run.ask("phone.list", {})
    run.out.result(result, lambda screen: view_phone.listed(screen, result))


@phones.command("remove", cls=Command, epilog=examples("mesh phone remove iphone", "mesh phone remove iphone --look"))
def remove(
    context: typer.Context,
    device: _Phone,
    *,
    drop: Annotated[list[str] | None, typer.Option(metavar="ID", help="As of `mesh remove`.")] = None,
    look: Annotated[bool, typer.Option("--look", help="Show what would happen, and change nothing.")] = False,
    passphrase_stdin: PassphraseStdin = False,
    ask: Ask = False,
    approved: Approved = None,
    wait: Wait = False,
) -> None:
    """Take a phone out: all that it wrote stays, its tokens end, and it wipes its keys when it hears of it."""
    how = How(passphrase_stdin, ask, approved, wait)
    closing.closed(running(context), "phone.remove", {"device": device}, (drop, look), how)


@phones.command(
    "token",
    cls=Command,
    epilog=examples("mesh phone token", "mesh phone token iphone", "mesh phone token --revoke 1f0c"),
)
def token(
    context: typer.Context,
    device: Annotated[str, typer.Argument(metavar="[PHONE]", help="Whose; the only phone unless given.")] = "",
    *,
    name: Annotated[str, typer.Option(metavar="NAME", help="What it is called in lists.")] = "",
    revoke: Annotated[str, typer.Option(metavar="ID", help="End a token, by its id or its name.")] = "",
) -> None:
    """Make a token for a Shortcut of a phone, which hands in files with it and does nothing else; shown this once."""
    run = running(context)
    given: Told = {"device": device, "name": name, "revoke": revoke}
    result = run.ask("phone.token", {key: value for key, value in given.items() if value})
    run.out.result(result, lambda screen: view_phone.token(screen, result))
    if "token" in result:
        run.out.notice("It is shown this once; `mesh phone token --revoke ID` ends it.")


# ── the page ─────────────────────────────────────────────────────────────────────────────────────


@phones.command(
    "serve",
    cls=Command,
    epilog=examples(
        "mesh phone serve",
        "mesh phone serve --off",
        "mesh phone serve --tailscale mac.tail1234.ts.net",
        "mesh phone serve --push",
    ),
)
def serve(
    context: typer.Context,
    *,
    tailscale: Annotated[
        str | None, typer.Option(metavar="HOST", help="Answer under this name too; empty: no more.")
    ] = None,
    certificate: Annotated[
        str,
        typer.Option(metavar="FILE", help="Its certificate, as PEM; else HOST.crt here, as `tailscale cert` makes it."),
    ] = "",
    key: Annotated[str, typer.Option(metavar="FILE", help="Its key, as PEM; else HOST.key here.")] = "",
    push: Annotated[
        bool | None, typer.Option("--push/--no-push", help="Wake phones when something waits for you; needs internet.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Serve the page here no more.")] = False,
) -> None:
    """Serve the page for phones on this device, which `mesh phone add` does by itself; or stop that."""
    run = running(context)
    local.must_be_joined(run.home)
    ensured(run)
    if bool(certificate) != bool(key):
        raise Misuse("a certificate has a key", hint="Give both: --certificate FILE --key FILE")
    given: Told = {"off": off, "push": push}
    if tailscale is not None:
        given |= {
            "host": tailscale,
            "certificate": _whole(certificate or f"{tailscale}.crt"),
            "key": _whole(key or f"{tailscale}.key"),
        }
    result = run.ask("phone.serve", given)
    run.out.acknowledge(result, lambda screen: view_phone.page(screen, result))


def _whole(path: str) -> str:
    from pathlib import Path

    return str(Path(path).expanduser().absolute())


@home.command("on", cls=Command, epilog=examples("mesh phone home on"))
def home_on(context: typer.Context) -> None:
    """Mark the network that this device is in as home: there it tells the name of the page."""
    _home(context, on=True)


@home.command("off", cls=Command, epilog=examples("mesh phone home off", "mesh phone home off 3f2a"))
def home_off(
    context: typer.Context,
    network: Annotated[str, typer.Argument(metavar="[NETWORK]", help="Its id; the one of now unless given.")] = "",
) -> None:
    """Tell the name of the page no more in a network."""
    _home(context, on=False, network=network)


@home.command("list", cls=Command, epilog=examples("mesh phone home list"))
def home_list(context: typer.Context) -> None:
    """List the networks that are home."""
    run = running(context)
    result = run.ask("phone.home", {})
    run.out.result(result, lambda screen: view_phone.home(screen, result))


def _home(context: typer.Context, *, on: bool, network: str = "") -> None:
    run = running(context)
    result = run.ask("phone.home", {"set": on, "network": network} if network else {"set": on})
    run.out.acknowledge(result, lambda screen: view_phone.home(screen, result))
    if one_line(result.get("problem")):
        run.out.warn(one_line(result.get("problem")))
