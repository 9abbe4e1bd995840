"""Records from their events: shown as born and as changed, on every device alike, after a restart too."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

import pytest

from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.kinds import Born, Changed, Value
from mesh.events.speaking import Draft
from mesh.limits import SNAPSHOT_CHANGES
from mesh.names import DocumentId
from mesh.node.engine import Engine
from mesh.node.storage.store_port import Batch, RecordRow, Store
from mesh.state import records
from mesh.state.edits import Put
from tests.unit.node.engines import Small, founded, joined_by, working


async def make(engine: Engine, kind: str, text: str = "", *, salted: bool = True, **registers: Value) -> DocumentId:
    """Add a record."""
    birth = records.birth(kind, registers, text, secrets.token_bytes(16) if salted else b"")
    document = document_of("home", kind, birth)
    await say(engine, document, birth)
    return document


async def say(engine: Engine, document: DocumentId, body: Born) -> None:
    """Say one thing about a document."""

    async def drafts(_engine: Engine) -> Sequence[Draft]:
        return (Draft(body, document),)

    await engine.say(Lane.DATA, drafts)


async def put(engine: Engine, document: DocumentId, text: str | None = None, **registers: Value) -> None:
    """Change registers of a record."""

    async def drafts(engine: Engine) -> Sequence[Draft]:
        loaded = await engine.shelf.load(document)
        assert loaded is not None
        edits = records.edits(loaded.document, registers, text)
        raw = loaded.document.edit(engine.shelf.actor(loaded, engine.own.admission), edits).raw
        return (Draft(Changed(raw), document),)

    await engine.say(Lane.DATA, drafts)


async def shown(store: Store, document: DocumentId) -> RecordRow:
    """A record as its store has it."""
    row = await store.record(document)
    assert row is not None
    return row


async def both(one: Small, other: Small) -> None:
    """Each hears everything of the other."""
    await other.engine.hear("mac", await one.everything())
    await one.engine.hear("other", await other.everything())


async def test_a_record_is_shown_from_its_birth_and_through_changes() -> None:
    """Registers, text, who made it and who touched it last; another device shows the same."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await make(small.engine, "task", "why", title="Repair the pump", state="open", priority=2)
        row = await shown(small.store, document)
        assert row.record == records.Record(
            document, {"title": "Repair the pump", "state": "open", "priority": 2}, "why"
        )
        assert row.born == row.updated
        assert (row.born.admission, row.born.agent) == (small.engine.own.admission, "")
        await laptop.engine.hear("mac", await small.everything())
        await put(laptop.engine, document, "why not", state="done", priority=None)
        row = await shown(laptop.store, document)
        assert row.record.registers == {"title": "Repair the pump", "state": "done"}
        assert row.record.text == "why not"
        assert (row.born.admission, row.updated.admission) == (small.engine.own.admission, laptop.engine.own.admission)
        await small.engine.hear("laptop", await laptop.everything(Lane.DATA))
        assert await shown(small.store, document) == row
        assert await small.store.view_root() == await laptop.store.view_root()


async def test_a_record_comes_out_of_its_snapshot() -> None:
    """After a restart a change of it is put on what the store has of it."""
    async with founded() as small:
        document = await make(small.engine, "task", title="Repair", state="open")
        for number in range(SNAPSHOT_CHANGES + 2):
            await put(small.engine, document, priority=number)
        assert await small.store.snapshot(document) is not None
        before = await shown(small.store, document)
        again = Engine(small.engine.own, small.engine.keyring, small.store, small.owner)
        async with working(again):
            await put(again, document, state="done")
        row = await shown(small.store, document)
        assert row.born == before.born
        assert row.updated.lamport > before.updated.lamport
        assert row.record.registers == {"title": "Repair", "state": "done", "priority": SNAPSHOT_CHANGES + 1}


