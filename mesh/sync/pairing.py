"""Pairing as two pure machines: the inviter's, with its tries and its end, and the joiner's. Frames in, steps out.

The joiner proves first that it knows the code; the inviter says nothing that depends on the secret before it has seen
that. This module never waits, draws no randomness and lets nobody in (PROTOCOL, "Pairing").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mesh.errors import Forged, Malformed, MeshError, Refused
from mesh.events import cbor
from mesh.events.founding import read_request
from mesh.events.kinds import Admit
from mesh.events.pake import Channel, Exchange, Role, check_proof, proof
from mesh.limits import INVITATION_S_MAX, PAIRING_CLEAR_BYTES_MAX, PAIRING_SEALED_BYTES_MAX, PAIRING_TRIES_MAX
from mesh.names import Digest
from mesh.sync.pairing_frames import Code, Reason, as_bytes, read, refusal, transcript

VERSION = 1
_NOTHING_SEEN = Digest(b"")
_FRAME = "a frame of a pairing"


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, in the order of the fields."""

    send: tuple[bytes, ...] = ()
    """Frames to the other side."""
    asking: Admit | None = None
    """Inviter: show the person who asks, then `decided`."""
    request: str = ""
    """Inviter: the text that it asks with."""
    admission: str = ""
    """Joiner: keep what this gives, durably, then `kept`."""
    joined: bool = False
    """Inviter: the other side holds its admission."""
    over: MeshError | None = None
    """Inviter: nothing more comes of this conversation; close it."""


class Invitation:
    """One code: how many wrong proofs it still bears, when it ends, and whether somebody took it."""

    def __init__(self, code: Code, now_s: float) -> None:
        """Good from now on, by a monotonic clock."""
        self.code = code
        self.ends_s = now_s + INVITATION_S_MAX
        self.tries_left = PAIRING_TRIES_MAX
        self.taken = False

    def closed(self, now_s: float) -> Reason | None:
        """Why nobody can use the code any more; None while somebody can."""
        if self.taken:
            return Reason.USED
        if self.tries_left <= 0:
            return Reason.TRIES
        return Reason.LATE if now_s >= self.ends_s else None


class Inviter:
    """The inviter's side of one conversation."""

    def __init__(self, invitation: Invitation, entropy: bytes) -> None:
        """With 64 random bytes that were never used before."""
        self.invitation = invitation
        self._entropy = entropy
        self._secret = b""
        self._transcript = _NOTHING_SEEN
        self._channel: Channel | None = None
        self._expects: Callable[[bytes, float], Step] = self._exchange

    @property
    def bytes_max(self) -> int:
        """How long the next frame may be."""
        return PAIRING_SEALED_BYTES_MAX if self._channel else PAIRING_CLEAR_BYTES_MAX

    @property
    def proven(self) -> bool:
        """Whether the other side has proven that it knows the code."""
        return self._channel is not None

    def heard(self, frame: bytes, now_s: float) -> Step:
        """Take the next frame of the other side."""
        try:
            return self._expects(frame, now_s)
        except Refused as error:
            return self._ended(Reason.FORM, error)

    def decided(self, admission: str) -> Step:
        """The person's answer: an admission, or nothing to decline."""
        if not admission:
            return self._ended(Reason.DECLINED)
        self._expects = self._kept
        return Step((self._sealed("admission", admission),))

    def _exchange(self, frame: bytes, now_s: float) -> Step:
        value = cbor.decode(frame, self.bytes_max, _FRAME)
        if type(value) is list and value[:1] == ["exchange"] and value[1:2] != [VERSION]:
            return self._ended(Reason.VERSION)
        version, nameplate, element = read(frame, "exchange", (int, int, bytes))
        code = self.invitation.code
        assert version == VERSION, "looked at above"
        if nameplate != code.nameplate:
            return self._ended(Reason.OTHER)
        if closed := self.invitation.closed(now_s):
            return self._ended(closed)
        run = Exchange(Role.INVITER, code.nameplate, code.words, self._entropy)
        self._secret = run.finish(as_bytes(element))
        answer = cbor.encode(["exchange", VERSION, run.element])
        self._transcript = transcript(frame, answer)
        self._expects = self._proof
        return Step((answer,))

    def _proof(self, frame: bytes, now_s: float) -> Step:
        (shown,) = read(frame, "proof", (bytes,))
        if closed := self.invitation.closed(now_s):
            return self._ended(closed)
        try:
            check_proof(self._secret, Role.JOINER, self._transcript, as_bytes(shown))
        except Forged as error:
            self.invitation.tries_left -= 1
            return self._ended(Reason.WRONG, error)
        self.invitation.taken = True
        self._channel = Channel(self._secret, Role.INVITER, self._transcript)
        self._expects = self._request
        return Step((cbor.encode(["proof", proof(self._secret, Role.INVITER, self._transcript)]),))

    def _request(self, frame: bytes, _now_s: float) -> Step:
        (text,) = self._opened(frame, "request", (str,))
        asking = read_request(str(text))
        self._expects = self._too_early
        return Step(asking=asking, request=str(text))

    def _too_early(self, _frame: bytes, _now_s: float) -> Step:
        message = "the other device went on before it was answered"
        raise Malformed(message)

    def _kept(self, frame: bytes, _now_s: float) -> Step:
        self._opened(frame, "joined", ())
        return Step(joined=True)

    def _opened(self, frame: bytes, kind: str, types: tuple[type, ...]) -> list[object]:
        assert self._channel is not None, "sealed frames come after the proofs"
        return read(self._channel.open(frame), kind, types)

    def _sealed(self, kind: str, *values: object) -> bytes:
        assert self._channel is not None, "as above"
        return self._channel.seal(cbor.encode([kind, *values]))

    def _ended(self, reason: Reason, error: MeshError | None = None) -> Step:
        self._expects = self._too_early
        left = max(self.invitation.tries_left, 0)
        said = ("refused", reason.value, left)
        frame = self._sealed(*said) if self._channel else cbor.encode(list(said))
        return Step((frame,), over=error or refusal(reason.value, left))


