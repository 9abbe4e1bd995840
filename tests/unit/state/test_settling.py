"""Settling conflicts: what is in effect through any chain of undoing, and what must be written for each choice."""

from __future__ import annotations

import itertools
import random

import pytest

from mesh.errors import Misuse, Refused
from mesh.events.kinds import Carrier, Changed, Settled, Undone
from mesh.limits import PATH_BYTES_MAX
from mesh.names import Digest
from mesh.state.conflicts import Conflict, Kind, Side, conflicts_of
from mesh.state.edits import Edit, Put, Splice
from mesh.state.settling import Choice, Merge, Say, Settlements, Take, edits_for, moved_aside, named_together
from tests.unit.state.test_conflicts import Devices
from tests.unit.state.writers import BIRTH, actor


def event(number: int) -> Digest:
    """The n-th event of a test."""
    return Digest(bytes([number]) * 32)


def name(number: int) -> bytes:
    """The n-th conflict, or edit, of a test."""
    return bytes([number]) * 16


def settlements(*said: tuple[int, Carrier]) -> Settlements:
    """What these events come to."""
    made = Settlements()
    for number, body in said:
        made.add(event(number), body)
    return made


def test_a_settlement_holds_until_it_is_taken_back_and_again_when_that_is() -> None:
    """Any depth, and whatever comes first."""
    chain: list[tuple[int, Carrier]] = [(1, Settled(b"", name(9), (name(1), name(2))))]
    for number in range(2, 40):
        chain.append((number, Undone(b"", event(number - 1))))
        shuffled = random.Random(number).sample(chain, len(chain))
        found = settlements(*shuffled)
        holds = number % 2 == 1
        assert found.effective(event(1)) is holds
        assert found.settled(name(1), name(2)) is holds
        assert (found.undone_by(event(1)) is None) is holds


def test_two_who_take_back_must_both_be_taken_back() -> None:
    """One of them alone leaves it taken back."""
    said: list[tuple[int, Carrier]] = [
        (1, Settled(b"", name(9))),
        (2, Undone(b"", event(1))),
        (3, Undone(b"", event(1))),
        (4, Undone(b"", event(2))),
    ]
    found = settlements(*said)
    assert not found.effective(event(1))
    assert found.undone_by(event(1)) == event(3)
    found.add(event(5), Undone(b"", event(3)))
    assert found.effective(event(1)), "what was known before does not stand in the way"


def test_a_chain_of_ten_thousand_is_no_danger() -> None:
    """Somebody hostile may take back what took back, for ever."""
    made = Settlements()
    names = [Digest(number.to_bytes(32, "big")) for number in range(10_000)]
    for one, other in itertools.pairwise(names):
        made.add(other, Undone(b"", one))
    assert made.effective(names[0]) is bool(len(names) % 2)


def test_only_edits_that_are_named_together_are_settled() -> None:
    """And a settlement names its conflict."""
    found = settlements(
        (1, Settled(b"", name(9), (name(1), name(2)))),
        (2, Settled(b"", name(8), (name(2), name(3)))),
        (3, Changed(b"")),
    )
    assert found.settled(name(1), name(2))
    assert found.settled(name(3), name(2))
    assert not found.settled(name(1), name(3))
    assert not found.settled(name(1), name(7))
    assert (found.of(name(9)), found.of(name(7))) == ((event(1),), ())
    assert found
    assert not settlements((3, Changed(b"")))


@pytest.mark.parametrize(("count", "most"), [(3, 4), (4, 4), (5, 4), (17, 4), (9, 6)])
def test_any_two_edits_are_named_together_by_some_settlement(count: int, most: int) -> None:
    """However many there are, and none names too many."""
    prints = [name(number) for number in range(count)]
    found = named_together([*prints, prints[0]], most)
    together = {pair for names in found for pair in itertools.combinations(names, 2)}
    assert together >= set(itertools.combinations(prints, 2))
    assert all(len(names) <= most and list(names) == sorted(set(names)) for names in found)


def apart() -> tuple[Devices, Conflict]:
    """Two titles."""
    devices = Devices()
    devices.write(0, Put("title", "corn"))
    devices.write(1, Put("title", "rye"))
    (found,) = devices.open()
    return devices, found


@pytest.mark.parametrize("choice", [Take(0), Take(1), Say("oats")])
def test_a_register_becomes_what_was_chosen_on_all_devices(choice: Choice) -> None:
    """And nothing is open then."""
    devices, found = apart()
    wanted = found.sides[choice.side].value if isinstance(choice, Take) else "oats"
    devices.write(2, *edits_for(devices.held[2], found, choice))
    assert devices.open() == ()
    assert [document.register("title") for document in devices.held] == [wanted] * 3


@pytest.mark.parametrize("side", [0, 1])
def test_deleted_or_not_is_settled_either_way(side: int) -> None:
    """The edit stays in what is deleted."""
    devices = Devices()
    devices.write(0, Put("deleted", value=True))
    devices.write(1, Put("title", "corn"))
    (found,) = devices.open()
    devices.write(2, *edits_for(devices.held[2], found, Take(side)))
    assert devices.open() == ()
    assert devices.held[0].register("deleted") is (side == 0)
    assert devices.held[0].register("title") == "corn"


