"""Edits: the letters that they name are those that a plain list would have."""

import random

import pytest

from mesh.errors import Misuse, TooLarge
from mesh.limits import BODY_PLAIN_BYTES_MAX
from mesh.state.edits import Delete, Draft, Letters, Put, Splice
from mesh.state.operations import Action, Operation, OperationId

ACTOR, OTHER = bytes([1]) * 16, bytes([2]) * 16
BODY = OperationId(1, OTHER)


def letter(position: int) -> OperationId:
    """The letters of a text of old."""
    return OperationId(10 + position, OTHER)


def draft(length: int = 5) -> Draft:
    """A draft over a text of so many letters."""
    return Draft(100, ACTOR, BODY, Letters(length, letter))


def nothing(_: str) -> list[OperationId]:
    """No register holds a value."""
    return []


@pytest.mark.parametrize("seed", range(40))
def test_letters_are_those_of_a_list(seed: int) -> None:
    """Whatever is cut out and put in, in whatever order."""
    lots = random.Random(seed)
    model = [letter(position) for position in range(20)]
    letters = Letters(20, letter)
    for step in range(15):
        position = lots.randint(0, len(model))
        deleted = lots.randint(0, len(model) - position)
        inserted = [OperationId(1000 + 10 * step + i, ACTOR) for i in range(lots.randint(0, 4))]
        letters.splice(position, deleted, inserted)
        model[position : position + deleted] = inserted
        assert letters.length == len(model)
        assert [letters.letter(place) for place in range(len(model))] == model


def test_only_touched_letters_are_asked_for() -> None:
    """A text of many letters must not be read for one."""
    asked = []

    def at(position: int) -> OperationId:
        asked.append(position)
        return letter(position)

    Draft(100, ACTOR, BODY, Letters(10**5, at)).apply(Splice(500, 1, "ab"), nothing)
    assert set(asked) == {499, 500}


def test_text_is_written_in_single_characters() -> None:
    """Each stands on the one before it."""
    made = draft()
    made.apply(Splice(2, 1, "é🌱"), nothing)
    assert made.operations == [
        Operation(Action.DELETE, BODY, letter(2), before=(letter(2),)),
        Operation(Action.PUT, BODY, letter(1), insert=True, value="é"),
        Operation(Action.PUT, BODY, OperationId(101, ACTOR), insert=True, value="🌱"),
    ]


def test_a_later_splice_sees_the_earlier_one() -> None:
    """What was just written can be taken out again."""
    made = draft()
    made.apply(Splice(0, 0, "ab"), nothing)
    made.apply(Splice(1, 2, ""), nothing)
    own = OperationId(101, ACTOR)
    assert made.operations[2:] == [
        Operation(Action.DELETE, BODY, own, before=(own,)),
        Operation(Action.DELETE, BODY, letter(0), before=(letter(0),)),
    ]


def test_a_put_replaces_all_that_lives() -> None:
    """So one put ends a conflict, and a removal removes both sides."""
    both = [OperationId(9, OTHER), OperationId(9, ACTOR)]
    made = draft()
    made.apply(Put("a", 1), lambda _: both)
    made.apply(Delete("a"), lambda _: both)
    made.apply(Delete("a"), lambda _: both)
    assert [operation.before for operation in made.operations] == [tuple(both[::-1]), (OperationId(100, ACTOR),)]


@pytest.mark.parametrize("splice", [Splice(-1, 0, "a"), Splice(0, -1, "a"), Splice(5, 1, ""), Splice(6, 0, "a")])
def test_a_splice_stays_within_the_text(splice: Splice) -> None:
    """Our caller is told, with the length."""
    with pytest.raises(Misuse):
        draft().apply(splice, nothing)


def test_an_edit_is_bounded() -> None:
    """Text and operations."""
    with pytest.raises(TooLarge):
        draft().apply(Splice(0, 0, "x" * BODY_PLAIN_BYTES_MAX), nothing)
    with pytest.raises(TooLarge):
        draft().apply(Splice(0, 0, "x" * 70_000), nothing)


def test_a_text_that_grew_too_long_by_merging_can_be_cut() -> None:
    """Two devices may both fill it up; neither may be locked out."""
    made = draft(2 * BODY_PLAIN_BYTES_MAX)
    made.apply(Splice(0, 3, "abc"), nothing)
    assert len(made.operations) == 6
