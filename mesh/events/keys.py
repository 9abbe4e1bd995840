"""Keys: signing and verifying, who a device says it is, and wrapping secrets for one recipient.

Every signature is domain-separated; the identity key signs only bytes that this project built. Only HPKE draws
randomness of its own, inside the library. Wrapping keys are X25519; those of devices that live in a browser are P-256,
since browsers keep such keys without showing them to scripts, and one of them loses X25519 keys. This module stores
nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mesh.errors import Forged, Malformed
from mesh.events import cbor
from mesh.events.kinds import Admit
from mesh.limits import BROWSER_KEY_BYTES, KEY_BYTES, KEYS_CACHED_MAX
from mesh.names import Digest

_REQUEST = b"mesh/request/1"
_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_HPKE_BROWSER = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_POINT = b"\x04"  # how an uncompressed point begins (SEC 1, section 2.3.3)
_FIELD = 2**255 - 19  # RFC 8032 section 5.1
_Y_BITS = 2**255 - 1
_PROBE = X25519PrivateKey.from_private_bytes(bytes(KEY_BYTES))  # any key will do: it protects nothing

# The y coordinates of the eight points of small order on edwards25519 (the tests compute them): a public key
# with one of them lets anybody forge in some libraries ("Taming the many EdDSAs", 2020).
_ORDER_8_Y = 2707385501144840649318225287225658788936804267575313519463743609750303402022
_SMALL_ORDER_Y = frozenset({0, 1, _FIELD - 1, _ORDER_8_Y, _FIELD - _ORDER_8_Y})


def derive(secret: bytes, purpose: str, length: int = KEY_BYTES) -> bytes:
    """HKDF-SHA256 (RFC 5869) of a secret for one named purpose."""
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode()).derive(secret)


@dataclass(frozen=True)
class SecretKeys:
    """A device's identity secrets: the seeds of its signing key (Ed25519) and its wrapping key (X25519)."""

    sign_seed: bytes = field(repr=False)
    kem_seed: bytes = field(repr=False)

    @classmethod
    def from_entropy(cls, entropy: bytes) -> SecretKeys:
        """Both keys from 32 random bytes: a new device, or the recovery words."""
        return cls(derive(entropy, "mesh/sign-seed/1"), derive(entropy, "mesh/kem-seed/1"))

    @cached_property
    def sign_key(self) -> bytes:
        """The public signing key."""
        return self._signer.public_key().public_bytes_raw()

    @cached_property
    def _signer(self) -> Ed25519PrivateKey:  # loading it costs as much as signing
        return Ed25519PrivateKey.from_private_bytes(self.sign_seed)

    @property
    def kem_key(self) -> bytes:
        """The public wrapping key."""
        return X25519PrivateKey.from_private_bytes(self.kem_seed).public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature (RFC 8032) over bytes that start with a domain of ours."""
        assert message.startswith(b"mesh/"), message[:16]
        return self._signer.sign(message)

    def unwrap(self, wrapped: bytes, purpose: bytes) -> bytes:
        """What somebody wrapped for us for this purpose. Raises Forged."""
        try:
            return _HPKE.decrypt(wrapped, X25519PrivateKey.from_private_bytes(self.kem_seed), purpose)
        except (InvalidTag, ValueError) as error:
            message = "it was not sealed for this device, or was altered"
            raise Forged(message) from error


def public_sign_key(seed: bytes) -> bytes:
    """The Ed25519 public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def wrap(secret: bytes, kem_key: bytes, purpose: bytes) -> bytes:
    """Seal a secret for the holder of a wrapping key (HPKE base mode, RFC 9180)."""
    if is_browser_key(kem_key):
        return _HPKE_BROWSER.encrypt(secret, _point(kem_key), purpose)
    return _HPKE.encrypt(secret, X25519PublicKey.from_public_bytes(kem_key), purpose)


def is_browser_key(kem_key: bytes) -> bool:
    """Whether a wrapping key is that of a device in a browser: P-256, and not X25519."""
    return len(kem_key) == BROWSER_KEY_BYTES


def _point(kem_key: bytes) -> EllipticCurvePublicKey:
    return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), kem_key)


def verify(key: bytes, message: bytes, signature: bytes) -> None:
    """Raise Forged unless the signature over the message is by that key."""
    try:
        _verifier(key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        text = "a signature does not fit"
        raise Forged(text) from error


@lru_cache(maxsize=KEYS_CACHED_MAX)
def _verifier(key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(key)


def check_sign_key(key: bytes) -> None:
    """Refuse keys of small order and non-canonical encodings, about which libraries disagree."""
    y = int.from_bytes(key, "little") & _Y_BITS
    if len(key) != KEY_BYTES or y >= _FIELD or y in _SMALL_ORDER_Y:
        message = "a signing key is of small order or not canonical"
        raise Malformed(message)


def check_kem_key(key: bytes) -> None:
    """Refuse a wrapping key that nothing can be wrapped for, so that no rekey could reach its holder.

    That is one of small order or, of a browser, one that is no point of the curve (all of which are of large order).
    """
    try:
        if is_browser_key(key) and key.startswith(_POINT):
            _point(key)
            return
        _PROBE.exchange(X25519PublicKey.from_public_bytes(key))
    except ValueError as error:
        message = "a wrapping key is of small order, no point of its curve, or of the wrong length"
        raise Malformed(message) from error


def proof_bytes(admit: Admit) -> bytes:
    """What a device signs to prove that the keys it asks to be admitted with are its own."""
    keys = [admit.sign_key, admit.kem_key, admit.transport_key, admit.tls_key, admit.name]
    return _REQUEST + hashlib.sha256(cbor.encode(keys)).digest()


def check_admit(admit: Admit) -> None:
    """Refuse an admission whose keys are unsafe or not proven to be the device's own."""
    for key in (admit.sign_key, admit.transport_key, admit.tls_key):
        check_sign_key(key)
    check_kem_key(admit.kem_key)
    verify(admit.sign_key, proof_bytes(admit), admit.proof)


def fingerprint(admit: Admit) -> Digest:
    """A digest of the keys that a device asks to be admitted with, for people to compare."""
    return Digest(hashlib.sha256(proof_bytes(admit)).digest())
