"""Settling conflicts and taking that back, between true agents that part and meet when a test says so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mesh.errors import Misuse, NotGranted, Refused
from mesh.node import calls_settling
from mesh.state.settling import named_together
from tests.unit.node.disagreeing import ask, grant, opened, texts_apart, the_one, titles_apart
from tests.unit.node.families import family, meet, note


async def test_settling_reaches_everybody_and_stays_settled(tmp_path: Path) -> None:
    """The value that was taken is the only one; a second settlement is told who was first."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await titles_apart(alder, birch)
        shown = await ask(alder, "conflicts.show", id=one["id"])
        done = await ask(alder, "conflicts.resolve", id=one["id"][:6], take=2)
        assert (done["id"], done["opened"], len(done["events"])) == (one["id"], [], 1)
        await meet(alder, birch)
        for agent in (alder, birch):
            assert await opened(agent) == []
            read = await ask(agent, "note.show", document=one["document"])
            assert read["title"] == shown["values"][1]["value"]
            assert read["conflicts"] == []
        with pytest.raises(Refused, match="settled already, by alder"):
            await ask(birch, "conflicts.resolve", id=one["id"], take=1)
        (settled,) = (await ask(birch, "conflicts.settled"))["settled"]
        assert (settled["id"], settled["name"], settled["undone_by"]) == (one["id"], "alder", None)
        assert settled["event"] == done["events"][0]
        closed = await ask(birch, "conflicts.show", id=one["id"])
        assert not closed["open"]
        assert {key: closed[key] for key in ("values", "ancestor", "kind", "count")} == {
            key: shown[key] for key in ("values", "ancestor", "kind", "count")
        }
        assert closed["settled_by"][0]["event"] == settled["event"]


async def test_a_value_that_came_meanwhile_makes_it_another_conflict(tmp_path: Path) -> None:
    """Whoever looked at two values does not settle three; nothing is changed."""
    async with family(tmp_path, "admin", "admin") as (alder, birch, cedar):
        document = await note(alder, "Garden")
        await meet(alder, birch, cedar)
        for number, agent in enumerate((alder, birch, cedar)):
            await ask(agent, "note.edit", document=document, title=f"Garden {number}")
        await meet(alder, birch)
        (one,) = await opened(alder)
        await meet(alder, birch, cedar)
        with pytest.raises(Refused, match="it changed"):
            await ask(alder, "conflicts.resolve", id=one["id"], take=1)
        (now,) = await opened(alder)
        assert (now["count"], one["count"]) == (3, 2)
        assert now["id"] != one["id"]


async def test_two_settle_at_once(tmp_path: Path) -> None:
    """The same value is agreement; different ones are a new conflict between these two."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await titles_apart(alder, birch)
        for agent in (alder, birch):
            await ask(agent, "conflicts.resolve", id=one["id"], value="Our garden")
        await meet(alder, birch)
        assert await opened(alder) == await opened(birch) == []
        two = await titles_apart(alder, birch)
        await ask(alder, "conflicts.resolve", id=two["id"], value="Mine")
        await ask(birch, "conflicts.resolve", id=two["id"], value="Yours")
        await meet(alder, birch)
        new = await the_one(alder, birch)
        assert new["id"] not in {one["id"], two["id"]}
        assert {value["value"] for value in new["values"]} == {"Mine", "Yours"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"take": "carrot seeds"}, "Buy carrot seeds."),
        ({"take": "many tomatoes"}, "Buy many tomatoes."),
        ({"value": "seeds of both"}, "Buy seeds of both."),
        ({"value": ""}, "Buy ."),
        ({"merge": True}, None),
    ],
)
async def test_a_text_is_settled(tmp_path: Path, choice: dict[str, Any], expected: str | None) -> None:
    """By what one of them had, by other words, or as it reads; the rest of the text stays, for everybody."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await texts_apart(alder, birch)
        before = (await ask(alder, "note.show", document=one["document"]))["body"]
        if "take" in choice:
            values = [value["value"] for value in one["values"]]
            choice = {"take": values.index(choice["take"]) + 1}
        done = await ask(alder, "conflicts.resolve", id=one["id"], **choice)
        assert done["opened"] == []
        await meet(alder, birch)
        wanted = before if expected is None else f"To do:\n\n{expected}\n\nWater.\n"
        for agent in (alder, birch):
            assert (await ask(agent, "note.show", document=one["document"]))["body"] == wanted
            assert await opened(agent) == []
        closed = await ask(birch, "conflicts.show", id=one["id"])
        assert (closed["open"], closed["kind"], len(closed["values"]), closed["ancestor"]) == (
            False,
            "text",
            2,
            "seeds",
        )


