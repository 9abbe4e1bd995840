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
from mesh.events.founding import rekey
from mesh.events.seal import pad_body, pad_inner
from mesh.limits import BODY_BYTES_MAX, HEADER_BYTES_MAX, MIB, SEQ_MAX
from mesh.names import Digest, short
from tests.unit.small_mesh import EPOCH_KEY, MESH, NOTE, fixed, one_run
from tests.unit.wrong_forms import GOOD_BODIES, LANES

_GRANT = MESH.grant(MESH.laptop)


def _saying(lane: Lane, *events: list[object]) -> bytes:
    return cbor.encode([int(lane), list(events)])


def _event(kind: str) -> list[object]:
    data = LANES.get(kind) is Lane.DATA
    inner = Inner(5, kind, "", NOTE, _GRANT) if data else Inner(5, kind)
    return [inner.encode(), cbor.encode(GOOD_BODIES[kind]), 1, 1]


def _true_rekey() -> list[object]:
    """An epoch that the mac can open, and that hands on the first one."""
    made = rekey(
        MESH.id, fixed(32, "next"), {MESH.mac.admission: MESH.mac.keys.kem_key}, {short(MESH.epoch): EPOCH_KEY}
    )
    return [made.commitment, [list(one) for one in made.wraps], [list(one) for one in made.earlier]]


def _true() -> list[list[object]]:
    """Statements that name what there is: what an admin could say of the phone, and some that only look so."""
    written = MESH.written(MESH.phone, 3)
    marks = [[written[-1].chain, written[-1].seq, written[-1].digest]]
    grants = [p.digest for p in MESH.control if short(p.digest) == MESH.grant(MESH.phone)]
    said: dict[str, list[list[object]]] = {
        "close": [[MESH.phone.admission, marks, "lost"], [MESH.laptop.admission, [], ""], [MESH.mac.admission, [], ""]],
        "ungrant": [[grants[0], marks], [grants[0], []]],
        "adopt": [[sorted(p.digest for p in MESH.control)], [[MESH.id]]],
        "forget": [[NOTE.space, NOTE.type, NOTE.name]],
        "grant": [[MESH.phone.admission, "bot", "*", ["*"], ["*"], 5]],
        "rekey": [[bytes(32), [[MESH.phone.admission, b"wrap"]], []], _true_rekey()],
        "located": [[MESH.phone.admission, ["h:1"]]],
    }
    return [[Inner(5, kind).encode(), cbor.encode(body), 1, 1] for kind, bodies in said.items() for body in bodies]


SAYINGS = [
    _saying(Lane.CONTROL, *_true()),
    *(_saying(Lane.CONTROL, *_true()[start:][:3]) for start in range(0, 10, 2)),
    _saying(Lane.CONTROL, *(_event(kind) for kind in GOOD_BODIES if kind not in LANES)),
    _saying(Lane.DATA, _event("born"), _event("changed")),
    *(_saying(LANES.get(kind, Lane.CONTROL), _event(kind)) for kind in GOOD_BODIES),
]


def runs_said(raw: bytes) -> tuple[Run, ...]:
    """A saying as runs: the opening, and what is said after it. Raises Refused for what is no saying."""
    try:
        lane, events = cbor2.loads(raw)
        wanted = [(inner, body, step, version) for inner, body, step, version in events]
        chosen = Lane(lane)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError, MemoryError) as error:
        raise Refused("not a saying") from error
    if any(tuple(map(type, one)) != (bytes, bytes, int, int) for one in wanted):
        raise Refused("not a saying")
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
