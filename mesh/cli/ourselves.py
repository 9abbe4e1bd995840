"""How this very `mesh` is started once more as a process of its own; standard library only."""

from __future__ import annotations

import sys


def front(*words: str) -> list[str]:
    """The command line of this interpreter and this code, with the words of a command behind it."""
    isolated = ["-I"] if sys.flags.isolated else []
    return [sys.executable, *isolated, "-X", "utf8", "-m", "mesh.cli.front", *words]
