"""Goal: keys and the mouse do what the help says, what they do is said, and what is not to be done asks first."""

from __future__ import annotations

from contextlib import suppress

import pytest
from textual.worker import WorkerFailed

from mesh.cli.inspector.asked_back import Editing, Question
from mesh.cli.inspector.listing import Listing
from mesh.cli.inspector.pane import Pane
from mesh.cli.inspector.rows import Rows
from mesh.cli.inspector.sides import Sides
from mesh.cli.output import INTERRUPTED
from tests.unit.cli.fake_agent import error
from tests.unit.cli.inspector.conftest import Opening, Seen
from tests.unit.cli.inspector.disagreement import SHOPPING, TRIP, conflict, many, value

RENAMED, TEXT, DELETED = "05" * 16, "02" * 16, "03" * 16


async def open_one(seen: Seen, title: str, what: str) -> None:
    """Side by side, by the cursor."""
    rows = seen.app.screen.query_one(Rows)
    place = next(n for n, row in enumerate(rows.rows) if row.title == title and row.kind == what)
    await seen.press("g", *["j"] * place, "enter")
    assert isinstance(seen.app.screen, Sides)


async def test_a_side_is_taken_by_its_key_said_and_taken_back(inspector: Opening) -> None:
    """A number settles at once; the list says what happened, and u there opens it again."""
    async with inspector() as seen:
        await open_one(seen, "Shopping list", "rename")
        await seen.press("2")
        assert isinstance(seen.app.screen, Listing)
        assert seen.asked("conflicts.resolve") == [{"id": RENAMED, "take": 2}]
        text = await seen.shows("settled, on all devices: “errands.md” of phone", "5 open conflicts")
        assert "u takes it back" in text
        await seen.press("u")
        assert seen.asked("conflicts.undo") == [{"id": RENAMED}]
        await seen.shows("taken back, on all devices", "6 open conflicts")
        await seen.press("u")
        await seen.shows("nothing was settled here yet")
        assert len(seen.asked("conflicts.undo")) == 1


async def test_enter_asks_before_it_takes_the_chosen_side(inspector: Opening) -> None:
    """Enter may have been pressed once too often: it says what would be done, and Esc leaves all as it is."""
    async with inspector() as seen:
        await open_one(seen, "Shopping list", "rename")
        await seen.press("right", "enter")
        assert isinstance(seen.app.screen, Question)
        assert "Settle it by “errands.md” of phone?" in " ".join(seen.text().replace("┃", " ").split())
        await seen.press("escape")
        assert isinstance(seen.app.screen, Sides)
        assert seen.asked("conflicts.resolve") == []
        await seen.press("enter", "y")
        assert seen.asked("conflicts.resolve") == [{"id": RENAMED, "take": 2}]


async def test_a_text_is_merged_and_nothing_else_is(inspector: Opening) -> None:
    """M keeps a text as it reads now; of a register it says what to do instead."""
    async with inspector() as seen:
        await open_one(seen, "Shopping list", "value")
        await seen.press("m")
        await seen.shows("only edits of a text can be kept together")
        assert seen.asked("conflicts.resolve") == []
        await seen.press("escape")
        await open_one(seen, "Trip to the coast", "text")
        await seen.press("m")
        assert seen.asked("conflicts.resolve") == [{"id": TEXT, "merge": True}]


async def test_a_value_is_written_here_where_no_editor_is_named(inspector: Opening) -> None:
    """E opens a text area; saving settles with what was written, leaving it does nothing and warns once."""
    async with inspector() as seen:
        await open_one(seen, "Trip to the coast", "text")
        await seen.press("e", "end", *" Yes")
        assert isinstance(seen.app.screen, Editing)
        await seen.press("escape")
        await seen.shows("throws away what you wrote")
        await seen.press("ctrl+s")
        (asked,) = seen.asked("conflicts.resolve")
        assert asked["id"] == TEXT
        assert str(asked["value"]).endswith("both bicycles. Yes")


