"""Pairing as it should go: one device comes in with the code, once, and nothing is said before the proofs."""

from __future__ import annotations

import pytest

from mesh.errors import Refused
from mesh.events.founding import request_text
from mesh.limits import (
    INVITATION_S_MAX,
    PAIRING_CLEAR_BYTES_MAX,
    PAIRING_SEALED_BYTES_MAX,
    PAIRING_TRIES_MAX,
)
from mesh.sync.pairing_frames import Reason
from tests.unit.small_mesh import request
from tests.unit.sync.pairs import (
    ADMISSION,
    NOW_S,
    OTHER,
    REQUEST,
    conversation,
    invitation,
    inviter,
    joiner,
    proof_shown,
)


def test_a_device_comes_in_with_the_code() -> None:
    """Four frames of the joiner, three of the inviter; the admission arrives, and its keeping is acknowledged."""
    held = invitation()
    ours, theirs = joiner(), inviter(held)
    assert (ours.bytes_max, theirs.bytes_max) == (PAIRING_CLEAR_BYTES_MAX, PAIRING_CLEAR_BYTES_MAX)
    outcome = conversation(ours, theirs)
    assert (outcome.asking, outcome.admission, outcome.joined) == ("laptop", ADMISSION, True)
    assert (outcome.kinds("joiner"), outcome.kinds("inviter")) == (4, 3)
    assert (outcome.joiner_error, outcome.inviter_error) == (None, None)
    assert (ours.bytes_max, theirs.bytes_max) == (PAIRING_SEALED_BYTES_MAX, PAIRING_SEALED_BYTES_MAX)
    assert held.tries_left == PAIRING_TRIES_MAX
    wire = b"".join(frame for _, frame in outcome.said)
    assert b"laptop" not in wire
    assert REQUEST.encode() not in wire
    assert ADMISSION.encode() not in wire
    assert b"orbit" not in wire


def test_the_joiner_proves_first() -> None:
    """Before the proof the inviter says one frame, which follows from no secret; after it, its own proof."""
    held = invitation()
    ours, theirs = joiner(), inviter(held)
    (first,) = ours.begin().send
    assert len(theirs.heard(first, NOW_S).send) == 1
    assert not theirs.proven
    assert not held.taken
    assert not ours.showed


def test_it_joins_only_after_the_acknowledgement() -> None:
    """An inviter that has sent the admission does not yet know that it was kept."""
    theirs = inviter(invitation())
    ours = joiner()
    step = proof_shown(ours, theirs)
    (asked,) = ours.heard(step.send[0]).send
    step = theirs.heard(asked, NOW_S + 1)
    assert (step.asking is not None, step.request, step.joined) == (True, REQUEST, False)
    step = ours.heard(theirs.decided(ADMISSION).send[0])
    assert (step.admission, step.send) == (ADMISSION, ())
    assert theirs.heard(ours.kept().send[0], NOW_S + 2).joined


def test_the_person_says_no() -> None:
    """The joiner hears it as a sentence, over the sealed channel, and the code is used."""
    held = invitation()
    outcome = conversation(joiner(), inviter(held), admission="")
    assert (outcome.asking, outcome.admission, outcome.joined) == ("laptop", "", False)
    assert "did not let this one in" in str(outcome.joiner_error)
    assert b"declined" not in outcome.said[-1][1]
    assert held.closed(NOW_S) is Reason.USED


def test_a_code_lives_for_five_minutes() -> None:
    """To the second: until then it is good, from then on it is not."""
    good = conversation(joiner(), inviter(invitation()), now_s=NOW_S + INVITATION_S_MAX - 0.1)
    assert good.joined
    late = conversation(joiner(), inviter(invitation()), now_s=NOW_S + INVITATION_S_MAX)
    assert (late.joined, late.asking) == (False, "")
    assert "five minutes" in str(late.joiner_error)


def test_wrong_words_cost_a_try_and_say_how_many_are_left() -> None:
    """One less each time, and the right code still works after two wrong ones."""
    held = invitation()
    for left in (2, 1):
        outcome = conversation(joiner(OTHER, left), inviter(held, left))
        assert held.tries_left == left
        assert "is not the one" in str(outcome.joiner_error)
        assert outcome.joiner_error is not None
        assert outcome.joiner_error.hint.startswith(str(left))
    assert conversation(joiner(), inviter(held)).joined


@pytest.mark.parametrize("frames", [0, 1])
def test_leaving_before_the_proof_costs_no_try(frames: int) -> None:
    """However often somebody hangs up, the code stays good."""
    held = invitation()
    for number in range(10):
        ours, theirs = joiner(OTHER, number), inviter(held, number)
        if frames:
            theirs.heard(ours.begin().send[0], NOW_S)
    assert (held.tries_left, held.taken) == (PAIRING_TRIES_MAX, False)


@pytest.mark.parametrize("text", ["", "mesh-request-1.AAAA", "nonsense", request_text(request("x"))[:-4]])
def test_a_request_that_is_none_ends_it(text: str) -> None:
    """Nobody is asked about it, and the joiner is told."""
    outcome = conversation(joiner(text=text), inviter(invitation()))
    assert outcome.asking == ""
    assert isinstance(outcome.inviter_error, Refused)
    assert isinstance(outcome.joiner_error, Refused)
