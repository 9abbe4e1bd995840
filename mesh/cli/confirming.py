"""Acts that only a person does: the passphrase is asked without echo, or another device is asked to approve.

No passphrase comes from the command line or the environment, where other programs could read it.
"""

from __future__ import annotations

import getpass
import sys
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from mesh.cli.run import Run
from mesh.errors import Misuse, NeedsApproval, NeedsPassphrase
from mesh.limits import PASSPHRASE_TRIES_MAX as TRIES_MAX

Told = dict[str, object]
WAIT_S = 1.0  # between looks whether somebody has approved
WAIT_S_MAX = 900.0  # no question lives longer
PASSPHRASE_CHARACTERS_MAX = 2000

PassphraseStdin = Annotated[
    bool, typer.Option("--passphrase-stdin", help="Read the passphrase of this home from standard input, one line.")
]
Ask = Annotated[bool, typer.Option("--ask", help="Have another device of yours approve it, instead of a passphrase.")]
Approved = Annotated[
    str | None, typer.Option(metavar="ID", help="Do what was asked before, and approved on another device since.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the approval, up to 15 minutes.")]


@dataclass(frozen=True)
class How:
    """How a person confirms."""

    passphrase_stdin: bool = False
    ask: bool = False
    approved: str | None = None
    wait: bool = False


def acted(run: Run, name: str, arguments: Told, how: How) -> Told:
    """Have an act done. Raises NeedsPassphrase, NeedsApproval, Refused."""
    given = dict(arguments)
    if how.approved is not None:
        given["approved"] = how.approved
    elif how.passphrase_stdin:
        given["passphrase"] = _piped()
    elif how.ask:
        given["ask"] = True
    try:
        result = _asked(run, name, given)
    except NeedsApproval as error:
        if not how.wait:
            raise
        result = _waited(run, name, given, error)
    if result.get("warning"):
        run.out.warn(f"Note: {result['warning']}. `mesh passphrase set` sets one.")
    return result


def hidden(prompt: str, *, twice: bool = False) -> str:
    """A passphrase from the terminal, without echo. Raises Misuse where nobody can type one."""
    if not (sys.stdin and sys.stdin.isatty()):
        message = "a passphrase is asked here, and nobody answers"
        raise Misuse(message, hint="Pipe it in with --passphrase-stdin. Nothing was changed.")
    words = getpass.getpass(prompt)
    if twice and getpass.getpass("The same once more: ") != words:
        raise Misuse("the two were not the same", hint="Try again. Nothing was changed.")
    return words


def _asked(run: Run, name: str, given: Told) -> Told:
    """Ask the agent; where it wants the passphrase and a person is there, ask them, three times at most."""
    for number in range(TRIES_MAX + 1):
        try:
            return run.ask(name, given)
        except NeedsPassphrase as error:
            if number == TRIES_MAX or run.out.json or not (sys.stdin and sys.stdin.isatty()):
                raise
            if "passphrase" in given:
                run.out.error(error)
        given["passphrase"] = hidden("Passphrase of this home: ")
    message = "the passphrase was not given"
    raise Misuse(message, hint="Nothing was changed.")


def _waited(run: Run, name: str, given: Told, error: NeedsApproval) -> Told:
    run.out.notice(f"Waiting for another device of yours: there `mesh approve {error.approval}`. Ctrl-C ends waiting.")
    again = {**given, "approved": error.approval}
    until = time.monotonic() + WAIT_S_MAX
    while True:
        try:
            return run.ask(name, again)
        except NeedsApproval:
            if time.monotonic() >= until:
                raise
        time.sleep(WAIT_S)


def _piped() -> str:
    line = sys.stdin.readline(PASSPHRASE_CHARACTERS_MAX) if sys.stdin else ""
    if not line.rstrip("\n"):
        raise Misuse("there was no passphrase on standard input", hint="Pipe it in as one line. Nothing was changed.")
    return line.rstrip("\n")
