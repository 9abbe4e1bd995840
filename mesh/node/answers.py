"""Questions as they truly stand: an answer counts as that device's only where its person wrote it there.

Who wrote what is signed, so neither an agent nor another device can put an answer into somebody's mouth, nor say what
came of a question that it did not ask. What was written so is left out, as if it were not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh.errors import Refused
from mesh.events.kinds import Changed, Value
from mesh.events.speaking import Draft
from mesh.names import DocumentId, device_text, digest_text
from mesh.node import agents
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.node.keeping import Registers
from mesh.node.storage.store_port import Author, RecordRow
from mesh.state import asks, records
from mesh.state.history import Live
from mesh.state.records import Record

if TYPE_CHECKING:
    from mesh.node.agent import Agent


async def true(agent: Agent, row: RecordRow) -> RecordRow:
    """A question with those answers, and that outcome, that are what they say they are."""
    if not any(asks.is_answer(key) for key in row.record.registers):
        return row
    loaded = await agent.engine.shelf.load(row.record.document)
    return replace(row, record=await _true(agent.engine, loaded)) if loaded is not None else row


async def changed(agent: Agent, document: DocumentId, wanted: Callable[[Record], Registers]) -> str | None:
    """Change a question to what `wanted` makes of it as it truly stands; `wanted` may refuse. Raises Refused."""

    async def make(engine: Engine) -> Sequence[Draft]:
        loaded = await engine.shelf.load(document)
        if loaded is None or not loaded.shown:
            raise Refused(f"{document} cannot be answered: it is not on this device, or nothing in it counts")
        edits = records.edits(loaded.document, wanted(await _true(engine, loaded)))
        if not edits:
            return ()
        actor = engine.shelf.actor(loaded, engine.own.admission)
        return (Draft(Changed(loaded.document.edit(actor, edits).raw), document),)

    said = await agents.say(agent, "", make)
    return digest_text(said[-1].digest) if said else None


async def _true(engine: Engine, loaded: Loaded) -> Record:
    record = records.view_of(loaded.document)
    keys = [key for key in record.registers if asks.is_answer(key)]
    live = {key: loaded.document.live(key) for key in keys}
    authors = await engine.shelf.authors(loaded, {one.change for several in live.values() for one in several})
    registers: dict[str, Value] = {key: value for key, value in record.registers.items() if key not in live}
    for key, several in live.items():
        own = [one.value for one in several if _is_by(authors, one, asks.whose(record, key))]
        registers |= {key: own[0]} if own else {}
    return replace(record, registers=registers)


def _is_by(authors: Mapping[bytes, Author], one: Live, device: str) -> bool:
    author = authors.get(one.change)
    return author is not None and not author.agent and device_text(author.admission) == device