async def test_what_was_written_is_kept_when_the_conflict_changed_meanwhile(inspector: Opening) -> None:
    """The refusal is said, the conflict shown anew, and e goes on with what was written."""
    async with inspector() as seen:
        await open_one(seen, "Trip to the coast", "text")
        await seen.press("e", "end", *" Yes")
        old = seen.mesh.conflicts.pop(TEXT)
        seen.mesh.conflicts["new"] = old | {"id": "new"}
        await seen.press("ctrl+s")
        await seen.shows("it changed while you looked", "What you wrote is kept")
        await seen.press("e", "ctrl+s")
        assert [asked["id"] for asked in seen.asked("conflicts.resolve")] == [TEXT, "new"]
        first, second = (asked["value"] for asked in seen.asked("conflicts.resolve"))
        assert first == second


async def test_an_edit_without_a_change_settles_nothing(inspector: Opening) -> None:
    """What was opened and saved as it was is no settlement."""
    async with inspector() as seen:
        await open_one(seen, "Shopping list", "value")
        await seen.press("e", "ctrl+s")
        await seen.shows("nothing was changed, so nothing is settled")
        assert seen.asked("conflicts.resolve") == []


async def test_deleted_or_not_is_no_text(inspector: Opening) -> None:
    """The keys of a deletion say what they do, and e says that there is nothing to write."""
    async with inspector() as seen:
        await open_one(seen, "Garden", "deleted")
        await seen.shows("1 keeps it deleted, 2 brings it back, with the edits")
        await seen.press("e", "9")
        await seen.shows("there is no side 9")
        await seen.press("2")
        assert seen.asked("conflicts.resolve") == [{"id": DELETED, "take": 2}]


async def test_a_thousand_values_are_paged(inspector: Opening) -> None:
    """Nine at a time, each with a key; the key takes the value of its page."""
    guests = [value(f"guest {n}", f"d{n % 7}", n % 200) for n in range(1000)]
    async with inspector([conflict(1, TRIP, "Who comes?", "title", "register", guests)]) as seen:
        await seen.press("enter")
        await seen.shows("guest 0", "guest 8", "1 to 9 of 1,000")
        await seen.press("right_square_bracket", "right_square_bracket", "left_square_bracket")
        await seen.shows("guest 9", "guest 17", "10 to 18 of 1,000")
        assert max(int(str(asked["limit"])) for asked in seen.asked("conflicts.show")) == 9
        await seen.press("3")
        assert seen.asked("conflicts.resolve") == [{"id": "01" * 16, "take": 12}]


async def test_the_list_is_filtered_while_typing_and_sorted(inspector: Opening) -> None:
    """All words must occur; Enter keeps the filter, Esc ends it; o sorts another way."""
    async with inspector() as seen:
        rows = seen.app.screen.query_one(Rows)
        await seen.press("slash", *"garden tablet")
        assert [(row.title, row.kind) for row in rows.rows] == [("Garden", "deleted")]
        await seen.press("enter", "enter")
        assert isinstance(seen.app.screen, Sides)
        await seen.press("escape", "slash", *" xyzzy")
        await seen.shows("No conflict has all of these words")
        await seen.press("escape")
        assert len(rows.rows) == 6
        await seen.press("o", "o")
        assert [row.title for row in rows.rows][:3] == [
            "Garden",
            "Garden",
            "Shopping list",
        ] or "by title" in seen.text()
        titles = [row.title.lower() for row in rows.rows]
        assert titles == sorted(titles)


async def test_ten_thousand_conflicts_come_by_pages_and_all_are_found(inspector: Opening) -> None:
    """The first page is there at once, the others follow, and a filter finds the last one."""
    async with inspector(many(10_000)) as seen:
        await seen.shows("10,000 open conflicts", "Note 00000")
        assert [asked["limit"] for asked in seen.asked("conflicts")][:2] == [100, 1000]
        await seen.press("G")
        await seen.shows("Note 09999")
        await seen.press("slash", *"09876")
        await seen.shows("1 with “09876”")


