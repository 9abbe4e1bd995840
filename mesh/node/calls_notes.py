"""Calls about notes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mesh.errors import Misuse, Refused
from mesh.events.bodies import document_of
from mesh.events.event import Placed
from mesh.events.kinds import Changed
from mesh.events.speaking import Draft
from mesh.limits import LIST_MAX, SALT_BYTES
from mesh.names import Digest, DocumentId, device_text, digest_text, is_word
from mesh.node import agents, subjects
from mesh.node.arguments import Arguments, needed, number, text, texts, yes
from mesh.node.disputes import must_not_settle
from mesh.node.engine import Engine
from mesh.node.gathered import Loaded
from mesh.node.showing import called
from mesh.node.storage.store_port import NoteRow
from mesh.state import notes
from mesh.state.edits import Edit

if TYPE_CHECKING:
    from mesh.node.agent import Agent

SPACE = "home"
_LIST_DEFAULT = 100
_CHOICES_MAX = 5  # documents named when a prefix fits several


async def add(agent: Agent, arguments: Arguments) -> object:
    """A new note."""
    title, body = needed(arguments, "title"), text(arguments, "body") or ""
    salt = secrets.token_bytes(SALT_BYTES)
    birth = notes.birth(title, body, texts(arguments, "tags"), text(arguments, "path"), salt)
    document, name = document_of(_space(arguments), notes.KIND, birth), agents.name_in(arguments)

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (Draft(birth, document, name),)

    return _said(document, await agents.say(agent, name, make))


def _space(arguments: Arguments) -> str:
    space = text(arguments, "space") or SPACE
    if not is_word(space):
        raise Misuse(f"{space!r} is not a word for a space", hint="Lower-case letters, digits and hyphens: work.")
    return space


def _said(document: DocumentId, placed: tuple[Placed, ...]) -> dict[str, object]:
    return {"document": str(document), "event": digest_text(placed[-1].digest)}


async def listed(agent: Agent, arguments: Arguments) -> object:
    """Notes, the latest first."""
    limit = number(arguments, "limit", _LIST_DEFAULT, LIST_MAX)
    said, name = text(arguments, "after"), agents.name_in(arguments)
    agents.may_look(agent, name)
    after = await agent.store.note(DocumentId.parse(said)) if said else None
    rows: list[NoteRow] = []
    while len(rows) < limit:  # once for the person; an agent does not see each of them
        page = await agent.store.notes(
            tag=text(arguments, "tag"),
            search=text(arguments, "search"),
            deleted=yes(arguments, "deleted"),
            limit=limit,
            after=after,
        )
        rows += [row for row in page if agents.sees(agent, name, row.note.document)]
        if len(page) < limit:
            break
        after = page[-1]
    result: dict[str, object] = {"notes": [await _line(agent, row) for row in rows[:limit]]}
    if rows and len(rows) >= limit:
        result["next"] = str(rows[limit - 1].note.document)
    return result


async def _line(agent: Agent, row: NoteRow) -> dict[str, object]:
    note = row.note
    return {
        "document": str(note.document),
        "title": note.title,
        "tags": list(note.tags),
        "updated": _touched(agent, row),
        "conflicts": len(note.conflicts),
        "hidden": len(await agent.engine.shelf.hidden(note.document)),
    }


async def show(agent: Agent, arguments: Arguments) -> object:
    """One note, with everything that lives side by side in it."""
    document = await _note_of(agent, arguments)
    agents.may_see(agent, agents.name_in(arguments), document)
    row = await agent.store.note(document)
    if row is None:
        raise Misuse(f"{document} is no note that can be shown here", hint="`mesh status` tells what is waited for.")
    note = row.note
    return {
        "document": str(document),
        "title": note.title,
        "body": note.body,
        "tags": list(note.tags),
        "path": note.path,
        "deleted": note.deleted,
        "conflicts": await _conflicts(agent, document),
        "hidden": await _hidden(agent, document),
        "updated": _touched(agent, row),
    }


async def _hidden(agent: Agent, document: DocumentId) -> list[object]:
    """What of a document is not seen since nothing allows it, by who wrote it."""
    found: dict[Digest, list[str]] = {}
    for row in await agent.engine.shelf.hidden(document):
        found.setdefault(row.placed.admission, []).append(digest_text(row.placed.digest))
    name_of = agent.engine.replica.verdict.name_of
    return [{"device": device_text(who), "name": name_of(who), "events": events} for who, events in found.items()]


def _touched(agent: Agent, row: NoteRow) -> dict[str, object]:
    name = agent.engine.replica.verdict.name_of(row.updated_by)
    return {"time_ms": row.updated_ms, "device": device_text(row.updated_by), "name": name}


async def _conflicts(agent: Agent, document: DocumentId) -> list[object]:
    """What is open in a document; `conflicts.show` has the values whole."""
    rows = await agent.store.conflicts(document=document)
    return [
        {
            "id": row.name.hex(),
            "kind": row.kind,
            "field": row.field,
            "count": row.count,
            "values": [
                {"value": side.value, "characters": side.characters, **subjects.told_author(agent, side.author)}
                for side in row.sides
            ],
        }
        for row in sorted(rows, key=lambda row: (row.field, row.name))
    ]


async def edit(agent: Agent, arguments: Arguments) -> object:
    """Change a note; what others change at the same time stays beside it. A register in conflict is left alone."""
    title, body, path = (text(arguments, key) for key in ("title", "body", "path"))
    add_tags, remove_tags = texts(arguments, "add_tags"), texts(arguments, "remove_tags")
    base = text(arguments, "base_body")

    def edits(loaded: Loaded) -> tuple[Edit, ...]:
        held = loaded.document.text()
        if base is not None and held != base:
            hint = "Look at it with `mesh note show`, then edit again; what you wrote is not lost."
            raise Refused("the note changed meanwhile", hint=hint)
        wanted = body if body is not None else _reworded(held, arguments)
        return notes.edits(
            loaded.document, title=title, body=wanted, path=path, add_tags=add_tags, remove_tags=remove_tags
        )

    return await _change(agent, arguments, edits)


def _reworded(held: str, arguments: Arguments) -> str | None:
    """A note's text with lines behind it (`append`), or with `old`, which stands in it once, replaced by `new`."""
    append, old, new = (text(arguments, key) for key in ("append", "old", "new"))
    if append is not None:
        return f"{held}{'' if held.endswith(chr(10)) or not held else chr(10)}{append}"
    if old is None:
        return None
    if not old or held.count(old) != 1:
        found = f"stands in the note {held.count(old)} times" if old else "is empty"
        raise Refused(f"the text to replace {found}", hint="Read the note again, and give more of what is around it.")
    return held.replace(old, new or "")


