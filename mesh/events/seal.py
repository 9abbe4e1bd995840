"""Sealing: what only holders of an epoch's key can read.

AES-256-GCM with a subkey for each (epoch, chain), random 96-bit nonces that come in as arguments, the place of the
event as additional data, and padded lengths (PROTOCOL, "Sealing"). This module keeps no key longer than its caller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mesh.errors import Forged, Malformed, Refused
from mesh.events.keys import derive
from mesh.limits import HEADER_PADDING_BYTES, NONCE_BYTES, SHORT_BYTES
from mesh.names import Digest, Short, short

_SUBKEY = "mesh/seal/1/"
_EARLIER = "mesh/earlier/1/"
_CHUNK = "mesh/chunk/1"
_SEQ_BYTES = 8
_PAD = b"\x80"


def commitment(key: bytes) -> bytes:
    """What a rekey commits to: AES-GCM alone does not bind a ciphertext to one key."""
    return hashlib.sha256(b"mesh/epoch/1" + key).digest()


def handed_on(key: bytes, mesh: Digest, epoch: Short, earlier: bytes) -> bytes:
    """The key of an earlier epoch, for whoever holds this one. Each is sealed under a subkey of its own, once."""
    return _for_earlier(key, mesh, epoch).encrypt(bytes(NONCE_BYTES), earlier, None)


def taken_over(key: bytes, mesh: Digest, epoch: Short, sealed: bytes) -> bytes:
    """The key of an earlier epoch that was handed on under this one. Raises Forged; ask its commitment."""
    try:
        return _for_earlier(key, mesh, epoch).decrypt(bytes(NONCE_BYTES), sealed, None)
    except (InvalidTag, ValueError) as error:
        message = "the key of an earlier epoch does not open with the one that it was handed on under"
        raise Forged(message) from error


def _for_earlier(key: bytes, mesh: Digest, epoch: Short) -> AESGCM:
    return AESGCM(derive(key, f"{_EARLIER}{mesh.hex()}/{epoch.hex()}"))


def padded_bytes(length: int) -> int:
    """PADMÉ (Nikitin et al. 2019): a length that tells only its magnitude; at most 12 % longer, 7 % from 256 on."""
    if length < HEADER_PADDING_BYTES:
        return HEADER_PADDING_BYTES
    exponent = length.bit_length() - 1
    step = 1 << (exponent - exponent.bit_length())
    return (length + step - 1) & ~(step - 1)


def pad_body(plain: bytes) -> bytes:
    """A body with its padding."""
    return (plain + _PAD).ljust(padded_bytes(len(plain) + 1), b"\0")


def pad_inner(plain: bytes) -> bytes:
    """An inner header with its padding."""
    return (plain + _PAD).ljust(-(-(len(plain) + 1) // HEADER_PADDING_BYTES) * HEADER_PADDING_BYTES, b"\0")


def unpad(padded: bytes) -> bytes:
    """What was padded. Raises Malformed."""
    plain = padded.rstrip(b"\0")
    if not plain.endswith(_PAD):
        message = "a sealed part is not padded"
        raise Malformed(message)
    return plain[:-1]


class Keyring:
    """The epoch keys that a device holds, and their subkeys for the chains met so far."""

    def __init__(self, keys: Mapping[Short, bytes] | None = None) -> None:
        """Start with these keys: epoch -> 32 bytes."""
        self._keys: dict[Short, bytes] = dict(keys or {})
        self._ciphers: dict[tuple[Short, Digest], AESGCM] = {}

    def add(self, epoch: Digest, key: bytes) -> None:
        """Take an epoch's key."""
        self._keys[short(epoch)] = key

    def drop(self, epoch: Short) -> None:
        """Let go of a key that is not the one that its epoch commits to."""
        del self._keys[epoch]
        self._ciphers = {place: cipher for place, cipher in self._ciphers.items() if place[0] != epoch}

    def holds(self, epoch: Short) -> bool:
        """Whether the key of this epoch is here."""
        return epoch in self._keys

    def key(self, epoch: Short) -> bytes:
        """The key of an epoch; ask `holds` first."""
        return self._keys[epoch]

    def keys(self) -> Mapping[Short, bytes]:
        """All keys, for the vault and for admissions."""
        return dict(self._keys)

    def seal(self, epoch: Short, chain: Digest, seq: int, part: bytes, plain: bytes, nonce: bytes) -> bytes:
        """Seal a padded part (b"header" or b"body") of the event at (chain, seq)."""
        return nonce + self._cipher(epoch, chain).encrypt(nonce, plain, _place(part, chain, seq))

    def open(self, epoch: Short, chain: Digest, seq: int, part: bytes, sealed: bytes) -> bytes:
        """What was sealed, without its padding. Raises Forged; ask `holds` first."""
        try:
            cipher = self._cipher(epoch, chain)
            padded = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(part, chain, seq))
        except (InvalidTag, ValueError) as error:
            message = f"the {part.decode()} of an event does not open with the key of its epoch"
            raise Forged(message) from error
        return unpad(padded)

    def seal_page(self, epoch: Short, part: bytes, plain: bytes, nonce: bytes) -> bytes:
        """Seal one side (b"ask" or b"page") of the talk about chunks, with the epoch in front."""
        return epoch + nonce + self._for_chunks(epoch).encrypt(nonce, plain, part)

    def open_page(self, part: bytes, sealed: bytes) -> bytes:
        """What was sealed so. Raises Forged, or Refused where the key of its epoch is not here."""
        epoch = Short(sealed[:SHORT_BYTES])
        if not self.holds(epoch):
            message = "it is sealed under an epoch whose key is not here"
            raise Refused(message, hint="`mesh why` tells which device can bring the key.")
        nonce, box = sealed[SHORT_BYTES : SHORT_BYTES + NONCE_BYTES], sealed[SHORT_BYTES + NONCE_BYTES :]
        try:
            return self._for_chunks(epoch).decrypt(nonce, box, part)
        except (InvalidTag, ValueError) as error:
            message = "a page of chunks does not open with the key of its epoch"
            raise Forged(message) from error

    def _for_chunks(self, epoch: Short) -> AESGCM:
        return AESGCM(derive(self._keys[epoch], _CHUNK))

    def _cipher(self, epoch: Short, chain: Digest) -> AESGCM:
        cipher = self._ciphers.get((epoch, chain))
        if cipher is None:
            subkey = derive(self._keys[epoch], _SUBKEY + chain.hex())
            cipher = self._ciphers[epoch, chain] = AESGCM(subkey)
        return cipher


def _place(part: bytes, chain: Digest, seq: int) -> bytes:
    return part + chain + seq.to_bytes(_SEQ_BYTES, "big")
