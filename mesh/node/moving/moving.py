"""A home that woke up on another machine: the device moved here, or this copy becomes a device of its own.

Either way no two copies go on with one chain. Nothing is deleted; a person's answer is not guessed here.
"""

from __future__ import annotations

import time
from pathlib import Path

from mesh.errors import Misuse, Refused
from mesh.names import device_text, digest_text
from mesh.node import vault, voices, whole
from mesh.node.lock import locked
from mesh.node.moving import machine
from mesh.node.moving.belongings import keys, leftovers
from mesh.node.paths import machine_path, secrets_path
from mesh.node.storage.store import open_store
from mesh.node.storage.store_port import Batch

Result = dict[str, object]
_ASIDE = "set-aside-"


async def moved(home: Path) -> Result:
    """The same device goes on here: the same keys, new chains. Raises MeshError."""
    held = _held(home)
    store = await open_store(home)
    try:
        # First the chains, then the machine: who is killed between is asked once more.
        await store.commit(Batch(settings=tuple(voices.anew(voices.MOVED).items())))
        machine.record(home)
    finally:
        await store.close()
    return _named(held)


def second_device(home: Path) -> tuple[Result, Path]:
    """Set this copy of a device aside, whole, so that a new device can begin in the home: whose it is, and where.

    The keys go last: killed before that, the home is still a copy from another machine, and says so.
    """
    held = _held(home)
    with locked(home):
        begun = (folder for folder in home.glob(f"{_ASIDE}*") if not secrets_path(folder).exists())
        aside = next(begun, home / time.strftime(f"{_ASIDE}%Y%m%d-%H%M%S", time.gmtime()))
        try:
            aside.mkdir(mode=0o700, exist_ok=True)
            if machine_path(home).exists():
                (aside / machine_path(home).name).write_bytes(machine_path(home).read_bytes())
            for path in (*leftovers(home), *keys(home)[::-1]):
                path.replace(aside / path.name)
            whole.sync(aside)
            whole.sync(home)
            machine.record(home)
        except OSError as error:
            hint = f"Try again; what was moved so far lies in {aside}."
            raise Refused(f"the copy cannot be set aside: {error.strerror}", hint=hint) from error
    return _named(held), aside


def _held(home: Path) -> vault.Secrets:
    held = vault.load(home)
    if held is None or not held.joined:
        raise Misuse("this device is in no mesh, so it cannot have moved", hint="`mesh join` brings it into one.")
    return held


def _named(held: vault.Secrets) -> Result:
    return {"mesh": digest_text(held.mesh), "device": device_text(held.admission), "name": held.name}
