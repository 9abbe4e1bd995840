"""A passphrase around secrets at rest: scrypt (RFC 7914) for the key, AES-256-GCM for the box.

A long file goes into a row of boxes: none can be altered, left out, moved, or taken for the last one. This module asks
nobody for a passphrase and touches no file.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from mesh.errors import Forged, Refused
from mesh.limits import KEY_BYTES, NONCE_BYTES, SALT_BYTES

_SCRYPT_N = 2**15  # 32 MiB and about 0.1 s: what an interactive login may cost
_SCRYPT_R = 8
_DOMAIN = b"mesh/lockbox/1"
_ROW_DOMAIN = b"mesh/backup/1"


def lock(plain: bytes, passphrase: str, entropy: bytes) -> bytes:
    """Secrets in a box. `entropy`: 16 random bytes of salt and 12 of nonce."""
    salt, nonce = entropy[:SALT_BYTES], entropy[SALT_BYTES : SALT_BYTES + NONCE_BYTES]
    return salt + nonce + AESGCM(_key(passphrase, salt)).encrypt(nonce, plain, _DOMAIN)


def unlock(box: bytes, passphrase: str) -> bytes:
    """What is in a box. Raises Refused when the passphrase is wrong or the box was altered."""
    salt, nonce = box[:SALT_BYTES], box[SALT_BYTES : SALT_BYTES + NONCE_BYTES]
    try:
        return AESGCM(_key(passphrase, salt)).decrypt(nonce, box[SALT_BYTES + NONCE_BYTES :], _DOMAIN)
    except (InvalidTag, ValueError) as error:
        message = "the passphrase does not open this home's keys"
        raise Refused(message, hint="Set MESH_PASSPHRASE to the one that this home was made with.") from error


class Row:
    """Boxes in a row, each with its number and whether it is the last one in its nonce (STREAM)."""

    def __init__(self, passphrase: str, head: bytes) -> None:
        """`head`: what the file begins with, down to its 16 random bytes of salt. Every box is bound to all of it."""
        self._aes = AESGCM(_key(passphrase, head[-SALT_BYTES:]))
        self._bound = _ROW_DOMAIN + head
        self._number = 0

    def lock(self, plain: bytes, *, last: bool) -> bytes:
        """The next box."""
        return self._aes.encrypt(self._nonce(last=last), plain, self._bound)

    def unlock(self, box: bytes, *, last: bool) -> bytes:
        """What is in the next box. Raises Refused."""
        first = self._number == 0
        try:
            return self._aes.decrypt(self._nonce(last=last), box, self._bound)
        except (InvalidTag, ValueError) as error:
            message = "the passphrase does not open this, or its beginning was altered"
            raise (Refused(message) if first else Forged("it is cut off, or was altered")) from error

    def _nonce(self, *, last: bool) -> bytes:
        self._number += 1
        return self._number.to_bytes(NONCE_BYTES - 1) + bytes([last])


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=_SCRYPT_N, r=_SCRYPT_R, p=1).derive(passphrase.encode())
