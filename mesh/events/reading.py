"""Reading one event that is held: open what is sealed, decode what is known, weigh what it asks for.

What cannot be read is a standing with a reason, never an error: a missing key or body waits, an unknown kind or
version is shown raw. This module never looks at a document.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh.clocks.lamport import Stamp
from mesh.errors import Refused
from mesh.events.bodies import decode_body
from mesh.events.event import CLEAR, VERSION, Inner, Lane, Placed, decode_inner
from mesh.events.keys import check_admit, check_kem_key, check_sign_key
from mesh.events.kinds import Admit, Body, Genesis, known
from mesh.events.seal import Keyring
from mesh.events.verdict import Standing, Statement, Verdict
from mesh.events.weigh import Lineage, Weight, weigh
from mesh.names import ZERO, Digest

KEY_MISSING = "key missing"
BODY_MISSING = "body missing"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one event says, as far as this device can tell, and what it counts for."""

    standing: Standing
    reason: str = ""
    inner: Inner | None = None
    body: Body | None = None
    plain: bytes = b""
    """The body's canonical bytes, where it was read. What is void by authority is read too: others may stand on it."""
    by: Digest = ZERO
    """The statement that makes it void or waiting, where one does."""


def read_inner(keyring: Keyring, placed: Placed) -> Inner | None:
    """The inner header, None where its key is missing. Raises Refused when it does not open or is malformed."""
    header = placed.header
    if header.epoch == CLEAR:
        return decode_inner(header.inner)
    if not keyring.holds(header.epoch):
        return None
    return decode_inner(keyring.open(header.epoch, placed.chain, placed.seq, b"header", header.inner))


def read_body(keyring: Keyring, placed: Placed, kind: str) -> Body | None:
    """The body of a known kind, None where its bytes are missing. Raises Refused."""
    plain = _plain_body(keyring, placed)
    return None if plain is None else decode_body(placed.lane, kind, plain)


def _plain_body(keyring: Keyring, placed: Placed) -> bytes | None:
    raw = placed.event.body
    if raw is None or placed.header.epoch == CLEAR:
        return raw
    return keyring.open(placed.header.epoch, placed.chain, placed.seq, b"body", raw)


def read(keyring: Keyring, verdict: Verdict, placed: Placed, lineage: Lineage) -> Reading:
    """Read and weigh a data event. Raises nothing that another device could cause."""
    if placed.header.version > VERSION:
        return Reading(Standing.OPAQUE, f"of version {placed.header.version}, which this software does not read")
    inner = None
    try:
        inner = read_inner(keyring, placed)
        if inner is None:
            return Reading(Standing.WAITS, KEY_MISSING)
        return _weighed(keyring, placed, inner, weigh(verdict, placed, inner, lineage))
    except Refused as error:
        return Reading(Standing.VOID, str(error), inner)


def _weighed(keyring: Keyring, placed: Placed, inner: Inner, weight: Weight) -> Reading:
    """The reading of an event of this weight. Raises Refused when its body is not one of its kind."""
    if weight.standing is Standing.OPAQUE:
        return Reading(weight.standing, weight.reason, inner)
    plain = _plain_body(keyring, placed)
    if plain is not None:
        body = decode_body(placed.lane, inner.kind, plain)
        return Reading(weight.standing, weight.reason, inner, body, plain, weight.by)
    if weight.standing is Standing.HONOURED:
        return Reading(Standing.WAITS, BODY_MISSING, inner)
    return Reading(weight.standing, weight.reason, inner, by=weight.by)


def statement(placed: Placed) -> Statement:
    """A control event as `judge` reads it. A malformed or unproven body says nothing, on every device alike."""
    kind, body = "", None
    stamp = Stamp(placed.header.lamport, placed.chain)
    if placed.header.version > VERSION:
        kind = f"version {placed.header.version}"
        return Statement(placed.digest, placed.admission, stamp, kind, None, placed.seq, placed.parent)
    try:
        inner = decode_inner(placed.header.inner)
        kind = inner.kind
        if known(Lane.CONTROL, kind):
            body = decode_body(Lane.CONTROL, kind, placed.event.body or b"")
            _check_keys(body)
    except Refused:
        body = None
    return Statement(placed.digest, placed.admission, stamp, kind, body, placed.seq, placed.parent)


def _check_keys(body: Body) -> None:
    if isinstance(body, Admit):
        check_admit(body)
    if isinstance(body, Genesis):
        check_sign_key(body.sign_key)
        check_kem_key(body.kem_key)
