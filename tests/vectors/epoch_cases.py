"""Cases of epochs: the keys that one device comes by, from its wraps and from what later keys hand on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace

from mesh.events.bodies import decode_body, encode_body
from mesh.events.event import Lane
from mesh.events.founding import rekey, rekey_purpose
from mesh.events.keys import wrap
from mesh.events.kinds import Rekey
from mesh.names import Digest, Short, short
from tests.unit.small_mesh import MESH, fixed, secret_keys
from tests.vectors.event_cases import Case, recorded

PHONE = MESH.phone
OTHERS = (MESH.recovery, MESH.mac)


def key(number: int) -> bytes:
    """The key of a numbered epoch."""
    return fixed(32, "epoch key", number)


def name(number: int) -> Digest:
    """The digest of a numbered epoch's statement, which nobody has to look at here."""
    return Digest(hashlib.sha256(b"epoch %d" % number).digest())


def epoch(number: int, *earlier: int, reader: bool = True) -> Rekey:
    """A rekey for the phone or for others only, drawn once."""
    recipients = {d.admission: d.keys.kem_key for d in (*OTHERS, *((PHONE,) if reader else ()))}
    handed = {short(name(one)): key(one) for one in earlier}
    label = f"epoch {number} {' '.join(map(str, earlier))} {'with' if reader else 'without'} the phone"
    body = recorded(label, lambda: encode_body(rekey(MESH.id, key(number), recipients, handed)).hex())
    found = decode_body(Lane.CONTROL, "rekey", bytes.fromhex(body))
    assert isinstance(found, Rekey), label
    return found


def rewrapped(body: Rekey, wrapped: bytes) -> Rekey:
    """The same with another wrap for the phone."""
    return replace(body, wraps=tuple((n, wrapped if n == PHONE.admission else w) for n, w in body.wraps))


def rehanded(body: Rekey, sealed: bytes) -> Rekey:
    """The same with something else handed on."""
    return replace(body, earlier=tuple((n, sealed) for n, _ in body.earlier))


def case(said: dict[int, Rekey], comes_by: set[int], faults: set[int] = frozenset()) -> Case:  # type: ignore[assignment]
    """What the phone comes by, and for which epochs somebody is at fault."""
    return {
        "mesh": MESH.id.hex(),
        "admission": PHONE.admission.hex(),
        "kem_seed": secret_keys("phone").kem_seed.hex(),
        "rekeys": [[name(number).hex(), encode_body(body).hex()] for number, body in said.items()],
        "expect": {
            "keys": {short(name(number)).hex(): key(number).hex() for number in sorted(comes_by)},
            "missing": sorted(short(name(number)).hex() for number in said.keys() - comes_by),
            "faults": sorted(short(name(number)).hex() for number in faults),
        },
    }


def epochs() -> Iterator[tuple[str, Case]]:
    """epochs: wraps, earlier keys, and what is wrong with either."""
    first, outside = epoch(1), epoch(1, reader=False)
    second, third = epoch(2, 1, reader=False), epoch(3, 2)
    yield "valid_wrap", case({1: first}, {1})
    yield "valid_handed_on", case({1: outside, 2: second, 3: third}, {1, 2, 3})
    yield "valid_handed_on_before_its_statement", case({3: third, 2: second, 1: outside}, {1, 2, 3})
    yield "valid_two_ways", case({1: rewrapped(first, b""), 4: epoch(4, 1)}, {1, 4}, {1})
    yield "no_wrap", case({1: outside}, set())
    yield "wrap_empty", case({1: rewrapped(first, b"")}, set(), {1})
    yield "wrap_altered", case({1: rewrapped(first, _flipped(dict(first.wraps)[PHONE.admission]))}, set(), {1})
    purposes: dict[str, tuple[int, bytes]] = {
        "wrap_of_another_key": (9, rekey_purpose(MESH.id, PHONE.admission)),
        "wrap_for_another_admission": (1, rekey_purpose(MESH.id, MESH.mac.admission)),
        "wrap_for_another_mesh": (1, rekey_purpose(Digest(fixed(32, "another mesh")), PHONE.admission)),
    }
    for label, (number, purpose) in purposes.items():
        wrapped = recorded(label, lambda n=number, p=purpose: wrap(key(n), PHONE.keys.kem_key, p).hex())  # type: ignore[misc]
        yield label, case({1: rewrapped(first, bytes.fromhex(wrapped))}, set(), {1})
    handed = epoch(4, 1)
    sealed = dict(handed.earlier)[Short(short(name(1)))]
    yield "handed_on_empty", case({1: outside, 4: rehanded(handed, b"")}, {4}, {1})
    yield "handed_on_altered", case({1: outside, 4: rehanded(handed, _flipped(sealed))}, {4}, {1})
    yield "handed_on_under_another_key", case({1: outside, 4: rehanded(handed, epoch(3, 1).earlier[0][1])}, {4}, {1})
    other = replace(outside, commitment=epoch(9, reader=False).commitment)
    yield "handed_on_but_not_committed_to", case({1: other, 4: handed}, {4}, {1})


def _flipped(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])
