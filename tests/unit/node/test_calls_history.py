"""History, undo and restore by true agents: what is told, what is refused and why, and what agents may do."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import MeshError, Misuse, NotGranted, Refused
from mesh.events.kinds import Ungrant
from mesh.node.agent import Agent
from tests.unit.node.engines import state
from tests.unit.node.families import act, ask, family, guarded, meet, note
from tests.unit.node.test_calls_notes import own_grant

KEYS = {
    *("event", "device", "name", "agent", "at", "kind", "summary", "standing", "settles", "undoes", "undone_by"),
}  # fmt: skip


async def edit(agent: Agent, document: str, **changes: object) -> str:
    """An edit of a note; the event that it is."""
    return str((await ask(agent, "note.edit", document=document, **changes))["event"])


async def undo(agent: Agent, event: str, **more: object) -> str:
    """Take an event back; the event that says so."""
    return str((await ask(agent, "undo", event=event, **more))["event"])


async def entries(agent: Agent, document: str, **more: object) -> list[dict[str, Any]]:
    """A page of a history."""
    found = (await ask(agent, "history", document=document, **more))["entries"]
    assert isinstance(found, list)
    return found


async def shown(agent: Agent, document: str) -> tuple[object, ...]:
    """What a note shows."""
    found = await ask(agent, "note.show", document=document)
    return tuple(found[key] for key in ("title", "body", "tags", "path", "deleted"))


# ── the list ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_history_tells_each_event_the_latest_first_page_by_page(tmp_path: Path) -> None:
    """Who, when, what it did, what became of it; the same however the pages are cut."""
    async with family(tmp_path) as (alder,):
        document = await note(alder, "seeds")
        first = await edit(alder, document, title="soil", add_tags=["garden"])
        second = await edit(alder, document, body="peat\n")
        third = await undo(alder, first)
        whole = await entries(alder, document)
        assert [one["event"] for one in whole[:3]] == [third, second, first]
        assert all(set(one) == KEYS for one in whole)
        assert [one["kind"] for one in whole] == ["undone", "changed", "changed", "born"]
        assert whole[0]["undoes"] == first
        assert [one["undone_by"] for one in whole] == [None, None, third, None]
        assert whole[2]["summary"] == 'title "soil"; tag garden'
        assert {one["standing"] for one in whole} == {"honoured"}
        paged: list[dict[str, Any]] = []
        more: dict[str, object] = {}
        while True:
            page = await ask(alder, "history", document=document, limit=2, **more)
            assert isinstance(page["entries"], list)
            paged += page["entries"]
            if "next" not in page:
                break
            more = {"before": page["next"]}
        assert paged == whole
        other = await note(alder, "other")
        event = (await entries(alder, other))[0]["event"]
        with pytest.raises(Misuse, match="not of this document"):
            await ask(alder, "history", document=document, before=event)


async def test_a_history_does_not_load_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it is, a page costs the page."""
    async with family(tmp_path) as (alder,):
        document = await note(alder, "seeds")
        await undo(alder, await edit(alder, document, title="soil"))

        def load(*_: object) -> None:
            raise AssertionError("the document was loaded")

        monkeypatch.setattr(alder.engine.shelf, "load", load)
        assert len(await entries(alder, document)) == 3


async def test_what_does_not_count_is_told_and_not_taken_back(tmp_path: Path) -> None:
    """An edit after the grant was withdrawn."""
    async with family(tmp_path) as (alder,):
        document = await note(alder, "seeds")
        marks = await alder.store.heads_at(alder.engine.own.admission)
        event = await edit(alder, document, title="soil")
        await state(alder.engine, Ungrant(own_grant(alder), marks))
        found = await entries(alder, document)
        assert (found[0]["event"], found[0]["standing"]) == (event, "void")
        with pytest.raises(Refused, match="does not count"):
            await undo(alder, event)
        with pytest.raises(Refused, match="does not count"):
            await ask(alder, "history.at", document=document, at=event)


# ── taking back ──────────────────────────────────────────────────────────────────────────────────


