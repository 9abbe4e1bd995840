"""Leases: one holder on every device whatever was claimed apart, and nobody robbed who works on."""

from __future__ import annotations

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.events.kinds import Value
from mesh.limits import SEQ_MAX
from mesh.names import DocumentId
from mesh.state import leases
from mesh.state.leases import DECLINED, DONE, RELEASED, Who
from mesh.state.records import Record
from tests.unit.state.claimants import LEASE_MS, Claimant

DOCUMENT = DocumentId("home", "task", bytes(16))
A, B, C = "a" * 16, "b" * 16, "c" * 16
NOW = 1_700_000_000_000


def pair() -> tuple[Claimant, Claimant]:
    """Two devices with the same record."""
    return Claimant(1), Claimant(2)


def test_who_claims_first_has_it_until_the_lease_is_over() -> None:
    """And then somebody else may, who passes the first over."""
    one, two = pair()
    assert one.claim(B, NOW)
    one.meet(two)
    assert not two.claim(A, NOW + LEASE_MS - 1)
    assert two.claim(A, NOW + LEASE_MS)
    one.meet(two)
    assert one.holds == two.holds
    assert two.mine
    assert [claim.name for claim in leases.lost(one.record, one.device)] == [B]
    assert leases.instead(one.record, leases.lost(one.record, one.device)[0]) == two.holds


def test_two_claims_apart_end_with_one_owner_and_the_other_is_told() -> None:
    """The smaller name, where neither was seen by anybody."""
    one, two = pair()
    assert one.claim(B, NOW)
    assert two.claim(A, NOW)
    one.meet(two)
    assert two.mine
    assert not one.mine
    assert [claim.name for claim in leases.lost(one.record, one.device)] == [B]
    assert leases.lost(two.record, two.device) == ()


def test_an_acknowledged_claim_beats_one_that_nobody_saw() -> None:
    """A third device saw B, so A, which would come first, does not count."""
    one, two = pair()
    third = Claimant(3)
    assert one.claim(B, NOW)
    assert two.claim(A, NOW)
    third.meet(one)
    third.acknowledge(NOW)
    third.meet(two)
    one.meet(two)
    assert one.mine
    assert two.holds == one.holds == third.holds


def test_nobody_acknowledges_a_claim_of_its_own() -> None:
    """Not by the part that does it, and not by writing it oneself."""
    one, _ = pair()
    assert one.claim(A, NOW)
    assert leases.unseen(one.record, one.device) is None
    assert one.holds is not None
    one.write(leases.seen(one.holds, one.device, NOW))
    assert not one.holds.acknowledged


def test_done_beats_claimed() -> None:
    """Even what was passed over meanwhile, and even what was acknowledged."""
    one, two = pair()
    assert one.claim(B, NOW)
    one.meet(two)
    assert two.claim(A, NOW + LEASE_MS)
    third = Claimant(3)
    third.meet(two)
    third.acknowledge(NOW)
    one.end(DONE)
    for other in (two, third):
        one.meet(other)
    two.meet(third)
    assert {device.holds and device.holds.name for device in (one, two, third)} == {B}
    assert leases.is_done(two.record)
    assert not leases.is_free(two.record, NOW * 2)
    assert [claim.name for claim in leases.lost(two.record, two.device)] == [A]
    assert not two.claim(C, NOW * 2)


