"""Keys: domain-separated signatures, proof of possession, and no key that lets others forge."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Forged, Malformed
from mesh.events.keys import (
    check_admit,
    check_kem_key,
    check_sign_key,
    derive,
    fingerprint,
    proof_bytes,
    public_sign_key,
    verify,
    wrap,
)
from mesh.events.kinds import Admit
from mesh.limits import BROWSER_KEY_BYTES
from tests.unit.small_mesh import browser_key, browser_request, browser_secret, fixed, request, secret_keys

# edwards25519, written out: -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo P.
P = 2**255 - 19
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
BROWSER = browser_key("phone")
ADMIT_FIELDS = tuple(field.name for field in fields(Admit))


def add(a: Point, b: Point) -> Point:
    """The sum of two points of the curve."""
    product = D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + b[0] * a[1]) * pow(1 + product, -1, P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, P)
    return x % P, y % P


def times(count: int, point: Point) -> Point:
    """A multiple of a point."""
    total = (0, 1)
    while count:
        total = add(total, point) if count & 1 else total
        point, count = add(point, point), count >> 1
    return total


def point_with(y: int) -> Point | None:
    """A point with this y, where there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * pow(2, (P - 1) // 4, P) % P
    return (x, y) if x * x % P == square else None


def small_order_points() -> set[Point]:
    """The eight points of small order: any point times the prime order is one; its multiples are all."""
    order = 2**252 + 27742317777372353535851937790883648493
    for y in range(2, 100):
        found = point_with(y)
        generator = times(order, found) if found else (0, 1)
        torsion = {times(n, generator) for n in range(8)}
        if len(torsion) == 8:
            return torsion
    raise AssertionError


def encoded(y: int, *, odd: bool) -> bytes:
    """A point as Ed25519 writes it: y, and the lowest bit of x on top."""
    return (y | odd << 255).to_bytes(32, "little")


SMALL = sorted({encoded(y, odd=odd) for _, y in small_order_points() for odd in (False, True)})
NOT_CANONICAL = [encoded(y, odd=odd) for y in (P, P + 1, P + 18, 2**255 - 1) for odd in (False, True)]


def test_there_are_eight_points_of_small_order() -> None:
    """Five values of y, with and without the sign bit: the ten encodings below."""
    assert len(small_order_points()) == 8
    assert len(SMALL) == 10


@pytest.mark.parametrize("key", [*SMALL, *NOT_CANONICAL, b"", bytes(31), bytes(33)])
def test_attack_keys_about_which_libraries_disagree(key: bytes) -> None:
    """Points of small order, encodings above the prime and wrong lengths are no signing keys."""
    with pytest.raises(Malformed):
        check_sign_key(key)


def test_why_small_order_keys_are_refused() -> None:
    """Under the neutral element one signature fits every message, in the very library that we use."""
    neutral = encoded(1, odd=False)
    forged = neutral + bytes(32)
    Ed25519PublicKey.from_public_bytes(neutral).verify(forged, b"anything")
    verify(neutral, b"anything else", forged)


@pytest.mark.parametrize("u", [0, 1, P - 1, P, P + 1])
def test_attack_wrapping_keys_of_small_order(u: int) -> None:
    """A wrapping key for which nothing can be wrapped would make every rekey fail."""
    with pytest.raises(Malformed):
        check_kem_key(u.to_bytes(32, "little"))


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_wrapping_keys_have_32_bytes(key: bytes) -> None:
    """Any other length is refused as well."""
    with pytest.raises(Malformed):
        check_kem_key(key)


@pytest.mark.parametrize(
    "key",
    [
        b"\x04" + bytes(64),
        b"\x04" + b"\xff" * 64,
        BROWSER[:-1] + bytes([BROWSER[-1] ^ 1]),
        b"\x02" + BROWSER[1:33],
        b"\x06" + BROWSER[1:],
        b"\x00" + BROWSER[1:],
    ],
)
def test_attack_wrapping_keys_beside_the_curve(key: bytes) -> None:
    """Of a browser's key nothing but an uncompressed point of P-256 is taken."""
    check_kem_key(BROWSER)
    with pytest.raises(Malformed):
        check_kem_key(key)


def test_a_secret_is_wrapped_for_a_browser() -> None:
    """HPKE over P-256: the browser opens it with its private key, for its purpose only."""
    wrapped = wrap(b"secret", BROWSER, b"purpose")
    assert len(BROWSER) == BROWSER_KEY_BYTES
    suite = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    assert suite.decrypt(wrapped, browser_secret("phone"), b"purpose") == b"secret"
    with pytest.raises(InvalidTag):
        suite.decrypt(wrapped, browser_secret("phone"), b"other")


def test_keys_follow_from_entropy() -> None:
    """The same words give the same identity; both seeds are independent; neither is printed."""
    keys = secret_keys("mac")
    assert keys == secret_keys("mac") != secret_keys("laptop")
    assert keys.sign_seed == derive(fixed(32, "entropy", "mac"), "mesh/sign-seed/1")
    assert keys.kem_seed == derive(fixed(32, "entropy", "mac"), "mesh/kem-seed/1")
    assert keys.sign_key == public_sign_key(keys.sign_seed)
    assert keys.sign_seed.hex() not in repr(keys)
    assert repr(keys.sign_seed) not in repr(keys)
    check_sign_key(keys.sign_key)
    check_kem_key(keys.kem_key)


def test_derive_matches_rfc_5869() -> None:
    """HKDF-SHA256 with no salt: the second half of the RFC's test case 3, with an info text."""
    assert derive(b"\x0b" * 22, "", 42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )
    assert derive(b"\x0b" * 22, "a") != derive(b"\x0b" * 22, "b")


def test_a_signature_fits_its_key_and_message_only() -> None:
    """Another message, another key or an altered signature is forged."""
    keys, other = secret_keys("mac"), secret_keys("laptop")
    signature = keys.sign(b"mesh/x")
    verify(keys.sign_key, b"mesh/x", signature)
    altered = bytes([signature[0] ^ 1]) + signature[1:]
    wrong = [
        (keys.sign_key, b"mesh/y", signature),
        (other.sign_key, b"mesh/x", signature),
        (keys.sign_key, b"mesh/x", altered),
        (keys.sign_key, b"mesh/x", signature[:63]),
        (keys.sign_key[:31], b"mesh/x", signature),
    ]
    for key, message, given_signature in wrong:
        with pytest.raises(Forged):
            verify(key, message, given_signature)


def test_attack_signing_oracle() -> None:
    """The identity key signs nothing that does not start with a domain of ours: a server's nonce for example."""
    with pytest.raises(AssertionError):
        secret_keys("mac").sign(b"nonce of a server")


def test_a_wrapped_secret_opens_for_its_recipient_and_purpose_only() -> None:
    """HPKE: another recipient, another purpose, an altered or cut text do not open."""
    keys = secret_keys("mac")
    wrapped = wrap(b"secret", keys.kem_key, b"purpose")
    assert keys.unwrap(wrapped, b"purpose") == b"secret"
    assert wrap(b"secret", keys.kem_key, b"purpose") != wrapped
    altered = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for text, purpose in [(wrapped, b"other"), (altered, b"purpose"), (wrapped[:40], b"purpose"), (b"", b"purpose")]:
        with pytest.raises(Forged):
            keys.unwrap(text, purpose)
    with pytest.raises(Forged):
        secret_keys("laptop").unwrap(wrapped, b"purpose")


def test_an_honest_request_is_proven() -> None:
    """A device proves that its keys are its own; the rank is not part of the proof."""
    check_admit(browser_request("phone"))
    check_admit(request("mac"))
    check_admit(request("mac", 3))


@given(st.sampled_from(["sign_key", "kem_key", "transport_key", "tls_key", "name"]))
def test_attack_forged_admission_proof(part: str) -> None:
    """No key and no letter of the name can be exchanged under a proof."""
    ours, theirs = request("mac"), request("thief")
    assert proof_bytes(ours) != proof_bytes(theirs)
    with pytest.raises(Forged):
        check_admit(swapped(ours, theirs, part))


def swapped(admit: Admit, other: Admit, part: str) -> Admit:
    """One part of a request taken from another."""
    return Admit(*(getattr(other if field == part else admit, field) for field in ADMIT_FIELDS))


@pytest.mark.parametrize("part", ["sign_key", "transport_key", "tls_key", "kem_key"])
def test_attack_admission_with_an_unsafe_key(part: str) -> None:
    """Each of the four keys is looked at, with a valid proof over them too."""
    keys = secret_keys("thief")
    zeros = Admit(bytes(32), bytes(32), bytes(32), bytes(32), "thief", b"", 10)
    unproven = swapped(request("thief"), zeros, part)
    proven = replace(unproven, proof=keys.sign(proof_bytes(unproven)))
    with pytest.raises(Malformed):
        check_admit(proven)


def test_fingerprints_differ_when_keys_do() -> None:
    """What people compare depends on the keys and the name, not on the rank."""
    assert fingerprint(request("mac")) == fingerprint(request("mac", 5)) != fingerprint(request("mac2"))
