"""Web Push, as bytes: a message sealed for one browser (RFC 8291), and who sends it (VAPID, RFC 8292).

What is sent says nothing, and the service that passes it on cannot read even that. Keys and salts come in. Nothing
here opens a connection or remembers anybody; `waking` does.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mesh.errors import Malformed
from mesh.limits import BROWSER_KEY_BYTES, KEY_BYTES

AUTH_BYTES = 16
_CURVE = ec.SECP256R1()
_RECORD_BYTES = 4096  # RFC 8291: what every push service takes
_LAST = b"\x02"
_CEK_BYTES, _NONCE_BYTES = 16, 12


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where a browser is woken, and its keys: its point of P-256, and its secret."""

    endpoint: str
    key: bytes
    auth: bytes

    def __post_init__(self) -> None:
        """Raise Malformed where that can be no subscription."""
        if len(self.key) != BROWSER_KEY_BYTES or len(self.auth) != AUTH_BYTES:
            message = "that is no push subscription"
            raise Malformed(message)
        _point(self.key)


def sealed(plain: bytes, to: Subscription, key: bytes, salt: bytes) -> bytes:
    """A message for one browser. `key`: 32 bytes for this message alone; `salt`: 16 random bytes."""
    own = _private(key)
    public = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = own.exchange(ec.ECDH(), _point(to.key))
    ikm = _expanded(_mac(to.auth, shared), b"WebPush: info\0" + to.key + public, KEY_BYTES)
    secret = _mac(salt, ikm)
    cek = _expanded(secret, b"Content-Encoding: aes128gcm\0", _CEK_BYTES)
    nonce = _expanded(secret, b"Content-Encoding: nonce\0", _NONCE_BYTES)
    head = salt + _RECORD_BYTES.to_bytes(4) + bytes([len(public)]) + public
    return head + AESGCM(cek).encrypt(nonce, plain + _LAST, None)


def authorization(key: bytes, audience: str, until_s: int, subject: str) -> str:
    """The header by which a push service knows who sends: `audience` is its origin."""
    claims = {"aud": audience, "exp": until_s, "sub": subject}
    parts = [
        packed(json.dumps(one, separators=(",", ":")).encode()) for one in ({"typ": "JWT", "alg": "ES256"}, claims)
    ]
    signed = ".".join(parts)
    r, s = decode_dss_signature(_private(key).sign(signed.encode(), ec.ECDSA(SHA256())))
    signature = packed(r.to_bytes(KEY_BYTES) + s.to_bytes(KEY_BYTES))
    return f"vapid t={signed}.{signature}, k={public_text(key)}"


def public_text(key: bytes) -> str:
    """The public key of a sender, as a page gives it to its browser."""
    point = _private(key).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return packed(point)


def new_key() -> bytes:
    """The secret number of a new key of P-256."""
    return ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(KEY_BYTES)


def unpacked(text: str) -> bytes:
    """Bytes out of base64url without padding. Raises Malformed."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        message = "that is no base64"
        raise Malformed(message) from error


def packed(raw: bytes) -> str:
    """Bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _expanded(secret: bytes, info: bytes, length: int) -> bytes:
    return _mac(secret, info + b"\x01")[:length]


def _private(key: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(key), _CURVE)


def _point(raw: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, raw)
    except ValueError as error:
        message = "that is no point of P-256"
        raise Malformed(message) from error