def test_who_renewed_is_not_robbed_by_who_was_away() -> None:
    """The other one passed over a lease that it thought over; the renewal says that it was not."""
    one, two = pair()
    assert one.claim(B, NOW)
    one.meet(two)
    one.renew(NOW + LEASE_MS // 2)
    assert two.claim(A, NOW + LEASE_MS)
    one.meet(two)
    assert one.mine
    assert two.holds == one.holds


def test_a_person_takes_it_from_who_has_it_renewed_or_not() -> None:
    """`taking` passes over a lease that is not over."""
    one, two = pair()
    assert one.claim(A, NOW)
    one.meet(two)
    assert two.claim(B, NOW, taking=True)
    one.renew(NOW + 1)
    one.meet(two)
    assert two.mine
    assert not one.mine


@pytest.mark.parametrize("how", [RELEASED, DECLINED])
def test_what_was_given_up_is_free(how: str) -> None:
    """At once, for everybody."""
    one, two = pair()
    assert one.claim(A, NOW)
    one.end(how)
    one.meet(two)
    assert two.holds is None
    assert two.claim(B, NOW)
    one.meet(two)
    assert two.mine
    assert leases.lost(one.record, one.device) == ()


def test_done_can_be_taken_back() -> None:
    """By everybody, and then it is free."""
    one, two = pair()
    assert one.claim(A, NOW)
    one.end(DONE)
    one.meet(two)
    two.write(leases.reopened(two.record))
    one.meet(two)
    assert not leases.is_done(one.record)
    assert leases.is_free(one.record, NOW)


def test_who_ends_it_without_having_it_disturbs_nobody() -> None:
    """A no of somebody else leaves it where it is; a done ends it."""
    one, two = pair()
    assert one.claim(B, NOW)
    one.meet(two)
    two.write(leases.closed(two.record, A, Who(two.device), DECLINED, "no time"))
    one.meet(two)
    assert one.mine
    assert [claim.words for claim in leases.claims(one.record) if claim.end] == ["no time"]
    two.write(leases.closed(two.record, C, Who(two.device), DONE, "did it yesterday"))
    one.meet(two)
    assert leases.is_done(one.record)
    assert [claim.name for claim in leases.lost(one.record, one.device)] == [B]


def test_what_cannot_be_read_is_no_claim() -> None:
    """Anybody may write anything into a register."""
    good = {"number": 1, "device": "d", "agent": "", "session": "", "until": 5, "over": {}}
    bad = ["", "x", "[]", "[" * 10_000, json.dumps({**good, "number": True}), json.dumps({**good, "over": [A]})]
    registers = {f"claim/{n}": text for n, text in enumerate(bad)}
    strange: dict[str, Value] = {
        "claim/z": json.dumps({**good, "over": {B: "x", C: 5}}),
        "end/z": '{"end":"eaten"}',
        "ack/z": 1,
    }
    record = Record(DOCUMENT, {**registers, **strange}, "")
    (claim,) = leases.claims(record)
    assert (claim.name, claim.end, claim.over) == ("z", "", ((C, 5),))
    assert leases.holder(record) == claim


def test_numbers_of_claims_never_grow_beyond_what_is_read() -> None:
    """Else whoever claims with the largest one would keep all others from claiming for ever."""
    registers = dict(leases.closed(Record(DOCUMENT, {}, ""), A, Who("d"), RELEASED))
    registers[f"claim/{A}"] = str(registers[f"claim/{A}"]).replace('"number":1', f'"number":{SEQ_MAX}')
    full = Record(DOCUMENT, registers, "")
    more = Record(DOCUMENT, {**registers, **leases.claimed(full, B, Who("e"), NOW)}, "")
    held = leases.holder(more)
    assert held is not None
    assert (held.name, held.number) == (B, SEQ_MAX)


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "take", "renew", "release", "done", "acknowledge", "meet", "later"]),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=30,
)


def played(steps: list[Step]) -> list[Claimant]:
    """Four devices that claim, work, give up and meet as the steps say."""
    devices, now_ms = [Claimant(number) for number in range(1, 5)], NOW
    for count, (what, which, other) in enumerate(steps):
        device = devices[which]
        name = f"{(count * 7919) % 0xFFFF:016x}"
        if what in {"claim", "take"}:
            device.claim(name, now_ms, taking=what == "take")
        elif what == "renew":
            device.renew(now_ms)
        elif what in {"release", "done"}:
            device.end(RELEASED if what == "release" else DONE)
        elif what == "acknowledge":
            device.acknowledge(now_ms)
        elif what == "meet" and which != other:
            device.meet(devices[other])
        elif what == "later":
            now_ms += LEASE_MS // 2 + which * LEASE_MS
    return devices


def all_meet(devices: list[Claimant], order: tuple[int, ...]) -> None:
    """All learn everything, in some order."""
    for _ in range(2):
        for one in order:
            for other in order:
                if one != other:
                    devices[one].meet(devices[other])


@given(STEPS, st.sampled_from(list(permutations(range(4)))))
def test_whatever_happened_apart_one_has_it_everywhere(steps: list[Step], order: tuple[int, ...]) -> None:
    """Any claims, ends, leases and meetings; then all meet, in any order."""
    devices = played(steps)
    claimed = {claim.name for device in devices for claim in leases.claims(device.record)}
    done = any(leases.is_done(device.record) for device in devices)
    all_meet(devices, order)
    assert len({device.holds for device in devices}) == 1
    assert sum(device.mine for device in devices) <= 1
    assert {claim.name for claim in leases.claims(devices[0].record)} == claimed, "no claim is lost"
    assert leases.is_done(devices[0].record) == done
    told = {claim.name for device in devices for claim in leases.lost(device.record, device.device)}
    going = {claim.name for claim in leases.claims(devices[0].record) if not claim.end}
    assert told == going - {devices[0].holds.name if devices[0].holds else ""}, "who lost it knows"


@given(STEPS)
def test_acknowledging_moves_nothing_once_all_know_all(steps: list[Step]) -> None:
    """Devices that see the same acknowledge the same claim, and so it stays."""
    devices = played(steps)
    all_meet(devices, (0, 1, 2, 3))
    before = devices[0].holds
    for device in devices:
        device.acknowledge(NOW)
    all_meet(devices, (3, 1, 2, 0))
    assert (devices[0].holds and devices[0].holds.name) == (before and before.name)
