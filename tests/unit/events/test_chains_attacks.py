"""Holding under attack: what does not fit is refused, or waits, and changes nothing."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import START, Head, event_digest, opening_digest, signed_bytes
from mesh.errors import Forged, Malformed, Refused, Stranger
from mesh.events.bodies import encode_body
from mesh.events.chains import Chains, Gap, check_body
from mesh.events.event import Event, Header, Inner, Lane, Placed, Run, decode_header
from mesh.events.kinds import Opening
from mesh.events.speaking import runs
from mesh.limits import LAMPORT_STEP_MAX, SEQ_MAX
from mesh.names import Digest
from tests.unit.events.phone_chain import CHAIN, STATEMENTS, WRITTEN, log_of, refuses, state, take, taken
from tests.unit.small_mesh import (
    MESH,
    OTHER,
    TIME_MS,
    SmallMesh,
    fixed,
    one_run,
    secret_keys,
    without_body,
)


def test_attack_gap() -> None:
    """A run that stands on something that is not here waits, and changes nothing."""
    refuses(one_run(WRITTEN[3:], "phone"), Gap)
    refuses(one_run(WRITTEN[4:], "phone"), Gap, WRITTEN[:3])


def test_attack_gap_with_a_number_that_lies() -> None:
    """A place whose digest is held under another number is no place; nor is any digest at number zero."""
    run = replace(one_run(WRITTEN[3:], "phone"), after=Head(5, WRITTEN[2].digest))
    refuses(run, Gap, WRITTEN, log_of(WRITTEN))
    refuses(replace(run, after=Head(0, WRITTEN[2].digest)), Gap, WRITTEN, log_of(WRITTEN))
    refuses(replace(run, after=Head(0, Digest(fixed(32, "nowhere")))), Gap, WRITTEN, log_of(WRITTEN))


def test_attack_reorder() -> None:
    """Two events exchanged are two other digests: the signature does not fit them."""
    run = one_run(WRITTEN, "phone")
    events = [*run.events]
    events[3], events[4] = events[4], events[3]
    refuses(replace(run, events=tuple(events)), Refused)


def test_attack_truncated_tail() -> None:
    """A run that ends before its signed head is forged."""
    run = one_run(WRITTEN, "phone")
    refuses(replace(run, events=run.events[:-1]), Forged)


def test_attack_left_out_middle() -> None:
    """An event left out of a run breaks every digest after it."""
    run = one_run(WRITTEN, "phone")
    refuses(replace(run, events=(*run.events[:3], *run.events[4:])), Forged)


def test_attack_spliced_chains_of_two_devices() -> None:
    """Events of the laptop do not fit on the phone's chain, even under the phone's signature of its own end."""
    laptop = MESH.written(MESH.laptop, 6)
    run = one_run(WRITTEN, "phone")
    spliced = replace(run, events=(*run.events[:3], *(p.event for p in laptop[3:])))
    refuses(spliced, Forged)
    refuses(one_run(laptop[1:], "laptop"), Gap, WRITTEN)
    refuses(replace(one_run(laptop, "laptop"), chain=CHAIN), Refused)


def test_attack_signed_by_another_device_of_the_mesh() -> None:
    """The laptop cannot write in the phone's chain, although it is in the mesh."""
    refuses(replace(one_run(WRITTEN, "phone"), signature=one_run(WRITTEN, "laptop").signature), Forged)


def test_attack_other_mesh() -> None:
    """A genesis of another mesh is a stranger; its data chains stand on admissions that are not here."""
    (genesis_run, *_) = runs(OTHER.control)
    refuses(genesis_run, Stranger)
    refuses(one_run(OTHER.written(OTHER.phone, 1), "phone"), Gap)


def test_attack_an_opening_moved_into_this_mesh() -> None:
    """The same opening under another mesh has another digest, so it is not the chain that it names."""
    twin = SmallMesh("twin")
    opening = twin.written(twin.phone, 0)
    statements = dict(twin.statements())
    with pytest.raises(Forged, match="named after"):
        MESH.chains().place(one_run(opening, "phone"), statements, {})


