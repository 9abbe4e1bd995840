"""What a command asks the person; on the terminal, never into the result. It never takes silence for a yes."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from mesh.cli.run import Run
from mesh.errors import Misuse, Refused

_YES = {"y", "yes"}
ANSWER_CHARACTERS_MAX = 200


def confirm(run: Run, question: str, *, input_used: bool = False) -> None:
    """Ask for a yes; --yes gives it. Raises Refused for anything else, Misuse where nobody can answer.

    `input_used` says that standard input carried a request or an admission: the answer comes from the terminal.
    """
    if run.yes:
        return
    if answered(f"{question} [y/N] ", input_used=input_used).lower() not in _YES:
        message = "this was not confirmed"
        raise Refused(message, hint="Nothing was changed.")


def answered(prompt: str, *, input_used: bool = False, hint: str = "Give it beforehand with --yes.") -> str:
    """One line from the person. Raises Misuse where nobody can answer."""
    line = ""
    if not input_used:
        print(prompt, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline(ANSWER_CHARACTERS_MAX) if sys.stdin else ""
    else:
        with suppress(OSError), Path("/dev/tty").open(encoding="utf-8") as terminal:
            print(prompt, end="", file=sys.stderr, flush=True)
            line = terminal.readline(ANSWER_CHARACTERS_MAX)
    if not line:
        print(file=sys.stderr)
        message = "this asks something, and nobody answers here"
        raise Misuse(message, hint=f"{hint} Nothing was changed.")
    return line.strip()
