"""Statements beside those of the small mesh, as `judge` reads them, without chains or bytes of their own."""

from __future__ import annotations

from mesh.clocks.lamport import Stamp
from mesh.events.kinds import Body, kind_of
from mesh.events.verdict import Statement
from mesh.names import ZERO, Digest
from tests.unit.small_mesh import MESH, Device, fixed, request

STATEMENTS = MESH.statements()
SPARE = {
    "laptop": request("spare laptop"),
    "phone": request("spare phone"),
    "server": request("spare server"),
}


def said(speaker: Device | Digest, body: Body | None, number: int = 0, kind: str = "") -> Statement:
    """A statement as `judge` reads it, with a digest of its own."""
    admission = speaker.admission if isinstance(speaker, Device) else speaker
    kind = kind or (kind_of(body) if body else "")
    digest = Digest(fixed(32, "statement", admission.hex(), kind, repr(body), number))
    stamp = Stamp(100 + number, Digest(fixed(32, "chain", admission.hex())))
    return Statement(digest, admission, stamp, kind, body, 2 + number, ZERO)
