"""What the doctor looks at in a home: rights, keys, room, the database, what a broken start left, and logs.

It reads only. The database is looked at beside whoever has it open.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from mesh.errors import Damaged, Misuse, Refused
from mesh.limits import DISK_LOW_BYTES, FREE_BYTES_MIN, LOG_FILE_BYTES_MAX, LOG_FILES_MAX, MIB
from mesh.node import vault
from mesh.node.health.diagnosis import Diagnosis, Look, right, unclear, wrong
from mesh.node.moving import machine, staging
from mesh.node.paths import database_path, lock_path, log_path, secrets_path, server_path, socket_path
from mesh.node.storage import schema
from mesh.node.storage.connection import beside
from mesh.node.storage.sql import Sql
from mesh.node.timing import DATABASE_LOOK_S_MAX
from mesh.node.transport.broker import command_of

_NOT_YET = "`mesh join` founds a mesh, or joins one by the code that another device shows."
_PROBLEMS_SHOWN = 3
# Files of a write that was cut off: they are made anew, and never read.
_DRAFTS = (".secrets.*", ".machine.*", "nats/*.new", "nats/nats.conf.checked")
_OWN_LOGS = 2  # start.log and commands.log, beside the rotated ones


def home(look: Look) -> Diagnosis:
    """It is there, of this user, and closed to others."""
    if not look.home.is_dir():
        if look.home.exists():
            return wrong(f"{look.home} is no folder", "Choose another one: --home DIR.", fault=Misuse)
        return unclear(f"{look.home} is not there yet", _NOT_YET)
    owner = look.home.stat().st_uid
    if owner != os.getuid():
        words = f"{look.home} belongs to another user (number {owner})"
        return unclear(words, "Root may look.") if os.getuid() == 0 else wrong(words, "Ask as that user.", fault=Misuse)
    open_to = [path for path in (look.home, *_closed(look.home)) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_to:
        words = "others on this machine may look into " + ", ".join(str(path) for path in open_to)
        return wrong(words, f"chmod -R go= {look.home}", mend="permissions", fault=Refused)
    return right(f"{look.home}, closed to others")


def own_machine(look: Look) -> Diagnosis:
    """The home was made on this machine, or moved to it by its person."""
    if look.home.is_dir():
        machine.must_be_here(look.home)  # raises with what to do
    return right("this home is at home here")


def keys(look: Look) -> Diagnosis:
    """They can be read, and lie sealed. Unsealed is for the person to weigh: a disk may be encrypted."""
    if look.state == "none":
        return unclear("no keys yet", _NOT_YET)
    if look.state == "damaged":
        vault.load(look.home)  # raises with the reason
    variable = vault.PASSPHRASE_VARIABLE
    if look.state == "asked":
        return unclear("this device has asked to be let in", "Next: mesh join --admission -")
    if vault.is_sealed(look.home):
        known = "" if look.state == "joined" else f"; {variable} is not set here, so they were not opened"
        return right(f"sealed with a passphrase{known}")
    return unclear(
        "unsealed, readable by this user only",
        f"Encrypt the disk, or set {variable} before the next `mesh join`.",
    )


def disk(look: Look) -> Diagnosis:
    """There is room to write."""
    place = next(path for path in (look.home, *look.home.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    words = f"{free // MIB:,} MiB are free at {place}"
    fix = "Free some space on this disk; writing goes on by itself as soon as there is room."
    if free < FREE_BYTES_MIN:
        return wrong(words, fix)
    return unclear(words, fix) if free < DISK_LOW_BYTES else right(words)


def database(look: Look) -> Diagnosis:
    """It opens, is of a version that this mesh reads, and its pages fit together."""
    if not database_path(look.home).exists():
        if look.lives:
            fix = "Put back a backup of the home; what other devices hold comes back from them."
            return wrong("it is gone", fix, fault=Damaged)
        return unclear("none yet")
    found, version = beside(look.home, _looked_at, stop_s=DATABASE_LOOK_S_MAX)
    newest = len(schema.MIGRATIONS)
    if version > newest:
        words = f"of version {version}; this mesh reads versions up to {newest}"
        return wrong(words, "A newer mesh wrote it: `mesh upgrade`.", fault=Refused)
    if found:
        more = "; ".join(found[:_PROBLEMS_SHOWN])
        fix = "`mesh verify --deep` names all of it. Put back a backup; other devices hold the events."
        return wrong(more, fix, fault=Damaged)
    older = "" if version == newest else f" (brought to {newest} at the next start)"
    return right(f"version {version}{older}, its pages fit together")


def leftovers(look: Look) -> Diagnosis:
    """Nothing of a start that was cut off lies about."""
    if look.ping is not None or look.silence is not None or held(look.home):
        return right("the home is in use")
    found = [str(path) for path in left_over(look.home)]
    server = server_left(look.home)
    if server is not None:
        found.append(f"a nats-server (pid {server}) whose agent is gone")
    if not found:
        return right("none")
    return wrong(", ".join(found), "`mesh doctor --fix` ends and removes them.", mend="leftovers")


def logs(look: Look) -> Diagnosis:
    """They stay within their bounds."""
    folders = (log_path(look.home).parent, server_path(look.home))
    files = [path for folder in folders if folder.is_dir() for path in folder.glob("*.log*")]
    files += log_path(look.home).parent.glob("agent.jsonl*")
    total = sum(path.stat().st_size for path in files)
    words = f"{total / MIB:.1f} MiB in {len(files)} files"
    # The agent's and nats-server's, each rotated; one file over its bound may be on its way to be.
    bound = (2 * (LOG_FILES_MAX + 1) + _OWN_LOGS) * LOG_FILE_BYTES_MAX
    if total <= bound:
        return right(words)
    fix = f"Delete what is old in {folders[0]}; a running agent keeps within {bound // MIB} MiB."
    return wrong(words, fix)


def left_over(home_folder: Path) -> list[Path]:
    """Files that only a start or a write that was cut off leaves."""
    socket = socket_path(home_folder)
    drafts = [path for pattern in _DRAFTS for path in home_folder.glob(pattern)]
    return [*([socket] if socket.is_socket() else []), *sorted(drafts), *home_folder.glob(f"{staging.PREFIX}*")]


def server_left(home_folder: Path) -> int | None:
    """The pid of a nats-server that runs with this home's configuration, by its own file and its command line."""
    folder = server_path(home_folder)
    try:
        pid = int((folder / "nats.pid").read_text())
    except (OSError, ValueError):
        return None
    return pid if str(folder / "nats.conf") in command_of(pid) else None


def held(home_folder: Path) -> bool:
    """Whether some mesh process has the home now."""
    try:
        descriptor = os.open(lock_path(home_folder), os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def own_port(home_folder: Path) -> int:
    """The port that the own nats-server has, 0 before it has one."""
    kept = beside(home_folder, _port, stop_s=DATABASE_LOOK_S_MAX) if database_path(home_folder).exists() else None
    return int(kept) if kept else 0


def _closed(home_folder: Path) -> Iterator[Path]:
    """What must be closed to others beside the home itself."""
    for path in (secrets_path(home_folder), database_path(home_folder), server_path(home_folder)):
        if path.exists():
            yield path


def _looked_at(db: Sql) -> tuple[list[str], int]:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if application != schema.APPLICATION:
        return ["it was not written by mesh"], 0
    rows = db.execute(f"PRAGMA quick_check({_PROBLEMS_SHOWN})").fetchall()
    return [str(text) for (text,) in rows if text != "ok"], version


def _port(db: Sql) -> bytes | None:
    row = db.execute("SELECT value FROM setting WHERE key = 'server/port'").fetchone()
    return bytes(row[0]) if row else None
