"""What fits, what waits and what is refused: a function of the set of changes."""

import random

import pytest

from mesh.state.genesis import derive
from mesh.state.intake import NONE, OUTDONE, Intake, Taken, contest
from mesh.state.operations import Change
from tests.unit.state import writers
from tests.unit.state.writers import BIRTH, DOCUMENT

GENESIS = derive(DOCUMENT, BIRTH)


@pytest.mark.parametrize("seed", range(40))
def test_the_order_decides_nothing(seed: int) -> None:
    """All at once or one by one, forwards or shuffled."""
    lots = random.Random(seed)
    written = writers.hostile(seed)
    written, _ = contest((change.hash, change) for change in written)
    whole = Intake.begun(GENESIS)
    whole.admit(written)
    lots.shuffle(written)
    single = Intake.begun(GENESIS)
    for change in written:
        single.admit([change])
    assert single.report([], doubled=False) == whole.report([], doubled=False)
    assert single.history.heads == whole.history.heads
    assert len(single.history) == len(whole.history)


def test_each_change_comes_after_what_it_stands_on() -> None:
    """Automerge gets them in this order, so nothing waits inside it."""
    written = writers.honest(5)[::-1]
    seen = {GENESIS.hash}
    for change in Intake.begun(GENESIS).admit(written):
        assert seen.issuperset(change.dependencies)
        seen.add(change.hash)
    assert len(seen) == 1 + len(written)


def test_a_number_is_doubled_wherever_the_other_change_is() -> None:
    """In the history, waiting, refused, or in the same delivery."""
    first, second = writers.honest(1, steps=2, devices=1)
    rival, other = writers.honest(2, steps=2, devices=1)
    intake = Intake.begun(GENESIS)
    assert intake.doubled([first, rival])
    assert not intake.doubled([first, first])
    intake.admit([second])
    assert intake.doubled([other])
    assert not intake.doubled([first, second])
    intake.admit([first])
    assert intake.doubled([rival])
    refusing = Intake.begun(GENESIS)
    refusing.refuse(first, "for a reason")
    assert refusing.doubled([rival])
    assert refusing.knows(first.hash)


def test_a_change_that_was_outdone_leaves_its_number() -> None:
    """The winner and its children go on, and nothing is told twice."""
    first, second = writers.honest(1, steps=2, devices=1)
    rival, _ = writers.honest(2, steps=2, devices=1)
    winners, outdone = contest([(b"\x02", first), (b"\x01", rival), (b"\x03", second)])
    assert outdone == [first]
    intake = Intake.begun(GENESIS)
    intake.refuse(first, OUTDONE)
    assert not intake.doubled(winners)
    assert intake.admit(winners) == [rival]
    assert intake.report([rival], doubled=False) == Taken(
        (rival.hash,), (second.hash,), ((first.hash, OUTDONE),), doubled=False
    )


def test_the_same_change_in_two_events_is_no_contest() -> None:
    """Its smaller event digest speaks for it."""
    first = writers.honest(1, steps=1)[0]
    rival = writers.honest(2, steps=1, devices=1)[0]
    events = [(b"\x05", first), (b"\x01", first)]
    assert contest(events) == ([first], [])
    if rival.actor == first.actor:
        assert contest([*events, (b"\x02", rival)]) == ([first], [rival])


@pytest.mark.parametrize("seed", range(40))
def test_the_order_decides_nothing_where_some_are_void(seed: int) -> None:
    """What is in the document, what is hidden in it, what is aside: all at once or one by one."""
    lots = random.Random(seed)
    written = writers.hostile(seed)
    void = frozenset(change.hash for change in written if lots.random() < 0.4)
    written, _ = contest(((change.hash, change) for change in written), void)
    whole = Intake.begun(GENESIS)
    whole.admit(written, void)
    lots.shuffle(written)
    single = Intake.begun(GENESIS)
    for change in written:
        single.admit([change], void)
    assert single.report([], doubled=False) == whole.report([], doubled=False)
    assert single.history.heads == whole.history.heads
    assert (single.hidden, single.void) == (whole.hidden, whole.void)
    held = {change.hash: change for change in written}
    assert whole.hidden == _beneath(held, void, whole) & void
    assert not whole.hidden & set(whole.aside)


def _beneath(held: dict[bytes, Change], void: frozenset[bytes], intake: Intake) -> set[bytes]:
    """Everything that honoured changes in the document stand on, by a walk."""
    found: set[bytes] = set()
    open_ = [digest for digest in held if digest in intake.history and digest not in void]
    while open_:
        for name in held[open_.pop()].dependencies:
            if name in held and name not in found:
                found.add(name)
                open_.append(name)
    return found


def test_a_contest_asks_first_whether_it_counts_then_whether_somebody_stands_on_it() -> None:
    """Only then the digests of events decide, as they do between two that count."""
    first, second = writers.honest(1, steps=2, devices=1)
    rival, _ = writers.honest(2, steps=2, devices=1)
    events = [(b"\x02", first), (b"\x01", rival), (b"\x03", second)]
    assert contest(events)[1] == [first]
    assert contest(events, {rival.hash})[1] == [rival]
    assert contest(events, {first.hash})[1] == [first]
    assert contest(events, {first.hash, rival.hash})[1] == [rival]
    assert contest(events, {first.hash, rival.hash, second.hash})[1] == [first]


def test_a_contest_between_void_changes_can_be_turned() -> None:
    """By a change that counts and stands on the one that was outdone, or on what waits for it."""
    first, second, third = writers.honest(1, steps=3, devices=1)
    rival = writers.honest(2, steps=1, devices=1)[0]
    intake = Intake.begun(GENESIS)
    assert not intake.unsettled([second], NONE)
    intake.refuse(first, OUTDONE, {first.hash})
    intake.admit([rival], {rival.hash})
    assert intake.unsettled([second], NONE)
    assert not intake.unsettled([third], NONE)
    intake.admit([third])
    assert intake.unsettled([second], NONE)
    assert intake.unsettled([rival], NONE)
    assert not intake.unsettled([rival], {rival.hash})
