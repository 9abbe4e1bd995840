"""Which files of a home mesh makes: what leaving takes away, and what may be in a folder that is to become a home.

Whatever is not named here is somebody else's and is never touched. This module removes nothing.
"""

from __future__ import annotations

from pathlib import Path

from mesh.node.moving.staging import PREFIX
from mesh.node.paths import lock_path, socket_path

_DRAFT = f".{16 * '[0-9a-f]'}.mesh-draft"
KEYS = ("secrets", ".secrets.????????", _DRAFT)
"""The keys, and drafts that a crash left, which may be of their file."""
DATABASE = ("mesh.db", "mesh.db-wal", "mesh.db-shm", "mesh.db-journal")
_OTHERS = (
    "machine", ".machine.????????", "agent.sock",
    "log/agent.jsonl", "log/agent.jsonl.[0-9]", "log/start.log", "log/commands.log",
    "nats/nats.conf", "nats/nats.conf.checked", "nats/nats.log", "nats/nats.log.[0-9]*",
    "nats/nats.pid", "nats/nats-server_*.ports",
    "evidence/*.jsonl", "evidence/.*.jsonl.????????",
    "nats/tls.crt", "nats/tls.key", "nats/ca.crt", "nats/*.new",
    f"drops/{64 * '[0-9a-f]'}", f"drops/.{16 * '[0-9a-f]'}",
    "spool/*.json", "spool/.*.new", "installed/*.json", "installed/*.before", "installed/.*",
    "vault/files.jsonl", "vault/files.new",
    "gateway/leaf", "gateway/page.crt", "gateway/page.key", "gateway/given.crt", "gateway/given.key",
    *(f"{folder}/{_DRAFT}" for folder in ("drops", "evidence", "gateway", "installed", "nats", "vault")),
)  # fmt: skip
_FOLDERS = ("drops", "evidence", "gateway", "installed", "log", "nats", "spool", "vault")


def keys(home: Path) -> list[Path]:
    """The files without which this device is nobody."""
    return _found(home, KEYS)


def rest(home: Path) -> list[Path]:
    """All other files that mesh made here, but for the lock."""
    found = _found(home, (*DATABASE, *_OTHERS))
    away = socket_path(home)  # with a long path of the home it lies elsewhere
    return found if away.parent == home or not away.is_socket() else [*found, away]


def folders(home: Path) -> list[Path]:
    """Folders that mesh made here; not those in which only other files are left."""
    ours = {path.parent for path in _found(home, _OTHERS)}
    made = [home / name for name in _FOLDERS if (home / name).is_dir() and not (home / name).is_symlink()]
    return [folder for folder in made if folder in ours or not any(folder.iterdir())]


def leftovers(home: Path) -> list[Path]:
    """A database without keys: what a broken start or restore left."""
    return _found(home, DATABASE)


def strangers(home: Path) -> list[str]:
    """Names in a home that mesh did not make."""
    if not home.is_dir():
        return []
    ours = {path.name for path in (*keys(home), *rest(home), *folders(home), lock_path(home))}
    return sorted(each.name for each in home.iterdir() if each.name not in ours and not each.name.startswith(PREFIX))


def _found(home: Path, patterns: tuple[str, ...]) -> list[Path]:
    found = (path for pattern in patterns for path in sorted(home.glob(pattern)) if not path.is_dir())
    return [path for path in found if path.parent == home or not path.parent.is_symlink()]