async def test_deleted_against_edited(tmp_path: Path) -> None:
    """Either it is gone, or it is there with the edit."""
    async with family(tmp_path, "admin") as (alder, birch):
        document = await note(alder, "Garden")
        await meet(alder, birch)
        await ask(alder, "note.rm", document=document)
        await ask(birch, "note.edit", document=document, title="Kitchen garden")
        await meet(alder, birch)
        one = await the_one(alder, birch)
        assert (one["kind"], [value["value"] for value in one["values"]]) == ("deleted", ["deleted", "edited"])
        with pytest.raises(Misuse):
            await ask(birch, "conflicts.resolve", id=one["id"], value="perhaps")
        await ask(birch, "conflicts.resolve", id=one["id"], take=2)
        await meet(alder, birch)
        assert await opened(alder) == []
        read = await ask(alder, "note.show", document=document)
        assert (read["deleted"], read["title"]) == (False, "Kitchen garden")


async def test_two_notes_at_one_path(tmp_path: Path) -> None:
    """The one that is taken stays; the other one goes beside it, by the name of its device, where nothing is."""
    async with family(tmp_path, "admin") as (alder, birch):
        mine = await note(alder, "Mine", path="garden/plan.md")
        await note(birch, "Beside", path="garden/plan (alder).md")
        theirs = await note(birch, "Theirs", path="garden/plan.md")
        await meet(alder, birch)
        one = await the_one(alder, birch)
        assert (one["kind"], one["count"]) == ("path", 2)
        shown = await ask(birch, "conflicts.show", id=one["id"])
        notes = [(value["document"], value["title"], value["name"]) for value in shown["values"]]
        assert sorted(notes) == sorted([(mine, "Mine", "alder"), (theirs, "Theirs", "birch")])
        assert shown["path"] == "garden/plan.md"
        place = [document for document, _, _ in notes].index(theirs)
        done = await ask(alder, "conflicts.resolve", id=one["id"], take=place + 1)
        assert len(done["events"]) == 1
        await meet(alder, birch)
        assert await opened(alder) == await opened(birch) == []
        assert (await ask(birch, "note.show", document=mine))["path"] == "garden/plan (alder 2).md"
        assert (await ask(birch, "note.show", document=theirs))["path"] == "garden/plan.md"


async def test_another_path_for_the_second_note(tmp_path: Path) -> None:
    """The first stays where it is; a path that is in use is not taken."""
    async with family(tmp_path, "admin") as (alder, birch):
        await note(alder, "Mine", path="plan.md")
        await note(birch, "Theirs", path="plan.md")
        await meet(alder, birch)
        one = await the_one(alder, birch)
        with pytest.raises(Misuse):
            await ask(alder, "conflicts.resolve", id=one["id"], take=3)
        await ask(alder, "conflicts.resolve", id=one["id"], value="old/plan.md")
        paths = {row.note.path for row in await alder.store.notes(limit=9)}
        assert paths == {"plan.md", "old/plan.md"}


async def test_an_agent_settles_only_with_a_grant_for_it(tmp_path: Path) -> None:
    """It lists and shows what it may read; settling needs the verb, which it does not get unasked."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await titles_apart(alder, birch)
        work = await note(alder, "Plan", space="work")
        await meet(alder, birch)
        for agent in (alder, birch):
            await ask(agent, "note.edit", document=work, title=f"Plan of {agent.device}")
        await meet(alder, birch)
        await grant(alder, verbs=["read", "edit", "create"])
        assert len(await opened(alder)) == 2
        assert [each["id"] for each in await opened(alder, as_="claude")] == [one["id"]]
        assert (await ask(alder, "conflicts", as_="claude"))["total"] is None
        assert (await ask(alder, "conflicts.show", id=one["id"], as_="claude"))["open"]
        with pytest.raises(NotGranted):
            await ask(alder, "conflicts.resolve", id=one["id"], take=1, as_="claude")
        with pytest.raises(NotGranted):
            await ask(alder, "conflicts.show", id=one["id"], as_="other")
        await grant(alder, verbs=["resolve"])
        await ask(alder, "conflicts.resolve", id=one["id"], take=1, as_="claude")
        await meet(alder, birch)
        (settled,) = (await ask(birch, "conflicts.settled"))["settled"]
        assert (settled["agent"], settled["name"]) == ("claude", "alder")


async def test_taking_a_settlement_back(tmp_path: Path) -> None:
    """By somebody else: the values stand side by side again, on every device, and it is said by what."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await titles_apart(alder, birch)
        with pytest.raises(Misuse, match="open"):
            await ask(alder, "conflicts.undo", id=one["id"])
        await ask(alder, "conflicts.resolve", id=one["id"], value="Ours")
        await meet(alder, birch)
        done = await ask(birch, "conflicts.undo", id=one["id"])
        assert len(done["events"]) == len(done["opened"]) == 1
        await meet(alder, birch)
        again = await the_one(alder, birch)
        assert again["id"] == done["opened"][0]
        assert {value["value"] for value in again["values"]} == {value["value"] for value in one["values"]}
        (settled,) = (await ask(alder, "conflicts.settled"))["settled"]
        assert settled["undone_by"] == done["events"][0]
        with pytest.raises(Refused, match="taken back already"):
            await ask(alder, "conflicts.undo", id=one["id"])
        await ask(alder, "conflicts.resolve", id=again["id"], take=1)
        assert await opened(alder) == []


