"""Where a home, its socket and its spool are, as plain texts: for `mesh-hook`, which has no time for more.

Standard library only, and as little of it as can be. This module creates nothing.
"""

from __future__ import annotations

import os

SOCKET_PATH_BYTES_MAX = 100  # macOS allows 104 bytes, Linux 108
HOME_VARIABLE = "MESH_HOME"


def home_text(option: str | None) -> str:
    """The home: the option, else MESH_HOME, else `.mesh` in the user's home."""
    named = os.path.expanduser(option or os.environ.get(HOME_VARIABLE) or "~/.mesh")
    whole = named if named.startswith("/") else f"{os.getcwd()}/{named}"
    return "/" + "/".join(part for part in whole.split("/") if part not in {"", "."})


def socket_text(home: str) -> str:
    """The local socket of a home; in a short directory of this user when the home's path is too long for one."""
    plain = f"{home}/agent.sock"
    if len(os.fsencode(plain)) <= SOCKET_PATH_BYTES_MAX:
        return plain
    import hashlib  # noqa: PLC0415 - most homes have a short path

    run = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/mesh-{os.getuid()}"  # noqa: S108 - made 0700 and checked
    return f"{run}/mesh-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}.sock"


def spool_text(home: str) -> str:
    """The folder in which hooks leave what happened while no agent runs."""
    return f"{home}/spool"