async def test_an_undo_and_its_undo(tmp_path: Path) -> None:
    """Exactly as before, and exactly as after; a birth too; also after the documents were read again."""
    async with family(tmp_path) as (alder,):
        document = await note(alder, "seeds")
        birth = str((await entries(alder, document))[0]["event"])
        await edit(alder, document, body="one two\nthree\n")
        before = await shown(alder, document)
        event = await edit(alder, document, title="soil", body="one 2\nthree\n", add_tags=["x"], path="a.md")
        after = await shown(alder, document)
        back = await undo(alder, event)
        assert await shown(alder, document) == before
        alder.engine.shelf.dropped()  # everything is read again
        forth = await undo(alder, back)
        assert await shown(alder, document) == after
        assert {one["event"]: one["undone_by"] for one in await entries(alder, document)}[event] is None
        gone = await undo(alder, birth)
        assert (await shown(alder, document))[-1] is True
        await undo(alder, gone)
        assert await shown(alder, document) == after
        await undo(alder, forth)
        assert await shown(alder, document) == before
        assert (await ask(alder, "rebuild"))["same"]
        assert await shown(alder, document) == before


async def test_what_cannot_be_taken_back_says_why_and_changes_nothing(tmp_path: Path) -> None:
    """Twice, with later work on it, a control event, nothing at all."""
    async with family(tmp_path) as (alder,):
        document = await note(alder, "seeds")
        event = await edit(alder, document, title="soil")
        later = await edit(alder, document, title="peat")
        with pytest.raises(Refused, match=f"built on it: event {later[:12]} by alder") as caught:
            await undo(alder, event)
        assert f"mesh undo {later[:12]}" in caught.value.hint
        back = await undo(alder, later)
        with pytest.raises(Refused, match=f"taken back already, by event {back[:12]}") as caught:
            await undo(alder, later)
        assert f"mesh undo {back[:12]}" in caught.value.hint
        await undo(alder, event)
        assert (await shown(alder, document))[0] == "seeds"
        count = len(await entries(alder, document))
        with pytest.raises(Misuse, match="names no event"):
            await undo(alder, secrets.token_hex(32))
        assert len(await entries(alder, document)) == count


async def test_a_control_event_is_never_taken_back_and_says_what_to_do(tmp_path: Path) -> None:
    """A grant is ended, a device is removed: by the commands that do that."""
    async with family(tmp_path) as (alder,):
        log = (await ask(alder, "log", limit=100))["events"]
        assert isinstance(log, list)
        hints = {}
        for one in log:
            if one["lane"] == "control":
                with pytest.raises(Refused, match="never taken back") as caught:
                    await undo(alder, one["event"])
                hints[one["kind"]] = caught.value.hint
        assert "mesh ungrant" in hints["grant"]
        assert "mesh remove" in hints["admit"]
        assert "for good" in hints["genesis"]


