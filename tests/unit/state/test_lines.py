"""Lines: what an undo brings back stands for what had gone, whoever wrote around it, and nothing else does."""

from __future__ import annotations

from mesh.state.edits import Edit, Put, Revive, Splice, Strike, Swap
from mesh.state.lines import Reversal, Took
from mesh.state.undoing import inverse
from tests.unit.state.desks import Desk
from tests.unit.state.writers import BIRTH

TEXT = BIRTH.text


def inverse_of(desk: Desk, event: bytes, *undos: bytes) -> tuple[Edit, ...]:
    """What would take a change back, where these changes are undos."""
    change = desk.changes[event]
    return inverse(desk.document, Reversal((Took(change),), change, stops=True, undos=frozenset(undos)))


def test_a_letter_that_an_undo_wrote_behind_another_one_stands_for_that_only_if_it_is_the_same() -> None:
    """Whatever a later version, or a stranger, puts into an undo: it is text of its own then."""
    desk = Desk()
    first = desk.edit(Splice(0, 0, "a"))
    name = desk.document.folded().view(frozenset()).letters[0]
    desk.edit(Strike((name,)))
    other = desk.edit(Revive(((name, "b"),)))
    assert inverse_of(desk, first, *list(desk.changes)[1:]) == ()
    desk.edit(Splice(0, 1, ""))
    same = desk.edit(Revive(((name, "a"),)))
    (strike,) = inverse_of(desk, first, other, same, list(desk.changes)[1], list(desk.changes)[3])
    assert isinstance(strike, Strike)
    assert len(strike.letters) == 1


def test_a_value_that_an_undo_wrote_stands_for_the_oldest_of_that_value_that_it_replaces() -> None:
    """So it goes when that goes; a value of its own stays."""
    desk = Desk()
    first = desk.edit(Put("title", "a"))
    (name,) = desk.document.live_operations("title")
    second = desk.edit(Put("title", "b"))
    (live,) = desk.document.live_operations("title")
    again = desk.edit(Swap("title", (live,), ("a",), (name,)))
    desk.pairs[again] = second
    desk.undo(first)
    assert [live.value for live in desk.document.live("title")] == ["seeds"]


def test_what_several_deleted_comes_back_with_the_last_of_their_undos() -> None:
    """Three people delete the same words at once."""
    one = Desk(1)
    two, three = one.apart(2), one.apart(3)
    deletions = [desk.edit(Splice(0, 5, "")) for desk in (one, two, three)]
    one.meet(two)
    one.meet(three)
    for deletion in deletions:
        assert one.document.text() == TEXT[5:]
        one.undo(deletion)
    assert one.document.text() == TEXT


def test_words_that_came_back_stay_in_their_place_among_what_others_wrote() -> None:
    """In front of them, behind them and where they had been."""
    desk = Desk()
    gone = desk.edit(Splice(2, 2, ""))
    desk.edit(Splice(2, 0, "<>"))
    desk.edit(Splice(0, 0, "["))
    desk.undo(gone)
    assert desk.document.text().replace("<>", "") == "[" + TEXT
    assert "an<>" in desk.document.text() or "<>an" in desk.document.text()
