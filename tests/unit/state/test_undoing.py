"""Undo: a change goes and comes back with all that it did, and nothing that others built on it is lost."""

from __future__ import annotations

import random

import pytest

from mesh.errors import Refused
from mesh.events.kinds import Born
from mesh.limits import TEXT_BYTES_MAX
from mesh.state.conflicts import conflicts_of
from mesh.state.documents import Document
from mesh.state.edits import Delete, Put, Revive, Splice, Strike, Swap
from mesh.state.lines import BuiltOn, Reversal, Took
from mesh.state.rules import EQUAL, ruling
from mesh.state.settling import Settlements
from mesh.state.shapes import gate
from mesh.state.undoing import inverse
from tests.unit.state.desks import BIRTH_EVENT, Desk, Shown
from tests.unit.state.writers import ADMISSION, BIRTH, DOCUMENT, actor, random_edits

TEXT = BIRTH.text


def moved(desk: Desk, undo: bytes) -> tuple[bytes, Shown]:
    """An undo, and what is shown after it."""
    return undo, desk.shown()


# ── one desk ─────────────────────────────────────────────────────────────────────────────────────


def test_undo_right_away_gives_what_was_before() -> None:
    """Title, tags and text; and the undo of the undo gives it back."""
    desk = Desk()
    before = desk.shown()
    change = desk.edit(Put("title", "x"), Delete("tag/garden"), Put("tag/new", value=True), Splice(0, 5, "peas"))
    after = desk.shown()
    undo, shown = moved(desk, desk.undo(change))
    assert shown == before
    assert not desk.undos.stands(change)
    again, shown = moved(desk, desk.undo(undo))
    assert shown == after
    assert desk.undos.stands(change)
    assert moved(desk, desk.undo(again))[1] == before


# ── later work ───────────────────────────────────────────────────────────────────────────────────


def refused(desk: Desk, event: bytes, by: bytes) -> None:
    """Nothing is taken back, since this stands in the way."""
    before = desk.shown()
    with pytest.raises(BuiltOn) as caught:
        desk.undo(event)
    assert caught.value.change == by
    assert desk.shown() == before


def test_what_later_work_is_built_on_stays_and_the_later_is_named() -> None:
    """A value that was replaced, a word that was deleted, a word that was written into: each names the later change."""
    desk = Desk()
    title = desk.edit(Put("title", "x"))
    later = desk.edit(Put("title", "y"))
    refused(desk, title, later)
    word = desk.edit(Splice(0, 0, "lima "))
    inside = desk.edit(Splice(2, 0, "-"))
    refused(desk, word, inside)
    desk.undo(inside)
    cut = desk.edit(Splice(3, 1, ""))
    refused(desk, word, cut)
    desk.undo(cut)
    behind = desk.edit(Splice(5, 0, "green "))
    desk.undo(word)
    assert desk.document.text() == "green " + TEXT
    undo = desk.undo(behind)
    desk.undo(later)
    desk.undo(title)
    assert desk.shown() == (TEXT, {"title": ["seeds"], "tag/garden": [True]})
    desk.undo(undo)
    assert desk.document.text() == "green " + TEXT


def test_a_removed_register_that_was_set_again_is_later_work() -> None:
    """Two paths would stand side by side otherwise."""
    desk = Desk()
    desk.edit(Put("path", "a.md"))
    removed = desk.edit(Delete("path"))
    later = desk.edit(Put("path", "b.md"))
    refused(desk, removed, later)


def test_words_that_came_back_and_were_written_into_do_not_go_again() -> None:
    """The undo of a deletion is later work's ground too."""
    desk = Desk()
    deletion = desk.edit(Splice(0, 5, ""))
    undo = desk.undo(deletion)
    inside = desk.edit(Splice(2, 0, "--"))
    refused(desk, undo, inside)
    desk.undo(inside)
    gone = desk.edit(Splice(0, 1, ""))
    refused(desk, undo, gone)
    desk.undo(gone)
    desk.undo(undo)
    assert desk.document.text() == TEXT[5:]


def test_what_stood_between_two_places_is_no_obstacle() -> None:
    """One change at two places of the text, and somebody writes between them."""
    desk = Desk()
    change = desk.edit(Splice(0, 0, "AA"), Splice(7, 0, "BB"))
    desk.edit(Splice(4, 0, "new"))
    desk.undo(change)
    assert desk.document.text() == "be" + "new" + TEXT[2:]


# ── people at once ───────────────────────────────────────────────────────────────────────────────


def test_two_who_undo_at_once_agree_on_registers_and_on_what_goes() -> None:
    """Nothing is in conflict, and one undo of an undo brings everything back."""
    one = Desk(1)
    change = one.edit(Put("title", "x"), Put("tag/b", value=True), Delete("tag/garden"), Splice(0, 0, "new "))
    after = one.shown()
    two = one.apart(2)
    first, _ = one.undo(change), two.undo(change)
    one.meet(two)
    assert one.document.conflicts() == ()
    assert one.document.registers() == BIRTH.registers
    assert one.document.text() == TEXT
    one.undo(first)
    assert one.shown() == after
    assert one.undos.stands(change)


def test_two_who_bring_words_back_at_once_write_them_twice_and_one_copy_goes_with_its_undo() -> None:
    """Each letter that stands twice stands for one: whoever takes the second undo back leaves one of each."""
    one = Desk(1)
    change = one.edit(Splice(0, 5, ""))
    two = one.apart(2)
    undos = one.undo(change), two.undo(change)
    one.meet(two)
    assert one.document.text() == "bbeeaannss" + TEXT[5:]
    one.undo(max(undos))
    assert one.document.text() == TEXT[5:]


