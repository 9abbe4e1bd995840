"""Sealing: only the right key at the right place opens a part, and lengths tell their magnitude only."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Forged, Malformed
from mesh.events.keys import derive
from mesh.events.seal import Keyring, commitment, pad_body, pad_inner, padded_bytes, unpad
from mesh.limits import BODY_PLAIN_BYTES_MAX
from mesh.names import Digest, Short, short
from tests.unit.small_mesh import EPOCH_KEY, fixed

EPOCH = Digest(fixed(32, "an epoch"))
CHAIN, ELSEWHERE = Digest(fixed(32, "a chain")), Digest(fixed(32, "another chain"))
NONCE = fixed(12, "nonce")
RING = Keyring({short(EPOCH): EPOCH_KEY})


def sealed(plain: bytes = b"plain", nonce: bytes = NONCE) -> bytes:
    """A body sealed at (CHAIN, 7)."""
    return RING.seal(short(EPOCH), CHAIN, 7, b"body", pad_body(plain), nonce)


@given(st.binary(max_size=300), st.binary(min_size=12, max_size=12))
def test_what_is_sealed_opens_at_its_place(plain: bytes, nonce: bytes) -> None:
    """The right key, chain, number and part give back the bytes."""
    assert RING.open(short(EPOCH), CHAIN, 7, b"body", sealed(plain, nonce)) == plain


def test_the_seal_is_the_formula_of_the_protocol() -> None:
    """Subkey by HKDF with the chain in hex, additional data part, chain, number: written out a second time."""
    subkey = derive(EPOCH_KEY, "mesh/seal/1/" + CHAIN.hex())
    place = b"body" + CHAIN + bytes([0] * 7 + [7])
    assert sealed() == NONCE + AESGCM(subkey).encrypt(NONCE, b"plain\x80" + bytes(10), place)


@pytest.mark.parametrize(
    ("chain", "seq", "part"), [(ELSEWHERE, 7, b"body"), (CHAIN, 8, b"body"), (CHAIN, 7, b"header")]
)
def test_attack_a_part_sealed_for_another_place(chain: Digest, seq: int, part: bytes) -> None:
    """A body moved to another chain or number, or used as a header, does not open."""
    with pytest.raises(Forged, match="does not open with the key of its epoch"):
        RING.open(short(EPOCH), chain, seq, part, sealed())


def test_attack_wrong_epoch_key() -> None:
    """Under another key of the same name nothing opens."""
    ring = Keyring({short(EPOCH): fixed(32, "another key")})
    with pytest.raises(Forged):
        ring.open(short(EPOCH), CHAIN, 7, b"body", sealed())


@given(st.data())
def test_attack_one_altered_byte(data: st.DataObject) -> None:
    """No byte of nonce, ciphertext or tag can be changed."""
    raw = bytearray(sealed())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Forged):
        RING.open(short(EPOCH), CHAIN, 7, b"body", bytes(raw))


@pytest.mark.parametrize("length", [0, 1, 7, 11, 12, 27, 28, 43])
def test_attack_a_sealed_part_cut_short(length: int) -> None:
    """Any cut is refused, within the nonce too."""
    with pytest.raises(Forged):
        RING.open(short(EPOCH), CHAIN, 7, b"body", sealed()[:length])


def test_a_reused_nonce_in_another_chain_shares_no_keystream() -> None:
    """Each chain has a subkey, so two devices that draw the same nonce give nothing away."""
    here = sealed(b"the same plain text")
    there = RING.seal(short(EPOCH), ELSEWHERE, 7, b"body", pad_body(b"the same plain text"), NONCE)
    assert here[:12] == there[:12]
    assert here[12:-16] != there[12:-16]


def test_what_is_sealed_without_padding_is_malformed() -> None:
    """A writer with the key who does not pad is refused like any other wrong form."""
    raw = RING.seal(short(EPOCH), CHAIN, 7, b"body", b"plain", NONCE)
    with pytest.raises(Malformed, match="not padded"):
        RING.open(short(EPOCH), CHAIN, 7, b"body", raw)


def test_a_keyring_knows_what_it_holds() -> None:
    """Keys can be added and listed; the list is a copy."""
    ring = Keyring()
    assert not ring.holds(short(EPOCH))
    ring.add(EPOCH, EPOCH_KEY)
    assert ring.holds(short(EPOCH))
    listed = ring.keys()
    assert listed == {short(EPOCH): EPOCH_KEY}
    assert listed is not ring.keys()
    assert Keyring(listed).open(Short(short(EPOCH)), CHAIN, 7, b"body", sealed()) == b"plain"


def test_the_commitment_binds_the_key() -> None:
    """SHA-256 over a domain and the key."""
    assert commitment(EPOCH_KEY) == hashlib.sha256(b"mesh/epoch/1" + EPOCH_KEY).digest()


@given(st.binary(max_size=3000))
def test_padding_comes_off_exactly(plain: bytes) -> None:
    """Zeros and 0x80 at the end of the plain bytes survive too."""
    assert unpad(pad_body(plain)) == plain == unpad(pad_inner(plain))
    assert unpad(pad_body(plain + b"\x80\0\0")) == plain + b"\x80\0\0"


@pytest.mark.parametrize("padded", [b"", b"\0" * 16, b"plain\0\0", b"\x81"])
def test_attack_no_padding(padded: bytes) -> None:
    """Without the mark there is no telling where the plain bytes end."""
    with pytest.raises(Malformed):
        unpad(padded)


@given(st.integers(0, BODY_PLAIN_BYTES_MAX + 1))
def test_padme_is_short_and_leaks_little(length: int) -> None:
    """At most 12 % longer from 16 bytes on; only as many leading bits of the length show as its magnitude has bits."""
    padded = padded_bytes(length)
    assert padded >= max(length, 16)
    assert length < 16 or padded <= length * 1.12
    exponent = max(length, 16).bit_length() - 1
    assert padded % (1 << (exponent - exponent.bit_length())) == 0
    assert padded_bytes(padded) == padded


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_longer_stays_longer(a: int, b: int) -> None:
    """Padding never turns the order of two lengths around."""
    assert (padded_bytes(a) <= padded_bytes(b)) or a > b


@given(st.binary(max_size=300))
def test_inner_headers_come_in_steps_of_16(plain: bytes) -> None:
    """So the length of a kind, a document or an agent does not show."""
    assert len(pad_inner(plain)) % 16 == 0
    assert 0 < len(pad_inner(plain)) - len(plain) <= 16
