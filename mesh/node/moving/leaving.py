"""Forgetting a mesh: the keys first, then everything else that mesh made in the home, and nothing besides.

The keys go first: from that moment on nothing that is left can speak for this device, wherever the rest is interrupted;
a second call finishes. What this device wrote stays with the others.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mesh.errors import MeshError, Unreachable
from mesh.names import device_text, digest_text
from mesh.node import vault, whole
from mesh.node.lock import locked
from mesh.node.moving.belongings import folders, keys, rest, strangers
from mesh.node.moving.staging import sweep
from mesh.node.paths import lock_path, secrets_path


def something_is_left(home: Path) -> bool:
    """Whether there is anything of ours in a folder."""
    return home.is_dir() and len(list(home.iterdir())) > len(strangers(home))


def has_keys(home: Path) -> bool:
    """Whether this device can still speak; otherwise it has begun to leave, or never joined."""
    return secrets_path(home).exists()


def who(home: Path) -> dict[str, object]:
    """Whose home it is, as far as that can be told: keys that do not open are no reason to stay."""
    held = None
    with suppress(MeshError):
        held = vault.load(home)
    if held is None or not held.joined:
        return {"mesh": None, "device": None, "name": held.name if held else None}
    return {"mesh": digest_text(held.mesh), "device": device_text(held.admission), "name": held.name}


def leave(home: Path) -> tuple[str, ...]:
    """Remove it all; gives what stays in the folder because mesh did not make it.

    Raises Busy while somebody uses the home, and Unreachable when the disk refuses; then call it again.
    """
    with locked(home):
        try:
            for path in keys(home):
                path.unlink(missing_ok=True)
            whole.sync(home)
            for path in rest(home):
                path.unlink(missing_ok=True)
            sweep(home)
            for folder in folders(home):
                folder.rmdir()
            stays = strangers(home)
            lock_path(home).unlink(missing_ok=True)
            with suppress(OSError):  # other files are in it, or it is where a disk is mounted
                home.rmdir()
        except OSError as error:
            message = f"not everything could be removed: {error.strerror}"
            hint = "The keys are gone: this device cannot speak any more. `mesh leave` again removes the rest."
            raise Unreachable(message, hint=hint if not keys(home) else "Nothing was removed.") from error
    return tuple(stays)
