"""The catalogue of kinds: what each event's body says, as typed values.

Bytes become values here and nowhere else. A kind that is not in the catalogue is held, forwarded and shown raw; it is
never an error. This module does not know whether a statement counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mesh.errors import Malformed
from mesh.events import cbor
from mesh.events.event import Lane
from mesh.limits import (
    ADDRESS_BYTES_MAX,
    ADDRESSES_PER_PEER_MAX,
    AGENT_NAME_BYTES_MAX,
    BODY_PLAIN_BYTES_MAX,
    DEVICE_NAME_BYTES_MAX,
    DIGEST_BYTES,
    DOCUMENT_NAME_BYTES,
    GRANT_WORDS_MAX,
    KEY_BYTES,
    RANK_MAX,
    REKEY_WRAPS_MAX,
    SALT_BYTES,
    SEQ_MAX,
    SHORT_BYTES,
    SIGNATURE_BYTES,
)
from mesh.names import Digest, DocumentId, Short, is_word

SUITE = 1  # Ed25519, X25519, SHA-256, AES-256-GCM, HKDF-SHA256, HPKE base mode, Automerge
ANY = "*"
"""In a grant: every space, every type, or every verb."""
_BIRTH = b"mesh/birth/1"
REASONS = ("new", "restored", "moved")

Value = str | int | bool | None
"""What a register of a document holds."""


@dataclass(frozen=True, slots=True)
class Genesis:
    """Founds a mesh: the recovery key's public parts. Its digest is the mesh id and the admission of rank 0."""

    sign_key: bytes
    kem_key: bytes
    salt: bytes
    suite: int = SUITE


