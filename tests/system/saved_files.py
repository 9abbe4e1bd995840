"""What people and their programs do to Markdown files, as functions from a file to the files that are there instead.

They know bytes and names alone: no mesh, and no disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath

Files = dict[str, bytes]
Save = Callable[[str, bytes], Files]


def appended(path: str, raw: bytes) -> Files:
    """A line with links at the end."""
    return {path: raw + "\nMore — see [[Another note|that one]] and ![[pictures/a b.png]].\n".encode()}


def cut(path: str, raw: bytes) -> Files:
    """Its second half gone, with the last line end."""
    return {path: raw[: len(raw) // 2].rstrip(b"\r\n").decode("utf-8", "ignore").encode()}


def emptied(path: str, _raw: bytes) -> Files:
    """Nothing in it."""
    return {path: b""}


def other_line_ends(path: str, raw: bytes) -> Files:
    """As an editor of another system saves it."""
    return {path: raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")}


def marked(path: str, raw: bytes) -> Files:
    """With a byte order mark."""
    return {path: b"\xef\xbb\xbf" + raw.removeprefix(b"\xef\xbb\xbf")}


def sixteen_bits(path: str, raw: bytes) -> Files:
    """In UTF-16."""
    return {path: b"\xff\xfe" + raw.decode("utf-8", "replace").encode("utf-16-le")}


def western(path: str, _raw: bytes) -> Files:
    """In an old encoding."""
    return {path: "# Café\r\n“quoted”, naïve, 5 €\r\n".encode("cp1252")}


def with_front_matter(path: str, raw: bytes) -> Files:
    """With front matter of which nobody knows most keys."""
    front = "---\r\ntitle: Ümlaut: 'so'\r\naliases: [a, \"b: c\"]\r\ntags:\r\n  - round trip\r\n  - größe\r\n"
    front += "publish: false   # not yet\r\nnested: {deep: [1, {x: ~}]}\r\n---\r\n"
    return {path: front.encode() + raw.removeprefix(b"\xef\xbb\xbf")}


def renamed(path: str, raw: bytes) -> Files:
    """Another name in the same folder."""
    place = PurePosixPath(path)
    return {str(place.with_name(f"{place.stem} \u2013 renamé{place.suffix}")): raw}


def moved(path: str, raw: bytes) -> Files:
    """In another folder, and edited in the same moment."""
    return {f"moved/here/{path}": raw + b"\nMoved.\n"}


def deleted(_path: str, _raw: bytes) -> Files:
    """Gone."""
    return {}


def copied(path: str, raw: bytes) -> Files:
    """There twice."""
    return {path: raw, f"copies/{path}": raw}


SAVES: Sequence[Save] = (
    appended,
    cut,
    emptied,
    other_line_ends,
    marked,
    sixteen_bits,
    western,
    with_front_matter,
    renamed,
    moved,
    deleted,
    copied,
)


def spread(files: Mapping[str, bytes], count: int) -> list[str]:
    """So many paths, the same each time, from everywhere."""
    ordered = sorted(files)
    return [ordered[number * len(ordered) // count] for number in range(count)] if ordered else []