async def test_the_cursor_stays_on_its_conflict_when_others_come_in(inspector: Opening) -> None:
    """News are shown by themselves, and nobody's place is lost."""
    async with inspector() as seen:
        rows = seen.app.screen.query_one(Rows)
        await seen.press("j", "j")
        before = rows.current
        new = conflict(9, SHOPPING, "Quite new", "title", "register", [value("a", "x", 1), value("b", "y", 2)])
        seen.mesh.conflicts["new"] = new | {"id": "new"}
        seen.mesh.arrives()
        await seen.shows("7 open conflicts", "Quite new")
        assert rows.current == before
        assert rows.cursor == 3


async def test_a_conflict_that_changed_is_shown_anew(inspector: Opening) -> None:
    """Another value came in: the same field has another conflict now, and that one is shown, with a word."""
    async with inspector() as seen:
        await open_one(seen, "Shopping list", "rename")
        old = seen.mesh.conflicts.pop(RENAMED)
        values = [*(old["values"] if isinstance(old["values"], list) else []), value("third.md", "watch", 5)]
        seen.mesh.conflicts["new"] = old | {"id": "new", "values": values, "count": 3}
        await seen.press("1")
        text = await seen.shows("it changed while you looked", "{+third+}.md")
        assert "renamed to 3 paths" in text
        await seen.press("3")
        assert [asked["id"] for asked in seen.asked("conflicts.resolve")] == [RENAMED, "new"]


async def test_what_another_device_settled_is_said_and_can_be_taken_back(inspector: Opening) -> None:
    """It says by whom; keys that settle do nothing any more; u takes it back."""
    async with inspector() as seen:
        await open_one(seen, "Shopping list", "rename")
        seen.mesh.settle(RENAMED)
        seen.mesh.arrives()
        await seen.shows("it changed meanwhile: settled by laptop")
        await seen.press("1")
        await seen.shows("this is settled; u takes it back first")
        assert seen.asked("conflicts.resolve") == []
        await seen.press("u")
        await seen.shows("taken back, on all devices", "1 or 2 takes that side")


async def test_what_was_settled_before_is_listed_and_taken_back_after_a_question(inspector: Opening) -> None:
    """S lists it; u there asks, since nobody remembers it; one that is taken back is not taken back twice."""
    async with inspector() as seen:
        seen.mesh.settle(TEXT)
        await seen.press("s")
        await seen.shows("1 settlement", "Trip to the coast")
        await seen.press("enter")
        await seen.shows("settled by laptop", "{+harbour+}")
        await seen.press("escape", "u")
        assert isinstance(seen.app.screen, Question)
        assert "stand side by" in seen.text()
        await seen.press("n")
        assert seen.asked("conflicts.undo") == []
        await seen.press("u", "enter")
        assert seen.asked("conflicts.undo") == [{"id": TEXT}]
        await seen.shows("taken back")
        await seen.press("r", "u")
        await seen.shows("that is taken back already")


async def test_a_settlement_whose_values_are_not_known_any_more(inspector: Opening) -> None:
    """It says where they are, and is taken back all the same."""
    async with inspector() as seen:
        seen.mesh.settle(DELETED)
        await seen.press("s", "enter")
        await seen.shows("settled by laptop", "Its values are in the timeline")
        await seen.press("2")
        await seen.shows("this is settled")
        await seen.press("u")
        assert seen.asked("conflicts.undo") == [{"id": DELETED}]


