"""Everything that one device says to another about the log, and its bytes.

Talk descends: Have is answered by Want, Want by Push, Push by nothing. This module decides nothing about events.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Frontier, Span, window
from mesh.errors import Malformed, TooLarge
from mesh.events import cbor
from mesh.events.event import Event, Run
from mesh.limits import (
    BODY_BYTES_MAX,
    CHAIN_HEADS_MAX,
    DIGEST_BYTES,
    HAVE_CHAINS_MAX,
    HEADER_BYTES_MAX,
    PUSH_BYTES_MAX,
    SEQ_MAX,
    SIGNATURE_BYTES,
    TRAIL_HEADS_MAX,
    WANT_BODIES_MAX,
    WANT_SPANS_MAX,
)
from mesh.names import Digest


@dataclass(frozen=True, slots=True)
class Have:
    """The tips of all chains that I hold, lane by lane, and what they add up to.

    `asks`: I have not heard yours. Guests name no data.
    """

    control: Frontier
    data: Frontier
    state: Digest
    verdict: Digest
    asks: bool


@dataclass(frozen=True, slots=True)
class Want:
    """The spans that I lack, and single bodies by the digests of their events."""

    spans: tuple[Span, ...]
    bodies: tuple[Digest, ...] = ()


@dataclass(frozen=True, slots=True)
class Push:
    """Signed runs of events, and single bodies. `answer`: to a Want, rather than news."""

    runs: tuple[Run, ...]
    bodies: tuple[tuple[Digest, bytes], ...] = ()
    answer: bool = False


Message = Have | Want | Push


def told(control: Frontier, data: Frontier, turn: int) -> tuple[Frontier, Frontier]:
    """What of two frontiers one Have tells: all that fits, and where it does not, another part at each turn."""
    return (
        window(control, HAVE_CHAINS_MAX // 2, CHAIN_HEADS_MAX, turn),
        window(data, HAVE_CHAINS_MAX, CHAIN_HEADS_MAX, turn),
    )


def encode(message: Message) -> bytes:
    """A message's canonical bytes."""
    match message:
        case Have(control, data, state, verdict, asks):
            return cbor.encode([frontier_list(control), frontier_list(data), state, verdict, asks])
        case Want(spans, bodies):
            listed = [[s.chain, _head_list(s.target), [_head_list(h) for h in s.after]] for s in spans]
            return cbor.encode([listed, list(bodies)])
        case Push(runs, bodies, answer):
            listed = [[r.chain, _head_list(r.after), [[e.header, e.body] for e in r.events], r.signature] for r in runs]
            return cbor.encode([listed, [list(body) for body in bodies], answer])


def decode_have(raw: bytes) -> Have:
    """Read a Have. Raises Refused."""
    control, data, state, verdict, asks = cbor.fields(raw, PUSH_BYTES_MAX, "a Have", (list, list, bytes, bytes, bool))
    return Have(read_frontier(control), read_frontier(data), as_digest(state), as_digest(verdict), bool(asks))


def decode_want(raw: bytes) -> Want:
    """Read a Want. Raises Refused."""
    spans, bodies = cbor.fields(raw, PUSH_BYTES_MAX, "a Want", (list, list))
    return Want(
        tuple(_span(s) for s in _bounded(spans, WANT_SPANS_MAX, "spans")),
        tuple(as_digest(d) for d in _bounded(bodies, WANT_BODIES_MAX, "bodies")),
    )


def decode_push(raw: bytes) -> Push:
    """Read a Push. Raises Refused. The events in it are not checked here."""
    runs, bodies, answer = cbor.fields(raw, PUSH_BYTES_MAX, "a Push", (list, list, bool))
    return Push(
        tuple(_run(r) for r in _bounded(runs, WANT_SPANS_MAX, "runs")),
        tuple(_body(b) for b in _bounded(bodies, WANT_BODIES_MAX, "bodies")),
        bool(answer),
    )


def _bounded(value: object, most: int, what: str) -> list[object]:
    listed: list[object] = value  # type: ignore[assignment]
    if len(listed) > most:
        message = f"{len(listed)} {what} in one message; at most {most} are allowed"
        raise TooLarge(message)
    return listed


def as_digest(value: object) -> Digest:
    """A decoded value as a digest. Raises Malformed."""
    if type(value) is not bytes or len(value) != DIGEST_BYTES:
        message = "a digest is not 32 bytes"
        raise Malformed(message)
    return Digest(value)


def _head_list(head: Head) -> list[object]:
    return [head.seq, head.digest]


def _head(value: object) -> Head:
    seq, digest = cbor.expect_types(value, "a head", (int, bytes))
    if not 0 <= seq <= SEQ_MAX:  # type: ignore[operator]
        message = "a sequence number is out of range"
        raise Malformed(message)
    return Head(seq, as_digest(digest))  # type: ignore[arg-type]


def frontier_list(frontier: Frontier) -> list[object]:
    """A frontier as it is written: chains and tips ascending."""
    return [[chain, [_head_list(h) for h in heads]] for chain, heads in sorted(frontier.items())]


def read_frontier(value: object) -> Frontier:
    """A decoded value as a frontier. Raises Malformed or TooLarge."""
    found: dict[Digest, tuple[Head, ...]] = {}
    for item in _bounded(value, HAVE_CHAINS_MAX, "chains"):
        chain, heads = cbor.expect_types(item, "a chain's tips", (bytes, list))
        tips = tuple(_head(h) for h in _bounded(heads, CHAIN_HEADS_MAX, "tips"))
        if not tips or any(a >= b for a, b in pairwise(tips)) or (found and as_digest(chain) <= next(reversed(found))):
            message = "a frontier's chains and tips are not ascending, each once"
            raise Malformed(message)
        found[as_digest(chain)] = tips
    return found


def _span(value: object) -> Span:
    chain, target, after = cbor.expect_types(value, "a span", (bytes, list, list))
    return Span(as_digest(chain), _head(target), tuple(_head(h) for h in _bounded(after, TRAIL_HEADS_MAX, "places")))


def _run(value: object) -> Run:
    chain, after, events, signature = cbor.expect_types(value, "a run", (bytes, list, list, bytes))
    if len(signature) != SIGNATURE_BYTES:  # type: ignore[arg-type]
        message = "a signature is not 64 bytes"
        raise Malformed(message)
    return Run(as_digest(chain), _head(after), tuple(_event(e) for e in events), signature)  # type: ignore[arg-type, attr-defined]


def _event(value: object) -> Event:
    if type(value) is not list or len(value) != 2 or type(value[0]) is not bytes:
        message = "an event is not a header and a body"
        raise Malformed(message)
    header, body = value
    if len(header) > HEADER_BYTES_MAX or not (body is None or (type(body) is bytes and len(body) <= BODY_BYTES_MAX)):
        message = "an event's header or body is not allowed"
        raise Malformed(message)
    return Event(header, body)


def _body(value: object) -> tuple[Digest, bytes]:
    digest, body = cbor.expect_types(value, "a body", (bytes, bytes))
    return as_digest(digest), body  # type: ignore[return-value]
