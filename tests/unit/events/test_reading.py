"""Reading: whatever cannot be read has a standing and a reason, and nothing raises."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.events import cbor
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Placed
from mesh.events.kinds import Born, Genesis
from mesh.events.reading import read, read_body, read_inner, statement
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft
from mesh.events.verdict import Standing
from mesh.limits import NONCE_BYTES
from mesh.names import Digest, short
from tests.unit.lineage import Log
from tests.unit.small_mesh import EPOCH_KEY, MESH, NOTE, TIME_MS, fixed, request, without_body

WRITTEN = MESH.written(MESH.phone, 2)
BIRTH = WRITTEN[1]
RING = MESH.keyring()
WRONG_RING = Keyring({short(MESH.epoch): fixed(32, "another key")})


def sealed(inner: bytes, body: bytes) -> Placed:
    """An event at the birth's place that seals any bytes."""
    epoch = short(MESH.epoch)
    nonces = fixed(NONCE_BYTES, "n1"), fixed(NONCE_BYTES, "n2")
    header = RING.seal(epoch, BIRTH.chain, BIRTH.seq, b"header", inner + b"\x80", nonces[0])
    raw = RING.seal(epoch, BIRTH.chain, BIRTH.seq, b"body", body + b"\x80", nonces[1])
    return replace(BIRTH, header=replace(BIRTH.header, inner=header), event=Event(b"", raw))


def inner_for(kind: str) -> bytes:
    """A good inner header of a kind, under the phone's grant."""
    return Inner(TIME_MS, kind, "", NOTE, MESH.grant(MESH.phone)).encode()


def test_a_good_event_is_honoured() -> None:
    """Opened, decoded, weighed."""
    reading = read(RING, MESH.verdict, BIRTH, Log())
    assert (reading.standing, reading.reason) == (Standing.HONOURED, "")
    assert isinstance(reading.body, Born)
    assert reading.inner is not None
    assert (reading.inner.kind, reading.inner.document) == ("born", NOTE)


def test_an_opening_is_honoured_and_clear() -> None:
    """It needs no key."""
    reading = read(Keyring(), MESH.verdict, WRITTEN[0], Log())
    assert reading.standing is Standing.HONOURED


def test_key_missing_and_body_missing_wait() -> None:
    """Both are states that end when what is missing comes."""
    waits = read(Keyring(), MESH.verdict, BIRTH, Log())
    assert (waits.standing, waits.reason) == (Standing.WAITS, "key missing")
    waits = read(RING, MESH.verdict, replace(BIRTH, event=without_body(BIRTH.event)), Log())
    assert (waits.standing, waits.reason) == (Standing.WAITS, "body missing")
    assert waits.inner is not None


def test_attack_wrong_epoch_key() -> None:
    """Under a wrong key of the right name the event is void, not an error."""
    reading = read(WRONG_RING, MESH.verdict, BIRTH, Log())
    assert reading.standing is Standing.VOID
    assert "does not open" in reading.reason


def test_attack_header_sealed_for_another_place() -> None:
    """An inner header copied from the next event does not open here."""
    moved = replace(BIRTH, header=replace(BIRTH.header, inner=WRITTEN[2].header.inner))
    assert read(RING, MESH.verdict, moved, Log()).standing is Standing.VOID


def test_attack_sealed_nonsense() -> None:
    """A writer with the key who seals bytes that are no header, or no body of their kind, gets void events."""
    assert read(RING, MESH.verdict, sealed(b"nonsense", b""), Log()).standing is Standing.VOID
    reading = read(RING, MESH.verdict, sealed(inner_for("born"), b"nonsense"), Log())
    assert (reading.standing, reading.body) == (Standing.VOID, None)
    assert reading.inner is not None


def test_unknown_kinds_and_versions_are_opaque() -> None:
    """They are shown raw; a later version is not even opened."""
    assert read(RING, MESH.verdict, sealed(inner_for("poem"), b""), Log()).standing is Standing.OPAQUE
    later = replace(BIRTH, header=replace(BIRTH.header, version=2))
    assert "version 2" in read(Keyring(), MESH.verdict, later, Log()).reason


