"""What holds of notes holds of records: history, undo, restore, conflicts, why and trace by true agents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Misuse
from mesh.events.kinds import Value
from mesh.names import DocumentId
from mesh.node import keeping
from mesh.node.agent import Agent, opened
from mesh.node.auditing import audited, misfolded
from mesh.state.conflicts import Kind
from tests.contracts.store_homes import as_of
from tests.unit.node.families import ask, family, meet, note


async def task(agent: Agent, title: str, **registers: Value) -> DocumentId:
    """A new task."""
    return await keeping.made(agent, "", keeping.New("task", {"title": title, **registers}, "why"))


async def put(agent: Agent, document: DocumentId, **registers: Value) -> str:
    """Change registers; the event that it is."""
    event = await keeping.changed(agent, "", document, lambda _: registers)
    assert event is not None
    return event


async def shown(agent: Agent, document: DocumentId) -> dict[str, Value]:
    """Registers as they are shown."""
    row = await agent.store.record(document)
    assert row is not None
    return dict(row.record.registers)


async def test_a_record_has_a_past_and_comes_back(tmp_path: Path) -> None:
    """By its title too: what was done to it, how it was, one event taken back, and the whole restored."""
    async with family(tmp_path) as (alder,):
        document = await task(alder, "Repair the pump", state="open")
        done = await put(alder, document, state="done", priority=3)
        told: Any = await ask(alder, "history", document="Repair the pump")
        assert (told["document"], told["title"]) == (str(document), "Repair the pump")
        assert [one["summary"] for one in told["entries"]] == [
            'priority 3; state "done"', 'written: state "open"; title "Repair the pump"; text of 3 characters',
        ]  # fmt: skip
        first = told["entries"][1]["event"]
        was: Any = await ask(alder, "history.at", document=str(document), at=first)
        assert was["registers"] == {"state": "open", "title": "Repair the pump"}
        assert (was["title"], was["body"]) == ("Repair the pump", "why")
        undone = await ask(alder, "undo", event=done)
        assert await shown(alder, document) == {"state": "open", "title": "Repair the pump"}
        await ask(alder, "undo", event=undone["event"])
        assert await shown(alder, document) == {"state": "done", "title": "Repair the pump", "priority": 3}
        await ask(alder, "restore", document=str(document), at=first)
        assert await shown(alder, document) == {"state": "open", "title": "Repair the pump"}
        traced: Any = await ask(alder, "trace", event=done)
        assert [step["state"] for step in traced["steps"] if step["step"] == "shown"] == ["yes"]
        await ask(alder, "undo", event=first)
        assert (await shown(alder, document))["deleted"] is True
        why: Any = await ask(alder, "why", subject="Repair the pump")
        assert why["subject"]["name"] == "Repair the pump"
        assert "deleted" in {one["code"] for one in why["causes"]}


async def test_a_conflict_of_a_record_is_shown_and_settled(tmp_path: Path) -> None:
    """Under the record's title; settled on one device, it is settled on both."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = await task(alder, "Repair the pump", state="open")
        await meet(alder, birch)
        await put(alder, document, state="done")
        await put(birch, document, state="blocked")
        await meet(alder, birch)
        for agent in (alder, birch):
            (row,) = await agent.store.records(types={"task"}, limit=9)
            assert row.record.conflicts == ("state",)
        told: Any = await ask(birch, "conflicts", document="Repair the pump")
        (one,) = told["conflicts"]
        assert (one["title"], one["field"], one["kind"]) == ("Repair the pump", "state", Kind.REGISTER)
        await ask(birch, "conflicts.resolve", id=one["id"], value="blocked")
        await meet(alder, birch)
        assert [(await shown(agent, document))["state"] for agent in (alder, birch)] == ["blocked"] * 2
        assert await alder.store.conflicts() == ()
        assert await alder.store.view_root() == await birch.store.view_root()
        settled: Any = await ask(alder, "conflicts.settled")
        assert settled["settled"][0]["title"] == "Repair the pump"


