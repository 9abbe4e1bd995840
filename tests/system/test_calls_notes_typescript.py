"""The calls of the page about notes, the inbox and searches, on a phone's true engine beside a true agent."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from mesh.node import clock, keeping, timing
from tests.system import typescript
from tests.system.browsers import Asked
from tests.system.pockets import Refusal, Row, dropped, pocket, row, same
from tests.unit.node.families import ask

pytestmark = [pytest.mark.system, *typescript.NEEDS]


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


async def test_notes_are_written_found_and_changed(asked: Asked, tmp_path: Path) -> None:
    """As the agent has them; lists and searches load no document."""
    async with pocket(asked, tmp_path) as both:
        first = both("note.add", body="Milk, eggs\nand bread", tags=["home"])
        second = both("note.add", title="Kůň", body="stojí v řece " * 40)
        assert both("note.show", document=first["document"])["title"] == "Milk, eggs"
        await both.meet()
        listed = both("note.list")
        assert both.loads == 0
        assert [one["title"] for one in listed["notes"]] == ["Kůň", "Milk, eggs"]
        assert (listed["total"], "next" in listed) == (2, False)
        shown = (await ask(both.alder, "note.list"))["notes"]
        for one, other in zip(listed["notes"], cast("list[Row]", shown), strict=True):
            same(one, other, "document", "title", "tags", "updated", "conflicts", "hidden")
        assert listed["notes"][1]["snippet"] == "Milk, eggs and bread"
        page = both("note.list", limit=1)
        assert page["next"] == second["document"]
        rest = both("note.list", limit=1, after=page["next"])
        assert [one["document"] for one in rest["notes"]] == [first["document"]]
        (found,) = both("note.list", search="rece kun")["notes"]
        assert found["snippet"].startswith("stojí v řece")
        assert [one["title"] for one in both("note.list", tag="home")["notes"]] == ["Milk, eggs"]
        both("note.edit", document=first["document"], body="Milk, eggs\nand butter", add_tags=["shop"])
        await both.meet()
        theirs = await ask(both.alder, "note.show", document=first["document"])
        assert (theirs["body"], theirs["tags"]) == ("Milk, eggs\nand butter", ["home", "shop"])
        both("note.rm", document=first["document"])
        assert [one["title"] for one in both("note.list")["notes"]] == ["Kůň"]
        assert both("note.list", deleted=True)["notes"][0]["deleted"]
        with pytest.raises(Refusal, match="nothing to keep"):
            both("note.add", title=" ", body="\n")


async def test_nothing_is_written_over_that_nobody_saw(asked: Asked, tmp_path: Path) -> None:
    """Who edited another text than there is now is refused; words beside each other merge; a conflict stays."""
    async with pocket(asked, tmp_path) as both:
        document = both("note.add", title="Plan", body="one\ntwo\n")["document"]
        await both.meet()
        await ask(both.alder, "note.edit", document=document, body="one\ntwo\nthree\n")
        await both.hears()
        with pytest.raises(Refusal, match="changed meanwhile") as caught:
            both("note.edit", document=document, body="ONE\ntwo\n", base_body="one\ntwo\n")
        assert caught.value.family == "Refused"
        assert both("note.show", document=document)["body"] == "one\ntwo\nthree\n"
        both("note.edit", document=document, body="ONE\ntwo\nthree\n", base_body="one\ntwo\nthree\n", title="A")
        await ask(both.alder, "note.edit", document=document, body="one\ntwo\n3\n", title="B")
        await both.meet()
        whole = both("note.show", document=document)
        assert whole["body"] == "ONE\ntwo\n3\n"
        (conflict,) = whole["conflicts"]
        assert {one["value"] for one in conflict["values"]} == {"A", "B"}
        theirs = cast("list[Row]", (await ask(both.alder, "note.show", document=document))["conflicts"])
        same(conflict, theirs[0], "id", "kind", "field", "count")
        with pytest.raises(Refusal, match="is in conflict"):
            both("note.edit", document=document, title="C")
        assert both("note.list")["notes"][0]["conflicts"] == 1


async def test_an_edit_stands_on_what_its_writer_saw(asked: Asked, tmp_path: Path) -> None:
    """What came since stays beside it: put together where that goes, else a conflict; nothing is refused."""
    async with pocket(asked, tmp_path) as both:
        document = both("note.add", title="Plan", body="one\ntwo\n")["document"]
        await both.meet()
        begun = both("note.begin", document=document)
        assert begun == {"title": "Plan", "body": "one\ntwo\n", "version": []}
        base = {"base_body": begun["body"], "base_version": begun["version"]}
        await ask(both.alder, "note.edit", document=document, title="Plan B", body="one\ntwo\nthree\n")
        await both.hears()
        said = both("note.edit", document=document, title="Plan C", body="ONE\ntwo\n", **base)
        whole = both("note.show", document=document)
        assert whole["body"] == "ONE\ntwo\nthree\n"
        assert {one["value"] for one in whole["conflicts"][0]["values"]} == {"Plan B", "Plan C"}
        on = {"base_body": "ONE\ntwo\n", "base_version": said["version"]}
        both("note.edit", document=document, body="ONE\n2\n", **on)
        await both.meet()
        theirs = await ask(both.alder, "note.show", document=document)
        assert theirs["body"] == both("note.show", document=document)["body"] == "ONE\n2\nthree\n"
        assert len(cast("list[Row]", theirs["conflicts"])) == 1
        begun = both("note.begin", document=document)
        assert begun["version"]
        with pytest.raises(Refusal, match="changed meanwhile"):
            both("note.edit", document=document, body="x", base_body="y", base_version=begun["version"])
        with pytest.raises(Refusal, match="does not have the text any more"):
            both("note.edit", document=document, body="x", base_body="y", base_version=["00" * 32])


async def test_two_edits_of_one_place_stand_side_by_side(asked: Asked, tmp_path: Path) -> None:
    """The one that was begun before the other came is no less an edit than that."""
    async with pocket(asked, tmp_path) as both:
        document = both("note.add", title="Plan", body="we meet on Monday at noon\n")["document"]
        await both.meet()
        begun = both("note.begin", document=document)
        await ask(both.alder, "note.edit", document=document, body="we meet on Tuesday at noon\n")
        await both.hears()
        base = {"base_body": begun["body"], "base_version": begun["version"]}
        both("note.edit", document=document, body="we meet on Friday at noon\n", **base)
        (conflict,) = both("note.show", document=document)["conflicts"]
        assert conflict["kind"] == "text"
        assert {one["value"] for one in conflict["values"]} == {"Tuesday", "Friday"}
        await both.meet()
        (theirs,) = cast("list[Row]", (await ask(both.alder, "note.show", document=document))["conflicts"])
        same(conflict, theirs, "id", "kind", "count")


async def test_the_same_words_stay_once(asked: Asked, tmp_path: Path) -> None:
    """Written on both apart: who wrote the copy that goes says so; the other one does if that is left too long."""
    async with pocket(asked, tmp_path) as both:
        for number in range(4):
            document = both("note.add", title=f"list {number}", body="eggs\n")["document"]
            await both.meet()
            await ask(both.alder, "note.edit", document=document, body="eggs\nmilk\n")
            both("note.edit", document=document, body="eggs\nmilk\n")
            await both.meet()
            assert len(both("note.show", document=document)["conflicts"]) == 1
            now_ms = clock.now_ms() + both.ahead_ms
            told = both.phone("rules", now_ms=now_ms)
            if not told:  # the copy of alder goes, which is away
                assert len(both("note.show", document=document)["conflicts"]) == 1
                told = both.phone(
                    "rules", now_ms=now_ms + int(1000 * (timing.RULES_PATIENCE_S + timing.RULES_SPREAD_S))
                )
            assert [line[:1] for line in told] == [["rule.settled"]]
            whole = both("note.show", document=document)
            assert (whole["body"], whole["conflicts"]) == ("eggs\nmilk\n", [])
            await both.meet()
            theirs = await ask(both.alder, "note.show", document=document)
            assert (theirs["body"], theirs["conflicts"]) == ("eggs\nmilk\n", [])
            await both.meet()
            assert both.phone("rules", now_ms=now_ms + 10**7) == []


async def test_what_only_the_phone_holds_says_so(asked: Asked, tmp_path: Path) -> None:
    """Until another device said that it holds it: by document, in lists and in the inbox."""
    async with pocket(asked, tmp_path) as both:
        old = both("note.add", title="old")["document"]
        await both.tells()
        new = both("note.add", title="new")["document"]

        def waiting() -> dict[str, bool]:
            return {one["document"]: one["waiting"] for one in both("note.list")["notes"]}

        assert waiting() == {old: False, new: True}
        states = {one["document"]: one["state"] for one in both("inbox.list")["items"]}
        assert states == {old: "there", new: "waits"}
        both("note.edit", document=old, body="more")
        assert waiting() == {old: True, new: True}
        assert both("note.show", document=old)["waiting"] is True
        await both.tells()
        assert waiting() == {old: False, new: False}


async def test_a_search_finds_notes_and_records_and_loads_no_document(asked: Asked, tmp_path: Path) -> None:
    """The same as the agent finds, with the same excerpts."""
    async with pocket(asked, tmp_path) as both:
        for number in range(40):
            both("note.add", title=f"note {number}", body=f"{'before ' * 40} přístav {number} {'after ' * 40}")
        task = both("task.add", title="repair", text="the Přístav bridge")
        document = both("note.list", limit=1)["notes"][0]["document"]
        both("note.edit", document=document, body="pristav again")
        await both.meet()
        found = both("search", words="PRIST", limit=100)["found"]
        assert both.loads == 0
        theirs = cast("list[Row]", (await ask(both.alder, "search", words="PRIST", limit=100))["hits"])
        keys = ("document", "type", "title", "snippet")
        assert sorted(str({key: one[key] for key in keys}) for one in found) == sorted(
            str({key: one[key] for key in keys}) for one in theirs
        )
        assert (len(found), task["document"] in {one["document"] for one in found}) == (41, True)
        assert both("search", words="  ")["found"] == both("search", words="nowhere")["found"] == []


# ── the inbox ────────────────────────────────────────────────────────────────────────────────────


async def test_the_inbox_has_what_was_captured_here_and_sent_here(asked: Asked, tmp_path: Path) -> None:
    """The latest first, page by page; nothing twice, nothing of other devices' notes, nothing put away."""
    async with pocket(asked, tmp_path) as both:
        captured = []
        for number in range(300):
            both.ahead_ms += 1000
            captured.append(both("note.add", title=f"thought {number}")["document"])
            if number % 3 == 0:
                both("note.edit", document=captured[-1], body="more words")
        await ask(both.alder, "note.add", title="of the mac")
        sent = await dropped(both.alder, "photo.jpg", to=both.device)
        everybody = await dropped(both.alder, "all.pdf")
        await dropped(both.alder, "not ours.pdf", to="x" * 16)
        gone = await dropped(both.alder, "gone.pdf")
        await keeping.changed(
            both.alder, "", (await row(both.alder, gone)).record.document, lambda _: {"deleted": True}
        )
        await both.meet()
        both("note.rm", document=captured[-1])
        seen: list[Row] = []
        after: dict[str, str] = {}
        for _ in range(10):
            page = both("inbox.list", limit=70, **after)
            assert both.loads == 0
            seen += page["items"]
            if "next" not in page:
                break
            after = {"after": page["next"]}
        names = [one["document"] for one in seen]
        assert len(names) == len(set(names)) == 301
        assert set(names) == {*captured[:-1], sent, everybody}
        assert [one for one in names if one in captured] == captured[-2::-1]
        times = [one["at_ms"] for one in seen]
        assert times == sorted(times, reverse=True)
        file = next(one for one in seen if one["document"] == sent)
        same(file, {"kind": "drop", "title": "photo.jpg", "mime": "image/jpeg", "size": 5, "state": "away"},
             "kind", "title", "mime", "size", "state")  # fmt: skip
        assert file["name"] == "alder"
