"""A folder of Markdown as notes: what to read, and what is left out and why. It changes no file and follows no link."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mesh.errors import Misuse
from mesh.limits import BODY_PLAIN_BYTES_MAX, KIB, PATH_BYTES_MAX, TITLE_BYTES_MAX

NOTES_MAX = 50_000  # files that one demonstration reads
_ROOM_BYTES = 4 * KIB  # for title, path and form beside the text
_SUFFIXES = {".md", ".markdown"}


@dataclass
class Folder:
    """The notes of a folder, and the files that are no notes that a device can hold."""

    notes: list[tuple[str, str, str]] = field(default_factory=list)  # title, text, path
    left_out: dict[str, str] = field(default_factory=dict)  # path -> why


def read(folder: Path) -> Folder:
    """Every Markdown file below a folder, hidden ones left out. Raises Misuse for no folder, or too large a one."""
    if not folder.is_dir():
        message = f"{folder} is no folder"
        raise Misuse(message, hint="Give a folder with Markdown files: mesh demo --notes ~/notes")
    found = Folder()
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            found.notes.append(_note(path.read_bytes(), name))
        except (ValueError, OSError) as error:
            found.left_out[name] = str(error)
        if len(found.notes) > NOTES_MAX:
            message = f"{folder} has more than {NOTES_MAX:,} notes"
            raise Misuse(message, hint="Give a folder inside it.")
    return found


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if path.suffix.lower() in _SUFFIXES and not name.startswith(".") and not path.is_symlink():
                yield path


def _note(raw: bytes, name: str) -> tuple[str, str, str]:
    if len(raw) > BODY_PLAIN_BYTES_MAX - _ROOM_BYTES:
        message = f"{len(raw) // KIB} KiB; a note holds {BODY_PLAIN_BYTES_MAX // KIB}"
        raise ValueError(message)
    if len(name.encode("utf-8", "surrogateescape")) > PATH_BYTES_MAX or not name.isprintable():
        message = "its path is too long, or no text"
        raise ValueError(message)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = "not text in UTF-8"
        raise ValueError(message) from error
    return _title(text, name), text, name


def _title(text: str, name: str) -> str:
    """The first heading, or the name of the file."""
    heading = next((line.lstrip("#").strip() for line in text.splitlines() if line.startswith("#")), "")
    title = heading if heading and heading.isprintable() else Path(name).stem
    return title.encode()[:TITLE_BYTES_MAX].decode(errors="ignore")
