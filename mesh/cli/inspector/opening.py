"""How the inspector is opened: only on a terminal that can show it, and with its first page at hand.

It imports `textual` while the agent answers, and nothing of it where the inspector is refused.
"""

from __future__ import annotations

import os
import sys
import threading
from importlib import import_module

from mesh.cli import calls
from mesh.cli.run import Run
from mesh.cli.screen import one_line
from mesh.errors import Misuse, NotGranted
from mesh.limits import ECHO_CHARACTERS_MAX

_APP = "mesh.cli.inspector.app"
_INSTEAD = "`mesh conflicts` lists the same as text, `mesh conflicts show ID` shows one, `resolve` settles it."


def opened(run: Run, document: str | None) -> int:
    """Show the inspector until the person leaves it; the exit code. Raises MeshError."""
    must_fit(run)
    asked = calls.inspect(document=document)
    loading = threading.Thread(target=import_module, args=(_APP,), daemon=True)
    loading.start()
    first = run.ask(*asked)
    loading.join()
    from mesh.cli.inspector.app import inspected

    return inspected(run, document, first)


def must_fit(run: Run) -> None:
    """Raise Misuse where there is no full screen to show anything on, with the commands that do without one."""
    if run.principal:
        message = f"{one_line(run.principal)} is an agent, and the inspector is for a person"
        raise NotGranted(message, hint=_INSTEAD)
    if run.out.json:
        raise Misuse("the inspector is a screen for people, so it has no --json", hint="`mesh conflicts --json` has.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Misuse("the inspector needs a terminal, and this is none", hint=_INSTEAD)
    term = os.environ.get("TERM", "")
    if term in {"", "dumb", "unknown"}:
        named = f"TERM={one_line(term, ECHO_CHARACTERS_MAX)}" if term else "no TERM"
        raise Misuse(f"this terminal ({named}) cannot show a full screen", hint=_INSTEAD)