def test_nothing_is_allowed_without_a_grant() -> None:
    """An event under no grant is void, with its inner header shown."""
    inner = Inner(TIME_MS, "born", "", NOTE).encode()
    reading = read(RING, MESH.verdict, sealed(inner, cbor.encode([{}, "", b""])), Log())
    assert (reading.standing, reading.reason) == (Standing.VOID, "nothing allows it")


@given(st.binary(max_size=80), st.binary(max_size=80), st.booleans())
def test_nothing_that_is_sealed_makes_reading_fail(inner: bytes, body: bytes, good_inner: bool) -> None:  # noqa: FBT001 - drawn
    """Any bytes under the right key: a standing comes out."""
    placed = sealed(inner_for("changed") if good_inner else inner, body)
    assert read(RING, MESH.verdict, placed, Log()).standing in set(Standing)


@given(st.binary(max_size=60), st.none() | st.binary(max_size=60))
def test_nothing_that_is_not_sealed_makes_reading_fail(inner: bytes, body: bytes | None) -> None:
    """Any bytes that claim to be sealed, without the key that could have sealed them."""
    placed = replace(BIRTH, header=replace(BIRTH.header, inner=inner), event=Event(b"", body))
    assert read(RING, MESH.verdict, placed, Log()).standing is Standing.VOID


def test_parts_are_read_by_themselves() -> None:
    """Inner header and body can be asked for one at a time."""
    assert read_inner(RING, BIRTH) is not None
    assert read_inner(Keyring(), BIRTH) is None
    assert isinstance(read_body(RING, BIRTH, "born"), Born)
    assert read_body(RING, replace(BIRTH, event=without_body(BIRTH.event)), "born") is None
    admission = MESH.mac_commit[2]
    assert read_body(Keyring(), admission, "admit") is not None


def test_a_statement_is_read() -> None:
    """Digest, speaker, stamp, kind, body."""
    placed = MESH.mac_commit[2]
    found = statement(placed)
    assert (found.digest, found.admission, found.kind) == (placed.digest, MESH.mac.admission, "admit")
    assert (found.stamp.lamport, found.stamp.chain) == (placed.header.lamport, placed.chain)
    assert found.body is not None


def clear(kind: str, body: bytes | None, version: int = 1) -> Placed:
    """A control event of any kind with any body."""
    header = Header(50, CLEAR, Digest(bytes(32)), 0, Inner(TIME_MS, kind).encode(), {}, version)
    return replace(MESH.mac_commit[2], header=header, event=Event(b"", body))


@pytest.mark.parametrize(
    ("placed", "kind"),
    [
        (clear("close", b""), "close"),
        (clear("admit", b"nonsense"), "admit"),
        (clear("admit", None), "admit"),
        (clear("admit", MESH.mac_commit[2].event.body, 2), "version 2"),
        (replace(MESH.mac_commit[2], header=replace(MESH.mac_commit[2].header, inner=b"\xff")), ""),
    ],
    ids=["unknown_kind", "malformed", "no_body", "later_version", "malformed_inner"],
)
def test_a_statement_that_says_nothing(placed: Placed, kind: str) -> None:
    """What is malformed, unknown or of a later version has no body, on every device alike."""
    found = statement(placed)
    assert (found.kind, found.body) == (kind, None)


def said(body: object) -> Placed:
    """A statement of the mac with this body."""
    voice, _ = MESH.voice(MESH.mac, Lane.CONTROL, "said")
    return voice.say(Draft(body), TIME_MS, 0)  # type: ignore[arg-type]


def test_attack_forged_admission_proof() -> None:
    """An admission whose proof is of other keys says nothing, whoever says it."""
    forged = replace(request("thief"), name="phone")
    assert statement(said(request("thief"))).body is not None
    assert statement(said(forged)).body is None


@pytest.mark.parametrize("keys", [(bytes(32), fixed(32, "kem")), (MESH.mac.keys.sign_key, bytes(32))])
def test_attack_genesis_with_unsafe_keys(keys: tuple[bytes, bytes]) -> None:
    """A recovery key of small order, signing or wrapping, founds nothing."""
    assert statement(said(Genesis(*keys, bytes(16)))).body is None
    assert statement(MESH.founding[0]).body is not None
    assert len(EPOCH_KEY) == 32
