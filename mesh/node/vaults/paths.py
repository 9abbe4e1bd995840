"""Names of notes as files: which may be written, which are one on other file systems, and what a title makes.

Paths are relative, with `/` between their parts, in one spelling (NFC). A path comes from any device of the mesh, so
it is judged before it is used. Names that only Windows refuses are let pass: no agent runs there. Nothing here
touches a file.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from mesh.limits import NOTE_NAME_BYTES_MAX, PATH_BYTES_MAX

_SUFFIXES = frozenset({".md", ".markdown"})
_SUFFIX = ".md"
_STEM_CHARACTERS = 80  # of a file that is named after a title
_UNFIT = re.compile(r'[\\/:*?"<>|#^\[\]]')
"""What a new name leaves out: some systems refuse it, or links to notes do not take it."""


def is_markdown(name: str) -> bool:
    """Whether a file of that name is a note."""
    first, dot, last = name.rpartition(".")
    return bool(first) and dot + last.lower() in _SUFFIXES


def fault(path: str) -> str:
    """Why a path must not be used, empty when it may: it stays in its folder, and names a visible Markdown file."""
    parts = path.split("/")
    if len(path.encode("utf-8", "surrogateescape")) > PATH_BYTES_MAX:
        return "its path is too long"
    if any(_is_unfit(part) for part in parts):
        return "its path is none that may be written"
    if any(len(part.encode("utf-8", "surrogateescape")) > NOTE_NAME_BYTES_MAX for part in parts):
        return "a part of its path is too long"
    if not is_markdown(parts[-1]) or not stem(path):
        return "its path is not that of a Markdown file"
    return ""


def _is_unfit(part: str) -> bool:
    """Hidden, empty, or a way up; with a character that cannot be seen or is no text."""
    if part.isprintable():
        return not part or part.startswith(".") or "\\" in part
    return part.startswith(".") or "\\" in part or any(_is_blind(character) for character in part)


def _is_blind(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"}


def spelled(path: str) -> str:
    """A path in the one spelling that all devices use."""
    return unicodedata.normalize("NFC", path)


def folded(path: str) -> str:
    """Equal for paths that are one on some file system: without regard to case and spelling."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def stem(path: str) -> str:
    """What a note is called after its file, unless its front matter says otherwise."""
    return path.rpartition("/")[2].rpartition(".")[0].strip()


def named_after(title: str) -> str:
    """A name for the file of a note that has no path."""
    visible = "".join(" " if _is_blind(character) else character for character in title)
    words = " ".join(_UNFIT.sub(" ", spelled(visible)).split())[:_STEM_CHARACTERS].strip(" .")
    while len(words.encode()) > NOTE_NAME_BYTES_MAX // 2:
        words = words[:-1]
    return (words or "note") + _SUFFIX


def numbered(path: str, number: int) -> str:
    """Another name, where that one is taken."""
    place = PurePosixPath(path)
    return str(place.with_name(f"{place.stem} {number}{place.suffix}"))
