"""Forgetting a mesh: the keys first, then everything else that mesh made in the home, and nothing besides.

The keys go first: from that moment on nothing that is left can speak for this device, wherever the rest is interrupted;
a second call finishes. What this device wrote stays with the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mesh.errors import Unreachable
from mesh.node.belongings import folders, keys, rest, strangers
from mesh.node.lock import locked
from mesh.node.paths import lock_path
from mesh.node.staging import sweep
from mesh.node.vault import sync_folder


@dataclass(frozen=True, slots=True)
class Left:
    """What remains in the folder, because mesh did not make it."""

    stays: tuple[str, ...]


def something_is_left(home: Path) -> bool:
    """Whether there is anything of ours in a folder."""
    return home.is_dir() and bool(keys(home) or rest(home))


def leave(home: Path) -> Left:
    """Remove it all. Raises Busy while somebody uses the home, Unreachable when the disk refuses; then call again."""
    with locked(home):
        try:
            for path in keys(home):
                path.unlink(missing_ok=True)
            sync_folder(home)
            for path in rest(home):
                path.unlink(missing_ok=True)
            sweep(home)
            stays = strangers(home)
            for folder in folders(home):
                if any(folder.iterdir()):
                    stays.append(folder.name)
                else:
                    folder.rmdir()
            lock_path(home).unlink(missing_ok=True)
            if not stays:
                home.rmdir()
        except OSError as error:
            message = f"not everything could be removed: {error.strerror}"
            hint = "The keys are gone: this device cannot speak any more. `mesh leave` again removes the rest."
            raise Unreachable(message, hint=hint if not keys(home) else "Nothing was removed.") from error
    return Left(tuple(sorted(stays)))
