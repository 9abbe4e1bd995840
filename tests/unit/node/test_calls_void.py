"""Void work and its way back, by true agents: told, shown, adopted, discarded; and forgetting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mesh.errors import Misuse, NotGranted
from mesh.node.agent import Agent
from tests.unit.node.families import Told, act, ask, family, guarded, meet, note, titles


@asynccontextmanager
async def robbed(folder: Path) -> AsyncIterator[tuple[Agent, Agent, str, str]]:
    """Alder closed cedar as if nothing of it had come; birch is an admin too. An edited plan, and cedar's own note."""
    async with family(folder, "admin", "member") as (alder, birch, cedar):
        for one in (alder, birch):
            await guarded(one)
        plan = await note(alder, "plan", "first\n")
        await meet(alder, birch, cedar)
        await ask(cedar, "note.edit", document=plan, body="first\nsecond\n", title="plan b", add_tags=["x"])
        own = await note(cedar, "by cedar", "its text")
        await ask(cedar, "note.edit", document=own, title="by cedar, later")
        await meet(alder, birch, cedar)
        await act(alder, "lost", device="cedar", since_ms=1)
        await meet(alder, birch)
        yield alder, birch, plan, own


async def voids(agent: Agent, **more: object) -> list[Told]:
    """The groups that are listed."""
    found = (await ask(agent, "void.list", **more))["void"]
    assert isinstance(found, list)
    return found


async def body(agent: Agent, document: str) -> object:
    """The text of a note."""
    return (await ask(agent, "note.show", document=document))["body"]


async def test_it_is_told_by_document_and_device(tmp_path: Path) -> None:
    """With how much, why, by which close; the same on each device."""
    async with robbed(tmp_path) as (alder, birch, plan, own):
        assert await titles(alder) == {"plan"}
        assert await body(alder, plan) == "first\n"
        for agent in (alder, birch):
            told = {str(one["document"]): one for one in await voids(agent)}
            assert set(told) == {plan, own}
            assert (told[plan]["count"], told[own]["count"]) == (1, 2)
            assert {one["name"] for one in told.values()} == {"cedar"}
            assert {one["by"]["name"] for one in told.values()} == {"alder"}  # type: ignore[index]
            assert told[plan]["title"] == "plan"
        assert await voids(alder, device="birch") == []


async def test_its_content_is_shown(tmp_path: Path) -> None:
    """Registers, text put in, tags; births whole."""
    async with robbed(tmp_path) as (alder, _, plan, own):
        (edit,) = (await ask(alder, "void.show", what=[plan]))["events"]  # type: ignore[misc]
        assert edit["inserted"] == "second\n"  # type: ignore[has-type]
        assert edit["registers"] == {"title": "plan b", "tag/x": True}  # type: ignore[has-type]
        events = (await ask(alder, "void.show", what=[own]))["events"]
        assert isinstance(events, list)
        assert [one["registers"].get("title") for one in events] == ["by cedar", "by cedar, later"]
        assert events[0]["inserted"] == "its text"
        with pytest.raises(Misuse, match="nothing of"):
            await ask(alder, "void.show", what=[str((await ask(alder, "log", limit=1))["events"][0]["event"])])  # type: ignore[index]


async def test_adopting_a_document(tmp_path: Path) -> None:
    """All of it counts, in its place and by its author, on every device."""
    async with robbed(tmp_path) as (alder, birch, plan, own):
        told = await act(alder, "void.adopt", what=[plan, own])
        assert len(told["adopted"]) == 3  # type: ignore[arg-type]
        await meet(alder, birch)
        for agent in (alder, birch):
            assert await body(agent, plan) == "first\nsecond\n"
            assert "by cedar, later" in await titles(agent)
            assert await voids(agent) == []
        (line,) = (await ask(alder, "log", document=own, limit=1))["events"]  # type: ignore[misc]
        assert line["name"] == "cedar"  # type: ignore[has-type]
        why = await ask(alder, "why", event=line["event"])  # type: ignore[has-type]
        assert (why["standing"], why["adopted"]) == ("honoured", True)


