"""Comparing: any one difference between two trees is found in five messages, and hostile ones are bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Malformed, Refused, TooLarge
from mesh.events import cbor
from mesh.limits import (
    COMPARE_BRANCHES,
    COMPARE_BYTES_MAX,
    COMPARE_EVENTS_MAX,
    COMPARE_KEY_BYTES,
    COMPARE_LEAVES_MAX,
    COMPARE_NODES,
    COMPARE_PRINT_BYTES,
)
from mesh.names import ZERO, Digest, DocumentId
from mesh.state import digest as tree
from mesh.sync import comparing
from mesh.sync.comparing import Buckets, Events, Finding, Leaves, Message, Nodes, decode, encode
from tests.unit.small_mesh import NOTE, fixed

NODE_PRINTS, BUCKET_PRINTS = COMPARE_NODES * COMPARE_PRINT_BYTES, COMPARE_BRANCHES * COMPARE_PRINT_BYTES
DIGESTS = st.binary(min_size=32, max_size=32).map(Digest)
EVENTS = [Digest(fixed(32, "event", n)) for n in range(40)]
DOCUMENTS = st.none() | st.binary(min_size=16, max_size=16).map(lambda name: DocumentId("home", "note", name))


def leaves_of(count: int) -> dict[Digest, Digest]:
    """Leaves of so many documents."""
    return {Digest(fixed(32, "key", n)): Digest(fixed(32, "leaf", n)) for n in range(count)}


MESSAGES = st.one_of(
    st.builds(Nodes, st.booleans(), st.binary(min_size=NODE_PRINTS, max_size=NODE_PRINTS)),
    st.builds(Buckets, st.booleans(), st.integers(0, 255), st.binary(min_size=BUCKET_PRINTS, max_size=BUCKET_PRINTS)),
    st.builds(
        Leaves, st.booleans(), st.integers(0, 4095), st.integers(0, 9).map(leaves_of).map(comparing.packed_leaves)
    ),
    st.builds(
        Events,
        st.booleans(),
        st.binary(min_size=16, max_size=16),
        DOCUMENTS,
        st.lists(DIGESTS, max_size=9).map(comparing.packed_events),
    ),
    st.builds(Finding, st.booleans(), DOCUMENTS, DIGESTS, st.booleans()),
    st.builds(Finding, st.booleans(), DOCUMENTS, st.none(), st.just(False)),  # noqa: FBT003 - a strategy of one value
)


@given(MESSAGES)
def test_a_message_is_read_back(message: Message) -> None:
    """What encode writes, decode reads."""
    assert decode(encode(message)) == message


@given(MESSAGES.map(encode) | st.binary(max_size=60), st.data())
def test_foreign_bytes_are_refused_or_canonical(raw: bytes, data: st.DataObject) -> None:
    """Bytes from anywhere are refused, or the one encoding of a message."""
    altered = bytearray(raw)
    if raw:
        altered[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(altered))
    except Refused:
        return
    assert encode(found) == bytes(altered)


KEY = bytes(COMPARE_KEY_BYTES)
LEAF = bytes(COMPARE_KEY_BYTES + COMPARE_PRINT_BYTES)
WRONG: dict[str, tuple[list[object], type[Refused]]] = {
    "no_form": (["guess", True], Malformed),
    "no_fields": ([], Malformed),
    "a_node_too_few": (["nodes", True, bytes(NODE_PRINTS - 8)], Malformed),
    "a_number_for_yes": (["nodes", 1, bytes(NODE_PRINTS)], Malformed),
    "a_node_out_of_range": (["buckets", True, COMPARE_NODES, bytes(BUCKET_PRINTS)], Malformed),
    "a_node_below_zero": (["buckets", True, -1, bytes(BUCKET_PRINTS)], Malformed),
    "yes_for_a_node": (["buckets", True, True, bytes(BUCKET_PRINTS)], Malformed),
    "a_bucket_out_of_range": (["leaves", True, tree.BUCKETS, b""], Malformed),
    "half_a_leaf": (["leaves", True, 0, LEAF[:-1]], Malformed),
    "a_leaf_twice": (["leaves", True, 0, LEAF * 2], Malformed),
    "leaves_without_end": (["leaves", True, 0, LEAF * (COMPARE_LEAVES_MAX + 1)], TooLarge),
    "half_an_event": (["events", True, KEY, "", b"1234567"], Malformed),
    "a_short_key": (["events", True, b"key", "", b""], Malformed),
    "no_document": (["events", True, KEY, "home/note/x", b""], Malformed),
    "events_without_end": (["events", True, KEY, "", bytes(COMPARE_PRINT_BYTES * (COMPARE_EVENTS_MAX + 1))], TooLarge),
    "a_short_event": (["finding", True, "", b"event", True], Malformed),
    "nothing_counts": (["finding", True, "", b"", True], Malformed),
}


@pytest.mark.parametrize(("fields", "error"), WRONG.values(), ids=WRONG.keys())
def test_attack_a_message_outside_its_bounds(fields: list[object], error: type[Refused]) -> None:
    """Each part has its form and its bound."""
    with pytest.raises(error):
        decode(cbor.encode(fields))


def test_the_largest_messages_fit() -> None:
    """As many leaves, and as many events, as are allowed travel in one message."""
    leaves = comparing.packed_leaves(leaves_of(COMPARE_LEAVES_MAX + 9))
    events = bytes(COMPARE_PRINT_BYTES * COMPARE_EVENTS_MAX)
    for message in (Leaves(False, 0, leaves), Events(False, KEY, NOTE, events)):  # noqa: FBT003 - a field
        raw = encode(message)
        assert len(raw) < COMPARE_BYTES_MAX
        assert decode(raw) == message


def test_the_shape_is_that_of_the_trees() -> None:
    """Nodes, branches and buckets are those of the state digest."""
    assert tree.BRANCHES == COMPARE_BRANCHES
    assert tree.BUCKETS == COMPARE_NODES * COMPARE_BRANCHES


# ---------------------------------------------------------------- what differs


@given(st.integers(0, 15), st.data())
def test_the_first_place_that_differs(place: int, data: st.DataObject) -> None:
    """Where one digest is another one it is found; a later one does not hide it; equal ones are equal."""
    mine = EVENTS[:16]
    theirs = list(mine)
    assert comparing.differing(mine, comparing.packed(theirs)) is None
    theirs[place] = ZERO
    theirs[data.draw(st.integers(place, 15))] = ZERO
    assert comparing.differing(mine, comparing.packed(theirs)) == place


@given(st.integers(0, 19), st.sampled_from(["other", "here", "there"]))
def test_the_first_leaf_that_differs(place: int, how: str) -> None:
    """Another leaf, one that only this side has, one that only the other has: the key is found."""
    theirs = leaves_of(20)
    mine = dict(theirs)
    key = sorted(mine)[place]
    if how == "other":
        mine[key] = Digest(fixed(32, "another"))
    else:
        del (theirs if how == "here" else mine)[key]
    assert comparing.differing_leaf(mine, comparing.packed_leaves(theirs)) == key[:COMPARE_KEY_BYTES]
    assert comparing.differing_leaf(theirs, comparing.packed_leaves(theirs)) is None


def test_a_document_of_nothing_is_no_leaf() -> None:
    """A document of which nothing counts is as if it were not there."""
    one, more = leaves_of(3), leaves_of(3) | {Digest(fixed(32, "empty")): ZERO}
    assert comparing.differing_leaf(more, comparing.packed_leaves(one)) is None
    assert comparing.differing_leaf(one, comparing.packed_leaves(more)) is None


def test_a_bucket_that_does_not_fit_is_compared_as_far_as_told() -> None:
    """What lies behind the last leaf of a full message is no difference; what lies before it is."""
    theirs = leaves_of(COMPARE_LEAVES_MAX + 3)
    packed = comparing.packed_leaves(theirs)
    assert comparing.differing_leaf(theirs, packed) is None
    last = max(theirs)
    assert comparing.differing_leaf({**theirs, last: ZERO}, packed) is None
    first = min(theirs)
    assert comparing.differing_leaf({**theirs, first: ZERO}, packed) == first[:COMPARE_KEY_BYTES]
    small = dict(sorted(theirs.items())[:5])
    assert comparing.differing_leaf(small, packed) == sorted(theirs)[5][:COMPARE_KEY_BYTES]


@given(st.sets(st.sampled_from(EVENTS)), st.sets(st.sampled_from(EVENTS)))
def test_the_first_event_that_counts_on_one_side(here: set[Digest], there: set[Digest]) -> None:
    """Whatever counts on either side: the first event, by the order of both, that the other side lacks."""
    mine, theirs = ([event for event in EVENTS if event in side] for side in (here, there))
    found = comparing.differing_events(mine, comparing.packed_events(theirs))
    only_here = next((event for event in EVENTS if event in here - there), None)
    only_there = next((event[:COMPARE_PRINT_BYTES] for event in EVENTS if event in there - here), None)
    assert found == (only_here, only_there)


def test_events_that_do_not_fit_are_no_difference() -> None:
    """Of more than fit, the first ones are compared."""
    many = [Digest(n.to_bytes(8, "big") + bytes(24)) for n in range(COMPARE_EVENTS_MAX + 2)]
    assert comparing.differing_events(many, comparing.packed_events(many)) == (None, None)
    first = many[0][:COMPARE_PRINT_BYTES]
    assert comparing.differing_events(many[1:], comparing.packed_events(many)) == (None, first)
    assert comparing.differing_events(many, comparing.packed_events(many[1:])) == (many[0], None)


def test_attack_events_in_another_order() -> None:
    """The same events in an order that nobody sees are no difference, and nothing breaks."""
    mine = EVENTS[:9]
    assert comparing.differing_events(mine, comparing.packed(reversed(mine))) == (None, None)
