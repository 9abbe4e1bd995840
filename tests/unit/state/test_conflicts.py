"""Conflicts of one document: what they are, what they are called, and when they are none; the same in any order."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

import pytest

from mesh.events.kinds import Born, Value
from mesh.names import DocumentId
from mesh.state.conflicts import Conflict, Kind, conflicts_of, fields, replaced_by
from mesh.state.documents import Document
from mesh.state.edits import Delete, Edit, Put, Splice, Swap
from mesh.state.operations import Change
from mesh.state.settling import Say, Settlements, edits_for
from tests.unit.state import overlap_worlds
from tests.unit.state.writers import BIRTH, DOCUMENT, actor

NOBODY = Settlements()


class Devices:
    """Devices with one document, which write apart and meet."""

    def __init__(self, count: int = 3, document: DocumentId = DOCUMENT, birth: Born = BIRTH) -> None:
        """Each with the document as it was born."""
        self.held = [Document.born(document, birth) for _ in range(count)]
        self.written: list[Change] = []

    def write(self, device: int, *edits: Edit) -> Change:
        """One change on a device."""
        change = self.held[device].edit(actor(device), edits)
        self.held[device].take([change])
        self.written.append(change)
        return change

    def meet(self) -> Document:
        """Everybody hears everything, in an order of his own."""
        for number, document in enumerate(self.held):
            document.take(random.Random(number).sample(self.written, len(self.written)))
        return self.held[0]

    def open(self) -> tuple[Conflict, ...]:
        """The conflicts after all have met, which are the same on all."""
        self.meet()
        found = [conflicts_of(document, NOBODY) for document in self.held]
        assert found == [found[0]] * len(found)
        return found[0]


def values(conflict: Conflict) -> list[Value]:
    """What its sides say."""
    return [side.value for side in conflict.sides]


def test_different_values_of_a_register_are_one_conflict_with_what_was_before() -> None:
    """The shown value is the first side; each side names the change that wrote it."""
    devices = Devices()
    one, other = devices.write(0, Put("title", "corn")), devices.write(1, Put("title", "rye"))
    (found,) = devices.open()
    assert (found.kind, found.field, found.ancestor) == (Kind.REGISTER, "title", "seeds")
    assert values(found) == [
        devices.held[0].register("title"),
        *({"corn", "rye"} - {devices.held[0].register("title")}),
    ]
    assert {side.change for side in found.sides} == {one.hash, other.hash}
    assert fields([found]) == ("title",)


def test_the_name_of_a_register_conflict_is_as_the_protocol_says() -> None:
    """Written out by hand, from the operations that live."""
    devices = Devices(2)
    for number, word in enumerate(("corn", "rye")):
        devices.write(number, Put("title", word))
    (found,) = devices.open()
    members = sorted(change.start.to_bytes(8, "big") + change.actor for change in devices.written)
    parts = [str(DOCUMENT).encode(), b"register", b"title", *members]
    text = b"mesh/conflict/1" + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    assert found.name == hashlib.sha256(text).digest()[:16]


def test_equal_values_agree_and_are_one_side() -> None:
    """Two devices that say the same are of one mind; beside a third one they are one side."""
    devices = Devices()
    devices.write(0, Put("title", "corn"))
    devices.write(1, Put("title", "corn"))
    assert devices.open() == ()
    devices.write(2, Put("path", "x.md"))  # stands on both
    assert devices.open() == ()
    apart = Devices()
    for number, word in enumerate(("corn", "corn", "rye")):
        apart.write(number, Put("title", word))
    (found,) = apart.open()
    assert sorted(map(str, values(found))) == ["corn", "rye"]


def test_a_flag_and_a_number_are_different_though_python_calls_them_equal() -> None:
    """1 and true, in a document of a type that allows both."""
    kind = DocumentId("home", "thing", DOCUMENT.name)
    held = [Document.born(kind, Born({"n": 0}, "", bytes(16))) for _ in range(2)]
    changes = [
        held[0].edit(actor(0), [Put("n", 1)]),
        held[1].edit(actor(1), [Put("n", value=True)]),
    ]
    held[0].take(changes)
    (found,) = conflicts_of(held[0], NOBODY)
    assert {(type(value), value) for value in values(found)} == {(int, 1), (bool, True)}
    assert (found.ancestor, type(found.ancestor)) == (0, int)


def test_writing_over_all_values_settles_and_writing_over_one_does_not() -> None:
    """Whoever saw both wrote over both; who saw one leaves the other where it is, under another name."""
    devices = Devices()
    devices.write(0, Put("title", "corn"))
    devices.write(1, Put("title", "rye"))
    (before,) = devices.open()
    third = devices.held[2]
    live = sorted(third.live_operations("title"))
    devices.write(2, Swap("title", (live[0],), ("oats",)))
    (after,) = devices.open()
    assert after.name != before.name
    assert len(after.sides) == 2
    assert "oats" in values(after)
    devices.write(0, Put("title", "barley"))
    assert devices.open() == ()


def test_the_ancestor_is_what_both_began_with_however_long_they_were_apart() -> None:
    """Several edits on each side; none where nothing was there, or where two values were."""
    devices = Devices()
    for word in ("a1", "a2", "a3"):
        devices.write(0, Put("title", word), Put("path", word))
    for word in ("b1", "b2"):
        devices.write(1, Put("title", word), Put("path", word))
    found = {conflict.field: conflict for conflict in devices.open()}
    assert found["title"].ancestor == "seeds"
    assert found["path"].ancestor is None
    devices.write(0, Put("title", "c"))
    devices.write(1, Put("title", "d"))
    (again,) = (conflict for conflict in devices.open() if conflict.field == "title")
    assert again.ancestor is None, "two values lived before these"


def test_values_that_one_change_put_side_by_side_have_no_ancestor() -> None:
    """As after a settlement was taken back."""
    devices = Devices()
    devices.write(0, Put("title", "corn"))
    (live,) = devices.held[0].live_operations("title")
    devices.write(0, Swap("title", (live,), ("rye", "oats")))
    (found,) = devices.open()
    assert (sorted(map(str, values(found))), found.ancestor) == (["oats", "rye"], None)


def test_one_rename_to_two_places_is_a_kind_of_its_own() -> None:
    """And a path that one side took away lives on by the other: no conflict."""
    devices = Devices()
    devices.write(0, Put("path", "a.md"))
    devices.meet()
    devices.write(0, Put("path", "b.md"))
    devices.write(1, Put("path", "c.md"))
    (found,) = devices.open()
    assert (found.kind, found.field, found.ancestor) == (Kind.RENAMED, "path", "a.md")
    devices.write(0, Delete("path"))
    devices.write(1, Put("title", "x"))
    assert devices.open() == ()


def test_deleting_against_editing_is_a_conflict_until_somebody_says_so_again() -> None:
    """Both members count: a second edit beside the deletion is another conflict."""
    devices = Devices()
    gone = devices.write(0, Put("deleted", value=True))
    edit = devices.write(1, Splice(0, 0, "more "))
    (found,) = devices.open()
    assert (found.kind, found.field, values(found)) == (Kind.DELETED, "deleted", ["deleted", "edited"])
    assert [side.change for side in found.sides] == [gone.hash, edit.hash]
    devices.write(2, Put("title", "seen both"))  # knows that it is deleted: nothing new
    assert devices.open() == (found,)
    devices.write(2, Put("deleted", value=True))
    assert devices.open() == ()


def test_a_second_edit_beside_a_deletion_makes_another_conflict_of_it() -> None:
    """Whoever settles the first one settles what he saw."""
    devices = Devices()
    devices.write(0, Put("deleted", value=True))
    devices.write(1, Put("title", "corn"))
    (one,) = devices.open()
    late = Devices()
    late.write(0, Put("deleted", value=True))
    late.write(1, Put("title", "corn"))
    newest = late.write(1, Put("title", "rye"))
    (two,) = late.open()
    assert one.name != two.name
    assert two.sides[1].change == newest.hash


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([Put("deleted", value=True)], [Put("deleted", value=True)]),
        ([Put("title", "x"), Put("deleted", value=True)], [Put("deleted", value=True)]),
        ([Put("deleted", value=False)], [Splice(0, 0, "x")]),
    ],
)
def test_what_is_no_conflict_with_a_deletion(mine: Sequence[Edit], theirs: Sequence[Edit]) -> None:
    """Two deletions agree, with the last words of one of them too; not deleted is nothing."""
    devices = Devices(2)
    devices.write(0, *mine)
    devices.write(1, *theirs)
    assert devices.open() == ()


@pytest.mark.parametrize(("kind", "key", "edit"), [("drop", "got/b", "state"), ("task", "ack/a-b", "title")])
def test_what_a_device_says_by_itself_is_no_edit_beside_a_deletion(kind: str, key: str, edit: str) -> None:
    """It fetches a file that is taken away meanwhile. With an edit in the same change it is one, and counts."""
    for also in ([], [Put(edit, "new")]):
        devices = Devices(2, DocumentId("home", kind, bytes(16)), Born({"title": "a.jsonl"}, "", bytes(16)))
        devices.write(0, Put("deleted", value=True))
        devices.write(1, Put(key, 7), *also)
        assert [found.kind for found in devices.open()] == ([Kind.DELETED] if also else [])


def test_deleted_here_and_brought_back_there_is_a_conflict_of_the_register() -> None:
    """And not a second one because of what was edited beside it."""
    devices = Devices()
    devices.write(2, Put("deleted", value=True))
    devices.meet()
    devices.write(0, Put("deleted", value=False), Put("title", "back"))
    devices.write(1, Put("deleted", value=True))
    (found,) = devices.open()
    assert (found.kind, found.field) == (Kind.REGISTER, "deleted")


def test_a_bare_change_beside_a_deletion_is_no_edit() -> None:
    """It does nothing, so nothing would be lost."""
    devices = Devices(2)
    devices.write(0, Put("deleted", value=True))
    bare = devices.held[1].edit(actor(1), (), bare=True)
    devices.held[1].take([bare])
    devices.written.append(bare)
    assert devices.open() == ()


@pytest.mark.parametrize("seed", range(30))
def test_a_region_in_whole_words_fits_the_text(seed: int) -> None:
    """Every value begins and ends with the same words that stand beside the region in the text as it is."""
    document = Document.born(overlap_worlds.DOCUMENT, overlap_worlds.BIRTH)
    document.take(overlap_worlds.world(seed))
    for one in conflicts_of(document, NOBODY):
        if one.region is None:
            continue
        left, right = one.words
        assert document.text()[one.start : one.start + one.length] == one.merged
        assert one.merged == left + one.region.merged + right
        assert values(one) == [left + side.text + right for side in one.region.sides]
        assert one.ancestor == left + one.region.ancestor + right
        assert not any(character.isspace() for character in left + right)


def test_words_that_a_region_cuts_are_shown_whole() -> None:
    """Edits are of letters, and people read words; where a region ends with a word nothing is added."""
    devices = Devices()
    text, word = devices.held[0].text(), "beans"
    place = text.index(word) + 2
    devices.write(0, Splice(place, 0, "XX"))
    devices.write(1, Splice(place, 0, "YY"))
    (found,) = devices.open()
    assert set(values(found)) == {f"{word[:2]}{letters}{word[2:]}" for letters in ("XX", "YY")}
    assert found.ancestor == word
    (whole,) = edits_for(devices.held[0], found, Say("other"))
    assert isinstance(whole, Splice)
    devices.write(0, whole)
    assert devices.held[0].text() == text.replace(word, "other", 1)


def test_a_region_that_cuts_no_word_is_shown_as_it_is() -> None:
    """A word that was put behind another one, with its space, does not change that one."""
    devices = Devices()
    place = devices.held[0].text().index("beans") + len("beans")
    devices.write(0, Splice(place, 0, " and corn"))
    devices.write(1, Splice(place, 0, " and rye"))
    (found,) = devices.open()
    assert set(values(found)) == {" and corn", " and rye"}
    assert (found.words, found.ancestor) == (("", ""), "")


def test_what_a_settlement_ended() -> None:
    """A register's conflict is found again in the change that replaced its values; what replaced one ended none."""
    devices = Devices()
    devices.write(0, Put("title", "corn"))
    before = devices.write(1, Put("title", "rye"))
    (found,) = devices.open()
    change = devices.write(2, Put("title", "oats"))
    document = devices.meet()
    assert replaced_by(document, change) == (found,)
    assert replaced_by(document, before) == ()
