"""Speaking: what is said is sealed, chained and signed in time, and is the same bytes for the same arguments."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import START, signed_bytes
from mesh.errors import TooLarge
from mesh.events.event import CLEAR, Lane, decode_header
from mesh.events.keys import verify
from mesh.events.kinds import Born, Changed, Genesis, Opening
from mesh.events.seal import unpad
from mesh.events.speaking import Draft, Voice, event_bytes, joined, runs, signed
from mesh.limits import (
    BODY_BYTES_MAX,
    BODY_PLAIN_BYTES_MAX,
    LAMPORT_STEP_MAX,
    SIGNED_RUN_BYTES_MAX,
    SIGNED_RUN_EVENTS_MAX,
)
from mesh.names import ZERO, short
from tests.unit.small_mesh import MESH, NOTE, TIME_MS, fixed, request, secret_keys, signed_commit

WRITTEN = MESH.written(MESH.phone, 5)


def test_a_genesis_names_its_mesh() -> None:
    """After a genesis the voice knows mesh, chain and admission: all are its digest."""
    keys = secret_keys("recovery")
    voice = Voice(ZERO, ZERO, ZERO, Lane.CONTROL, START, 0, keys.sign_key, keys.sign)
    genesis = voice.say(Draft(Genesis(keys.sign_key, keys.kem_key, bytes(16))), TIME_MS, 0)
    assert voice.mesh == voice.chain == voice.admission == genesis.digest == genesis.chain
    assert voice.head == genesis.head


def test_an_opening_names_its_chain() -> None:
    """After an opening the chain is its digest; mesh and admission stay."""
    voice, opening = MESH.voice(MESH.phone, Lane.DATA)
    assert (voice.mesh, voice.admission, voice.chain) == (MESH.id, MESH.phone.admission, opening.digest)
    assert (opening.seq, opening.parent) == (1, ZERO)


def test_a_chain_grows_by_one() -> None:
    """Numbers, parents and Lamport numbers follow each other."""
    for parent, child in itertools.pairwise(WRITTEN):
        assert (child.seq, child.parent) == (parent.seq + 1, parent.digest)
        assert child.header.lamport == parent.header.lamport + 1


def test_the_clock_takes_over_what_it_heard_up_to_the_step() -> None:
    """A voice that heard a hostile number goes no further than others will hold."""
    voice, _ = MESH.voice(MESH.phone, Lane.CONTROL, "heard", 41)
    assert voice.lamport == 42
    voice.say(Draft(Changed(b"")), TIME_MS, 2**50)
    assert voice.lamport == 42 + LAMPORT_STEP_MAX


def test_control_is_clear_and_data_are_sealed() -> None:
    """A clear header can be read by all; of a sealed one only lengths in steps show."""
    admission = MESH.mac_commit[2]
    assert admission.header.epoch == CLEAR
    birth = WRITTEN[1]
    assert birth.header.epoch == short(MESH.epoch)
    assert b"home" not in birth.event.header
    assert b"Note" not in (birth.event.body or b"")
    assert (len(birth.header.inner) - 28) % 16 == 0
    assert len(birth.event.body or b"") == birth.header.body_bytes
    assert decode_header(birth.event.header) == birth.header


def test_the_same_arguments_make_the_same_bytes() -> None:
    """Nothing is drawn inside: with equal keys, time and nonces the chain is equal."""
    assert MESH.written(MESH.phone, 5) == WRITTEN


def test_header_and_body_have_nonces_of_their_own() -> None:
    """The two halves of the 24 bytes; nothing else of the event is random."""
    nonces = fixed(24, "nonces", WRITTEN[1].chain.hex(), 1)
    assert WRITTEN[1].header.inner[:12] == nonces[:12]
    assert (WRITTEN[1].event.body or b"")[:12] == nonces[12:]


def test_the_longest_body_fits_and_a_longer_one_is_refused() -> None:
    """120 KiB are said; one byte more is refused before the voice moves."""
    voice, _ = MESH.voice(MESH.phone, Lane.DATA, "long")
    frame = len(b"\x81\x5a\x00\x01\xe0\x00")
    longest = MESH.say_data(voice, MESH.phone, Changed(bytes(BODY_PLAIN_BYTES_MAX - frame)))
    assert longest.header.body_bytes <= BODY_BYTES_MAX
    head = voice.head
    with pytest.raises(TooLarge, match="122,881 bytes"):
        MESH.say_data(voice, MESH.phone, Changed(bytes(BODY_PLAIN_BYTES_MAX - frame + 1)))
    assert voice.head == head


@given(st.lists(st.integers(0, 60_000), min_size=1, max_size=12))
def test_every_run_of_a_commit_is_signed_within_its_bounds(sizes: list[int]) -> None:
    """Whatever sizes: runs join up to the commit, each has a signature that fits, none is too long for a page."""
    voice, opening = MESH.voice(MESH.phone, Lane.DATA, "sizes")
    events = [opening, *(MESH.say_data(voice, MESH.phone, Changed(bytes(size))) for size in sizes)]
    commit = signed(events, secret_keys("phone").sign)
    assert [replace(p, signature=None) for p in commit] == events
    found = runs(commit)
    assert [event for run in found for event in run.events] == [p.event for p in commit]
    for run in found:
        assert len(run.events) == 1 or sum(map(event_bytes, run.events)) <= SIGNED_RUN_BYTES_MAX
    for placed in commit:
        if placed.signature:
            verify(secret_keys("phone").sign_key, signed_bytes(placed.chain, placed.head), placed.signature)


def test_a_commit_of_many_events_has_several_signatures() -> None:
    """At least one for each 1,024 events."""
    voice, opening = MESH.voice(MESH.phone, Lane.DATA, "many")
    events = [opening, *(voice.say(Draft(Changed(b"")), TIME_MS, 0) for _ in range(2 * SIGNED_RUN_EVENTS_MAX))]
    found = runs(signed_commit(events, "phone"))
    assert [len(run.events) for run in found] == [SIGNED_RUN_EVENTS_MAX, SIGNED_RUN_EVENTS_MAX, 1]


def test_a_commit_over_two_chains_is_signed_in_both() -> None:
    """Where the chain changes, a run ends."""
    other = MESH.written(MESH.phone, 1, "second")
    assert [len(run.events) for run in runs(signed_commit([*WRITTEN, *other], "phone"))] == [6, 2]


def test_events_without_a_signature_are_no_runs() -> None:
    """That would be our own bug."""
    with pytest.raises(AssertionError):
        runs(WRITTEN)


def test_a_run_stands_on_its_parent() -> None:
    """A later part of a chain travels with the place that it stands on."""
    (run,) = runs(signed_commit(WRITTEN[2:], "phone"))
    assert run.after == WRITTEN[1].head
    assert event_bytes(replace(WRITTEN[2].event, body=None)) == len(WRITTEN[2].event.header)


def test_drafts_have_defaults() -> None:
    """A draft of the person at the device names no agent and no grant."""
    draft = Draft(Born({}, "", b""), NOTE)
    assert (draft.agent, draft.grant) == ("", CLEAR)
    assert unpad(b"x\x80\0") == b"x"
    assert isinstance(Opening(MESH.id, Lane.DATA, "new", bytes(16)), Opening)
    assert request("mac").name == "mac"


def test_runs_of_one_chain_are_joined_while_they_fit() -> None:
    """Several commits of one chain travel under the last signature; another chain, or too much, starts a new run."""
    events = MESH.written(MESH.phone, 5)
    commits = [placed for event in events for placed in signed_commit([event], "phone")]
    (run,) = joined(commits)
    assert MESH.chains().place(run, MESH.statements(), {}).end == events[-1].head
    other = signed_commit(MESH.written(MESH.laptop, 1), "laptop")
    assert [len(run.events) for run in joined([*commits, *other])] == [6, 2]
    assert [len(run.events) for run in joined([*commits[:2], *commits[3:]])] == [2, 3]
    assert joined([]) == ()


def test_joined_runs_keep_the_bounds_of_a_signature() -> None:
    """Neither more than 1,024 events nor more than 192 KiB come under one signature by joining."""
    voice, opening = MESH.voice(MESH.phone, Lane.DATA, "bounds")
    small = [opening, *(voice.say(Draft(Changed(b"")), TIME_MS, 0) for _ in range(SIGNED_RUN_EVENTS_MAX))]
    assert [len(run.events) for run in joined([replace(p, signature=bytes(64)) for p in small])] == [1024, 1]
    large = [voice.say(Draft(Changed(bytes(100_000))), TIME_MS, 0) for _ in range(3)]
    assert [len(run.events) for run in joined([replace(p, signature=bytes(64)) for p in large])] == [1, 1, 1]
