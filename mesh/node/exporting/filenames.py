"""Names for files out of paths and titles that anybody may have written: safe on every system, each once.

A path from another device is foreign: it must not lead out of the folder, and two that differ only in case, or in how
an accent is written, must not be one file. This module touches no file.
"""

from __future__ import annotations

import re
import unicodedata

from mesh.limits import FILE_NAME_BYTES_MAX

_BAD = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


class Names:
    """The names that were given out."""

    def __init__(self) -> None:
        """Start with none."""
        self._given: set[str] = set()

    def of(self, path: str) -> str:
        """A relative path that nothing else got, as near to the wished one as it can be."""
        wished = "/".join(part for part in map(safe, path.split("/")) if part) or "untitled.md"
        stem, dot, end = wished.rpartition(".")
        if not dot or "/" in end:
            stem, end = wished, ""
        name, number = wished, 1
        while _key(name) in self._given:
            number += 1
            name = f"{stem} ({number}){dot and '.'}{end}"
        self._given.add(_key(name))
        return name


def safe(part: str) -> str:
    """One part of a path as a name that every system takes; empty for what leads nowhere or upwards."""
    name = _BAD.sub("_", unicodedata.normalize("NFC", part)).strip().rstrip(". ")
    if name.split(".")[0].casefold() in _RESERVED:
        name = "_" + name
    raw = name.encode("utf-8", "replace")
    if len(raw) > FILE_NAME_BYTES_MAX:
        stem, dot, end = name.rpartition(".")
        end = dot + end if dot and len(end.encode()) < FILE_NAME_BYTES_MAX // 4 else ""
        stem = stem if end else name
        name = stem.encode()[: FILE_NAME_BYTES_MAX - len(end.encode())].decode(errors="ignore") + end
    return name


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
