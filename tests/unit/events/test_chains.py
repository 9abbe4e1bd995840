"""Holding: what fits on a chain is taken, forks are kept and told, and what is held already comes once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import START, signed_bytes
from mesh.events.chains import Chain, Chains, Gap
from mesh.events.event import Lane, Run
from tests.unit.events.phone_chain import CHAIN, STATEMENTS, WRITTEN, branch, log_of, state, take, taken
from tests.unit.small_mesh import (
    MESH,
    one_run,
    secret_keys,
    without_body,
)


def test_a_run_is_taken_event_by_event() -> None:
    """A whole chain in one run, and the same chain in many, end in the same state."""
    whole, parts = MESH.chains(), MESH.chains()
    fitted = taken(whole, WRITTEN)
    assert (len(fitted.events), fitted.end, fitted.key) == (7, WRITTEN[-1].head, secret_keys("phone").sign_key)
    for placed in WRITTEN:
        taken(parts, [placed])
    assert state(parts) == state(whole)
    assert whole.frontier(Lane.DATA) == {CHAIN: (WRITTEN[-1].head,)}
    assert CHAIN not in whole.frontier(Lane.CONTROL)


def test_placed_events_are_what_was_said() -> None:
    """Digest, number, parent, admission and lane come out as on the device that wrote them."""
    fitted = MESH.chains().place(one_run(WRITTEN, "phone"), STATEMENTS, {})
    assert [replace(p, signature=None) for p in fitted.events] == list(WRITTEN)
    assert [p.signature is not None for p in fitted.events] == [False] * 6 + [True]


def test_data_events_are_taken_without_bodies() -> None:
    """A span verifies without bodies; only openings must bring theirs."""
    events = [WRITTEN[0], *(replace(p, event=without_body(p.event)) for p in WRITTEN[1:])]
    assert len(taken(MESH.chains(), events).events) == 7


@given(st.integers(1, 6), st.integers(0, 6), st.integers(1, 7))
def test_overlapping_runs_bring_only_what_is_new(known: int, start: int, end: int) -> None:
    """Whatever part of a chain is held, a run that overlaps it brings exactly the rest, once."""
    chains = MESH.chains()
    taken(chains, WRITTEN[:known])
    held = log_of(WRITTEN[:known])
    if not start < end:
        return
    run = one_run(WRITTEN[start:end], "phone")
    asked = chains.unsure(run)
    told = {digest: fact for digest, fact in held.items() if digest in asked}
    if start > known:
        with pytest.raises(Gap):
            chains.place(run, STATEMENTS, told)
        return
    fitted = take(chains, run, told)
    assert [p.digest for p in fitted.events] == [p.digest for p in WRITTEN[known:end]]
    assert chains.frontier(Lane.DATA) == {CHAIN: (WRITTEN[max(known, end) - 1].head,)}


def test_nothing_is_asked_of_the_log_at_a_tip() -> None:
    """The usual case, a run on top of a tip or of a chain that is new, costs no lookup."""
    chains = MESH.chains()
    assert chains.unsure(one_run(WRITTEN, "phone")) == ()
    taken(chains, WRITTEN[:3])
    assert chains.unsure(one_run(WRITTEN[3:], "phone")) == ()
    assert chains.unsure(one_run(WRITTEN[2:], "phone")) == tuple(p.digest for p in WRITTEN[1:])


def test_a_replay_brings_nothing() -> None:
    """The same run again has no new events; the chain does not move."""
    chains = MESH.chains()
    taken(chains, WRITTEN)
    was = state(chains)
    assert take(chains, one_run(WRITTEN, "phone"), log_of(WRITTEN)).events == ()
    assert state(chains) == was


def test_a_fork_is_held_and_told() -> None:
    """Two continuations of one event: both are taken, the second makes the fork, both are tips."""
    chains = MESH.chains()
    taken(chains, WRITTEN)
    other = branch(WRITTEN[:4], 2, "other")
    fitted = chains.place(one_run(other, "phone"), STATEMENTS, log_of(WRITTEN))
    assert [chains.take(placed, fitted.key) for placed in fitted.events] == [True, False]
    assert set(chains.frontier(Lane.DATA)[CHAIN]) == {WRITTEN[-1].head, other[-1].head}
    third = branch(WRITTEN[:4], 1, "third")
    take(chains, one_run(third, "phone"), log_of(WRITTEN))
    assert len(chains.frontier(Lane.DATA)[CHAIN]) == 3


def test_both_branches_go_on() -> None:
    """Each branch of a fork grows at its own tip, with the Lamport number of its own parent."""
    chains = MESH.chains()
    taken(chains, WRITTEN[:4])
    left, right = branch(WRITTEN[:4], 1, "left"), branch(WRITTEN[:4], 2, "right")
    take(chains, one_run(left, "phone"), {})
    take(chains, one_run(right, "phone"), log_of(WRITTEN[:4]))
    more = branch((*WRITTEN[:4], *left), 1, "more")
    assert take(chains, one_run(more, "phone"), {}).events
    assert set(chains.frontier(Lane.DATA)[CHAIN]) == {more[-1].head, right[-1].head}


def test_places_for_a_want_are_tips_first() -> None:
    """The other side is told tips, then a trail; of an unknown chain nothing."""
    chains = MESH.chains()
    assert chains.after(CHAIN) == ()
    taken(chains, WRITTEN)
    places = chains.after(CHAIN)
    assert places[0] == WRITTEN[-1].head
    assert len(places) == len(set(places))
    assert set(places) <= {p.head for p in WRITTEN}


def test_a_chain_from_the_log_goes_on() -> None:
    """After a restart a chain is added as the log has it, and takes the next run."""
    chains = Chains(MESH.id)
    tip = WRITTEN[2]
    key = secret_keys("phone").sign_key
    chains.add(CHAIN, Chain(MESH.phone.admission, Lane.DATA, key, {tip.head: tip.header.lamport}))
    assert len(take(chains, one_run(WRITTEN[3:], "phone"), {}).events) == 4


def test_an_opening_waits_for_its_admission() -> None:
    """Without the statement that let its device in a chain is asked for again later, not refused."""
    with pytest.raises(Gap):
        MESH.chains().place(one_run(WRITTEN, "phone"), {}, {})


def test_a_run_may_be_longer_than_a_device_signs() -> None:
    """Where branches meet, a signature can stand for more than its writer meant; what fits a message is taken."""
    events = MESH.written(MESH.phone, 1100, "long")
    keys = secret_keys("phone")
    signature = keys.sign(signed_bytes(events[0].chain, events[-1].head))
    run = Run(events[0].chain, START, tuple(p.event for p in events), signature)
    assert len(take(MESH.chains(), run, {}).events) == 1101


def test_where_a_run_ends() -> None:
    """The end of a run of a chain that is held can be told without placing it."""
    chains = MESH.chains()
    taken(chains, WRITTEN[:2])
    assert chains.end(one_run(WRITTEN[1:4], "phone")) == WRITTEN[3].head
