"""HPKE's sender (RFC 9180, base mode) with the randomness as an argument, written here a second time.

The library draws its own randomness, so two runs under one seed would not be the same. What this seals the library
opens, which also checks the one against the other. It is for tests only.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.asymmetric.ec import ECDH, SECP256R1, EllipticCurvePublicKey, derive_private_key
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mesh.events.keys import is_browser_key

_X25519, _P256 = 0x0020, 0x0010  # DHKEM(X25519, HKDF-SHA256), DHKEM(P-256, HKDF-SHA256)
_KEY_BYTES = 32
_NONCE_BYTES = 12


def wrap(secret: bytes, kem_key: bytes, purpose: bytes, ephemeral: bytes) -> bytes:
    """Seal a secret for the holder of a wrapping key; `ephemeral` is 32 bytes, for one use."""
    name, exchange = (_P256, _on_p256) if is_browser_key(kem_key) else (_X25519, _on_x25519)
    shared, public = exchange(kem_key, ephemeral)
    kem = b"KEM" + name.to_bytes(2, "big")
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (name, 0x0001, 0x0002))  # AES-256-GCM
    root = _expand(kem, _extract(kem, b"", b"eae_prk", shared), b"shared_secret", public + kem_key, _KEY_BYTES)
    context = b"\0" + _extract(suite, b"", b"psk_id_hash", b"") + _extract(suite, b"", b"info_hash", purpose)
    schedule = _extract(suite, root, b"secret", b"")
    key = _expand(suite, schedule, b"key", context, _KEY_BYTES)
    nonce = _expand(suite, schedule, b"base_nonce", context, _NONCE_BYTES)
    return public + AESGCM(key).encrypt(nonce, secret, None)


def _on_x25519(kem_key: bytes, ephemeral: bytes) -> tuple[bytes, bytes]:
    own = X25519PrivateKey.from_private_bytes(ephemeral)
    return own.exchange(X25519PublicKey.from_public_bytes(kem_key)), own.public_key().public_bytes_raw()


def _on_p256(kem_key: bytes, ephemeral: bytes) -> tuple[bytes, bytes]:
    own = derive_private_key(int.from_bytes(ephemeral[1:], "big"), SECP256R1())
    shared = own.exchange(ECDH(), EllipticCurvePublicKey.from_encoded_point(SECP256R1(), kem_key))
    return shared, own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _extract(suite: bytes, salt: bytes, label: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt or bytes(hashlib.sha256().digest_size), b"HPKE-v1" + suite + label + secret, "sha256")


def _expand(suite: bytes, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """One block is enough for what is asked here."""
    text = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
    return hmac.digest(secret, text + b"\x01", "sha256")[:length]
