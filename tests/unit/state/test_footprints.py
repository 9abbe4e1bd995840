"""Footprints: what they are, how they are called, which of them overlap; held against texts and against geometry."""

import random
from functools import cache

import pytest

from mesh.events.kinds import Born
from mesh.names import DocumentId
from mesh.state.documents import Document
from mesh.state.edits import Put, Splice
from mesh.state.footprints import Footprint, footprints, operation_name, overlap, print_name
from mesh.state.moments import Moments
from mesh.state.operations import Change, OperationId
from tests.unit.state import writers
from tests.unit.state.overlap_worlds import BIRTH, DOCUMENT, Overlap, Seen, world
from tests.unit.state.writers import actor, hostile

LETTERS, WORLDS = 12, 1500
A, B, C, D = (OperationId(number, bytes(16)) for number in range(4, 8))
NEW = OperationId(99, bytes([1]) * 16)


def prints_of(document: Document, changes: list[Change]) -> list[Footprint]:
    """The footprints of changes that a document holds."""
    moments = Moments(document.folded(), document.history, 1)
    return list(footprints(moments, document.history, [change.hash for change in changes]))


def _print(left: OperationId | None, deleted: set[OperationId], right: OperationId | None, *, new: bool) -> Footprint:
    return Footprint(bytes(32), left, right, frozenset(deleted), (NEW,) if new else ())


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (_print(A, set(), B, new=True), _print(A, set(), B, new=True), True),
        (_print(A, set(), C, new=True), _print(A, set(), B, new=True), True),
        (_print(None, set(), C, new=True), _print(B, set(), C, new=True), True),
        (_print(None, set(), None, new=True), _print(None, set(), None, new=True), True),
        (_print(A, set(), B, new=True), _print(B, set(), C, new=True), False),
        (_print(None, set(), A, new=True), _print(B, set(), None, new=True), False),
        (_print(A, {B}, C, new=False), _print(A, {B}, C, new=False), False),
        (_print(A, {B}, C, new=True), _print(A, {B}, D, new=False), True),
        (_print(A, {B}, C, new=True), _print(B, set(), C, new=True), True),
        (_print(A, {B}, C, new=False), _print(B, set(), C, new=True), False),
        (_print(A, {B}, C, new=False), _print(A, set(), B, new=True), False),
        (_print(A, {B, C}, D, new=False), _print(B, set(), C, new=True), True),
        (_print(A, {B, C}, D, new=False), _print(B, {OperationId(50, bytes(16))}, C, new=True), False),
        (_print(None, {A}, B, new=False), _print(None, set(), A, new=True), False),
    ],
)
def test_what_overlaps(one: Footprint, other: Footprint, *, expected: bool) -> None:
    """The same from both sides."""
    assert overlap(one, other) is expected
    assert overlap(other, one) is expected


def test_the_name_is_of_the_document_the_change_and_the_place() -> None:
    """Each of the three makes another name, and nothing else does."""
    one = _print(A, {B}, C, new=True)
    elsewhere = DocumentId(DOCUMENT.space, DOCUMENT.type, bytes(16))
    others = [one._replace(left=None), one._replace(left=B), one._replace(change=bytes([1]) * 32)]
    names = {print_name(elsewhere, one), *(print_name(DOCUMENT, other) for other in (one, *others))}
    assert len(names) == len(others) + 2
    assert print_name(DOCUMENT, one) == print_name(DOCUMENT, _print(A, set(), None, new=False))
    assert operation_name(None) == b""
    assert operation_name(A) == (4).to_bytes(8, "big") + bytes(16)


@pytest.mark.parametrize("seed", range(25))
def test_footprints_are_what_the_texts_before_and_after_say(seed: int) -> None:
    """As Automerge has the letters before and after each change; every change of a world, asked for in any order."""
    changes, lots = world(seed), random.Random(seed)
    seen = Seen(changes)
    document = Document.born(DOCUMENT, BIRTH)
    document.take(lots.sample(changes, len(changes)))
    found = prints_of(document, lots.sample(changes, len(changes)))
    assert sorted(found, key=repr) == sorted((one for change in changes for one in seen.prints(change)), key=repr)


@pytest.mark.parametrize("seed", range(20))
def test_footprints_of_those_who_break_every_rule(seed: int) -> None:
    """Who deletes what is gone, what it just wrote, or one letter twice has a footprint of what could be seen of it."""
    document = Document.born(writers.DOCUMENT, writers.BIRTH)
    written = hostile(seed)
    document.take(written)
    held = [change for change in written if document.contains(change.hash)]
    held.sort(key=lambda change: (change.start, change.hash))
    seen = Seen(held, birth=writers.BIRTH)
    assert sorted(prints_of(document, held), key=repr) == sorted((p for c in held for p in seen.prints(c)), key=repr)


