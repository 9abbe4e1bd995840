"""The addresses at which this device looks for others, as a person adds them."""

from __future__ import annotations

from typing import Annotated

import typer

from mesh.cli import calls, view_status
from mesh.cli.options import Command, examples, running, tree
from mesh.cli.screen import one_line

peers = tree("Add, list and remove the addresses at which other devices are looked for.")
_Address = Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where the other device listens.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands into the tree."""
    app.add_typer(peers, name="peer")


@peers.command("add", cls=Command, epilog=examples("mesh peer add 192.168.1.20:4223", "mesh peer add mac.local:4223"))
def add(context: typer.Context, address: _Address) -> None:
    """Look for a device at this address too. `mesh status` on it shows where it listens."""
    _change(context, "add", address)


@peers.command("list", cls=Command, epilog=examples("mesh peer list", "mesh peer list --json"))
def listed(context: typer.Context) -> None:
    """List the addresses that were added."""
    run = running(context)
    result = run.ask("peer.list", {})
    run.out.result(result, lambda screen: view_status.addresses(screen, result))


@peers.command("remove", cls=Command, epilog=examples("mesh peer remove 192.168.1.20:4223"))
def remove(context: typer.Context, address: _Address) -> None:
    """No longer look for a device at this address."""
    _change(context, "remove", address)


def _change(context: typer.Context, verb: str, address: str) -> None:
    run = running(context)
    result = run.ask(*calls.peer(verb, address))
    done = {"add": "added", "remove": "removed"}[verb]
    run.out.acknowledge(result, lambda screen: [f"{screen.ink(done, 'green')}  {one_line(address)}"])
