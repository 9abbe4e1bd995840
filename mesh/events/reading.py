"""Reading one event that is held: open what is sealed, decode what is known, weigh what it asks for.

What cannot be read is a standing with a reason, never an error: a missing key or body waits, an unknown kind or
version is shown raw. This module never looks at a document.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh.clocks.lamport import Stamp
from mesh.errors import Refused
from mesh.events.event import CLEAR, VERSION, Inner, Lane, Placed, decode_inner
from mesh.events.keys import check_admit, check_kem_key, check_sign_key
from mesh.events.kinds import Admit, Body, Genesis, decode_body, known
from mesh.events.seal import Keyring
from mesh.events.verdict import Standing, Statement, Verdict, weigh


@dataclass(frozen=True, slots=True)
class Reading:
    """What one event says, as far as this device can tell, and what it counts for."""

    standing: Standing
    reason: str = ""
    inner: Inner | None = None
    body: Body | None = None
    plain: bytes = b""
    """The body's canonical bytes, where it was read."""


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


def read(keyring: Keyring, verdict: Verdict, placed: Placed) -> Reading:
    """Read and weigh a data event. Raises nothing that another device could cause."""
    if placed.header.version > VERSION:
        return Reading(Standing.OPAQUE, f"of version {placed.header.version}, which this software does not read")
    inner = None
    try:
        inner = read_inner(keyring, placed)
        if inner is None:
            return Reading(Standing.WAITS, "key missing")
        standing, reason = weigh(verdict, placed.admission, inner)
        if standing is not Standing.HONOURED:
            return Reading(standing, reason, inner)
        plain = _plain_body(keyring, placed)
        if plain is None:
            return Reading(Standing.WAITS, "body missing", inner)
        return Reading(Standing.HONOURED, "", inner, decode_body(placed.lane, inner.kind, plain), plain)
    except Refused as error:
        return Reading(Standing.VOID, str(error), inner)


def statement(placed: Placed) -> Statement:
    """A control event as `judge` reads it. A malformed or unproven body says nothing, on every device alike."""
    kind, body = "", None
    stamp = Stamp(placed.header.lamport, placed.chain)
    if placed.header.version > VERSION:
        return Statement(placed.digest, placed.admission, stamp, f"version {placed.header.version}", None)
    try:
        inner = decode_inner(placed.header.inner)
        kind = inner.kind
        if known(Lane.CONTROL, kind):
            body = decode_body(Lane.CONTROL, kind, placed.event.body or b"")
            _check_keys(body)
    except Refused:
        body = None
    return Statement(placed.digest, placed.admission, stamp, kind, body)


def _check_keys(body: Body) -> None:
    if isinstance(body, Admit):
        check_admit(body)
    if isinstance(body, Genesis):
        check_sign_key(body.sign_key)
        check_kem_key(body.kem_key)
