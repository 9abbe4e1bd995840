"""The digest of what notes show: whether two devices that hold the same also show the same.

A leaf for each note, in the tree of the state digest. This module knows neither events nor who wrote what: two devices
may show the same and know it from different authors, which the state digest tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mesh.events import cbor
from mesh.names import Digest
from mesh.state.notes import Note

_LEAF = b"mesh/view/leaf/1"


def content_of(note: Note) -> Digest:
    """The digest of what a note shows, its conflicts apart."""
    shown = [note.title, note.body, list(note.tags), note.path, note.deleted]
    return Digest(hashlib.sha256(cbor.encode(shown)).digest())


def view_leaf(key: Digest, content: Digest, conflicts: Iterable[bytes]) -> Digest:
    """The leaf of a note from the key of its document, its content, and the names of its open conflicts."""
    return Digest(hashlib.sha256(b"".join((_LEAF, key, content, *sorted(conflicts)))).digest())