def test_attack_body_swap_under_an_equal_header() -> None:
    """Another body, or one byte more, under a header that names a body is forged."""
    run = one_run(WRITTEN, "phone")
    for body in (WRITTEN[4].event.body, (WRITTEN[3].event.body or b"") + b"\0", b""):
        events = (*run.events[:3], Event(run.events[3].header, body), *run.events[4:])
        refuses(replace(run, events=events), Forged)


def test_attack_header_swap() -> None:
    """A header that says another Lamport number over the same body breaks the signature."""
    run = one_run(WRITTEN, "phone")
    header = replace(WRITTEN[6].header, lamport=WRITTEN[6].header.lamport + 1)
    refuses(replace(run, events=(*run.events[:6], Event(header.encode(), run.events[6].body))), Forged)


def test_attack_control_head_without_body() -> None:
    """Statements and openings are held whole: a header alone is refused in the control lane, and at the start."""
    run = one_run(MESH.mac_commit, "mac")
    with pytest.raises(Malformed):
        Chains(MESH.id).place(
            replace(run, events=(run.events[0], without_body(run.events[1]), *run.events[2:])), STATEMENTS, {}
        )
    opening = replace(WRITTEN[0], event=without_body(WRITTEN[0].event))
    refuses(one_run([opening, *WRITTEN[1:]], "phone"), Malformed)


def test_attack_first_event_is_no_opening() -> None:
    """A chain starts with an opening or a genesis: not with a sealed event, not with a statement."""
    sealed = replace(one_run(WRITTEN[1:], "phone"), after=START)
    refuses(sealed, Malformed)
    statement = replace(one_run(MESH.mac_commit[1:], "mac"), after=START, chain=CHAIN)
    refuses(statement, Malformed)


def test_attack_opening_renamed() -> None:
    """A chain cannot be given another id, also not while it is new here."""
    refuses(replace(one_run(WRITTEN, "phone"), chain=Digest(fixed(32, "any"))), Forged)


def test_attack_second_opening_on_a_known_chain() -> None:
    """Once a chain is known, a different first event for it is not its opening."""
    other = MESH.written(MESH.phone, 1, "other salt")
    refuses(replace(one_run(other, "phone"), chain=CHAIN), Forged, WRITTEN)
    first = Run(CHAIN, START, (other[0].event,), b"")
    signature = secret_keys("phone").sign(signed_bytes(CHAIN, other[0].head))
    refuses(replace(first, signature=signature), Forged, WRITTEN)  # by the true key, too


def test_attack_member_opens_a_control_chain() -> None:
    """A member's control chain is not held, whatever it says."""
    chain = MESH.control_chain(MESH.phone, [])
    refuses(one_run(chain, "phone"), Malformed)


def test_attack_genesis_key_of_small_order_or_not_the_named_one() -> None:
    """A genesis under the mesh's id whose key is another does not hash to that id."""
    run = runs(OTHER.control)[0]
    refuses(replace(run, chain=MESH.id), Forged)
    with pytest.raises(Forged):
        Chains(MESH.id).place(replace(run, chain=MESH.id), STATEMENTS, {})


def written_by_hand(lamport: int, parent: Placed, **changes: object) -> Run:
    """One more event on the phone's chain, signed by the phone, with a header made by hand."""
    body = fixed(64, "body")
    header = replace(WRITTEN[1].header, lamport=lamport, body_digest=digest_of(body), body_bytes=len(body))
    header = replace(header, **changes)  # type: ignore[arg-type]
    return signed_over(header, body, parent)


def signed_over(header: Header, body: bytes | None, parent: Placed) -> Run:
    """A run of one event on a parent in the phone's chain, with the phone's true signature."""
    raw = header.encode()
    digest = event_digest(CHAIN, parent.head, raw)
    signature = secret_keys("phone").sign(signed_bytes(CHAIN, Head(parent.seq + 1, digest)))
    return Run(CHAIN, parent.head, (Event(raw, body),), signature)


def digest_of(body: bytes) -> Digest:
    """A body's digest."""
    return Digest(hashlib.sha256(body).digest())


