"""A passphrase around secrets at rest: scrypt (RFC 7914) for the key, AES-256-GCM for the box.

This module asks nobody for a passphrase and touches no file.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from mesh.errors import Refused
from mesh.limits import KEY_BYTES, NONCE_BYTES, SALT_BYTES

_SCRYPT_N = 2**15  # 32 MiB and about 0.1 s: what an interactive login may cost
_SCRYPT_R = 8
_DOMAIN = b"mesh/lockbox/1"


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


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=_SCRYPT_N, r=_SCRYPT_R, p=1).derive(passphrase.encode())
