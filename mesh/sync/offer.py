"""An offer to let one phone in: what its token amounts to, what both sides prove with it, and what becomes of it.

The token travels by a QR that the phone sees, or is typed; the wire shows nothing that it could be learned from. This
machine admits nobody and knows no clock and no network: times come in, and its owner answers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field

from mesh.errors import Busy, Forged, Refused
from mesh.events.founding import read_request
from mesh.events.keys import derive, is_browser_key
from mesh.events.kinds import Admit
from mesh.limits import DOOR_DIGITS, DOOR_OFFER_S_MAX, DOOR_TRIES_MAX

_NAMED = b"mesh/door/1"
_PROOF = "mesh/door/proof/1"
_DIGITS = b"mesh/door/digits/1"
_ADMITTER = b"admitter"
_NAME_BYTES = 8
_DIGITS_BYTES, _SPARE_BITS = 3, 4  # the first 20 bits
_GROUP = 4  # letters of a typed token that stand together
_AGAIN = "On the computer: mesh phone add"


class Over(Refused):
    """The offer has come to its end."""


def name_of(token: bytes) -> str:
    """How the wire names an offer without showing its token: 16 hex digits."""
    return hashlib.sha256(_NAMED + token).digest()[:_NAME_BYTES].hex()


def phones_proof(token: bytes, request: str) -> bytes:
    """What shows that whoever asks knows the token, and asks just this."""
    return _mac(token, request.encode())


def admitters_proof(token: bytes, request: str, admitter: str) -> bytes:
    """What shows a phone that whoever answers knows the token, heard just this, and is just that device."""
    return _mac(token, _ADMITTER + request.encode() + admitter.encode())


def _mac(token: bytes, message: bytes) -> bytes:
    return hmac.digest(derive(token, _PROOF), message, "sha256")


def digits_of(token: bytes, phones_key: bytes, admitters_key: bytes) -> str:
    """The six digits that both screens show, bound to the signing keys of both."""
    digest = hashlib.sha256(_DIGITS + token + phones_key + admitters_key).digest()
    number = int.from_bytes(digest[:_DIGITS_BYTES]) >> _SPARE_BITS
    return f"{number % 10**DOOR_DIGITS:0{DOOR_DIGITS}}"


def token_text(token: bytes) -> str:
    """A token as the QR has it."""
    return base64.urlsafe_b64encode(token).decode().rstrip("=")


def typed_text(token: bytes) -> str:
    """A token as a person types it: groups of four letters and digits."""
    letters = base64.b32encode(token).decode().rstrip("=").lower()
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


@dataclass
class Offer:
    """One offer: good for ten minutes, one phone, and five proofs."""

    token: bytes = field(repr=False)
    began_s: float
    admitter: str
    """What this device itself was let in with, as a request: so the phone knows whom it deals with."""
    tries_left: int = field(default=DOOR_TRIES_MAX, init=False)
    request: str = field(default="", init=False)
    """What the one phone asks that has shown the token."""
    over: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Work out how it is called."""
        self.name = name_of(self.token)

    @property
    def ends_s(self) -> float:
        """When it ends, unless a phone has come."""
        return self.began_s + DOOR_OFFER_S_MAX

    def heard(self, request: str, proof: bytes, now_s: float) -> Admit:
        """Take what a phone asks; the same again is the same. Raises Over, Forged, Busy, Malformed."""
        self.must_last(now_s)
        if not hmac.compare_digest(proof, phones_proof(self.token, request)):
            self.tries_left -= not self.request  # nobody ends the offer of a phone that has come
            self.over = self.tries_left == 0
            message = "this is not the code that the computer shows"
            raise Forged(message, hint=_AGAIN)
        if self.request and request != self.request:
            message = "another phone has used this code"
            raise Busy(message, hint=f"One code is for one phone. {_AGAIN}")
        admit = read_request(request)
        if not is_browser_key(admit.kem_key):
            message = "this door is for phones, and what asks is none"
            raise Refused(message, hint="Computers come in by a spoken code: mesh invite")
        self.request = request
        return admit

    def must_last(self, now_s: float) -> None:
        """Raise Over once it has ended: after ten minutes without a phone, five wrong proofs, or an answer."""
        self.over = self.over or (not self.request and now_s >= self.ends_s)
        if self.over:
            message = "this code is over"
            raise Over(message, hint=_AGAIN)

    def proof(self) -> bytes:
        """What this side shows the phone that has come."""
        assert self.request, "only after a phone has come"
        return admitters_proof(self.token, self.request, self.admitter)

    def digits(self) -> str:
        """What this side shows its person."""
        keys = (read_request(one).sign_key for one in (self.request, self.admitter))
        return digits_of(self.token, *keys)