async def test_two_who_take_back_the_same_at_once(tmp_path: Path) -> None:
    """Registers and removals agree; whoever takes one undo back takes back the other with it."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = await note(alder, "seeds")
        event = await edit(alder, document, title="soil", body="new words\n", add_tags=["x"])
        after = await shown(alder, document)
        await meet(alder, birch)
        one, other = await undo(alder, event), await undo(birch, event)
        await meet(alder, birch)
        assert await shown(alder, document) == await shown(birch, document)
        assert (await shown(alder, document))[0] == "seeds"
        assert (await ask(alder, "conflicts"))["conflicts"] == []
        by = {entry["event"]: entry["undone_by"] for entry in await entries(birch, document)}
        assert by[event] == min(one, other)
        await undo(birch, other)
        await meet(alder, birch)
        assert await shown(alder, document) == await shown(birch, document) == after
        by = {entry["event"]: entry["undone_by"] for entry in await entries(alder, document)}
        assert by[event] is None
        assert by[one]
        assert by[other]


# ── as it was ────────────────────────────────────────────────────────────────────────────────────


async def test_a_note_as_it_was_and_what_is_different_since(tmp_path: Path) -> None:
    """At an event, at a time, before there was anything; and between two events."""
    async with family(tmp_path) as (alder,):
        document = await note(alder, "seeds")
        first = await edit(alder, document, body="one\ntwo\n", add_tags=["x"])
        second = await edit(alder, document, title="soil", body="one\n2\n", remove_tags=["x"])
        was = await ask(alder, "history.at", document=document, at=first)
        assert (was["title"], was["body"], was["tags"], was["events"]) == ("seeds", "one\ntwo\n", ["x"], 2)
        times = {one["event"]: one["at"] for one in await entries(alder, document)}
        assert (await ask(alder, "history.at", document=document, at=times[second]))["title"] == "soil"
        with pytest.raises(Misuse, match="did not exist yet"):
            await ask(alder, "history.at", document=document, at=min(times.values()) - 1)
        told = await ask(alder, "history.diff", document=document, at=first)
        assert told["registers"] == {"tag/x": {"was": True, "is": None}, "title": {"was": "seeds", "is": "soil"}}
        assert told["lines"] == [
            {"sign": " ", "parts": [["one", False]]},
            {"sign": "-", "parts": [["two", True]]},
            {"sign": "+", "parts": [["2", True]]},
        ]
        assert (await ask(alder, "history.diff", document=document, at=first, to=first))["lines"] == []
        third = await edit(alder, document, title="loam")
        did = await ask(alder, "history.diff", document=document, of=third)
        assert (did["registers"], did["lines"]) == ({"title": {"was": "soil", "is": "loam"}}, [])
        assert (did["at"], did["to"]) == (third, third)
        birth = (await entries(alder, document))[-1]["event"]
        born = await ask(alder, "history.diff", document=document, of=birth)
        assert born["registers"]["title"] == {"was": None, "is": "seeds"}  # type: ignore[index]
        for at in ("", None, "zz", True, -1):
            with pytest.raises(MeshError):
                await ask(alder, "history.at", document=document, at=at)


async def test_a_note_is_restored_by_an_ordinary_edit(tmp_path: Path) -> None:
    """Which can be taken back; nothing is written where it is so already, nor over a conflict."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = await note(alder, "seeds")
        first = await edit(alder, document, body="one\n")
        before = await shown(alder, document)
        await edit(alder, document, title="soil", body="two\n", add_tags=["x"])
        after = await shown(alder, document)
        event = str((await ask(alder, "restore", document=document, at=first))["event"])
        assert await shown(alder, document) == before
        with pytest.raises(Misuse, match="nothing would change"):
            await ask(alder, "restore", document=document, at=first)
        await undo(alder, event)
        assert await shown(alder, document) == after
        await meet(alder, birch)
        await edit(alder, document, title="mine")
        await edit(birch, document, title="theirs")
        await meet(alder, birch)
        with pytest.raises(Refused, match="title is in conflict"):
            await ask(alder, "restore", document=document, at=first)


# ── agents ───────────────────────────────────────────────────────────────────────────────────────


async def test_an_agent_sees_and_takes_back_within_its_grants(tmp_path: Path) -> None:
    """To look it needs the verb read, to take back the verb edit, and what it takes back names it."""
    async with family(tmp_path) as (alder,):
        await guarded(alder)
        document = await note(alder, "plan", space="work")
        event = await edit(alder, document, title="better plan")
        private = await note(alder, "private")
        await act(alder, "agents.add", name="claude", space="work", verbs=["read", "edit"])
        await act(alder, "agents.add", name="reader", space="work", verbs=["read"])
        with pytest.raises(NotGranted):
            await ask(alder, "history", document=private, **{"as": "claude"})
        with pytest.raises(NotGranted):
            await undo(alder, event, **{"as": "reader"})
        await undo(alder, event, **{"as": "claude"})
        found = await entries(alder, document, **{"as": "reader"})
        assert (found[0]["agent"], found[0]["kind"]) == ("claude", "undone")
        with pytest.raises(NotGranted):
            await ask(alder, "restore", document=document, at=event, **{"as": "reader"})
        await ask(alder, "restore", document=document, at=event, **{"as": "claude"})
        assert (await shown(alder, document))[0] == "better plan"
