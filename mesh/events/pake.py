"""The exchange behind a spoken code (SPAKE2 over edwards25519), the proofs and the channel that follow from it.

It is the only importer of `spake2`. It draws no randomness, counts no tries and knows no frame (PROTOCOL, "Pairing").
"""

from __future__ import annotations

import hmac
from enum import Enum

import spake2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from spake2.ed25519_basic import NotOnCurve

from mesh.errors import Forged, Malformed
from mesh.events.keys import check_sign_key, derive
from mesh.limits import NONCE_BYTES
from mesh.names import Digest

ENTROPY_BYTES = 64  # reduced modulo the order of the group, so that the bias is below 2^-250
_IDENTITY = "mesh/pairing/1"
_PROOF = "mesh/pairing/proof/1/"
_CHANNEL = "mesh/pairing/channel/1/"


class Role(Enum):
    """Who says what: the joiner speaks first, and proves first that it knows the code."""

    JOINER = "joiner"
    INVITER = "inviter"

    @property
    def other(self) -> Role:
        """The other side."""
        return Role.INVITER if self is Role.JOINER else Role.JOINER


class Exchange:
    """One run with one code. Whoever does not know the code learns from it whether one guess was right, and no more."""

    def __init__(self, role: Role, nameplate: int, words: str, entropy: bytes) -> None:
        """Begin with the words of a code and 64 random bytes that were never used before."""
        assert len(entropy) == ENTROPY_BYTES, len(entropy)
        joiner, inviter = (f"{_IDENTITY}/{side.value}/{nameplate}".encode() for side in Role)
        kind = spake2.SPAKE2_A if role is Role.JOINER else spake2.SPAKE2_B
        self._run = kind(words.encode(), idA=joiner, idB=inviter, entropy_f=lambda count: entropy[:count])
        self.role = role
        # The library marks a message with its side; here the frame that it comes in does so.
        self.element: bytes = self._run.start()[1:]

    def finish(self, element: bytes) -> bytes:
        """The secret, from the other side's element; another one if its code was another. Raises Malformed."""
        side = spake2.SPAKE2_B.side if self.role is Role.JOINER else spake2.SPAKE2_A.side
        try:
            check_sign_key(element)  # one encoding for each point; the library looks at the subgroup
            return bytes(self._run.finish(side + element))
        except (Malformed, ValueError, NotOnCurve, spake2.SPAKEError) as error:
            message = "what came for the exchange is no point that it can be done with"
            raise Malformed(message) from error


def proof(secret: bytes, role: Role, transcript: Digest) -> bytes:
    """What shows that a side has the secret and saw the same exchange."""
    key = derive(secret, _PROOF + role.value)
    return hmac.digest(key, transcript, "sha256")


def check_proof(secret: bytes, role: Role, transcript: Digest, shown: bytes) -> None:
    """Raise Forged unless that side has the secret and saw the same exchange."""
    if not hmac.compare_digest(proof(secret, role, transcript), shown):
        message = "the two codes are not the same"
        raise Forged(message)


class Channel:
    """What the two sides say after the proofs: sealed, in order, each message once. One key for each direction."""

    def __init__(self, secret: bytes, role: Role, transcript: Digest) -> None:
        """Our side of it."""
        self._sends, self._hears = (
            AESGCM(derive(secret, f"{_CHANNEL}{side.value}/{transcript.hex()}")) for side in (role, role.other)
        )
        self._sent = self._heard = 0

    def seal(self, plain: bytes) -> bytes:
        """The next message to the other side."""
        sealed = self._sends.encrypt(_nonce(self._sent), plain, None)
        self._sent += 1
        return sealed

    def open(self, sealed: bytes) -> bytes:
        """The next message of the other side. Raises Forged for any other bytes."""
        try:
            plain = self._hears.decrypt(_nonce(self._heard), sealed, None)
        except (InvalidTag, ValueError) as error:
            message = "a message of the pairing was altered, left out or repeated"
            raise Forged(message) from error
        self._heard += 1
        return plain


def _nonce(number: int) -> bytes:
    return number.to_bytes(NONCE_BYTES, "big")
