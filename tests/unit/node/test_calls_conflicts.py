"""Calls about conflicts, between true agents that part and meet when a test says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Misuse, Refused
from mesh.node import calls_conflicts
from tests.unit.node.disagreeing import ask, opened, texts_apart, the_one, titles_apart
from tests.unit.node.families import family, meet, note

FIELDS = {"device", "name", "agent", "at", "event", "value", "characters"}


async def test_three_titles_are_one_conflict(tmp_path: Path) -> None:
    """What is listed is the same everywhere; what is shown has every value with who wrote it, and the ancestor."""
    async with family(tmp_path, "admin", "admin") as (alder, birch, cedar):
        document = await note(alder, "Garden")
        await meet(alder, birch, cedar)
        for number, agent in enumerate((alder, birch, cedar)):
            await ask(agent, "note.edit", document=document, title=f"Garden {number}")
        await meet(alder, birch, cedar)
        one = await the_one(alder, birch, cedar)
        assert (one["document"], one["field"], one["kind"], one["count"]) == (document, "title", "register", 3)
        assert sorted(one["devices"]) == ["alder", "birch", "cedar"]
        assert one["ancestor"] == "Garden"
        shown = await ask(birch, "conflicts.show", id=one["id"][:8])
        assert {key: shown[key] for key in one} == one
        assert {value["value"] for value in shown["values"]} == {"Garden 0", "Garden 1", "Garden 2"}
        assert all(value.keys() == FIELDS for value in shown["values"])
        assert (shown["open"], shown["settled_by"], shown["context"]) == (True, [], None)
        (told,) = (await ask(cedar, "note.show", document=document))["conflicts"]
        assert (told["id"], told["kind"], told["field"]) == (one["id"], "register", "title")
        assert await opened(alder, kind="text") == []
        assert await opened(alder, device="cedar") == [one]
        assert await opened(alder, document="Garden 0" if shown["title"] == "Garden 0" else document) == [one]


async def test_values_are_paged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of values, from the one that was asked for, and never more than one answer holds."""
    async with family(tmp_path, "admin", "admin") as (alder, birch, cedar):
        document = await note(alder, "Garden")
        await meet(alder, birch, cedar)
        for number, agent in enumerate((alder, birch, cedar)):
            await ask(agent, "note.edit", document=document, title=f"Garden {number}")
        await meet(alder, birch, cedar)
        (one,) = await opened(alder)
        all_of_it = (await ask(alder, "conflicts.show", id=one["id"]))["values"]
        assert len(all_of_it) == 3
        paged = [(await ask(alder, "conflicts.show", id=one["id"], offset=n, limit=1))["values"] for n in range(4)]
        assert [value for page in paged for value in page] == all_of_it
        assert paged[3] == []
        monkeypatch.setattr(calls_conflicts, "CONFLICT_PAGE_CHARACTERS", 2 * len("Garden 0"))
        assert (await ask(alder, "conflicts.show", id=one["id"]))["values"] == all_of_it[:2]
        monkeypatch.setattr(calls_conflicts, "CONFLICT_PAGE_CHARACTERS", 1)
        assert (await ask(alder, "conflicts.show", id=one["id"]))["values"] == all_of_it[:1]


async def test_a_list_is_paged(tmp_path: Path) -> None:
    """Each page goes on after the last row of the one before; the last one says that nothing more comes."""
    async with family(tmp_path, "admin") as (alder, birch):
        for _ in range(3):
            await titles_apart(alder, birch, only=False)
        whole = [one["id"] for one in await opened(alder)]
        seen: list[str] = []
        after: dict[str, object] = {}
        for _ in whole:
            page = await ask(alder, "conflicts", limit=1, **after)
            assert page["total"] == 3
            seen += [one["id"] for one in page["conflicts"]]
            after = {"after": page["next"]}
        assert seen == whole
        assert await ask(alder, "conflicts", limit=1, **after) == {"conflicts": [], "total": 3}
        assert "next" not in await ask(alder, "conflicts", limit=9)


async def test_a_text_is_shown_in_whole_words(tmp_path: Path) -> None:
    """What each had there and what they began with, with a little around it; it fits the text as it is."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await texts_apart(alder, birch)
        shown = await ask(birch, "conflicts.show", id=one["id"])
        assert (one["kind"], one["field"]) == ("text", "body")
        assert {value["value"] for value in shown["values"]} == {"carrot seeds", "many tomatoes"}
        assert {value["value"] for value in one["values"]} == {"carrot seeds", "many tomatoes"}
        assert shown["ancestor"] == "seeds"
        around = shown["context"]
        assert (around["before"], around["after"]) == ("To do:\n\nBuy ", ".\n\nWater.\n")
        body = (await ask(birch, "note.show", document=one["document"]))["body"]
        assert body == around["before"] + around["merged"] + around["after"]


async def test_what_makes_no_sense(tmp_path: Path) -> None:
    """Wrong calls are misuse, what is not there is refused; nothing is changed."""
    async with family(tmp_path, "admin") as (alder, birch):
        one = await titles_apart(alder, birch)
        for wrong in ({}, {"take": 1, "merge": True}, {"take": 0}, {"take": 3}, {"take": "1"}, {"merge": True}):
            with pytest.raises(Misuse):
                await ask(alder, "conflicts.resolve", id=one["id"], **wrong)
        for absent in ("ffff", "zz", "not an id"):
            with pytest.raises(Refused):
                await ask(alder, "conflicts.show", id=absent)
        with pytest.raises(Misuse):
            await ask(alder, "conflicts", kind="sort")
        assert [each["id"] for each in await opened(alder)] == [one["id"]]