async def remove(agent: Agent, arguments: Arguments) -> object:
    """Mark a note as deleted; its history stays."""
    return await _change(agent, arguments, lambda loaded: notes.edits(loaded.document, deleted=True))


async def _change(agent: Agent, arguments: Arguments, edits: object) -> dict[str, object]:
    document, name = await _note_of(agent, arguments), agents.name_in(arguments)
    assert callable(edits), edits

    async def make(engine: Engine) -> Sequence[Draft]:
        loaded = await engine.shelf.load(document)
        if loaded is None:
            raise Refused(f"{document} cannot be edited: its beginning is not on this device yet")
        if not loaded.shown:
            raise Refused(f"{document} cannot be edited: nothing in it counts")
        wanted = edits(loaded)
        if not wanted:
            raise Misuse("nothing would change")
        must_not_settle(loaded, wanted)
        actor = engine.shelf.actor(loaded, engine.own.admission)
        return (Draft(Changed(loaded.document.edit(actor, wanted).raw), document, name),)

    return _said(document, await agents.say(agent, name, make))


async def chosen(agent: Agent, said: str, *, deleted: bool = False) -> DocumentId:
    """The document that a person means: a whole id, the beginning of one, an exact title, or a path. Raises Misuse.

    `deleted`: where no other document has that title, one that was removed.
    """
    found = await agent.store.find_documents(said, _CHOICES_MAX + 1)
    for removed in (False, True) if deleted else (False,):
        found = found or await called(agent.store, said, deleted=removed, limit=LIST_MAX)
    if not found:
        found = tuple(row.note.document for row in await agent.store.notes(at=(SPACE, said), limit=_CHOICES_MAX + 1))
    if len(found) == 1:
        return found[0]
    if not found:
        raise Misuse(f"there is no document {said!r}", hint="`mesh search` finds one by its words.")
    names = ", ".join(str(document) for document in found[:_CHOICES_MAX])
    raise Misuse(f"{said!r} fits several documents: {names}", hint="Give more of the id.")


async def _note_of(agent: Agent, arguments: Arguments) -> DocumentId:
    """The note that a person means; no other document will do. Raises Misuse."""
    document = await chosen(agent, needed(arguments, "document"))
    if document.type != notes.KIND:
        raise Misuse(
            f"{document} is no note", hint=f"It is a {document.type}; `mesh history` of it shows what was done to it."
        )
    return document
