"""Receipts: they say what their device claims, name nothing of who asked, and hold for the device that signed alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Frontier, window
from mesh.errors import Forged, Malformed, Refused, Stranger, TooLarge
from mesh.events import cbor
from mesh.events.event import Lane
from mesh.events.judge import judge
from mesh.events.kinds import Close
from mesh.events.reading import statement
from mesh.limits import CHAIN_HEADS_MAX, HAVE_CHAINS_MAX, RECEIPT_BYTES_MAX, SEQ_MAX
from mesh.names import ZERO, Digest
from mesh.sync.messages import Have
from mesh.sync.receipts import Receipt, Shown, agree, alike, check, decode, encode, frontier_digest, signed
from tests.unit.small_mesh import MESH, OTHER, fixed
from tests.unit.sync.small_net import Node

DIGESTS = st.binary(min_size=32, max_size=32).map(Digest)
SHOWN = st.builds(Shown, DIGESTS, DIGESTS, DIGESTS, DIGESTS)
COUNTS = st.integers(0, SEQ_MAX)
RECEIPTS = st.builds(Receipt, DIGESTS, SHOWN, COUNTS, COUNTS, st.binary(min_size=64, max_size=64))

SAME = Shown(*(Digest(fixed(32, name)) for name in ("frontier", "verdict", "state", "view")))
CLAIM = Receipt(MESH.laptop.admission, SAME, 0, 0)
SIGNED = signed(CLAIM, MESH.id, MESH.laptop.keys)


def other(shown: Shown, field: str) -> Shown:
    """The same with another digest in one place."""
    return shown._replace(**{field: Digest(fixed(32, "other"))})


@given(RECEIPTS)
def test_a_receipt_is_read_back(receipt: Receipt) -> None:
    """What encode writes, decode reads."""
    assert decode(encode(receipt)) == receipt


@given(st.binary(max_size=80) | RECEIPTS.map(encode), st.data())
def test_foreign_bytes_are_refused_or_canonical(raw: bytes, data: st.DataObject) -> None:
    """Bytes from anywhere, and receipts with one altered byte, are refused or the one encoding of a receipt."""
    altered = bytearray(raw)
    if raw:
        altered[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(0, 255))
    try:
        found = decode(bytes(altered))
    except Refused:
        return
    assert encode(found) == bytes(altered)


def test_what_is_signed() -> None:
    """The domain, the mesh, and what the device claims: nothing else, so nobody else chooses a byte of it."""
    said = cbor.encode([MESH.id, MESH.laptop.admission, *SAME, 2, 3])
    receipt = signed(replace(CLAIM, bodies=2, keys=3), MESH.id, MESH.laptop.keys)
    assert receipt.signature == MESH.laptop.keys.sign(b"mesh/receipt/1" + said)
    assert not receipt.whole
    assert SIGNED.whole


def test_a_receipt_of_a_live_device_holds() -> None:
    """By the key that its admission names."""
    check(SIGNED, MESH.id, MESH.verdict, MESH.laptop.admission)


@pytest.mark.parametrize("field", Shown._fields)
def test_attack_a_receipt_with_another_digest(field: str) -> None:
    """Nobody can say of a device that it shows something else than what it signed."""
    with pytest.raises(Forged):
        check(replace(SIGNED, shown=other(SAME, field)), MESH.id, MESH.verdict, MESH.laptop.admission)


def test_attack_receipts_that_speak_for_others() -> None:
    """Another's receipt, another mesh's, one signed by another key, with other counts, or of a closed device."""
    verdict = MESH.verdict
    with pytest.raises(Stranger):
        check(SIGNED, MESH.id, verdict, MESH.phone.admission)
    with pytest.raises(Forged):
        check(signed(CLAIM, OTHER.id, MESH.laptop.keys), MESH.id, verdict, MESH.laptop.admission)
    with pytest.raises(Forged):
        check(signed(CLAIM, MESH.id, MESH.phone.keys), MESH.id, verdict, MESH.laptop.admission)
    for lie in (replace(SIGNED, bodies=1), replace(SIGNED, keys=1)):
        with pytest.raises(Forged):
            check(lie, MESH.id, verdict, MESH.laptop.admission)
    close = MESH.control_chain(MESH.mac, [Close(MESH.laptop.admission, (), "lost")], "close")
    said = [*MESH.statements().values(), *(statement(placed) for placed in close)]
    with pytest.raises(Stranger):
        check(SIGNED, MESH.id, judge(said, MESH.id), MESH.laptop.admission)


@pytest.mark.parametrize(("bodies", "keys"), [(-1, 0), (0, -1), (SEQ_MAX + 1, 0), (0, SEQ_MAX + 1)])
def test_attack_counts_out_of_range(bodies: int, keys: int) -> None:
    """Counts are whole numbers that a phone can hold."""
    with pytest.raises(Malformed):
        decode(encode(replace(SIGNED, bodies=bodies, keys=keys)))


def test_attack_forms_of_other_sizes() -> None:
    """A short digest, a long signature, and more bytes than any receipt has."""
    with pytest.raises(Malformed):
        decode(encode(replace(SIGNED, shown=SAME._replace(view=Digest(b"short")))))
    with pytest.raises(Malformed):
        decode(encode(replace(SIGNED, signature=bytes(65))))
    with pytest.raises(TooLarge):
        decode(bytes(RECEIPT_BYTES_MAX + 1))
    assert len(encode(replace(SIGNED, bodies=SEQ_MAX, keys=SEQ_MAX))) < RECEIPT_BYTES_MAX


def test_in_sync_is_equality_of_all_four() -> None:
    """Two that show must agree in everything; with a relay only what it holds and how it judges counts."""
    assert agree(SAME, SAME, both_show=True)
    for field in Shown._fields:
        differs = other(SAME, field)
        assert not agree(SAME, differs, both_show=True)
        assert agree(SAME, differs, both_show=False) is (field in {"state", "view"})
        assert SAME.same_log(differs) is (field in {"state", "view"})


def test_the_frontier_digest_names_lanes_chains_and_tips() -> None:
    """A tip in the other lane, another number, another chain: each makes another digest; order makes none."""
    one, two = Digest(fixed(32, "one")), Digest(fixed(32, "two"))
    head = Head(3, Digest(fixed(32, "head")))
    frontiers: list[tuple[Frontier, Frontier]] = [
        ({}, {}),
        ({one: (head,)}, {}),
        ({}, {one: (head,)}),
        ({}, {two: (head,)}),
        ({}, {one: (Head(4, head.digest),)}),
        ({}, {one: (head,), two: (head,)}),
    ]
    digests = [frontier_digest(*lanes) for lanes in frontiers]
    assert len(set(digests)) == len(digests)
    assert frontier_digest({}, {two: (head,), one: (head,)}) == digests[-1]
    said = cbor.encode([[], [[one, [[3, head.digest]]]]])
    assert digests[2] == hashlib.sha256(b"mesh/frontier/1" + said).digest()


def test_haves_are_alike_when_both_hold_the_same() -> None:
    """Two nodes with one log are alike; one more event, and they are not."""
    mac, laptop = Node(MESH.mac), Node(MESH.laptop)
    have = laptop.replica.have("mac", asks=False)
    control, data = (mac.replica.chains.frontier(lane) for lane in (Lane.CONTROL, Lane.DATA))
    assert alike(control, data, have)
    laptop.say()
    assert not alike(control, data, laptop.replica.have("mac", asks=False))
    assert not alike({}, data, have)


def test_a_frontier_that_does_not_fit_is_alike_by_what_is_told() -> None:
    """Of more tips than one Have names, each part is alike; a part that names another one is not."""
    many = {Digest(fixed(32, "chain", n)): (Head(1, Digest(fixed(32, n))),) for n in range(HAVE_CHAINS_MAX + 5)}
    for turn in range(2):
        told = window(many, HAVE_CHAINS_MAX, CHAIN_HEADS_MAX, turn)
        assert told != many
        assert alike({}, many, Have({}, told, ZERO, ZERO, asks=False))
    assert not alike({}, many, Have({}, {ZERO: (Head(1, ZERO),)}, ZERO, ZERO, asks=False))
