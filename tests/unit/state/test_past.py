"""The past: a document as it was at any change is what it showed then; restoring makes it so again."""

from __future__ import annotations

import random

import pytest

from mesh.errors import Refused
from mesh.events.kinds import Born, Value
from mesh.limits import TEXT_BYTES_MAX
from mesh.state import past
from mesh.state.documents import Document
from mesh.state.edits import Delete, Put, Splice
from mesh.state.past import Past
from tests.unit.state.desks import Desk
from tests.unit.state.writers import BIRTH, DOCUMENT, actor, random_edits


@pytest.mark.parametrize("seed", range(20))
def test_at_each_change_it_is_what_its_writer_saw(seed: int) -> None:
    """Whatever came since, and from whom; the text, the registers, and which had several values."""
    lots = random.Random(seed)
    desks = [Desk(number) for number in range(3)]
    seen: dict[bytes, Past] = {}
    before: dict[bytes, Past] = {}
    for _ in range(25):
        desk = lots.choice(desks)
        if lots.random() < 0.3:
            desk.meet(lots.choice([other for other in desks if other is not desk]))
        had = past.today(desk.document)
        change = desk.edit(*random_edits(lots, desk.document))
        before[change] = had
        seen[change] = past.today(desk.document)
    for desk in desks[1:]:
        desks[0].meet(desk)
    for change, wanted in seen.items():
        assert past.at(desks[0].document, [change]) == wanted
        assert past.before(desks[0].document, change) == before[change]


def test_with_several_changes_it_is_what_they_come_to_with_all_beneath() -> None:
    """And without any it is the birth."""
    one = Desk(1)
    two = one.apart(2)
    one.edit(Put("title", "under"))
    mine, theirs = one.edit(Splice(0, 0, "1")), two.edit(Splice(0, 0, "2"))
    one.meet(two)
    one.edit(Put("title", "over"))
    found = past.at(one.document, [mine, theirs])
    assert (sorted(found.text[:2]), found.registers["title"], found.changes) == (["1", "2"], "under", 4)
    assert past.at(one.document, []) == Past(BIRTH.registers, (), BIRTH.text, 1)


@pytest.mark.parametrize("seed", range(20))
def test_restoring_makes_it_as_it_was(seed: int) -> None:
    """Registers that came are removed, those that went are set, and the text is reworded."""
    lots, desk = random.Random(seed), Desk()
    changes = [desk.edit(*random_edits(lots, desk.document)) for _ in range(6)]
    wanted = past.at(desk.document, [lots.choice(changes[:-1])])
    desk.edit(*past.restoring(desk.document, wanted))
    found = past.today(desk.document)
    assert (found.registers, found.text) == (wanted.registers, wanted.text)
    assert past.restoring(desk.document, wanted) == ()


def test_a_register_in_conflict_is_not_written_over() -> None:
    """Unless it is to be what it shows: then nothing of it is written."""
    one = Desk(1)
    two = one.apart(2)
    before = one.edit(Put("title", "before"))
    two.meet(one)
    one.edit(Put("title", "mine"))
    two.edit(Put("title", "theirs"))
    one.meet(two)
    with pytest.raises(Refused, match="title is in conflict"):
        past.restoring(one.document, past.at(one.document, [before]))
    shown = past.today(one.document)
    one.edit(Splice(0, 5, ""))
    one.edit(*past.restoring(one.document, shown))
    assert one.document.conflicts() == ("title",)
    assert one.document.text() == shown.text


def test_what_does_not_count_was_never_there() -> None:
    """A void change beneath is not seen in the past either."""
    desk = Desk()
    gone, kept = desk.edit(Splice(0, 0, "void ")), desk.edit(Put("title", "kept"))
    changes = [(digest, change) for digest, change in desk.changes.items()]
    document = Document.fold(DOCUMENT, BIRTH, changes, frozenset([gone]))
    assert past.at(document, [kept]).text == BIRTH.text
    assert past.at(document, [gone]).text == BIRTH.text


def test_a_long_text_is_a_register() -> None:
    """It is brought back whole."""
    long = "x" * (TEXT_BYTES_MAX + 1)
    document = Document.born(DOCUMENT, Born({}, long, b""))
    change = document.edit(actor(1), [Put("body", "short")])
    document.take([change])
    assert past.at(document, [change.hash]).text == "short"
    assert past.restoring(document, past.at(document, [])) == (Put("body", long),)


def test_a_number_is_no_truth_value() -> None:
    """1 and True are two values, though Python takes them for one."""
    values: list[Value] = [1, True, 0, False, None, "", "1"]
    assert [[past.same(one, other) for other in values] for one in values] == [
        [one is other for other in values] for one in values
    ]


def test_a_removed_register_is_removed_again() -> None:
    """Removing is an edit, setting to nothing another one."""
    desk = Desk()
    change = desk.edit(Delete("tag/garden"))
    desk.edit(Put("tag/garden", value=True))
    assert past.restoring(desk.document, past.at(desk.document, [change])) == (Delete("tag/garden"),)
