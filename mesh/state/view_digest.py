"""The digest of what notes and records show: whether two devices that hold the same also show the same.

A leaf for each document, in the tree of the state digest. This module knows neither events nor who wrote what: two
devices may show the same and know it from different authors, which the state digest tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from mesh.events import cbor
from mesh.names import Digest
from mesh.state.notes import Note
from mesh.state.records import Record

_LEAF = b"mesh/view/leaf/1"


def content_of(one: Note | Record) -> Digest:
    """The digest of what a note or a record shows, its conflicts apart."""
    shown: list[object]
    if isinstance(one, Note):
        shown = [one.title, one.body, list(one.tags), one.path, one.deleted]
    else:
        shown = [dict(one.registers), one.text]
    return Digest(hashlib.sha256(cbor.encode(shown)).digest())


def view_leaf(key: Digest, content: Digest, conflicts: Iterable[bytes]) -> Digest:
    """The leaf of a document from its key, its content, and the names of its open conflicts."""
    return Digest(hashlib.sha256(b"".join((_LEAF, key, content, *sorted(conflicts)))).digest())
