"""What somebody with a true key may say: any kind, any body, any inner header, in its place, sealed and signed.

A saying is a CBOR list [lane, events], an event a list [inner header as bytes, body as bytes, Lamport step, version].
"""

from __future__ import annotations

import hashlib

import cbor2

from mesh.clocks.chain import Head, event_digest, signed_bytes
from mesh.errors import Refused
from mesh.events import cbor
from mesh.events.event import CLEAR, Event, Header, Inner, Lane, Run
from mesh.events.seal import pad_body, pad_inner
from mesh.limits import BODY_BYTES_MAX, HEADER_BYTES_MAX, MIB, SEQ_MAX
from mesh.names import Digest, short
from tests.unit.small_mesh import MESH, NOTE, fixed, one_run
from tests.unit.wrong_forms import GOOD_BODIES, LANES

_GRANT = MESH.grant(MESH.laptop)


def _saying(lane: Lane, *events: list[object]) -> bytes:
    return cbor.encode([int(lane), list(events)])


def _event(kind: str) -> list[object]:
    data = LANES.get(kind) is Lane.DATA
    inner = Inner(5, kind, "", NOTE, _GRANT) if data else Inner(5, kind)
    return [inner.encode(), cbor.encode(GOOD_BODIES[kind]), 1, 1]


SAYINGS = [
    _saying(Lane.CONTROL, *(_event(kind) for kind in GOOD_BODIES if kind not in LANES)),
    _saying(Lane.DATA, _event("born"), _event("changed")),
    *(_saying(LANES.get(kind, Lane.CONTROL), _event(kind)) for kind in GOOD_BODIES),
]


def runs_said(raw: bytes) -> tuple[Run, ...]:
    """A saying as runs: the opening, and what is said after it. Raises Refused for what is no saying."""
    try:
        lane, events = cbor2.loads(raw)
        wanted = [(bytes(inner), bytes(body), int(step), int(version)) for inner, body, step, version in events]
        chosen = Lane(lane)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, MemoryError) as error:
        raise Refused("not a saying") from error
    voice, opening = MESH.voice(MESH.laptop, chosen, "fuzz")
    return (
        one_run([opening], "laptop"),
        *_continued(voice.chain, opening.head, opening.header.lamport, chosen, wanted),
    )


def _continued(
    chain: Digest, head: Head, lamport: int, lane: Lane, wanted: list[tuple[bytes, bytes, int, int]]
) -> tuple[Run, ...]:
    events, after = [], head
    for inner, body, step, version in wanted[:50]:
        lamport += step
        if not (0 < lamport <= SEQ_MAX and 0 < version <= SEQ_MAX and len(body) < BODY_BYTES_MAX // 2 < MIB):
            continue
        epoch, sealed_inner, sealed_body = CLEAR, inner, body
        if lane is Lane.DATA:
            epoch, seq, keyring = short(MESH.epoch), head.seq + 1, MESH.keyring()
            sealed_body = keyring.seal(epoch, chain, seq, b"body", pad_body(body), fixed(12, "b", seq))
            sealed_inner = keyring.seal(epoch, chain, seq, b"header", pad_inner(inner), fixed(12, "h", seq))
        digest = Digest(hashlib.sha256(sealed_body).digest())
        header = Header(lamport, epoch, digest, len(sealed_body), sealed_inner, {}, version).encode()
        if len(header) > HEADER_BYTES_MAX:
            continue
        head = Head(head.seq + 1, event_digest(chain, head, header))
        events.append(Event(header, sealed_body))
    if not events:
        return ()
    return (Run(chain, after, tuple(events), MESH.laptop.keys.sign(signed_bytes(chain, head))),)
