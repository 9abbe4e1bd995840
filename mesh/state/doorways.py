"""Doorways: the authority that phones trust for the page of the mesh, and whom its key is wrapped for.

A doorway is born with a certificate and, under `key/ADMISSION`, the key of it wrapped for admins; nothing of that ever
changes. For admins that come later the same certificate is born once more. Which authority counts follows from what is
held alone, so all devices show phones the same. This module unwraps nothing and reads no clock.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mesh.events.kinds import Value
from mesh.events.verdict import Admission, Statement, Verdict, admitted
from mesh.limits import DIGEST_BYTES, RANK_ADMIN_LAST
from mesh.names import Digest, DocumentId, digest_text

SPACE, KIND = "mesh", "doorway"
CERTIFICATE, SINCE, KEY = "cert", "since", "key/"
_WRAPPED_FOR = b"mesh/doorway/1"

Statements = Mapping[Digest, Statement]


@dataclass(frozen=True, slots=True)
class Doorway:
    """An authority: its certificate (DER), whom its key is wrapped for, and when it was made.

    `lamport` and `document` are of its first birth.
    """

    document: DocumentId
    certificate: bytes
    since_ms: int
    wraps: Mapping[Digest, bytes]
    lamport: int

    @property
    def place(self) -> tuple[int, DocumentId]:
        """Where it stands among others."""
        return self.lamport, self.document


def registers_of_birth(certificate: bytes, since_ms: int, wraps: Mapping[Digest, bytes]) -> dict[str, Value]:
    """What a doorway is born with."""
    return {CERTIFICATE: _text(certificate), SINCE: since_ms, **{key_of(to): _text(wrap) for to, wrap in wraps.items()}}


def key_of(admission: Digest) -> str:
    """The register that holds the key for an admission."""
    return KEY + digest_text(admission)


def purpose(mesh: Digest, admission: Digest) -> bytes:
    """What binds a wrapped key of an authority to its mesh and its recipient."""
    return _WRAPPED_FOR + mesh + admission


def read(document: DocumentId, registers: Mapping[str, Value], lamport: int) -> Doorway | None:
    """A doorway out of what it was born with; None where that says no certificate."""
    certificate, since_ms = _bytes(registers.get(CERTIFICATE)), registers.get(SINCE)
    if not certificate:
        return None
    found = {_admission(key): _bytes(value) for key, value in sorted(registers.items()) if key.startswith(KEY)}
    wraps = {admission: wrap for admission, wrap in found.items() if admission is not None and wrap}
    return Doorway(document, certificate, since_ms if type(since_ms) is int else 0, wraps, lamport)


def may_make(verdict: Verdict, admission: Digest) -> bool:
    """Whether a device counts as one that makes doorways: an admin, whatever became of it since."""
    found = verdict.devices.get(admission)
    return found is not None and found.rank <= RANK_ADMIN_LAST


def joined(doorways: Iterable[Doorway]) -> tuple[Doorway, ...]:
    """Authorities, the first one first: births of one certificate are one, with the wraps of all."""
    found: dict[bytes, Doorway] = {}
    for one in sorted(doorways, key=lambda one: one.place):
        first = found.get(one.certificate)
        found[one.certificate] = replace(first, wraps={**one.wraps, **first.wraps}) if first else one
    return tuple(found.values())


def lost(doorway: Doorway, verdict: Verdict, statements: Statements) -> tuple[Admission, ...]:
    """Who had its key and is out of the mesh, or no admin any more; not who has another admission by now."""
    still = {found.sign_key for found in admins(verdict).values()}
    had = (admitted(statements.get(name)) for name in sorted(doorway.wraps))
    return tuple(one for one in had if one is not None and one.sign_key not in still)


def current(doorways: Iterable[Doorway], verdict: Verdict, statements: Statements) -> Doorway | None:
    """The authority that counts: the first whose key was wrapped for somebody, and lost by nobody."""
    fit = [one for one in joined(doorways) if one.wraps and not lost(one, verdict, statements)]
    return fit[0] if fit else None


def lacking(doorway: Doorway, verdict: Verdict) -> dict[Digest, bytes]:
    """The live admins that it is not wrapped for yet, with their wrapping keys."""
    return {name: found.kem_key for name, found in admins(verdict).items() if name not in doorway.wraps}


def admins(verdict: Verdict) -> dict[Digest, Admission]:
    """Who is to have the key: live admins, by name; a page keeps no such key."""
    fit = {name: found for name, found in sorted(verdict.live.items()) if found.rank <= RANK_ADMIN_LAST}
    return {name: found for name, found in fit.items() if not found.in_browser}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(value: Value) -> bytes:
    """What base64 says in the one form that it has (RFC 4648, 3.5): else what counts would hang on who decodes it."""
    try:
        raw = base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (binascii.Error, ValueError):
        return b""
    return raw if _text(raw) == value else b""


def _admission(key: str) -> Digest | None:
    name = key.removeprefix(KEY)
    try:
        found = bytes.fromhex(name)
    except ValueError:
        return None
    return Digest(found) if len(found) == DIGEST_BYTES and found.hex() == name else None
