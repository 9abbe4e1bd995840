"""Who is there: how a device behind a door that several share proves to one in a browser which of them it is.

A browser learns from TLS that some device of the mesh answers, and not which; so it asks, with bytes that it drew. Only
those are somebody else's choice in what is signed, and they lie behind a domain of their own, as one digest. It says
who holds a key, not that nobody carries the words on. This module looks nothing up.
"""

from __future__ import annotations

import hashlib

from mesh.errors import Malformed
from mesh.events import cbor
from mesh.events.keys import SecretKeys, verify
from mesh.limits import QUESTION_BYTES
from mesh.names import Digest

VERB = "who"
"""What a device in a browser asks before it trades data."""

_DOMAIN = b"mesh/who/1"


def answer(question: bytes, mesh: Digest, own: Digest, asker: Digest, keys: SecretKeys) -> bytes:
    """What the device asked says: its signature. Raises Malformed where the question is none."""
    if len(question) != QUESTION_BYTES:
        message = f"a question who is there has {QUESTION_BYTES} bytes"
        raise Malformed(message)
    return keys.sign(_said(question, mesh, own, asker))


def check(answered: bytes, question: bytes, mesh: Digest, teller: tuple[Digest, bytes], asker: Digest) -> None:
    """Raise Forged unless the device that answers, an admission and its signing key, signed this for the asker."""
    verify(teller[1], _said(question, mesh, teller[0], asker), answered)


def _said(question: bytes, mesh: Digest, teller: Digest, asker: Digest) -> bytes:
    return _DOMAIN + cbor.encode([mesh, teller, asker, hashlib.sha256(question).digest()])
