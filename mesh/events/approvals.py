"""An act that a person has to confirm, as bytes: what another device of theirs shows, and says yes to.

The question travels as a document whose text is the whole act with the exact statements that it would say, so whoever
is asked reads them himself and trusts no words of the device that asks. This module asks nobody and stores nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from mesh.errors import Malformed, TooLarge
from mesh.events import cbor
from mesh.events.bodies import decode_body, encode_body
from mesh.events.event import Lane
from mesh.events.kinds import Body, Born, kind_of, known
from mesh.limits import ACT_STATEMENTS_MAX, BODY_PLAIN_BYTES_MAX
from mesh.names import Digest, is_word

SPACE, KIND = "mesh", "approval"
"""Where questions and their answers lie."""

WHAT, DIGEST, UNTIL, APPROVED, DENIED, USED = "what", "digest", "until", "approved", "denied", "used"
"""A question's registers: in words, the act's digest, its end; who is asked writes `approved` or `denied`, who asked
`used`."""

_DOMAIN = b"mesh/approval/1"
_ROOM_BYTES = 2048  # for the registers beside the text, in one body


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody wants done: the command, what it is about, and the statements that it says.

    A rekey is no part of it: it follows from a close, with a key that is drawn when it is said.
    """

    name: str
    target: str
    bodies: tuple[Body, ...] = ()


def text_of(act: Act) -> str:
    """An act as a text. Raises TooLarge when it does not fit into one event."""
    said = [[kind_of(body), encode_body(body)] for body in act.bodies]
    text = base64.urlsafe_b64encode(cbor.encode([act.name, act.target, said])).decode().rstrip("=")
    if len(text) > BODY_PLAIN_BYTES_MAX - _ROOM_BYTES or len(said) > ACT_STATEMENTS_MAX:
        message = "this act is too large to be asked on another device"
        raise TooLarge(message, hint="Confirm it with the passphrase of this home: `mesh passphrase set`.")
    return text


def read_act(text: str) -> Act:
    """The act behind a text. Raises Malformed."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    name, target, said = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "an act", (str, str, list))
    pairs = [cbor.expect_types(pair, "a statement", (str, bytes)) for pair in said]  # type: ignore[attr-defined]
    if len(pairs) > ACT_STATEMENTS_MAX or not all(known(Lane.CONTROL, str(kind)) for kind, _ in pairs):
        message = "an act says something that is no statement"
        raise Malformed(message)
    bodies = tuple(decode_body(Lane.CONTROL, str(kind), bytes(plain)) for kind, plain in pairs)  # type: ignore[call-overload]
    act = Act(str(name), str(target), bodies)
    if not is_word(act.name.replace(" ", "-")) or text_of(act) != text:
        message = "an act is not written in its one form"
        raise Malformed(message)
    return act


def digest_of(act: Act) -> Digest:
    """What a yes is given to: it names the act and every statement of it."""
    return Digest(hashlib.sha256(_DOMAIN + text_of(act).encode()).digest())


def question(act: Act, words: str, until_ms: int, salt: bytes) -> Born:
    """The birth of a question. Raises TooLarge."""
    return Born({WHAT: words, DIGEST: digest_of(act).hex(), UNTIL: until_ms}, text_of(act), salt)


def read_question(birth: Born) -> tuple[Act, int]:
    """The act that a question is about, and until when. Raises Malformed when it is none, or of another digest."""
    act, until = read_act(birth.text), birth.registers.get(UNTIL)
    if birth.registers.get(DIGEST) != digest_of(act).hex() or type(until) is not int:
        message = "a question does not name what it asks for"
        raise Malformed(message)
    return act, until
