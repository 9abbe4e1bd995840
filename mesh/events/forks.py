"""The proof that a chain was forked: two events on one place, both signed by the chain's key. Restored, or stolen?

Whoever has the bytes can check it, without a mesh, a log or a key. It shows no content, and says nothing about which
of the two is honest.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh.clocks.chain import Head, event_digest, genesis_digest, opening_digest, signed_bytes
from mesh.errors import Forged, Malformed
from mesh.events import cbor
from mesh.events.event import Run
from mesh.events.keys import verify
from mesh.limits import (
    DIGEST_BYTES,
    FORK_PROOF_BYTES_MAX,
    HEADER_BYTES_MAX,
    KEY_BYTES,
    SEQ_MAX,
    SIGNATURE_BYTES,
    SIGNED_RUN_EVENTS_MAX,
)
from mesh.names import Digest

FORK_PREFIX = "mesh-fork-1."
_TYPES = (bytes, bytes, bytes, bytes, int, bytes, list, bytes, list, bytes)


@dataclass(frozen=True, slots=True)
class Branch:
    """The headers of one side, from the place of the fork up to an event that is signed."""

    headers: tuple[bytes, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class ForkProof:
    """A forked chain: whose key it is under, the header that opened it, where it forks, and both sides."""

    mesh: Digest
    key: bytes
    opening: bytes
    chain: Digest
    after: Head
    sides: tuple[Branch, Branch]

    @property
    def events(self) -> tuple[Digest, Digest]:
        """The two events that stand on one place."""
        first, second = (event_digest(self.chain, self.after, side.headers[0]) for side in self.sides)
        return first, second


def branch_of(run: Run) -> Branch:
    """A side of a proof, from a run that starts at the fork."""
    return Branch(tuple(event.header for event in run.events), run.signature)


def proof_text(proof: ForkProof) -> str:
    """A proof as one word of text."""
    first, second = proof.sides
    place = [proof.mesh, proof.key, proof.opening, proof.chain, proof.after.seq, proof.after.digest]
    sides = [list(first.headers), first.signature, list(second.headers), second.signature]
    return FORK_PREFIX + cbor.encode([*place, *sides]).hex()


def read_proof(text: str) -> ForkProof:
    """Read a proof and check all that it claims. Raises Refused when it proves nothing."""
    packed = "".join(text.split())
    digits = packed.removeprefix(FORK_PREFIX)
    if not packed.startswith(FORK_PREFIX) or len(digits) > 2 * FORK_PROOF_BYTES_MAX:
        message = f"this is no proof of a fork: one starts with {FORK_PREFIX!r}"
        raise Malformed(message)
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    proof = _decoded(raw)
    _check(proof)
    return proof


def _decoded(raw: bytes) -> ForkProof:
    mesh, key, opening, chain, seq, digest, *rest = cbor.fields(raw, FORK_PROOF_BYTES_MAX, "a proof of a fork", _TYPES)
    lengths = [len(part) == DIGEST_BYTES for part in (mesh, chain, digest)]  # type: ignore[arg-type]
    fits = all(lengths) and len(key) == KEY_BYTES and 0 < seq <= SEQ_MAX - SIGNED_RUN_EVENTS_MAX  # type: ignore[arg-type, operator]
    if not fits or len(opening) > HEADER_BYTES_MAX:  # type: ignore[arg-type]
        message = "a proof's fields are not of the form that the protocol asks for"
        raise Malformed(message)
    sides = _side(rest[0], rest[1]), _side(rest[2], rest[3])
    return ForkProof(Digest(mesh), key, opening, Digest(chain), Head(seq, Digest(digest)), sides)  # type: ignore[arg-type]


def _side(headers: object, signature: object) -> Branch:
    listed: list[object] = headers  # type: ignore[assignment]
    fits = 0 < len(listed) <= SIGNED_RUN_EVENTS_MAX and len(signature) == SIGNATURE_BYTES  # type: ignore[arg-type]
    if not fits or any(type(one) is not bytes or len(one) > HEADER_BYTES_MAX for one in listed):
        message = "a side of a proof is empty, too long, or has no signature"
        raise Malformed(message)
    return Branch(tuple(listed), signature)  # type: ignore[arg-type]


def _check(proof: ForkProof) -> None:
    opened = opening_digest(proof.mesh, proof.key, proof.opening)
    if proof.chain == proof.mesh:
        opened = genesis_digest(proof.key, proof.opening)
    if opened != proof.chain:
        message = "the chain of this proof is not one of that key"
        raise Forged(message)
    if proof.after.seq == 1 and proof.after.digest != proof.chain:
        message = "this proof stands on no event of its chain"
        raise Forged(message)
    first, second = proof.events
    if first == second:
        message = "both sides of this proof are the same event"
        raise Forged(message)
    for side in proof.sides:
        head = proof.after
        for header in side.headers:
            head = Head(head.seq + 1, event_digest(proof.chain, head, header))
        verify(proof.key, signed_bytes(proof.chain, head), side.signature)