class Joiner:
    """The joiner's side of one conversation. Whatever does not fit raises Refused, and the conversation is over."""

    def __init__(self, code: Code, request: str, entropy: bytes) -> None:
        """With the request to make once the inviter has proven itself, and 64 random bytes never used before."""
        self._code = code
        self._request_text = request
        self._run = Exchange(Role.JOINER, code.nameplate, code.words, entropy)
        self._first = cbor.encode(["exchange", VERSION, code.nameplate, self._run.element])
        self._secret = b""
        self._transcript = _NOTHING_SEEN
        self._channel: Channel | None = None
        self._expects: Callable[[bytes], Step] = self._exchange

    @property
    def bytes_max(self) -> int:
        """How long the next frame may be."""
        return PAIRING_SEALED_BYTES_MAX if self._channel else PAIRING_CLEAR_BYTES_MAX

    @property
    def showed(self) -> bool:
        """Whether whoever is there has got a proof, and with it one guess at the code."""
        return bool(self._secret)

    @property
    def proven(self) -> bool:
        """Whether the other side has proven that it knows the code."""
        return self._channel is not None

    def begin(self) -> Step:
        """Speak first."""
        return Step((self._first,))

    def heard(self, frame: bytes) -> Step:
        """Take the next frame of the other side. Raises Refused."""
        return self._expects(frame)

    def kept(self) -> Step:
        """What the admission gave is durable."""
        return Step((self._sealed("joined"),))

    def _exchange(self, frame: bytes) -> Step:
        version, element = read(frame, "exchange", (int, bytes))
        if version != VERSION:
            raise refusal(Reason.VERSION.value, 0)
        self._secret = self._run.finish(as_bytes(element))
        self._transcript = transcript(self._first, frame)
        self._expects = self._proof
        return Step((cbor.encode(["proof", proof(self._secret, Role.JOINER, self._transcript)]),))

    def _proof(self, frame: bytes) -> Step:
        (shown,) = read(frame, "proof", (bytes,))
        try:
            check_proof(self._secret, Role.INVITER, self._transcript, as_bytes(shown))
        except Forged as error:
            message = "whoever answers there does not know the code"
            hint = "Somebody may be posing as the other device. This device told nothing but its guess at the code."
            raise Forged(message, hint=hint) from error
        self._channel = Channel(self._secret, Role.JOINER, self._transcript)
        self._expects = self._answer
        return Step((self._sealed("request", self._request_text),))

    def _answer(self, frame: bytes) -> Step:
        assert self._channel is not None, "sealed frames come after the proofs"
        (text,) = read(self._channel.open(frame), "admission", (str,))
        self._expects = self._nothing_more
        return Step(admission=str(text))

    def _nothing_more(self, _frame: bytes) -> Step:
        message = "the other device said more than a pairing has"
        raise Malformed(message)

    def _sealed(self, kind: str, *values: object) -> bytes:
        assert self._channel is not None, "as above"
        return self._channel.seal(cbor.encode([kind, *values]))
