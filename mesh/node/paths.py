"""Where a home keeps its files. Standard library only: the fast command path imports it.

This module creates nothing.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

SOCKET_PATH_BYTES_MAX = 100  # macOS allows 104 bytes, Linux 108
HOME_VARIABLE = "MESH_HOME"


def home_path(option: str | None) -> Path:
    """The home: the option, else MESH_HOME, else `.mesh` in the user's home."""
    return Path(option or os.environ.get(HOME_VARIABLE) or Path.home() / ".mesh").expanduser().absolute()


def socket_path(home: Path) -> Path:
    """The local socket of a home; in a short directory of this user when the home's path is too long for one."""
    plain = home / "agent.sock"
    if len(os.fsencode(plain)) <= SOCKET_PATH_BYTES_MAX:
        return plain
    run = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/mesh-{os.getuid()}"  # noqa: S108 - made 0700 and checked
    return Path(run) / f"mesh-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}.sock"


def log_path(home: Path) -> Path:
    """The agent's structured log."""
    return home / "log" / "agent.jsonl"


def output_path(home: Path) -> Path:
    """What an agent says on its own streams: at its start, and when it falls."""
    return home / "log" / "start.log"


def secrets_path(home: Path) -> Path:
    """The vault's file."""
    return home / "secrets"


def database_path(home: Path) -> Path:
    """The store's file."""
    return home / "mesh.db"


def lock_path(home: Path) -> Path:
    """The file that is locked by whoever writes in the home."""
    return home / "lock"


def machine_path(home: Path) -> Path:
    """The file that says which machine the home lives on."""
    return home / "machine"


def evidence_path(home: Path) -> Path:
    """The folder of what the agent captured of sessions' work."""
    return home / "evidence"


def server_path(home: Path) -> Path:
    """The folder of the nats-server."""
    return home / "nats"
