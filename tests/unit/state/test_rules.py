"""Rules: what settles itself, and that no letter is lost by it; everything else is left to people."""

from __future__ import annotations

import random

import pytest

from mesh.events.kinds import Settled, Undone
from mesh.state.conflicts import Kind, conflicts_of
from mesh.state.edits import Put, Splice
from mesh.state.rules import EQUAL, PREFIX, Ruling, ruling
from mesh.state.settling import Settlements
from tests.unit.state.test_conflicts import Devices
from tests.unit.state.test_settling import event
from tests.unit.state.writers import BIRTH

END = len(BIRTH.text)


def ruled(devices: Devices) -> tuple[Ruling | None, ...]:
    """What the rules say to each open conflict, the same on every device."""
    found = devices.open()
    said = tuple(ruling(one, Settlements()) for one in found)
    for document in devices.held:
        assert tuple(ruling(one, Settlements()) for one in conflicts_of(document, Settlements())) == said
    return said


def applied(devices: Devices, one: Ruling, *by: int) -> Settlements:
    """What devices show after these have said it without hearing each other."""
    said = Settlements()
    for number, device in enumerate(by):
        devices.write(device, *one.edits)
        said.add(event(number), Settled(b"", one.conflict.name, one.conflict.prints, one.rule))
    devices.meet()
    assert len({document.text() for document in devices.held}) == 1
    return said


@pytest.mark.parametrize(
    "splice", [Splice(7, 0, "corn, "), Splice(7, 4, "corn"), Splice(END, 0, "\ncorn"), Splice(0, END, "x")]
)
@pytest.mark.parametrize("by", [(0,), (2,), (0, 1, 2)])
def test_the_same_words_stay_once_whoever_says_so(splice: Splice, by: tuple[int, ...]) -> None:
    """Also if all say it at once; the copy of the smallest change stays."""
    devices = Devices()
    changes = [devices.write(number, splice) for number in range(3)]
    (one,) = ruled(devices)
    assert one is not None
    assert one.rule == EQUAL
    assert one.losers == {change.hash for change in changes} - {min(change.hash for change in changes)}
    said = applied(devices, one, *by)
    text = BIRTH.text
    assert (
        devices.held[0].text() == text[: splice.position] + splice.inserted + text[splice.position + splice.deleted :]
    )
    assert all(conflicts_of(document, said) == () for document in devices.held)


def test_words_at_the_end_with_which_others_go_on_are_not_said_twice() -> None:
    """The longest stays, the others are in it."""
    devices = Devices()
    shorter = [devices.write(0, Splice(END, 0, "\nmilk")), devices.write(1, Splice(END, 0, "\nmilk, br"))]
    devices.write(2, Splice(END, 0, "\nmilk, bread"))
    (one,) = ruled(devices)
    assert one is not None
    assert one.rule == PREFIX
    assert one.losers == {change.hash for change in shorter}
    said = applied(devices, one, 1, 2)
    assert devices.held[0].text() == BIRTH.text + "\nmilk, bread"
    assert conflicts_of(devices.held[0], said) == ()


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (Splice(7, 0, "mi"), Splice(7, 0, "milk")),  # not at the end
        (Splice(END, 0, "milk"), Splice(END, 0, "silk")),
        (Splice(END, 0, "ilk"), Splice(END, 0, "milk")),  # at the end of it, not at its beginning
        (Splice(END - 1, 1, "m"), Splice(END - 1, 1, "milk")),  # something was replaced
        (Splice(7, 4, "corn"), Splice(7, 3, "corn")),  # not the same words were replaced
        (Splice(7, 4, "corn"), Splice(7, 4, "rye")),
        (Splice(7, 4, ""), Splice(7, 4, "rye")),
        (Splice(7, 4, ""), Splice(9, 0, "rye")),
        (Put("title", "a"), Put("title", "ab")),
    ],
)
def test_what_is_not_the_same_is_left_to_people(mine: Splice, theirs: Splice) -> None:
    """One side would lose something by it, or is no text."""
    devices = Devices(2)
    devices.write(0, mine)
    devices.write(1, theirs)
    assert ruled(devices) == (None,)


def test_a_copy_in_which_somebody_went_on_is_left_to_people() -> None:
    """Written or deleted inside: that is not in the other copy."""
    for inside, deleted, inserted in ((2, 0, "!"), (1, 1, "")):
        for copy in (0, 1):
            devices = Devices()
            devices.write(0, Splice(0, 0, "corn, "))
            devices.write(1, Splice(0, 0, "corn, "))
            devices.meet()
            devices.write(2, Splice(6 * copy + inside, deleted, inserted))
            assert ruled(devices) == (None,)


def test_a_rule_is_not_said_again_after_somebody_took_it_back() -> None:
    """Whatever a person thinks of it: the conflict is his then, and so it is while it is settled some other way."""
    devices = Devices()
    devices.write(0, Splice(0, 0, "corn, "))
    devices.write(1, Splice(0, 0, "corn, "))
    (found,) = devices.open()
    said = Settlements()
    said.add(event(1), Settled(b"", found.name, found.prints, EQUAL))
    said.add(event(2), Undone(b"", event(1)))
    assert conflicts_of(devices.held[0], said) == (found,)
    assert ruling(found, said) is None
    assert ruling(found, Settlements()) is not None


def test_lossless_in_random_worlds() -> None:
    """After any ruling every word that anybody wrote is still there, and nothing else is."""
    count = 0
    for seed in range(300):
        lots = random.Random(seed)
        devices = Devices()
        words = [lots.choice(["ab", "abc", "abcd", "b"]) for _ in range(3)]
        place, gone = lots.choice([(END, 0), (7, 0), (7, 2)])
        for number, word in enumerate(words):
            devices.write(number, Splice(place, gone, word))
        for one in ruled(devices):
            if one is not None:
                count += 1
                applied(devices, one, *lots.sample(range(3), lots.randint(1, 3)))
                longest = max(words, key=len)
                assert all(longest.startswith(word) for word in words)
                text = BIRTH.text
                assert devices.held[0].text() == text[:place] + longest + text[place + gone :]
                assert one.conflict.kind is Kind.TEXT
    assert count > 30