async def test_a_change_in_the_timeline_is_taken_back_after_a_question(inspector: Opening) -> None:
    """T shows who did what, the cursor what it changed, and u takes it back."""
    async with inspector() as seen:
        await open_one(seen, "Trip to the coast", "text")
        await seen.press("t")
        await seen.shows("5 changes", "scribe@phone", "+ We meet at the station at {+1+}.")
        await seen.press("j")
        await seen.shows("+ We meet at the station at {+2+}.", "- title: Trip")
        await seen.press("u")
        await seen.shows("Take back “text: “eight” for “nine”")
        await seen.press("y")
        assert seen.asked("undo") == [{"event": "a1" * 32}]
        await seen.shows("taken back, on all devices, by event 0d0d0d0d0d0d")
        await seen.shows("taken back: text")


async def test_a_refusal_is_said_with_its_hint_and_changes_nothing(inspector: Opening) -> None:
    """The agent's own sentence."""
    async with inspector() as seen:
        refusal = error("Refused", "Refused", 3, "a later change stands on it", "Take that one back first.")
        seen.fake.answers["undo"] = lambda _: refusal
        await seen.press("t", "u", "y")
        await seen.shows("! a later change stands on it. Take that one back first.")


async def test_an_agent_that_goes_is_said_and_the_list_stays(inspector: Opening) -> None:
    """Nothing that is on the screen is lost by an agent that went."""
    async with inspector() as seen:
        seen.fake.answers["conflicts"] = lambda _: ()
        await seen.press("r")
        await seen.shows("! the agent ended before it answered", "Shopping list")
        seen.fake.answers["conflicts"] = seen.mesh.answers()["conflicts"]
        await seen.press("r")
        await seen.shows("6 open conflicts")


async def test_the_mouse_opens_chooses_and_settles(inspector: Opening) -> None:
    """A click sets the cursor, a second one opens; a click chooses a frame; keys in the line below can be clicked."""
    async with inspector(size=(120, 40)) as seen:
        rows = seen.app.screen.query_one(Rows)
        await seen.pilot.click(rows, offset=(5, 1))
        await seen.settled()
        assert rows.cursor == 1
        await seen.pilot.click(rows, offset=(5, 1))
        await seen.settled()
        assert isinstance(seen.app.screen, Sides)
        panes = [pane for pane in seen.app.screen.query(Pane) if pane.display]
        await seen.pilot.click(panes[2], offset=(5, 1))
        assert seen.app.focused is panes[2]
        await seen.press("enter")
        await seen.pilot.click("#yes")
        await seen.settled()
        assert seen.asked("conflicts.resolve") == [{"id": RENAMED, "take": 2}]


async def test_one_document_only(inspector: Opening) -> None:
    """With a document named, its conflicts alone are asked for, and an empty list leads on to its timeline."""
    async with inspector(document="Garden") as seen:
        await seen.shows("2 open conflicts in Garden")
        assert all(asked["document"] == "Garden" for asked in seen.asked("conflicts"))
    async with inspector([], document=TRIP) as seen:
        await seen.shows("Nobody disagrees about this document")
        await seen.press("t")
        assert {asked["document"] for asked in seen.asked("history")} == {TRIP}


async def test_ctrl_c_and_q_end_it(inspector: Opening) -> None:
    """Q ends with 0, Ctrl-C as in every command."""
    async with inspector() as seen:
        await seen.pilot.press("ctrl+c")
    assert seen.app.return_code == INTERRUPTED
    async with inspector() as seen:
        await seen.press("enter")
        await seen.pilot.press("q")
    assert seen.app.return_code in {0, None}


async def test_a_fault_of_ours_is_kept_to_be_raised_and_not_drawn(
    inspector: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is no error of the mesh ends the screen, and is told as every fault of ours: not by Textual's long trace."""

    async def broken(_: Listing) -> None:
        message = "a slip"
        raise ZeroDivisionError(message)

    with suppress(WorkerFailed):  # Textual tells its tests of it
        async with inspector() as seen:
            monkeypatch.setattr(Listing, "look", broken)
            await seen.pilot.press("r")
            await seen.pilot.pause()
    assert isinstance(seen.app.fault, ZeroDivisionError)
