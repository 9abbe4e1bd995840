"""Notes as they are and as they were, read where nothing else can come between.

Most notes were never edited: these are read from their birth alone. This module says nothing, and knows no files.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mesh.events.verdict import Standing
from mesh.limits import VAULT_STEP_OPERATIONS
from mesh.names import DocumentId
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.state import branching, notes, past
from mesh.state.documents import Document
from mesh.state.edits import Edit, Splice
from mesh.state.operations import ACTOR_BYTES, Change
from mesh.state.past import Past

_DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Version:
    """A note as it is. `heads`: its latest changes, none where nobody edited it; `disputed`: whether it is deleted."""

    past: Past
    heads: tuple[str, ...]
    deleted: bool
    disputed: bool


async def now(engine: Engine, document: DocumentId) -> Version | None:
    """A note as it is; None for what is none, or of which nothing counts."""
    if document.type != notes.KIND or (row := await engine.store.note(document)) is None:
        return None
    disputed = _DELETED in row.note.conflicts
    rows = await engine.store.rows(document)
    if len(rows) == 1 and rows[0].standing is Standing.HONOURED:
        born = await engine.shelf.birth(document)
        return Version(Past(born.registers, (), born.text, 1), (), deleted=False, disputed=False)
    loaded = await engine.shelf.load(document)
    if loaded is None or not loaded.shown:
        return None
    return Version(past.today(loaded.document), heads_of(loaded.document), row.note.deleted, disputed)


def heads_of(document: Document) -> tuple[str, ...]:
    """A document's latest changes, none where nobody edited it."""
    heads = document.heads
    return () if heads == (document.history.first,) else tuple(head.hex() for head in heads)


def changes_of(heads: Iterable[str]) -> list[bytes]:
    """What heads name. Those that are no names are names of nothing."""
    return [bytes.fromhex(head) for head in heads]


def at(document: Document, heads: Sequence[str]) -> Past:
    """A document as it was after these changes, which are in it."""
    return past.today(document) if tuple(heads) == heads_of(document) else past.at(document, changes_of(heads))


def steps(engine: Engine, loaded: Loaded, heads: Sequence[str], edits: Sequence[Edit]) -> list[Change]:
    """The changes that these edits are, made when the note had these heads; several where one would be too large."""
    groups = _grouped(edits)
    document = loaded.document if len(groups) == 1 else Document.load(loaded.document.save())
    made: list[Change] = []
    for group in groups:
        if tuple(heads) == heads_of(document):
            change = document.edit(engine.shelf.actor(loaded, engine.own.admission), group)
        else:
            half = ACTOR_BYTES // 2
            actor = engine.own.admission[:half] + secrets.token_bytes(half)
            change = branching.branch(document, changes_of(heads), actor, group)
        made.append(change)
        heads = (change.hash.hex(),)
        if len(groups) > 1:
            document.take([change])
    return made


def _grouped(edits: Sequence[Edit]) -> list[list[Edit]]:
    """Edits that fit into one change each."""
    groups: list[list[Edit]] = [[]]
    room = VAULT_STEP_OPERATIONS
    for edit in edits:
        for part in _parts(edit):
            size = part.deleted + len(part.inserted) if isinstance(part, Splice) else 1
            if size > room and groups[-1]:
                groups.append([])
                room = VAULT_STEP_OPERATIONS
            groups[-1].append(part)
            room -= size
    return groups


def _parts(edit: Edit) -> Iterable[Edit]:
    """A large splice as several."""
    most = VAULT_STEP_OPERATIONS
    if not isinstance(edit, Splice) or edit.deleted + len(edit.inserted) <= most:
        yield edit
        return
    for begun in range(0, edit.deleted, most):
        yield Splice(edit.position, min(most, edit.deleted - begun), "")
    for begun in range(0, len(edit.inserted), most):
        yield Splice(edit.position + begun, 0, edit.inserted[begun : begun + most])
