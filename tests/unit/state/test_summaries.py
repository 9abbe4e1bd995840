"""Summaries: one line that says what an event does, from the event alone, short whatever it says."""

from __future__ import annotations

import pytest

from mesh.events.kinds import Born, Changed, Settled, Undone
from mesh.limits import SUMMARY_CHARACTERS_MAX
from mesh.names import Digest
from mesh.state import summaries
from mesh.state.edits import Delete, Edit, Put, Splice
from tests.unit.state.desks import Desk


def said(*edits: Edit) -> str:
    """What a change of these edits is said to do."""
    desk = Desk()
    change = desk.changes[desk.edit(*edits)]
    return summaries.of_change(Changed(change.raw), change)


@pytest.mark.parametrize(
    ("edits", "wanted"),
    [
        ([Put("title", "soil")], 'title "soil"'),
        (
            [Put("title", "soil"), Put("tag/new", value=True), Delete("tag/garden")],
            'title "soil"; tag new; untag garden',
        ),
        ([Put("path", "a.md")], 'path "a.md"'),
        ([Put("deleted", value=True)], "removed"),
        ([Put("deleted", value=False)], "brought back"),
        ([Splice(0, 5, "peas")], 'text +4 -5 "peas"'),
        ([Splice(0, 5, "")], "text -5"),
        ([Splice(0, 0, " \n")], "text +2"),
        ([Splice(5, 0, "\n\nb  c"), Splice(0, 0, "a")], 'text +7 "b c" "a"'),
    ],
)
def test_what_a_change_does(edits: list[Edit], wanted: str) -> None:
    """Registers, tags, what came and went in the text."""
    assert said(*edits) == wanted


def test_what_a_birth_a_settlement_and_an_undo_do() -> None:
    """Each says what it is first."""
    birth = Born({"title": "seeds", "tag/garden": True}, "beans", b"")
    assert summaries.of_birth(birth) == 'written: title "seeds"; text of 5 characters; tag garden'
    desk = Desk()
    event = desk.edit(Splice(0, 5, ""))
    change = desk.changes[desk.undo(event)]
    undone = Undone(change.raw, Digest(event))
    assert summaries.of_change(undone, change) == f'takes back {event.hex()[:12]}: text +5 "beans"'
    settled = Settled(change.raw, bytes(16), (), "equal")
    assert summaries.of_change(settled, change).startswith("settles conflict 000000000000 by the rule `equal`: text")
    bare = desk.document.edit(bytes([7]) * 8 + bytes(8), (), bare=True)
    assert summaries.of_change(Changed(bare.raw), bare) == "changes nothing"


def test_it_is_short_and_one_line_whatever_is_in_it() -> None:
    """A title of many lines, a hundred tags, a text of thousands of letters."""
    many = said(Put("path", "\n".join("x" * 900)), *(Put(f"tag/{n}", value=True) for n in range(100)))
    assert len(many) <= SUMMARY_CHARACTERS_MAX
    assert "\n" not in many
    assert many.endswith("and 93 more")
    assert len(said(Splice(0, 0, "y" * 9000))) < SUMMARY_CHARACTERS_MAX
    birth = Born({f"tag/{'z' * 60}{n}": True for n in range(64)}, "", b"")
    assert len(summaries.of_birth(birth)) <= SUMMARY_CHARACTERS_MAX
