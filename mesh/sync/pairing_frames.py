"""What a pairing says: the code as it is read out, the frames and why one is refused; and what both sides saw of it.

Bytes become typed values here. It keeps no state (PROTOCOL, "Pairing").
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from enum import Enum

from mesh.errors import Malformed, Refused, TooLarge
from mesh.events import cbor
from mesh.limits import CODE_WORDS, NAMEPLATE_MAX, PAIRING_SEALED_BYTES_MAX
from mesh.names import Digest

LENGTH_BYTES = 4
_TRANSCRIPT = b"mesh/pairing/transcript/1"
_CODE = re.compile(rf"([1-9][0-9]{{0,2}})((?:-[a-z]+){{{CODE_WORDS}}})\Z")
_WHAT = "a frame of a pairing"


@dataclass(frozen=True, slots=True)
class Code:
    """What one person reads out to another device: a number that everybody may know, and words that nobody else may."""

    nameplate: int
    words: str = field(repr=False)
    """In lower case, joined by hyphens."""

    def __str__(self) -> str:
        """As it is shown: `7-orbit-velvet-canoe`."""
        return f"{self.nameplate}-{self.words}"

    @classmethod
    def parse(cls, text: str) -> Code:
        """Read what `str` wrote. Raises Malformed."""
        found = _CODE.match(text)
        if found is None or not int(found[1]) <= NAMEPLATE_MAX:
            message = "this is not a code"
            raise Malformed(message, hint="A code looks like 7-orbit-velvet-canoe.")
        return cls(int(found[1]), found[2].removeprefix("-"))


class Reason(Enum):
    """Why an inviter ends a pairing, as it says so on the wire."""

    WRONG = "wrong"
    TRIES = "tries"
    LATE = "late"
    USED = "used"
    OTHER = "other"
    VERSION = "version"
    FORM = "form"
    DECLINED = "declined"


_AGAIN = "Make a new one there: mesh invite"
_SENTENCES = {
    Reason.TRIES: ("this code is dead: it was tried wrongly three times", _AGAIN),
    Reason.LATE: ("this code is over: it was good for five minutes", _AGAIN),
    Reason.USED: ("this code was used already", f"A code lets in one device. {_AGAIN}"),
    Reason.OTHER: ("the device there shows another code", "Compare the number at the head of the code."),
    Reason.VERSION: ("the device there speaks another version of the protocol", "Bring both to the same version."),
    Reason.FORM: ("the device there did not understand this one", "Bring both to the same version of mesh."),
    Reason.DECLINED: ("the person at the other device did not let this one in", "Nothing was changed."),
}


def refusal(reason: str, tries_left: int) -> Refused:
    """What an inviter's word means for the person who joins."""
    if reason == Reason.WRONG.value and tries_left > 0:
        left = "1 try is" if tries_left == 1 else f"{tries_left} tries are"
        return Refused("the code is not the one that the other device shows", hint=f"{left} left. Read it again.")
    known = {each.value: each for each in Reason}.get(reason, Reason.FORM)
    message, hint = _SENTENCES[Reason.TRIES if known is Reason.WRONG else known]
    return Refused(message, hint=hint)


def framed(frame: bytes) -> bytes:
    """A frame as it travels: its length, then itself."""
    return len(frame).to_bytes(LENGTH_BYTES, "big") + frame


def frame_length(prefix: bytes, bytes_max: int) -> int:
    """How long the frame is that follows. Raises TooLarge, so that nobody is made to wait for it or to hold it."""
    length = int.from_bytes(prefix, "big")
    if length > bytes_max:
        message = f"{_WHAT} has {length:,} bytes; at most {bytes_max:,} are allowed"
        raise TooLarge(message)
    return length


def transcript(first: bytes, answer: bytes) -> Digest:
    """What both sides saw of the exchange: the versions, the number of the code and both points are bound by it."""
    return Digest(hashlib.sha256(_TRANSCRIPT + framed(first) + framed(answer)).digest())


def read(frame: bytes, kind: str, types: tuple[type, ...]) -> list[object]:
    """The values of a frame of this kind. Raises Refused: as the other side says, where the frame says so."""
    value = cbor.decode(frame, PAIRING_SEALED_BYTES_MAX, _WHAT)
    if type(value) is list and value[:1] == ["refused"]:
        _, reason, left = cbor.expect_types(value, _WHAT, (str, str, int))
        raise refusal(str(reason), int(str(left)))
    said, *values = cbor.expect_types(value, _WHAT, (str, *types))
    if said != kind:
        message = f"{_WHAT} is not the one that comes now"
        raise Malformed(message)
    return values


def as_bytes(value: object) -> bytes:
    """A value that `read` found to be bytes."""
    assert isinstance(value, bytes), "its type was looked at when it was read"
    return value
