"""Random lives in which things are taken back: an undo right away is exact, and independent work stays, always."""

from __future__ import annotations

import random

import pytest

from mesh.state.documents import Document
from mesh.state.edits import Put, Splice
from mesh.state.lines import BuiltOn
from tests.unit.state.desks import Desk
from tests.unit.state.writers import BIRTH, DOCUMENT, random_edits

TEXT = BIRTH.text


def in_the_way(desk: Desk, event: bytes) -> bytes:
    """Take an event back, or say which later change stands in the way."""
    try:
        desk.undo(event)
    except BuiltOn as error:
        return error.change
    return b""


@pytest.mark.parametrize("seed", range(30))
def test_all_the_way_back_and_forth_again(seed: int) -> None:
    """A person takes back change after change, the last first, and then all undos, the last first."""
    lots, desk = random.Random(seed), Desk()
    states, changes = [desk.shown()], []
    for _ in range(8):
        changes.append(desk.edit(*random_edits(lots, desk.document)))
        states.append(desk.shown())
    undos = []
    for change, state in zip(reversed(changes), reversed(states[:-1]), strict=True):
        undos.append(desk.undo(change))
        assert desk.shown() == state
    for undo, state in zip(reversed(undos), states[1:], strict=True):
        desk.undo(undo)
        assert desk.shown() == state
    assert desk.document.disagreements() == ()


@pytest.mark.parametrize("seed", range(40))
def test_in_a_world_of_three_an_undo_right_away_is_exact(seed: int) -> None:
    """Whatever lives side by side, whoever undid what before: undo gives back the state, and so does its undo."""
    lots = random.Random(seed)
    desks = [Desk(number) for number in range(3)]
    for _ in range(40):
        desk = lots.choice(desks)
        what = lots.random()
        if what < 0.25:
            desk.meet(lots.choice([other for other in desks if other is not desk]))
        elif what < 0.6:
            *edits, title = random_edits(lots, desk.document)
            desk.edit(*edits, title if lots.random() < 0.5 else Put("tag/c", value=True))
        elif what < 0.8:
            before = desk.shown()
            change = desk.edit(*random_edits(lots, desk.document))
            after = desk.shown()
            undo = desk.undo(change)
            assert desk.shown() == before
            if lots.random() < 0.5:
                desk.undo(undo)
                assert desk.shown() == after
        elif standing := [event for event in desk.changes if desk.undos.stands(event)]:
            chosen = lots.choice(standing)
            later = in_the_way(desk, chosen)
            assert not later or any(desk.document.history.stands_on(later, n) for n in desk.undos.plan(chosen).names)
    for one in desks:
        for other in desks:
            one.meet(other)
    assert len({str(desk.shown()) for desk in desks}) == 1
    assert desks[0].document.disagreements() == ()


@pytest.mark.parametrize("seed", range(40))
def test_with_void_changes_beneath_an_undo_right_away_is_exact(seed: int) -> None:
    """What does not count is not seen before, and not after; honoured work stands on it all the same."""
    lots = random.Random(seed)
    desks = [Desk(number) for number in range(3)]
    for _ in range(15):
        desk = lots.choice(desks)
        desk.edit(*random_edits(lots, desk.document))
        if lots.random() < 0.4:
            desk.meet(lots.choice([other for other in desks if other is not desk]))
    desk = desks[0]
    for other in desks[1:]:
        desk.meet(other)
    void = frozenset(change for change in desk.changes if lots.random() < 0.4)
    kept = [(digest, change) for digest, change in desk.changes.items() if digest not in void]
    below = [(digest, change) for digest, change in desk.changes.items() if digest in void]
    desk.document = Document.fold(DOCUMENT, BIRTH, [*kept, *below], void)
    desk.changes = {digest: change for digest, change in desk.changes.items() if desk.document.contains(digest)}
    desk.number = 9  # after a restart a device goes on as another actor
    for _ in range(6):
        before = desk.shown()
        change = desk.edit(*random_edits(lots, desk.document))
        after = desk.shown()
        undo = desk.undo(change)
        assert desk.shown() == before
        desk.undo(undo)
        assert desk.shown() == after
    honoured = [digest for digest, _ in kept if desk.document.contains(digest)]
    for digest in lots.sample(honoured, min(4, len(honoured))):
        in_the_way(desk, digest)
    assert desk.document.disagreements() == ()


@pytest.mark.parametrize("seed", range(40))
def test_independent_work_stays(seed: int) -> None:
    """Each change has a place and a tag of its own: what is shown is what the standing ones come to, in any order.

    Everybody takes back what is his own, with all the others at work beside it.
    """
    lots = random.Random(seed)
    desks = [Desk(number) for number in range(3)]
    places = "abcdefgh"
    desks[0].edit(Splice(0, len(TEXT), "".join(f"[{place}]" for place in places)))
    for desk in desks[1:]:
        desk.meet(desks[0])
    done: dict[bytes, str] = {}
    mine: list[list[bytes]] = [[] for _ in desks]
    free = list(places)
    for _ in range(40):
        desk = lots.choice(desks)
        if lots.random() < 0.3:
            desk.meet(lots.choice([other for other in desks if other is not desk]))
        if free and lots.random() < 0.4:
            place = free.pop()
            at = desk.document.text().index(f"[{place}]")
            event = desk.edit(Splice(at + 1, 1, place.upper() * 3), Put(f"tag/{place}", value=True))
            mine[desk.number].append(event)
            done[event] = place
        elif own := [e for e in mine[desk.number] if desk.undos.stands(e)]:
            mine[desk.number].append(desk.undo(lots.choice(own)))
        stand = {done[event] for event in desk.changes if event in done and desk.undos.stands(event)}
        wanted = "".join(f"[{place.upper() * 3 if place in stand else place}]" for place in places)
        assert desk.document.text() == wanted
        assert {key for key in desk.document.registers() if key.startswith("tag/")} == {
            "tag/garden", *(f"tag/{place}" for place in stand)
        }  # fmt: skip