async def test_one_title_of_a_note_and_a_record(tmp_path: Path) -> None:
    """It fits several, and an id says which; what is only for notes takes notes."""
    async with family(tmp_path) as (alder,):
        document = await task(alder, "garden")
        own = await note(alder, "garden")
        with pytest.raises(Misuse, match="fits several documents"):
            await ask(alder, "history", document="garden")
        assert (await ask(alder, "history", document=str(document)))["document"] == str(document)
        for call in ("note.show", "note.edit", "note.rm"):
            with pytest.raises(Misuse, match="is no note"):
                await ask(alder, call, document=str(document), title="x")
        assert (await ask(alder, "note.show", document=own))["title"] == "garden"


async def test_what_is_shown_of_records_is_audited(tmp_path: Path) -> None:
    """A row that is not what its events come to is found, and the view root says what is truly shown."""
    async with family(tmp_path) as (alder,):
        document = await task(alder, "Repair the pump", state="open")
        await put(alder, document, state="done")
        assert await audited(alder.engine) == ()
        assert await misfolded(alder.engine, [document]) == []
        writer = alder.store._writer  # type: ignore[attr-defined]  # noqa: SLF001 - as a disk would change it
        changed = """UPDATE record SET registers = '{"title":"x"}'"""
        await writer.run(lambda db: db.execute(changed).rowcount)
        assert await audited(alder.engine) == (document,)
        assert await audited(alder.engine) == ()
        (said,) = await misfolded(alder.engine, [document])
        assert "not what its events come to" in said


async def test_an_upgraded_home_shows_what_an_older_mesh_did_not(tmp_path: Path) -> None:
    """Documents that are no notes came while it showed none: after the upgrade they are shown as everywhere."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = await task(alder, "Repair the pump", state="open")
        await put(alder, document, state="done")
        await meet(alder, birch)
        wanted, root = await birch.store.record(document), await birch.store.view_root()
        home = birch.home
    as_of(home, 3)
    async with opened(home) as birch:
        assert await birch.store.record(document) == wanted
        assert await birch.store.unsettled() == ()
        assert await birch.store.view_root() == root
        assert await birch.store.check(deep=True) == ()


async def test_the_one_that_is_meant(tmp_path: Path) -> None:
    """By id, by its beginning, by exact title; of other types it is none; a page of a list ends at its limit."""
    async with family(tmp_path) as (alder,):
        document = await task(alder, "Repair the pump", state="open")
        ask_ = await keeping.made(alder, "", keeping.New("ask", {"title": "Repair the pump"}))
        for said in (str(document), str(document)[:-8], "Repair the pump"):
            assert (await keeping.chosen(alder, "", said, {"task"})).record.document == document
        for said, kinds in (("Repair", {"task"}), (str(document), {"ask"}), ("Repair the pump", {"drop"})):
            with pytest.raises(Misuse, match="there is no"):
                await keeping.chosen(alder, "", said, kinds)
        with pytest.raises(Misuse, match="fits several"):
            await keeping.chosen(alder, "", "Repair the pump", {"ask", "task"})
        for number in range(5):
            await task(alder, f"task {number}", project="p" if number % 2 else "q")
        rows = await keeping.listed(alder, "", {"task"}, limit=3)
        assert [row.record.word("title") for row in rows] == ["task 4", "task 3", "task 2"]
        rows = await keeping.listed(alder, "", {"task"}, project="p")
        assert [keeping.told(alder, row)["title"] for row in rows] == ["task 3", "task 1"]
        assert (await keeping.listed(alder, "", {"ask"}))[0].record.document == ask_


async def test_all_or_none_and_once(tmp_path: Path) -> None:
    """Several in one commit; what is born equal is one; nothing is said where nothing changes."""
    async with family(tmp_path) as (alder,):
        births = [keeping.New("task", {"title": f"task {number}"}).birth() for number in range(3)]
        placed = await keeping.all_made(alder, "", births)
        assert len(await alder.store.records(types={"task"}, limit=9)) == 3
        assert [one.signature is not None for one in placed[-3:]] == [False, False, True]
        new = keeping.New("project", {"title": "garden", "root": "a1"}, salted=False)
        document = await keeping.made(alder, "", new)
        assert await keeping.made(alder, "", new) == document
        assert len(await alder.store.rows(document)) == 1
        assert await keeping.changed(alder, "", document, lambda _: {"title": "garden"}) is None
        assert await keeping.changed(alder, "", document, lambda _: {"same": "x"}, "text") is not None
        row = await alder.store.record(document)
        assert row is not None
        assert (row.record.word("same"), row.record.text) == ("x", "text")