@dataclass(frozen=True, slots=True)
class Opening:
    """First event of a chain under an admission. The reason is for people only; the salt keeps two openings apart."""

    admission: Digest
    lane: Lane
    reason: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class Admit:
    """Lets a device in, with its public keys, name and rank fixed for ever; `proof` is by the device's own key."""

    sign_key: bytes
    kem_key: bytes
    transport_key: bytes
    tls_key: bytes
    name: str
    proof: bytes
    rank: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a device, or one agent on it, may write: space, document types, verbs; `until_ms` when it should end."""

    admission: Digest
    agent: str
    space: str
    types: tuple[str, ...]
    verbs: tuple[str, ...]
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Rekey:
    """A new epoch: the commitment SHA-256(key), the key wrapped for each recipient, earlier keys wrapped under it."""

    commitment: bytes
    wraps: tuple[tuple[Digest, bytes], ...]
    earlier: tuple[tuple[Short, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Located:
    """Where a device can be reached, newest first. A hint where to dial; no right follows from it."""

    admission: Digest
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Born:
    """A document's birth: its registers and its text, whole. The document's name commits to this body."""

    registers: Mapping[str, Value]
    text: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class Changed:
    """One Automerge change of a document."""

    change: bytes


Body = Genesis | Opening | Admit | Grant | Rekey | Located | Born | Changed


def _require(fits: bool, kind: str, what: str) -> None:  # noqa: FBT001 - a condition reads best first
    if not fits:
        message = f"{kind}: {what}"
        raise Malformed(message)


def _keys_fit(kind: str, *keys: object) -> None:
    _require(all(type(k) is bytes and len(k) == KEY_BYTES for k in keys), kind, "a key is not 32 bytes")


def _words(kind: str, value: object) -> tuple[str, ...]:
    fits = type(value) is list and 0 < len(value) <= GRANT_WORDS_MAX
    _require(fits and all(type(w) is str and (w == ANY or is_word(w)) for w in value), kind, "not a list of words")  # type: ignore[attr-defined]
    words: tuple[str, ...] = tuple(value)  # type: ignore[arg-type]
    _require(list(words) == sorted(set(words)), kind, "its words are not sorted, each once")
    return words


def _genesis(raw: bytes) -> Genesis:
    suite, sign, kem, salt = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "genesis", (int, bytes, bytes, bytes))
    _require(suite == SUITE, "genesis", "this version does not know its suite")
    _keys_fit("genesis", sign, kem)
    _require(len(salt) == SALT_BYTES, "genesis", "its salt is not 16 bytes")  # type: ignore[arg-type]
    return Genesis(sign, kem, salt, suite)  # type: ignore[arg-type]


def _opening(raw: bytes) -> Opening:
    admission, lane, reason, salt = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "opening", (bytes, int, str, bytes))
    _require(len(admission) == DIGEST_BYTES, "opening", "its admission is not a digest")  # type: ignore[arg-type]
    _require(lane in {0, 1} and reason in REASONS, "opening", "unknown lane or reason")
    _require(len(salt) == SALT_BYTES, "opening", "its salt is not 16 bytes")  # type: ignore[arg-type]
    return Opening(Digest(admission), Lane(lane), reason, salt)  # type: ignore[arg-type]


def _admit(raw: bytes) -> Admit:
    types = (bytes, bytes, bytes, bytes, str, bytes, int)
    sign, kem, transport, tls, name, proof, rank = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "admit", types)
    _keys_fit("admit", sign, kem, transport, tls)
    _require(0 < len(name.encode()) <= DEVICE_NAME_BYTES_MAX, "admit", "its name is empty or too long")  # type: ignore[attr-defined]
    _require(len(proof) == SIGNATURE_BYTES, "admit", "its proof is not a signature")  # type: ignore[arg-type]
    _require(0 < rank <= RANK_MAX, "admit", "its rank is out of range")  # type: ignore[operator]
    return Admit(sign, kem, transport, tls, name, proof, rank)  # type: ignore[arg-type]


def _grant(raw: bytes) -> Grant:
    types = (bytes, str, str, list, list, object)
    admission, agent, space, kinds, verbs, until = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "grant", types)
    _require(len(admission) == DIGEST_BYTES, "grant", "its subject is not a digest")  # type: ignore[arg-type]
    _require(len(agent.encode()) <= AGENT_NAME_BYTES_MAX, "grant", "its agent's name is too long")  # type: ignore[attr-defined]
    _require(space == ANY or is_word(space), "grant", "its space is not a word")  # type: ignore[arg-type]
    _require(until is None or (type(until) is int and 0 <= until <= SEQ_MAX), "grant", "its end is not a time")
    return Grant(Digest(admission), agent, space, _words("grant", kinds), _words("grant", verbs), until)  # type: ignore[arg-type]


def _rekey(raw: bytes) -> Rekey:
    commitment, wraps, earlier = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "rekey", (bytes, list, list))
    _require(len(commitment) == DIGEST_BYTES, "rekey", "its commitment is not a digest")  # type: ignore[arg-type]
    return Rekey(
        commitment,  # type: ignore[arg-type]
        tuple((Digest(name), wrap) for name, wrap in _pairs(wraps, DIGEST_BYTES)),
        tuple((Short(name), wrap) for name, wrap in _pairs(earlier, SHORT_BYTES)),
    )


def _pairs(value: object, name_bytes: int) -> list[tuple[bytes, bytes]]:
    _require(len(value) <= REKEY_WRAPS_MAX, "rekey", "it wraps for too many")  # type: ignore[arg-type]
    pairs = [cbor.expect_types(pair, "a wrapped key", (bytes, bytes)) for pair in value]  # type: ignore[attr-defined]
    _require(all(len(name) == name_bytes for name, _ in pairs), "rekey", "a name has the wrong length")  # type: ignore[arg-type]
    return [(name, wrap) for name, wrap in pairs]  # type: ignore[misc]


def _located(raw: bytes) -> Located:
    admission, addresses = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "located", (bytes, list))
    _require(len(admission) == DIGEST_BYTES, "located", "its subject is not a digest")  # type: ignore[arg-type]
    _require(len(addresses) <= ADDRESSES_PER_PEER_MAX, "located", "it has too many addresses")  # type: ignore[arg-type]
    fit = all(type(one) is str and 0 < len(one.encode()) <= ADDRESS_BYTES_MAX for one in addresses)  # type: ignore[attr-defined]
    _require(fit, "located", "an address is not a text, empty or too long")
    return Located(Digest(admission), tuple(addresses))  # type: ignore[arg-type]


def _born(raw: bytes) -> Born:
    registers, text, salt = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "born", (dict, str, bytes))
    fits = all(type(k) is str and type(v) in {str, int, bool, type(None)} for k, v in registers.items())  # type: ignore[attr-defined]
    _require(fits, "born", "a register is neither text, whole number, yes or no, nor null")
    numbers = [v for v in registers.values() if type(v) is int]  # type: ignore[attr-defined]
    _require(all(abs(v) <= SEQ_MAX for v in numbers), "born", "a number is out of range")
    _require(len(salt) in {0, SALT_BYTES}, "born", "its salt is not 16 bytes")  # type: ignore[arg-type]
    return Born(registers, text, salt)  # type: ignore[arg-type]


def _changed(raw: bytes) -> Changed:
    (change,) = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "changed", (bytes,))
    return Changed(change)  # type: ignore[arg-type]


_CATALOGUE: Mapping[tuple[Lane, str], Callable[[bytes], Body]] = {
    (Lane.CONTROL, "genesis"): _genesis,
    (Lane.CONTROL, "opening"): _opening,
    (Lane.DATA, "opening"): _opening,
    (Lane.CONTROL, "admit"): _admit,
    (Lane.CONTROL, "grant"): _grant,
    (Lane.CONTROL, "rekey"): _rekey,
    (Lane.CONTROL, "located"): _located,
    (Lane.DATA, "born"): _born,
    (Lane.DATA, "changed"): _changed,
}

VERBS: Mapping[str, str] = {"born": "create", "changed": "edit"}
"""Which verb a grant must allow for a kind in the data lane."""


def known(lane: Lane, kind: str) -> bool:
    """Whether this version reads such events; others are held and shown raw."""
    return (lane, kind) in _CATALOGUE


def decode_body(lane: Lane, kind: str, raw: bytes) -> Body:
    """The body of a known kind. Raises Refused; ask `known` first."""
    return _CATALOGUE[lane, kind](raw)


def encode_body(body: Body) -> bytes:
    """The canonical bytes of a body."""
    match body:
        case Genesis(sign, kem, salt, suite):
            return cbor.encode([suite, sign, kem, salt])
        case Opening(admission, lane, reason, salt):
            return cbor.encode([admission, int(lane), reason, salt])
        case Admit(sign, kem, transport, tls, name, proof, rank):
            return cbor.encode([sign, kem, transport, tls, name, proof, rank])
        case Grant(admission, agent, space, types, verbs, until):
            return cbor.encode([admission, agent, space, list(types), list(verbs), until])
        case Rekey(commitment, wraps, earlier):
            return cbor.encode([commitment, [list(w) for w in wraps], [list(e) for e in earlier]])
        case Located(admission, addresses):
            return cbor.encode([admission, list(addresses)])
        case Born(registers, text, salt):
            return cbor.encode([dict(registers), text, salt])
        case Changed(change):
            return cbor.encode([change])


def kind_of(body: Body) -> str:
    """The name of a body's kind, as inner headers carry it."""
    return type(body).__name__.lower()


def document_of(space: str, kind: str, birth: Born) -> DocumentId:
    """The document that a birth brings into being: its name commits to space, type and the whole body."""
    return document_named_after(space, kind, encode_body(birth))


def document_named_after(space: str, kind: str, birth: bytes) -> DocumentId:
    """The document that a birth with these canonical bytes brings into being."""
    content = cbor.encode([space, kind, birth])
    name = hashlib.sha256(_BIRTH + content).digest()[:DOCUMENT_NAME_BYTES]
    return DocumentId.checked(space, kind, name)
