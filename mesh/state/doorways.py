"""Doorways: the authority that phones trust for the page of the mesh, and whom its key is wrapped for.

One is born with its certificate; under `key/ADMISSION` stands the key, wrapped for an admin. Which of several counts
follows from what is held alone, so all devices show phones the same. This module unwraps nothing, knows no certificate
from inside, and reads no clock.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mesh.events.kinds import Value
from mesh.events.verdict import Admission, Statement, Verdict, admitted
from mesh.limits import DIGEST_BYTES, RANK_ADMIN_LAST
from mesh.names import Digest, DocumentId, digest_text
from mesh.state.records import Record

SPACE, KIND = "mesh", "doorway"
CERTIFICATE, SINCE, KEY = "cert", "since", "key/"
_WRAPPED_FOR = b"mesh/doorway/1"

Statements = Mapping[Digest, Statement]


@dataclass(frozen=True, slots=True)
class Doorway:
    """An authority: its document and certificate (DER), whom its key is wrapped for, and who made it when.

    An admin made it, and wrote all of its `wraps`: whoever reads it sees to that. `lamport`: of its birth.
    """

    document: DocumentId
    certificate: bytes
    since_ms: int
    wraps: Mapping[Digest, bytes]
    by: Digest
    lamport: int


def registers_of_birth(certificate: bytes, since_ms: int, wraps: Mapping[Digest, bytes]) -> dict[str, Value]:
    """What a doorway is born with."""
    return {CERTIFICATE: _text(certificate), SINCE: since_ms, **wrapped(wraps)}


def wrapped(wraps: Mapping[Digest, bytes]) -> dict[str, Value]:
    """The registers that hold the key for these admissions."""
    return {key_of(admission): _text(wrap) for admission, wrap in wraps.items()}


def key_of(admission: Digest) -> str:
    """The register that holds the key for an admission."""
    return KEY + digest_text(admission)


def purpose(mesh: Digest, admission: Digest) -> bytes:
    """What binds a wrapped key of an authority to its mesh and its recipient."""
    return _WRAPPED_FOR + mesh + admission


def read(record: Record, by: Digest, lamport: int) -> Doorway | None:
    """A doorway out of its record; None where that says no certificate."""
    certificate = _bytes(record.word(CERTIFICATE))
    if not certificate:
        return None
    found = {_admission(name): _bytes(value) for name, value in record.under(KEY).items() if isinstance(value, str)}
    wraps = {admission: wrap for admission, wrap in found.items() if admission is not None and wrap}
    return Doorway(record.document, certificate, record.number(SINCE), wraps, by, lamport)


def may_make(verdict: Verdict, admission: Digest) -> bool:
    """Whether a device counts as one that makes doorways and hands them on: an admin, whatever became of it since."""
    found = verdict.devices.get(admission)
    return found is not None and found.rank <= RANK_ADMIN_LAST


def lost(doorway: Doorway, verdict: Verdict, statements: Statements) -> tuple[Admission, ...]:
    """Who had its key and is out of the mesh, or no admin any more; the same device under a new admission is neither."""
    admins = {found.sign_key for found in _admins(verdict).values()}
    had = (admitted(statements.get(name)) for name in sorted(doorway.wraps))
    return tuple(one for one in had if one is not None and one.sign_key not in admins)


def current(doorways: Iterable[Doorway], verdict: Verdict, statements: Statements) -> Doorway | None:
    """The doorway that counts: of those that an admin made and whose key nobody lost, the first."""
    fit = [one for one in doorways if one.wraps and not lost(one, verdict, statements)]
    return min(fit, key=lambda one: (one.lamport, one.document), default=None)


def lacking(doorway: Doorway, verdict: Verdict) -> dict[Digest, bytes]:
    """The live admins that it is not wrapped for yet, with their wrapping keys."""
    return {name: found.kem_key for name, found in _admins(verdict).items() if name not in doorway.wraps}


def _admins(verdict: Verdict) -> dict[Digest, Admission]:
    fit = {name: found for name, found in sorted(verdict.live.items()) if found.rank <= RANK_ADMIN_LAST}
    return {name: found for name, found in fit.items() if not found.in_browser}  # a page keeps no such key


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _admission(name: str) -> Digest | None:
    try:
        found = bytes.fromhex(name)
    except ValueError:
        return None
    return Digest(found) if len(found) == DIGEST_BYTES and found.hex() == name else None