async def test_values_side_by_side_are_a_conflict_of_the_record() -> None:
    """Two states written at once: both devices name the register, and show the same one."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await make(small.engine, "task", title="Repair", state="open")
        await laptop.engine.hear("mac", await small.everything())
        await put(small.engine, document, state="done")
        await put(laptop.engine, document, state="blocked")
        await both(small, laptop)
        rows = [await shown(one.store, document) for one in (small, laptop)]
        assert rows[0] == rows[1]
        assert rows[0].record.conflicts == ("state",)
        (conflict,) = await small.store.conflicts(document=document)
        assert {side.value for side in conflict.sides} == {"done", "blocked"}


async def test_what_is_born_equal_on_two_devices_is_one_record() -> None:
    """Both changed it before they met; whoever has it keeps what he wrote, and all of it is in one commit."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        own = await make(small.engine, "project", salted=False, title="garden", root="a1")
        document = await make(laptop.engine, "project", salted=False, title="garden", root="a1")
        assert own == document
        await put(small.engine, document, **{"path/mac": "/mac"})
        await put(laptop.engine, document, **{"path/laptop": "/laptop"})
        again = Engine(small.engine.own, small.engine.keyring, small.store, small.owner)  # has nothing in memory
        async with working(again):
            await again.hear("laptop", await laptop.everything(Lane.DATA))
        await laptop.engine.hear("mac", await small.everything())
        rows = [await shown(one.store, document) for one in (small, laptop)]
        assert rows[0].record == rows[1].record
        assert rows[0].record.registers == {
            "title": "garden",
            "root": "a1",
            "path/mac": "/mac",
            "path/laptop": "/laptop",
        }
        assert await small.store.digest() == await laptop.store.digest()
        assert await small.store.view_root() == await laptop.store.view_root()


async def test_a_birth_that_is_said_again_hides_nothing_from_who_edits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another device's birth of the same document, and an edit here, in one commit: it stands on all that was here."""
    async with founded() as small, joined_by(small, "laptop") as laptop:
        document = await make(small.engine, "project", salted=False, title="garden", root="a1")
        await put(small.engine, document, same="x")
        await make(laptop.engine, "project", salted=False, title="garden", root="a1")
        said = await laptop.everything(Lane.DATA)
        again = Engine(small.engine.own, small.engine.keyring, small.store, small.owner)  # has nothing in memory
        commits: list[int] = []
        kept = small.store.commit

        async def counted(batch: Batch) -> int:
            commits.append(len(batch.events))
            return await kept(batch)

        monkeypatch.setattr(small.store, "commit", counted)
        async with working(again):
            await asyncio.gather(again.hear("laptop", said), put(again, document, title="yard"))
        assert max(commits) == 3, "the opening, the birth and the edit were one commit"
        assert (await shown(small.store, document)).record.registers == {"title": "yard", "root": "a1", "same": "x"}


async def test_a_fixed_register_is_never_changed() -> None:
    """By a device that does not keep the rules: the change is void everywhere, and the record stays as it was."""
    async with founded() as small:
        document = await make(small.engine, "receipt", title="Repaired the pump", why="It dripped.")

        async def drafts(engine: Engine) -> Sequence[Draft]:
            loaded = await engine.shelf.load(document)
            assert loaded is not None
            raw = loaded.document.edit(engine.shelf.actor(loaded, engine.own.admission), (Put("why", "Never."),)).raw
            return (Draft(Changed(raw), document),)

        await small.engine.say(Lane.DATA, drafts)
        assert (await shown(small.store, document)).record.word("why") == "It dripped."
        (void,) = await small.store.unsettled(document)
        assert "once and for ever" in void.reason


async def test_a_rebuild_shows_the_same_records() -> None:
    """Everything that is shown follows from the log."""
    async with founded() as small:
        born = await make(small.engine, "handoff", title="Go on with the pump", done='["drained it"]')
        document = await make(small.engine, "task", "text", title="Repair", state="open")
        await put(small.engine, document, state="done")
        before = [await shown(small.store, one) for one in (born, document)]
        root = await small.store.view_root()
        await small.engine.rebuild()
        assert [await shown(small.store, one) for one in (born, document)] == before
        assert await small.store.view_root() == root
