"""Bodies as bytes: each kind has one form, and bytes become values here and nowhere else.

What is not that form is refused. This module does not know whether a statement counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from mesh.clocks.chain import Head
from mesh.errors import Malformed
from mesh.events import cbor
from mesh.events.event import Lane
from mesh.events.kinds import (
    ANY,
    REASONS,
    SUITE,
    Admit,
    Adopt,
    Body,
    Born,
    Changed,
    Close,
    Forget,
    Genesis,
    Grant,
    Located,
    Mark,
    Opening,
    Rekey,
    Settled,
    Undone,
    Ungrant,
)
from mesh.limits import (
    ADDRESS_BYTES_MAX,
    ADDRESSES_PER_PEER_MAX,
    ADOPTED_MAX,
    AGENT_NAME_BYTES_MAX,
    BODY_PLAIN_BYTES_MAX,
    BROWSER_KEY_BYTES,
    CONFLICT_NAME_BYTES,
    DEVICE_NAME_BYTES_MAX,
    DIGEST_BYTES,
    DOCUMENT_NAME_BYTES,
    GRANT_WORDS_MAX,
    KEY_BYTES,
    MARKS_MAX,
    RANK_MAX,
    REASON_BYTES_MAX,
    REKEY_WRAPS_MAX,
    SALT_BYTES,
    SEQ_MAX,
    SETTLED_PRINTS_MAX,
    SHORT_BYTES,
    SIGNATURE_BYTES,
)
from mesh.names import Digest, DocumentId, Short, is_word

_BIRTH = b"mesh/birth/1"
_TEXTS = frozenset({str})
_VALUES = frozenset({str, int, bool, type(None)})


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
    _keys_fit("admit", sign, transport, tls)
    _require(len(kem) in {KEY_BYTES, BROWSER_KEY_BYTES}, "admit", "its wrapping key has neither 32 nor 65 bytes")  # type: ignore[arg-type]
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


def _close(raw: bytes) -> Close:
    admission, marks, reason = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "close", (bytes, list, str))
    _require(len(admission) == DIGEST_BYTES, "close", "its subject is not a digest")  # type: ignore[arg-type]
    _require(len(reason.encode()) <= REASON_BYTES_MAX, "close", "its reason is too long")  # type: ignore[attr-defined]
    return Close(Digest(admission), _marks("close", marks), reason)  # type: ignore[arg-type]


def _ungrant(raw: bytes) -> Ungrant:
    grant, marks = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "ungrant", (bytes, list))
    _require(len(grant) == DIGEST_BYTES, "ungrant", "its grant is not a digest")  # type: ignore[arg-type]
    return Ungrant(Digest(grant), _marks("ungrant", marks))  # type: ignore[arg-type]


def _marks(kind: str, value: object) -> tuple[Mark, ...]:
    _require(len(value) <= MARKS_MAX, kind, "it has too many marks")  # type: ignore[arg-type]
    found = [cbor.expect_types(mark, "a mark", (bytes, int, bytes)) for mark in value]  # type: ignore[attr-defined]
    fits = all(len(c) == len(d) == DIGEST_BYTES and 0 < s <= SEQ_MAX for c, s, d in found)  # type: ignore[arg-type, operator]
    _require(fits, kind, "a mark is not a place in a chain")
    marks = tuple(Mark(Digest(c), Head(s, Digest(d))) for c, s, d in found)  # type: ignore[arg-type]
    _require(list(marks) == sorted(set(marks)), kind, "its marks are not sorted, each once")
    return marks


def _adopt(raw: bytes) -> Adopt:
    (events,) = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "adopt", (list,))
    _require(0 < len(events) <= ADOPTED_MAX, "adopt", "it adopts nothing, or too much")  # type: ignore[arg-type]
    fits = all(type(one) is bytes and len(one) == DIGEST_BYTES for one in events)  # type: ignore[attr-defined]
    _require(fits and events == sorted(set(events)), "adopt", "its events are not digests, sorted, each once")  # type: ignore[call-overload]
    return Adopt(tuple(events))  # type: ignore[arg-type]


def _forget(raw: bytes) -> Forget:
    return Forget(DocumentId.checked(*cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "forget", (str, str, bytes))))


def _born(raw: bytes) -> Born:
    registers, text, salt = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "born", (dict, str, bytes))
    types = set(map(type, registers.values()))  # type: ignore[attr-defined]
    fits = types <= _VALUES and _TEXTS.issuperset(map(type, registers))  # type: ignore[call-overload]
    _require(fits, "born", "a register is neither text, whole number, yes or no, nor null")
    numbers = [v for v in registers.values() if type(v) is int] if int in types else ()  # type: ignore[attr-defined]
    _require(all(abs(v) <= SEQ_MAX for v in numbers), "born", "a number is out of range")
    _require(len(salt) in {0, SALT_BYTES}, "born", "its salt is not 16 bytes")  # type: ignore[arg-type]
    return Born(registers, text, salt)  # type: ignore[arg-type]


def _changed(raw: bytes) -> Changed:
    (change,) = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "changed", (bytes,))
    return Changed(change)  # type: ignore[arg-type]


def _settled(raw: bytes) -> Settled:
    change, conflict, prints, rule = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "settled", (bytes, bytes, list, str))
    _require(len(prints) <= SETTLED_PRINTS_MAX, "settled", "it names too many edits")  # type: ignore[arg-type]
    fits = all(type(name) is bytes and len(name) == CONFLICT_NAME_BYTES for name in (conflict, *prints))  # type: ignore[misc]
    _require(fits and prints == sorted(set(prints)), "settled", "its names are not 16 bytes, sorted, each once")  # type: ignore[call-overload]
    _require(len(rule.encode()) <= REASON_BYTES_MAX, "settled", "its rule is too long")  # type: ignore[attr-defined]
    return Settled(change, conflict, tuple(prints), rule)  # type: ignore[arg-type]


def _undone(raw: bytes) -> Undone:
    change, event = cbor.fields(raw, BODY_PLAIN_BYTES_MAX, "undone", (bytes, bytes))
    _require(len(event) == DIGEST_BYTES, "undone", "what it takes back is not a digest")  # type: ignore[arg-type]
    return Undone(change, Digest(event))  # type: ignore[arg-type]


_CATALOGUE: Mapping[tuple[Lane, str], Callable[[bytes], Body]] = {
    (Lane.CONTROL, "genesis"): _genesis,
    (Lane.CONTROL, "opening"): _opening,
    (Lane.DATA, "opening"): _opening,
    (Lane.CONTROL, "admit"): _admit,
    (Lane.CONTROL, "grant"): _grant,
    (Lane.CONTROL, "rekey"): _rekey,
    (Lane.CONTROL, "located"): _located,
    (Lane.CONTROL, "close"): _close,
    (Lane.CONTROL, "ungrant"): _ungrant,
    (Lane.CONTROL, "adopt"): _adopt,
    (Lane.CONTROL, "forget"): _forget,
    (Lane.DATA, "born"): _born,
    (Lane.DATA, "changed"): _changed,
    (Lane.DATA, "settled"): _settled,
    (Lane.DATA, "undone"): _undone,
}


def decode_body(lane: Lane, kind: str, raw: bytes) -> Body:
    """The body of a known kind. Raises Refused; ask `known` first."""
    return _CATALOGUE[lane, kind](raw)


_WRITTEN: Mapping[type, Callable[[Any], list[object]]] = {
    Genesis: lambda b: [b.suite, b.sign_key, b.kem_key, b.salt],
    Opening: lambda b: [b.admission, int(b.lane), b.reason, b.salt],
    Admit: lambda b: [b.sign_key, b.kem_key, b.transport_key, b.tls_key, b.name, b.proof, b.rank],
    Grant: lambda b: [b.admission, b.agent, b.space, list(b.types), list(b.verbs), b.until_ms],
    Rekey: lambda b: [b.commitment, [list(w) for w in b.wraps], [list(e) for e in b.earlier]],
    Located: lambda b: [b.admission, list(b.addresses)],
    Close: lambda b: [b.admission, _written(b.marks), b.reason],
    Ungrant: lambda b: [b.grant, _written(b.marks)],
    Adopt: lambda b: [list(b.events)],
    Forget: lambda b: [b.document.space, b.document.type, b.document.name],
    Born: lambda b: [dict(b.registers), b.text, b.salt],
    Changed: lambda b: [b.change],
    Settled: lambda b: [b.change, b.conflict, list(b.prints), b.rule],
    Undone: lambda b: [b.change, b.event],
}


def encode_body(body: Body) -> bytes:
    """The canonical bytes of a body."""
    return cbor.encode(_WRITTEN[type(body)](body))


def _written(marks: tuple[Mark, ...]) -> list[list[object]]:
    return [[mark.chain, mark.head.seq, mark.head.digest] for mark in marks]


def document_of(space: str, kind: str, birth: Born) -> DocumentId:
    """The document that a birth brings into being: its name commits to space, type and the whole body."""
    return document_named_after(space, kind, encode_body(birth))


def document_named_after(space: str, kind: str, birth: bytes) -> DocumentId:
    """The document that a birth with these canonical bytes brings into being."""
    content = cbor.encode([space, kind, birth])
    name = hashlib.sha256(_BIRTH + content).digest()[:DOCUMENT_NAME_BYTES]
    return DocumentId.checked(space, kind, name)
