"""Where a home keeps its files. Standard library only: the fast command path imports it.

This module creates nothing.
"""

from __future__ import annotations

from pathlib import Path

from mesh.node.places import home_text, socket_text, spool_text


def home_path(option: str | None) -> Path:
    """The home: the option, else MESH_HOME, else `.mesh` in the user's home."""
    return Path(home_text(option))


def socket_path(home: Path) -> Path:
    """The local socket of a home; in a short directory of this user when the home's path is too long for one."""
    return Path(socket_text(str(home)))


def spool_path(home: Path) -> Path:
    """The folder in which hooks leave what happened while no agent runs."""
    return Path(spool_text(str(home)))


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


def drops_path(home: Path) -> Path:
    """The folder with the chunks of dropped files."""
    return home / "drops"


def door_path(home: Path) -> Path:
    """The folder of what the page for phones needs."""
    return home / "gateway"
