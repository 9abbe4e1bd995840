"""Edits of a document as it was: they do there what was asked, and merge like those of a device that was away."""

from __future__ import annotations

import random

import pytest

from mesh.errors import Misuse, TooLarge
from mesh.limits import BODY_PLAIN_BYTES_MAX
from mesh.state import branching, past
from mesh.state.edits import Delete, Put, Splice
from tests.unit.state.desks import Desk
from tests.unit.state.writers import BIRTH, actor, random_edits


@pytest.mark.parametrize("seed", range(30))
def test_it_is_what_a_device_would_have_written_that_was_away(seed: int) -> None:
    """The same edits by a desk that had only that much and by a branch of the whole document: the same bytes."""
    lots = random.Random(seed)
    desk, other = Desk(1), Desk(2)
    for _ in range(lots.randint(0, 5)):
        who = lots.choice([desk, other])
        who.edit(*random_edits(lots, who.document))
        if lots.random() < 0.5:
            desk.meet(other)
    away = desk.apart(3)
    heads = away.document.heads
    for _ in range(lots.randint(1, 6)):
        desk.edit(*random_edits(lots, desk.document))
    other.edit(*random_edits(lots, other.document))
    desk.meet(other)
    edits = random_edits(lots, away.document)
    wanted = away.document.edit(actor(9), edits)
    made = branching.branch(desk.document, heads, actor(9), edits)
    assert made.raw == wanted.raw
    desk.keep(made)
    away.keep(wanted)
    assert past.at(desk.document, [made.hash]) == past.today(away.document)
    desk.meet(away)
    assert past.today(desk.document) == past.today(away.document)


def test_without_heads_it_is_the_birth() -> None:
    """A removal of what was not there yet is none; of what was there it is."""
    desk = Desk()
    desk.edit(Put("path", "x"), Splice(0, 5, "peas"))
    made = branching.branch(desk.document, (), actor(5), [Splice(0, 0, "more "), Delete("path"), Put("title", "t")])
    desk.keep(made)
    assert desk.document.text() == "peasmore " + BIRTH.text[5:]
    assert desk.document.registers() == {"title": "t", "tag/garden": True, "path": "x"}
    with pytest.raises(Misuse, match="nothing would change"):
        branching.branch(desk.document, (), actor(6), [Delete("path")])


def test_an_actor_begins_anew_and_an_edit_has_a_bound() -> None:
    """An actor that has written would leave a hole in its numbers."""
    desk = Desk()
    desk.edit(Put("title", "t"))
    with pytest.raises(Misuse, match="actor"):
        branching.branch(desk.document, (), actor(desk.number), [Put("title", "u")])
    with pytest.raises(TooLarge):
        branching.branch(desk.document, (), actor(5), [Put("title", "u" * BODY_PLAIN_BYTES_MAX)])


def test_what_a_document_has_not_is_not_known() -> None:
    """Then it cannot be edited as it was."""
    desk, other = Desk(1), Desk(2)
    mine, theirs = desk.edit(Put("title", "t")), other.edit(Put("title", "u"))
    assert branching.knows(desk.document, [mine])
    assert branching.knows(desk.document, [])
    assert not branching.knows(desk.document, [mine, theirs])