def test_undo_beside_an_edit_of_what_goes_loses_neither() -> None:
    """Somebody writes into a word while somebody else takes it back: what was written stays."""
    one = Desk(1)
    change = one.edit(Splice(0, 0, "lima "))
    two = one.apart(2)
    one.undo(change)
    two.edit(Splice(2, 0, "XY"))
    one.meet(two)
    assert one.document.text() == "XY" + TEXT


def test_a_value_beside_another_is_taken_back_alone() -> None:
    """What somebody else wrote at once stays, and both are side by side again afterwards."""
    one = Desk(1)
    two = one.apart(2)
    mine, _ = one.edit(Put("title", "mine")), two.edit(Put("title", "theirs"))
    one.meet(two)
    both = one.shown()
    undo = one.undo(mine)
    assert [live.value for live in one.document.live("title")] == ["theirs"]
    one.undo(undo)
    assert one.shown() == both


def test_a_settled_register_comes_back_side_by_side() -> None:
    """Settling replaces all values; taking that back writes all of them, the shown one as before."""
    one = Desk(1)
    two = one.apart(2)
    one.edit(Put("title", "mine"))
    two.edit(Put("title", "theirs"))
    one.meet(two)
    shown, both = one.document.register("title"), one.shown()
    settled = one.edit(Put("title", "ours"))
    undo = one.undo(settled)
    assert one.shown() == both
    assert one.document.register("title") == shown
    one.undo(undo)
    assert [live.value for live in one.document.live("title")] == ["ours"]


def test_a_deletion_that_two_made_comes_back_when_both_are_taken_back() -> None:
    """The first undo does nothing that is seen."""
    one = Desk(1)
    two = one.apart(2)
    deletions = one.edit(Splice(0, 5, "")), two.edit(Splice(0, 5, ""))
    one.meet(two)
    one.undo(deletions[0])
    assert one.document.text() == TEXT[5:]
    last = one.undo(deletions[1])
    assert one.document.text() == TEXT
    one.undo(last)
    assert one.document.text() == TEXT[5:]


@pytest.mark.parametrize("edits", [[Splice(0, 5, "")], [Splice(0, 5, "peas")], [Splice(7, 4, ""), Splice(1, 2, "x")]])
def test_words_that_two_bring_back_at_once_settle_themselves(edits: list[Splice]) -> None:
    """They are the same words at the same place: the copy of the greater change goes, without anybody."""
    one = Desk(1)
    change = one.edit(*edits)
    after, two, three = one.document.text(), one.apart(2), one.apart(3)
    undos = [desk.undo(change) for desk in (one, two, three)]
    one.meet(two)
    one.meet(three)
    assert one.document.text() != TEXT
    settlements = Settlements()
    rulings = [ruling(conflict, settlements) for conflict in conflicts_of(one.document, settlements)]
    assert len(rulings) == len(edits)
    for each in rulings:
        assert each is not None
        assert each.rule == EQUAL
        assert each.losers == {*undos} - {min(undos)}
        one.edit(*each.edits)
    assert one.document.text() == TEXT
    redone = one.undo(undos[1])
    assert one.document.text() == after
    one.undo(redone)
    assert one.document.text() == TEXT


# ── a birth ──────────────────────────────────────────────────────────────────────────────────────


def test_the_undo_of_a_birth_deletes() -> None:
    """And is taken back like any change."""
    desk = Desk()
    before = desk.shown()
    undo = desk.undo(BIRTH_EVENT)
    assert desk.document.register("deleted") is True
    desk.undo(undo)
    assert desk.shown() == before
    desk.edit(Put("deleted", value=True))
    with pytest.raises(Refused, match="deleted already"):
        desk.undo(BIRTH_EVENT)


# ── what is written ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(20))
def test_an_undo_passes_the_gate_and_is_loaded_again(seed: int) -> None:
    """Other devices take it, and so does a restart."""
    lots, desk = random.Random(seed), Desk()
    for _ in range(6):
        change = desk.edit(*random_edits(lots, desk.document))
    for event in (change, desk.undo(change)):
        if desk.undos.stands(event):
            desk.undo(event)
    for change_ in desk.changes.values():
        gate(change_, admission=ADMISSION, kind="note", body=desk.document.body)
    loaded = Document.load(desk.document.save())
    assert loaded.text() == desk.document.text()
    assert loaded.registers() == desk.document.registers()
    assert loaded.disagreements() == ()


def test_a_long_text_is_never_removed() -> None:
    """Of two whole texts side by side one goes: the other is written once more, since a text cannot be taken out."""
    long = "x" * (TEXT_BYTES_MAX + 1)
    birth = Born({}, long, b"")
    one, two = (Document.born(DOCUMENT, birth) for _ in range(2))
    first, second = one.edit(actor(1), [Put("body", "mine")]), two.edit(actor(2), [Put("body", "theirs")])
    one.take([first, second])
    (swap,) = inverse(one, Reversal((Took(first),), first, stops=True))
    assert isinstance(swap, Swap)
    assert swap.values == ("theirs",)
    change = one.edit(actor(1), [swap])
    gate(change, admission=ADMISSION, kind="note", body=None)
    one.take([change])
    assert [live.value for live in one.live("body")] == ["theirs"]


def test_letters_go_and_come_by_name() -> None:
    """Whatever stands around them."""
    desk = Desk()
    letters = desk.document.folded().view(frozenset()).letters
    desk.edit(Strike(letters[:2]))
    desk.edit(Splice(0, 0, "__"))
    desk.edit(Revive(((letters[1], "e"),)))
    assert desk.document.text() == "__e" + TEXT[2:]