async def test_adopting_one_event_with_what_it_stands_on(tmp_path: Path) -> None:
    """The birth below it comes along when that is asked for."""
    async with robbed(tmp_path) as (alder, _, __, own):
        group = next(one for one in await voids(alder) if one["document"] == own)
        latest = str(group["events"][-1])  # type: ignore[index]
        told = await act(alder, "void.adopt", what=[latest], ancestors=True)
        assert len(told["adopted"]) == 2  # type: ignore[arg-type]
        assert "by cedar, later" in await titles(alder)


async def test_a_junior_admin_cannot_undo_a_close(tmp_path: Path) -> None:
    """It says whose close it is; nothing is adopted; neither by a member."""
    async with robbed(tmp_path) as (alder, birch, plan, _):
        with pytest.raises(NotGranted, match="by alder, which is senior"):
            await act(birch, "void.adopt", what=[plan])
        assert len(await voids(alder)) == 2
    async with family(tmp_path / "two", "admin", "member") as (_, birch, cedar):
        await guarded(birch)
        await guarded(cedar)
        document = await note(cedar, "mine")
        await meet(birch, cedar)
        with pytest.raises(Misuse, match="nothing of"):
            await act(birch, "void.adopt", what=[document])


async def test_discarding_is_of_this_device_and_can_be_taken_back(tmp_path: Path) -> None:
    """Nothing is removed: another device lists it, --again lists it, and it can still be adopted."""
    async with robbed(tmp_path) as (alder, birch, plan, own):
        assert (await act(alder, "void.discard", what=[own]))["discarded"] == 2
        assert [one["document"] for one in await voids(alder)] == [plan]
        assert (await ask(alder, "void.list"))["discarded"] == 1
        assert len(await voids(alder, again=True)) == 2
        assert len(await voids(birch)) == 2
        await ask(alder, "void.discard", again=True)
        assert len(await voids(alder)) == 2
        await act(alder, "void.discard", what=[own])
        await act(alder, "void.adopt", what=[own])
        assert "by cedar, later" in await titles(alder)


async def test_statements_of_a_closed_admin_that_came_too_late(tmp_path: Path) -> None:
    """A senior admin confirms them one by one; until then they do not count."""
    async with family(tmp_path, "admin", "member") as (alder, birch, cedar):
        for one in (alder, birch):
            await guarded(one)
        await act(birch, "lost", device="cedar")
        await act(alder, "lost", device="birch")
        await meet(alder, birch)
        assert await titles(alder) == set()
        statements = (await ask(alder, "void.list"))["statements"]
        assert isinstance(statements, list)
        close = next(one for one in statements if one["kind"] == "close")
        assert close["says"].startswith("close cedar (lost)")
        assert (await ask(alder, "why", event=close["event"]))["standing"] == "void"
        assert cedar.engine.own.admission in alder.engine.replica.verdict.live
        await act(alder, "void.adopt", what=[close["event"]])
        assert cedar.engine.own.admission not in alder.engine.replica.verdict.live


async def test_an_agent_sees_void_work_of_what_it_may_read(tmp_path: Path) -> None:
    """And no content of anything else."""
    async with robbed(tmp_path) as (alder, _, plan, __):
        await act(alder, "agents.add", name="claude", space="work")
        assert await voids(alder, as_="claude") == []
        with pytest.raises(NotGranted, match="read in home/note"):
            await ask(alder, "void.show", what=[plan], as_="claude")
        await act(alder, "agents.add", name="claude", space="home", verbs=["read"])
        assert len(await voids(alder, as_="claude")) == 2


async def test_forgetting(tmp_path: Path) -> None:
    """Only the first admin may; then the document is gone everywhere, also for whoever writes in it at that moment."""
    async with family(tmp_path, "admin") as (alder, birch):
        for one in (alder, birch):
            await guarded(one)
        document = await note(alder, "old pins")
        await meet(alder, birch)
        with pytest.raises(NotGranted, match="only rank 1"):
            await act(birch, "forget", document=document)
        assert (await ask(alder, "forget", document=document, look=True))["event"] is None
        await ask(birch, "note.edit", document=document, title="older pins")
        told = await act(alder, "forget", document=document)
        await meet(alder, birch)
        assert await titles(alder) == await titles(birch) == set()
        assert await voids(alder) == []
        assert (await ask(alder, "why", event=told["event"]))["says"] == (
            f"forget {document} for ever, on every device"
        )