def test_what_cannot_be_said_is_refused() -> None:
    """A side that is not there, a merge of registers, a value that the document cannot hold."""
    devices, found = apart()
    document = devices.held[0]
    for choice in (Take(2), Take(-1), Merge(), Say("two\nlines")):
        with pytest.raises(Misuse):
            edits_for(document, found, choice)
    with pytest.raises(Refused):
        edits_for(document, found, Say(7))
    gone = Conflict(name(1), Kind.DELETED, "deleted", (Side("deleted", b""), Side("edited", b"")), None)
    with pytest.raises(Misuse):
        edits_for(document, gone, Say("perhaps"))
    with pytest.raises(Misuse):
        edits_for(document, Conflict(name(1), Kind.PATH, "path", (), None), Say("x"))


CHOICES: tuple[Choice, ...] = (Take(0), Take(1), Say("three peas and corn"), Say(""), Merge())


@pytest.mark.parametrize("choice", CHOICES)
def test_a_region_of_a_text_becomes_what_was_chosen_and_nothing_around_it(choice: Choice) -> None:
    """On all devices, and it is settled then; what a third one wrote elsewhere meanwhile stays."""
    devices = Devices()
    devices.write(0, Splice(7, 4, "two peas"))
    devices.write(1, Splice(7, 4, "five peas"))
    (found,) = devices.open()
    assert {side.value for side in found.sides} == {"two peas", "five peas"}
    assert (found.ancestor, found.start, found.length) == (BIRTH.text[7:11], 7, len(found.merged))
    wanted = found.sides[choice.side].value if isinstance(choice, Take) else getattr(choice, "value", found.merged)
    edits = edits_for(devices.held[2], found, choice)
    devices.write(1, Splice(0, 0, "> "))
    settled = devices.held[2].edit(actor(2), edits, bare=True)
    devices.held[2].take([settled])
    devices.written.append(settled)
    said = settlements((1, Settled(b"", found.name, found.prints)))
    assert devices.meet().text() == f"> beans, {wanted} 🌱"
    assert all(conflicts_of(document, said) == () for document in devices.held)


def test_to_take_a_side_is_to_write_only_what_differs() -> None:
    """Letters that stay keep their names: whoever wrote beside them meanwhile finds his place."""
    devices = Devices()
    devices.write(0, Splice(0, 5, "big beans"), Splice(13, 0, "green "))
    devices.write(1, Splice(0, 5, "small beans"))
    (found,) = devices.open()
    for side in (0, 1):
        for one in edits_for(devices.held[2], found, Take(side)):
            assert isinstance(one, Splice)
            assert one.deleted + len(one.inserted) < len(found.merged)


def test_a_text_is_settled_by_a_text() -> None:
    """And only by what is there."""
    devices = Devices()
    devices.write(0, Splice(0, 0, "a"))
    devices.write(1, Splice(0, 0, "b"))
    (found,) = devices.open()
    for choice in (Say(value=True), Take(2)):
        with pytest.raises(Misuse):
            edits_for(devices.held[0], found, choice)


def test_a_settled_conflict_is_open_again_as_another_one_when_two_settle_it_differently() -> None:
    """Equal choices agree."""
    for words, left in ((("oats", "barley"), 1), (("oats", "oats"), 0)):
        devices, found = apart()
        for number, word in enumerate(words):
            devices.write(number, *edits_for(devices.held[number], found, Say(word)))
        after = devices.open()
        assert len(after) == left
        assert all(one.name != found.name for one in after)
        assert all(one.ancestor is None for one in after), "two values lived before"


@pytest.mark.parametrize(
    ("path", "taken", "wanted"),
    [
        ("a.md", (), "a (phone).md"),
        ("in/a.b.md", ("in/a.b (phone).md",), "in/a.b (phone 2).md"),
        ("in.d/a", (), "in.d/a (phone)"),
        (".profile", (), ".profile (phone)"),
    ],
)
def test_a_document_gives_way_to_a_free_name_beside_it(path: str, taken: tuple[str, ...], wanted: str) -> None:
    """With its extension, which says what it is."""
    assert moved_aside(path, "phone", taken.__contains__) == wanted


def test_a_name_beside_is_a_path_like_any_other() -> None:
    """Nobody's device name makes a folder or a line break, and a long path stays within the bound."""
    assert moved_aside("a.md", "a/b\nc", lambda _: False) == "a (a-bc).md"
    long = moved_aside("é" * 510 + ".md", "phone", lambda _: False)
    assert len(long.encode()) <= PATH_BYTES_MAX
    assert long.endswith(" (phone).md")
    with pytest.raises(Refused):
        moved_aside("a.md", "phone", lambda _: True)
    edits: list[Edit] = [Put("path", long)]
    Devices(1).write(0, *edits)
