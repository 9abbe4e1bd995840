"""Events as bytes and as values: the outer header that every holder reads, the inner one that is sealed.

Received bytes are hashed and verified as they came, never re-encoded. This module reads no body and decides nothing
about who may say what (PROTOCOL, "Events").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import cbor2

from mesh.clocks.chain import Head
from mesh.errors import Malformed, TooLarge
from mesh.events import cbor
from mesh.limits import (
    AGENT_NAME_BYTES_MAX,
    BODY_BYTES_MAX,
    CBOR_DEPTH_MAX,
    DIGEST_BYTES,
    EXTENSIONS_MAX,
    HEADER_BYTES_MAX,
    SEQ_MAX,
    SHORT_BYTES,
    SIGNATURE_BYTES,
    WORD_CHARACTERS_MAX,
)
from mesh.names import Digest, DocumentId, Short

VERSION = 1
CLEAR = Short(b"")
"""The epoch of a header that is not sealed: control events and openings."""

_HEADER_FIELDS = 7
_HEADER_TYPES = (int, int, bytes, bytes, int, bytes, dict)
_INNER_TYPES = (int, str, str, list, bytes)
_DOCUMENT_FIELDS = 3


class Lane(IntEnum):
    """The two lanes in which a device writes."""

    CONTROL = 0
    DATA = 1


@dataclass(frozen=True, slots=True)
class Header:
    """The outer header. `inner` is the inner header's bytes: clear, or sealed under `epoch`."""

    lamport: int
    epoch: Short
    body_digest: Digest
    body_bytes: int
    inner: bytes
    extensions: Mapping[int, bytes] = field(default_factory=dict)
    version: int = VERSION

    def encode(self) -> bytes:
        """The header's canonical bytes."""
        extensions = dict(self.extensions)
        return cbor.encode(
            [self.version, self.lamport, self.epoch, self.body_digest, self.body_bytes, self.inner, extensions]
        )


def decode_header(raw: bytes) -> Header:
    """Read an outer header. Later versions may append fields; the first seven keep their place. Raises Refused."""
    if len(raw) > HEADER_BYTES_MAX:
        message = f"a header has {len(raw):,} bytes; at most {HEADER_BYTES_MAX:,} are allowed"
        raise TooLarge(message)
    values = _canonical_list(raw)
    if len(values) < _HEADER_FIELDS or any(
        type(v) is not t for v, t in zip(values[:_HEADER_FIELDS], _HEADER_TYPES, strict=True)
    ):
        message = "a header's fields are not of the form that the protocol asks for"
        raise Malformed(message)
    version, lamport, epoch, body_digest, body_bytes, inner, extensions = values[:_HEADER_FIELDS]
    if not (
        VERSION <= version <= SEQ_MAX
        and 0 < lamport <= SEQ_MAX
        and len(epoch) in {0, SHORT_BYTES}
        and len(body_digest) == DIGEST_BYTES
        and 0 <= body_bytes <= BODY_BYTES_MAX
        and (version > VERSION or len(values) == _HEADER_FIELDS)
        and (not extensions or _extensions_fit(extensions))
    ):
        message = "a header names something out of range"
        raise Malformed(message)
    return Header(lamport, Short(epoch), Digest(body_digest), body_bytes, inner, extensions, version)


def _canonical_list(raw: bytes) -> list[Any]:
    """A list in canonical CBOR; without entries in its maps, the plain encoding is the canonical one and 3x faster."""
    try:
        value = cbor2.loads(raw, max_depth=CBOR_DEPTH_MAX, allow_indefinite=False, allow_duplicate_keys=False)
        plain = type(value) is list and not (len(value) == _HEADER_FIELDS and not value[-1])
        fits = type(value) is list and (not plain or cbor.is_plain(value))
        fits = fits and cbor2.dumps(value, canonical=plain) == raw
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, RecursionError, MemoryError):
        fits = False
    if not fits:
        message = "a header is not a list in deterministic CBOR"
        raise Malformed(message)
    return list(value)


def _extensions_fit(extensions: Mapping[object, object]) -> bool:
    return len(extensions) <= EXTENSIONS_MAX and all(
        type(k) is int and 0 <= k <= SEQ_MAX and type(v) is bytes for k, v in extensions.items()
    )


@dataclass(frozen=True, slots=True)
class Inner:
    """The inner header: when (milliseconds since 1970, display only), what kind, who, where, under which grant.

    `agent` is empty for the person at the device. Control events name no document and no grant.
    """

    time_ms: int
    kind: str
    agent: str = ""
    document: DocumentId | None = None
    grant: Short = CLEAR

    def encode(self) -> bytes:
        """The inner header's canonical bytes."""
        place = [self.document.space, self.document.type, self.document.name] if self.document else []
        return cbor.encode([self.time_ms, self.kind, self.agent, place, self.grant])


def decode_inner(raw: bytes) -> Inner:
    """Read a clear inner header. Raises Refused."""
    values = cbor.fields(raw, HEADER_BYTES_MAX, "an inner header", _INNER_TYPES)
    time_ms, kind, agent, place, grant = values
    document = None
    if place:
        document = DocumentId.checked(*cbor.expect_types(place, "a document's id", (str, str, bytes)))
    if not (
        0 <= time_ms <= SEQ_MAX  # type: ignore[operator]
        and 0 < len(kind) <= WORD_CHARACTERS_MAX  # type: ignore[arg-type]
        and len(agent.encode()) <= AGENT_NAME_BYTES_MAX  # type: ignore[attr-defined]
        and len(grant) in {0, SHORT_BYTES}  # type: ignore[arg-type]
    ):
        message = "an inner header names something out of range"
        raise Malformed(message)
    return Inner(time_ms, kind, agent, document, Short(grant))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it travels and is kept: the header's bytes, and the body's where they are held."""

    header: bytes
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Run:
    """Events of one chain in order, standing on `after`, under one signature by the chain's device over the last one.

    Valid = ancestor-or-self of a signed head: one check a run (PROTOCOL, "Signatures").
    """

    chain: Digest
    after: Head
    events: tuple[Event, ...]
    signature: bytes


@dataclass(frozen=True, slots=True)
class Placed:
    """An event with its place: which chain, where in it, what it stands on, and its digest.

    `signature` is there on the last event of a run. `admission` is the one that the chain lives under.
    """

    chain: Digest
    admission: Digest
    lane: Lane
    seq: int
    parent: Digest
    digest: Digest
    header: Header
    event: Event
    signature: bytes | None = None

    @property
    def head(self) -> Head:
        """Its place."""
        return Head(self.seq, self.digest)


def run_fits(run: Run) -> None:
    """Refuse a run whose form alone is wrong: empty, of impossible numbers, with bodies that are too long."""
    seq = run.after.seq + len(run.events)
    if not run.events or seq > SEQ_MAX or len(run.signature) != SIGNATURE_BYTES:
        message = "a run of events is empty, too long, or has no signature"
        raise Malformed(message)
    if any(event.body is not None and len(event.body) > BODY_BYTES_MAX for event in run.events):
        message = f"a body is longer than {BODY_BYTES_MAX:,} bytes"
        raise TooLarge(message)
