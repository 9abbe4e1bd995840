"""The call that searches: notes and records by their words, with the piece of text in which they stand.

It reads the index and what is shown, and changes nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mesh.errors import Misuse
from mesh.limits import LIST_MAX, SEARCH_EXCERPT_CHARACTERS
from mesh.names import DocumentId, device_text, is_word
from mesh.node import agents, projects, subjects
from mesh.node.arguments import Arguments, needed, number, texts
from mesh.node.showing import as_kept, title_of
from mesh.node.storage.store_port import NoteRow, RecordRow
from mesh.state.excerpts import excerpt
from mesh.state.records import PROJECT, STATE

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_LIST_DEFAULT = 20
_SUPERSEDED = "superseded-by"

Told = dict[str, object]


async def search(agent: Agent, arguments: Arguments) -> object:
    """Notes and records with these words, the best first; of an agent those that it may see."""
    began = time.monotonic()
    words, name = needed(arguments, "words"), agents.name_in(arguments)
    limit = number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    types = texts(arguments, "types")
    if strange := next((kind for kind in types if not is_word(kind)), None):
        raise Misuse(f"{strange!r} is not a word for a type", hint="For example note, task, memory, receipt, handoff.")
    agents.may_look(agent, name)
    project = await projects.chosen(agent, name, arguments)
    found = await agent.store.hits(words, types=types, project=project, limit=LIST_MAX if name else limit)
    seen = [document for document in found if agents.sees(agent, name, document)][:limit]
    hits = [told for document in seen if (told := await _hit(agent, document, words))]
    return {"hits": hits, "took_ms": round((time.monotonic() - began) * 1000)}


async def _hit(agent: Agent, document: DocumentId, words: str) -> Told | None:
    """What is told of one; nothing of one that went meanwhile."""
    row = await as_kept(agent.store, document)
    if row is None:
        return None
    told: Told = {"document": str(document), "type": document.type, "title": title_of(row)}
    return told | (_of_note(agent, row, words) if isinstance(row, NoteRow) else _of_record(agent, row, words))


def _of_note(agent: Agent, row: NoteRow, words: str) -> Told:
    device, name = device_text(row.updated_by), subjects.name_of(agent, row.updated_by)
    return {
        "snippet": excerpt(row.note.body, words, SEARCH_EXCERPT_CHARACTERS),
        "project": "",
        "state": "",
        "updated": {"device": device, "name": name, "agent": "", "at": row.updated_ms},
    }


def _of_record(agent: Agent, row: RecordRow, words: str) -> Told:
    record = row.record
    whole = "\n".join(part for part in (record.text, *record.words()) if part)
    told: Told = {
        "snippet": excerpt(whole, words, SEARCH_EXCERPT_CHARACTERS),
        "project": record.word(PROJECT),
        "state": record.word(STATE),
        "updated": subjects.told_author(agent, row.updated),
    }
    if record.kind == "receipt":
        claims = record.maps("claims")
        told["verified"] = bool(claims) and all(claim.get("status") == "verified" for claim in claims)
    if superseded := record.word(_SUPERSEDED):
        told["superseded"] = superseded
    return told