def test_by_hand_is_as_good_as_said() -> None:
    """The events made by hand below would be taken, were it not for the one thing that is wrong."""
    chains = MESH.chains()
    taken(chains, WRITTEN)
    last = WRITTEN[-1].header.lamport
    assert len(take(chains, written_by_hand(last + LAMPORT_STEP_MAX, WRITTEN[-1]), {}).events) == 1


@pytest.mark.parametrize("step", [LAMPORT_STEP_MAX + 1, 0, -1, 2**40])
def test_attack_lamport_jump(step: int) -> None:
    """A number that does not grow, or grows beyond 2^24, is refused by the chain alone."""
    refuses(written_by_hand(WRITTEN[-1].header.lamport + step, WRITTEN[-1]), Malformed, WRITTEN)


def test_attack_lamport_jump_in_the_opening() -> None:
    """An opening starts from zero: it may not jump either."""
    inner = Inner(TIME_MS, "opening")
    body = encode_body(Opening(MESH.phone.admission, Lane.DATA, "new", bytes(16)))
    header = Header(LAMPORT_STEP_MAX + 1, WRITTEN[0].header.epoch, digest_of(body), len(body), inner.encode())
    keys = secret_keys("phone")
    chain = opening_digest(MESH.id, keys.sign_key, header.encode())
    signature = keys.sign(signed_bytes(chain, Head(1, chain)))
    refuses(Run(chain, START, (Event(header.encode(), body),), signature), Malformed)


def test_attack_seq_overflow() -> None:
    """Beyond 2^53 - 1 there are no numbers."""
    run = replace(one_run(WRITTEN[1:2], "phone"), after=Head(SEQ_MAX, WRITTEN[0].digest))
    refuses(run, Malformed, WRITTEN, {WRITTEN[0].digest: (SEQ_MAX, 1)})


def test_attack_clear_event_in_the_data_lane() -> None:
    """Data are sealed: a clear header in the data lane is refused, whoever signed it."""
    refuses(written_by_hand(99, WRITTEN[-1], epoch=b""), Malformed, WRITTEN)


def test_attack_sealed_event_in_the_control_lane() -> None:
    """Control is clear for everybody: a sealed statement is refused."""
    chains = MESH.chains()
    last = MESH.mac_commit[-1]
    header = replace(last.header, lamport=last.header.lamport + 1, epoch=WRITTEN[1].header.epoch)
    assert header.epoch
    digest = event_digest(last.chain, last.head, header.encode())
    signature = secret_keys("mac").sign(signed_bytes(last.chain, Head(last.seq + 1, digest)))
    was = state(chains)
    with pytest.raises(Malformed, match="sealed in the control lane"):
        chains.place(Run(last.chain, last.head, (Event(header.encode(), last.event.body),), signature), STATEMENTS, {})
    assert state(chains) == was


def test_a_later_version_is_held_in_either_form() -> None:
    """What version 2 seals or leaves clear is not ours to judge: it is held, hashed and handed on."""
    for epoch in (b"", bytes(16)):
        chains = MESH.chains()
        taken(chains, WRITTEN)
        assert take(chains, written_by_hand(99, WRITTEN[-1], epoch=epoch, version=2), {}).events


@given(st.integers(0, 6), st.data())
def test_attack_one_altered_byte_anywhere(place: int, data: st.DataObject) -> None:
    """No byte of a header or body in a run can be changed."""
    run = one_run(WRITTEN, "phone")
    event = run.events[place]
    header, body = bytearray(event.header), bytearray(event.body or b"")
    part = data.draw(st.sampled_from([header, body]))
    part[data.draw(st.integers(0, len(part) - 1))] ^= data.draw(st.integers(1, 255))
    altered = (*run.events[:place], Event(bytes(header), bytes(body)), *run.events[place + 1 :])
    chains = MESH.chains()
    was = state(chains)
    with pytest.raises((Refused, Gap)):
        chains.place(replace(run, events=altered), STATEMENTS, {})
    assert state(chains) == was


def test_check_body() -> None:
    """Length and digest must both be the header's."""
    header = decode_header(WRITTEN[1].event.header)
    body = WRITTEN[1].event.body or b""
    check_body(header, body)
    for wrong in (body[:-1], body + b"\0", bytes(len(body))):
        with pytest.raises(Forged):
            check_body(header, wrong)
