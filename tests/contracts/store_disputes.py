"""Conflicts, settlements and placings for store tests, made up: a store trusts what it is given."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from mesh.events.kinds import Value
from mesh.names import Digest, DocumentId
from mesh.node.storage.store_port import Author, ConflictRow, NoteRow, SettlementRow, SideRow, Store
from mesh.state.conflicts import name_of
from tests.contracts.store_writers import note_row


def digest(text: str) -> Digest:
    """The digest of a text."""
    return Digest(hashlib.sha256(text.encode()).digest())


def author(number: int, device: str = "alder", agent: str = "") -> Author:
    """Who said the event of that number, which is its Lamport number too."""
    return Author(digest(f"event {number} of {device}"), digest(device), agent, 1_700_000_000_000 + number, number)


def side(value: Value, number: int, device: str = "alder", agent: str = "") -> SideRow:
    """A side of a conflict."""
    return SideRow(value, len(str(value)), author(number, device, agent))


def conflict(about: DocumentId, field: str = "title", lamport: int = 1, **parts: object) -> ConflictRow:
    """An open conflict of two sides; parts are fields of ConflictRow."""
    sides = (side("seeds", lamport - 1, "alder"), side("soil", lamport, "birch", "claude"))
    filled: dict[str, object] = {
        "kind": "register",
        "since_ms": 1_700_000_000_000 + lamport,
        "count": 2,
        "devices": (digest("alder"), digest("birch")),
        "sides": sides,
        "ancestor": "seed",
        **parts,
    }
    name = name_of(about, "register", field, [b"%d" % lamport])  # type: ignore[arg-type]
    return ConflictRow(name=name, document=about, field=field, lamport=lamport, **filled)  # type: ignore[arg-type]


def settlement(about: DocumentId, number: int, **parts: object) -> SettlementRow:
    """What somebody settled with an event; parts are fields of SettlementRow."""
    filled: dict[str, object] = {
        "conflict": digest(f"{number}")[:16],
        "prints": (),
        "rule": "",
        "undoes": None,
        "change": digest(f"change {number}"),
        **parts,
    }
    return SettlementRow(document=about, author=author(number), **filled)  # type: ignore[arg-type]


def placed_note(about: DocumentId, path: str | None, number: int, device: str = "alder", **parts: object) -> NoteRow:
    """A note whose path the event of that number gave it; parts are fields of Note."""
    return replace(note_row(about, f"note {number}", number, path=path, **parts), placed=author(number, device))


async def all_conflicts(store: Store, limit: int = 7, **chosen: object) -> list[ConflictRow]:
    """All open conflicts, page by page."""
    found: list[ConflictRow] = []
    while page := await store.conflicts(limit=limit, after=found[-1] if found else None, **chosen):  # type: ignore[arg-type]
        found += page
    return found
