"""Where a document does not show what somebody wrote, though it counts: open conflicts, and that it was removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mesh.limits import WHY_CAUSES_MAX
from mesh.names import Digest, DocumentId, device_text, digest_text
from mesh.node import subjects
from mesh.node.showing import as_kept, is_deleted, touched
from mesh.node.storage.store_port import ConflictRow
from mesh.node.why.causes import Cause, Place, cause
from mesh.node.why.standing import EVENT_CHARACTERS

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_VALUE_CHARACTERS = 60


async def causes(agent: Agent, document: DocumentId, event: Digest | None = None) -> list[Cause]:
    """The open conflicts of a document, or those in which one event has a side; and that the document was removed."""
    rows = await agent.store.conflicts(document=document, limit=WHY_CAUSES_MAX)
    found = [_cause(agent, one) for one in rows if event is None or event in _events(one)]
    row = await as_kept(agent.store, document)
    if row is not None and is_deleted(row):
        time_ms, by = touched(row)
        place = Place(device_text(by), subjects.name_of(agent, by))
        who = (f"{place.name} changed it last",)
        found.append(cause("deleted", place, time_ms, who, document=str(document)))
    return found


def _events(row: ConflictRow) -> set[Digest]:
    return {side.author.event for side in row.sides if side.author}


def _cause(agent: Agent, row: ConflictRow) -> Cause:
    place = Place(*_where(agent, row))
    evidence = [f"{row.kind} conflict of {row.field}: {row.count} values"]
    for side in row.sides:
        who = subjects.name_of(agent, side.author.admission) if side.author else "nobody known"
        event = f" ({digest_text(side.author.event)[:EVENT_CHARACTERS]})" if side.author else ""
        evidence.append(f"{who}{event}: {str(side.value)[:_VALUE_CHARACTERS]!r}")
    return cause("conflict", place, row.since_ms, evidence, conflict=row.name.hex()[:EVENT_CHARACTERS])


def _where(agent: Agent, row: ConflictRow) -> tuple[str, str]:
    """Whose values they are, by name and by id."""
    found = sorted((subjects.name_of(agent, one), device_text(one)) for one in row.devices)
    return " ".join(device for _, device in found), ", ".join(name for name, _ in found)