async def test_taking_back_what_was_settled_in_a_text(tmp_path: Path) -> None:
    """The text is as it was, and the same edits overlap again."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await texts_apart(alder, birch)
        before = (await ask(alder, "note.show", document=one["document"]))["body"]
        await ask(alder, "conflicts.resolve", id=one["id"], take=1)
        await meet(alder, birch)
        done = await ask(birch, "conflicts.undo", id=one["id"])
        await meet(alder, birch)
        again = await the_one(alder, birch)
        assert done["opened"] == [again["id"]]
        assert {value["value"] for value in again["values"]} == {"carrot seeds", "many tomatoes"}
        for agent in (alder, birch):
            assert (await ask(agent, "note.show", document=one["document"]))["body"] == before


async def test_taking_back_a_settlement_that_others_built_on(tmp_path: Path) -> None:
    """Refused, and it is said by what and by whom; nothing is changed."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await titles_apart(alder, birch)
        await ask(alder, "conflicts.resolve", id=one["id"], take=1)
        await meet(alder, birch)
        await ask(birch, "note.edit", document=one["document"], title="Later")
        await meet(alder, birch)
        with pytest.raises(Refused, match="birch"):
            await ask(alder, "conflicts.undo", id=one["id"])
        assert (await ask(alder, "note.show", document=one["document"]))["title"] == "Later"


async def test_notes_that_gave_way_come_back(tmp_path: Path) -> None:
    """Each of them had its own settlement; all that are in effect are taken back."""
    async with family(tmp_path, "admin", "admin") as (alder, birch, cedar):
        for agent in (alder, birch, cedar):
            await note(agent, f"of {agent.device}", path="plan.md")
        await meet(alder, birch, cedar)
        one = await the_one(alder, birch, cedar)
        done = await ask(alder, "conflicts.resolve", id=one["id"], take=1)
        assert len(done["events"]) == 2
        assert len({row.note.path for row in await alder.store.notes(limit=9)}) == 3
        await meet(alder, birch, cedar)
        await ask(birch, "undo", event=done["events"][0])
        await meet(alder, birch, cedar)
        undone = await ask(cedar, "conflicts.undo", id=one["id"])
        assert len(undone["events"]) == 1, "the other one is taken back already"
        await meet(alder, birch, cedar)
        again = await the_one(alder, birch, cedar)
        assert (again["kind"], again["count"]) == ("path", 3)


async def test_more_edits_than_one_settlement_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several events name every two of them together; all are taken back together."""
    monkeypatch.setattr(calls_settling, "named_together", lambda prints: named_together(prints, 2))
    async with family(tmp_path, "admin", "admin") as (alder, birch, cedar):
        document = await note(alder, "Garden", "Buy seeds.")
        await meet(alder, birch, cedar)
        for agent, word in ((alder, "carrot"), (birch, "bean"), (cedar, "pea")):
            await ask(agent, "note.edit", document=document, body=f"Buy {word} seeds.")
        await meet(alder, birch, cedar)
        one = await the_one(alder, birch, cedar)
        assert one["count"] == 3
        done = await ask(alder, "conflicts.resolve", id=one["id"], value="all ")
        assert len(done["events"]) == 3
        await meet(alder, birch, cedar)
        assert await opened(cedar) == []
        assert (await ask(cedar, "note.show", document=document))["body"] == "Buy all seeds."
        undone = await ask(birch, "conflicts.undo", id=one["id"])
        assert len(undone["events"]) == 3
        await meet(alder, birch, cedar)
        assert (await the_one(alder, birch, cedar))["count"] == 3


async def test_two_at_one_device_at_the_same_moment(tmp_path: Path) -> None:
    """Only one of them settles it; the other one is told that it is another conflict now."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await titles_apart(alder, birch)
        calls = (ask(alder, "conflicts.resolve", id=one["id"], value=value) for value in ("Mine", "Yours"))
        first, second = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(first, dict)
        assert isinstance(second, Refused)
        assert (await ask(alder, "note.show", document=one["document"]))["title"] == "Mine"
