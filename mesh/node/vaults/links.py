"""Which folder is linked with the notes of which space, as a device keeps it for itself.

It is never said in the mesh: every device links a folder of its own. Nothing here reads a note.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

SETTING = "vault"
"""Under which the store keeps it."""

MARK = ".mesh-vault"
"""A file in a linked folder, so that an empty place of a disk that is not there is not taken for it."""

_MARK_TEXT = "This folder is linked with mesh: its Markdown files are notes. `mesh vault unlink` ends that.\n"


@dataclass(frozen=True, slots=True)
class Link:
    """A folder and a space, and up to which row of the log the folder shows everything; -1: nobody knows."""

    folder: Path
    space: str
    row: int = -1

    def setting(self) -> bytes:
        """As it is kept."""
        return json.dumps({"folder": str(self.folder), "space": self.space, "row": self.row}).encode()

    @classmethod
    def parse(cls, raw: bytes | None) -> Link | None:
        """What was kept, if anything."""
        said = json.loads(raw or b"null")
        return cls(Path(said["folder"]), said["space"], said["row"]) if said else None

    @property
    def is_there(self) -> bool:
        """Whether the folder is, with its mark."""
        return (self.folder / MARK).is_file()

    def mark(self) -> None:
        """Leave the mark, where it is not. Raises OSError."""
        if not self.is_there:
            (self.folder / MARK).write_text(_MARK_TEXT, "utf-8")


def table_path(home: Path) -> Path:
    """The journal of the vault's files."""
    return home / "vault" / "files.jsonl"