def test_a_letter_that_was_gone_leaves_no_footprint() -> None:
    """Nor does one that a change put there and took away again."""
    document = Document.born(DOCUMENT, BIRTH)
    changes = [document.edit(actor(1), [Splice(3, 0, "xy"), Splice(3, 2, ""), Put("title", "t")])]
    assert document.take(changes).applied
    assert prints_of(document, changes) == []


# ---------------------------------------------------------------- geometry


def geometry(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    """Whether two edits of one text overlap, from where each begins, what it deletes and how much it inserts."""
    (a, d, k), (b, e, m) = one, other
    if not (k or m):
        return False
    if d and e and max(a, b) < min(a + d, b + e):
        return True
    if k and m and a <= b + e and b <= a + d:
        return True
    return (not d and b < a < b + e) or (not e and a < b < a + d)


def two_edits(seed: int) -> tuple[str, list[Splice]]:
    """A text of few letters that equal each other, and two edits of it."""
    lots = random.Random(seed)
    edits = []
    for _ in range(2):
        place = lots.randint(0, LETTERS)
        deleted = min(LETTERS - place, lots.choice([0, 0, 1, 2, 4]))
        edits.append(Splice(place, deleted, "".join(lots.choices("ab", k=lots.randint(not deleted, 2)))))
    return "".join(lots.choices("ab", k=LETTERS)), edits


def expected_of(seed: int) -> bool:
    """What geometry says of two edits."""
    one, other = ((edit.position, edit.deleted, len(edit.inserted)) for edit in two_edits(seed)[1])
    return geometry(one, other)


@cache
def sketches() -> tuple[tuple[bool, Footprint, Footprint], ...]:
    """What geometry says of two edits, and their footprints."""
    out = []
    for seed in range(WORLDS):
        text, edits = two_edits(seed)
        document = Document.born(DOCUMENT, Born({}, text, b""))
        changes = [document.edit(actor(number), [edit]) for number, edit in enumerate(edits)]
        document.take(changes)
        one, other = prints_of(document, changes)
        out.append((expected_of(seed), one, other))
    return tuple(out)


def wrong_with(rule: Overlap) -> list[int]:
    """The worlds in which a rule says something else than geometry."""
    return [seed for seed, (expected, one, other) in enumerate(sketches()) if rule(one, other) != expected]


def test_what_overlaps_is_what_geometry_says() -> None:
    """In worlds of two edits whose letters tell nothing."""
    assert sum(expected for expected, _, _ in sketches()) > WORLDS // 8
    assert wrong_with(overlap) == []


def _no_gaps(one: Footprint, other: Footprint) -> bool:
    gap = (one.inserted and not one.deleted) != (other.inserted and not other.deleted)
    return overlap(one, other) and not (gap and not (one.inserted and other.inserted))


def _no_neighbours(one: Footprint, other: Footprint) -> bool:
    apart = one._replace(left=A, right=B), other._replace(left=C, right=D)
    return overlap(*apart) or (not (one.inserted and other.inserted) and overlap(one, other))


def _agreement_as_conflict(one: Footprint, other: Footprint) -> bool:
    return overlap(one, other) or not one.deleted.isdisjoint(other.deleted)


def _one_sided(one: Footprint, other: Footprint) -> bool:
    return overlap(one, other) and (one.right == other.right or not one.deleted.isdisjoint(other.deleted))


@pytest.mark.parametrize("wrong", [_no_gaps, _no_neighbours, _agreement_as_conflict, _one_sided])
def test_geometry_tells_a_wrong_rule(wrong: Overlap) -> None:
    """Without the rule of gaps, with neighbours overlooked, with agreement counted, with one neighbour only."""
    assert wrong_with(wrong)


def test_geometry_tells_who_compares_letters_and_not_their_names() -> None:
    """Common beginnings and endings of two texts are not what stayed: equal letters are not the same letter."""
    wrong = 0
    for seed in range(WORLDS):
        text, edits = two_edits(seed)
        afters = [text[: e.position] + e.inserted + text[e.position + e.deleted :] for e in edits]
        one, other = (_by_text(text, after) for after in afters)
        wrong += geometry(one, other) != expected_of(seed)
    assert wrong


def _by_text(before: str, after: str) -> tuple[int, int, int]:
    """Where two texts differ, without a look at the names of their letters."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    return head, len(before) - head - tail, len(after) - head - tail
