"""Attacks on a pairing, by name: nobody is let in, nothing is told, and the person hears the right word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.errors import Forged, Refused
from mesh.events import cbor
from mesh.events.founding import request_text
from mesh.limits import INVITATION_S_MAX, PAIRING_TRIES_MAX
from mesh.sync.pairing import Inviter
from mesh.sync.pairing_frames import Reason
from tests.unit.small_mesh import request
from tests.unit.sync.pairs import CODE, NOW_S, OTHER, conversation, invitation, inviter, joiner, proof_shown, straight

FRAMES = {"joiner": 4, "inviter": 3}


def test_a_man_in_the_middle_with_a_code_of_his_own() -> None:
    """He speaks to both sides and knows no code: either proof fails, both sides say so, and one try is gone."""
    held = invitation()
    towards_inviter = conversation(joiner(OTHER), inviter(held))
    towards_joiner = conversation(joiner(CODE), inviter(invitation(OTHER)))
    assert held.tries_left == PAIRING_TRIES_MAX - 1
    for outcome in (towards_inviter, towards_joiner):
        assert (outcome.asking, outcome.admission, outcome.joined) == ("", "", False)
        assert isinstance(outcome.joiner_error, Refused)


def test_a_false_inviter_that_makes_up_its_proof() -> None:
    """It gets one proof to check one guess against; the request stays here, and the person is warned."""
    ours, theirs = joiner(), inviter(invitation(OTHER))
    (first,) = ours.begin().send
    (answer,) = theirs.heard(first, NOW_S).send
    ours.heard(answer)
    with pytest.raises(Forged, match="does not know the code") as told:
        ours.heard(cbor.encode(["proof", bytes(32)]))
    assert "posing" in told.value.hint
    assert (ours.showed, ours.proven) == (True, False)


@pytest.mark.parametrize("who", FRAMES)
def test_a_man_in_the_middle_who_alters_one_frame(who: str) -> None:
    """A bit of any frame but the last, in either direction, and nobody comes in unnoticed."""
    for place in range(FRAMES[who]):
        held = invitation()

        def wire(sender: str, number: int, frame: bytes, place: int = place) -> bytes:
            if (sender, number) != (who, place):
                return frame
            return frame[:-1] + bytes([frame[-1] ^ 1])

        outcome = conversation(joiner(), inviter(held), wire=wire)
        assert not outcome.joined, (who, place)
        assert bool(outcome.admission) is ((who, place) == ("joiner", 3)), "only the acknowledgement came too late"
        assert outcome.joiner_error or outcome.inviter_error


def test_a_downgrade_of_the_version() -> None:
    """Both sides are told another version than the other one said: the proofs are over different bytes."""

    def wire(sender: str, number: int, frame: bytes) -> bytes:
        if number == 0 and sender == "joiner":
            return frame.replace(cbor.encode(1), cbor.encode(2), 1)
        return frame

    assert "version" in str(conversation(joiner(), inviter(invitation()), wire=wire).joiner_error)

    def answer(sender: str, number: int, frame: bytes) -> bytes:
        if number == 0 and sender == "inviter":
            return frame.replace(cbor.encode(1), cbor.encode(0), 1)
        return frame

    assert "version" in str(conversation(joiner(), inviter(invitation()), wire=answer).joiner_error)


def test_another_number_costs_no_try() -> None:
    """The number is no secret: a device that looks for another invitation is sent away without a guess."""
    held = invitation()
    wrong = joiner(type(CODE)(8, CODE.words))
    outcome = conversation(wrong, inviter(held))
    assert "another code" in str(outcome.joiner_error)
    assert held.tries_left == PAIRING_TRIES_MAX
    assert not wrong.showed


def test_three_wrong_codes() -> None:
    """The third kills the code: the right one no longer works, and is not even looked at."""
    held = invitation()
    for number in range(PAIRING_TRIES_MAX):
        outcome = conversation(joiner(OTHER, number), inviter(held, number))
    assert "dead" in str(outcome.joiner_error)
    assert held.closed(NOW_S) is Reason.TRIES
    after = conversation(joiner(), inviter(held))
    assert (after.asking, after.joined) == ("", False)
    assert "dead" in str(after.joiner_error)


def test_many_guesses_at_once() -> None:
    """Conversations opened before the third wrong proof get no guess after it."""
    held = invitation()
    open_ones = [(joiner(OTHER, number), inviter(held, number)) for number in range(8)]
    shown = []
    for ours, theirs in open_ones:
        (answer,) = theirs.heard(ours.begin().send[0], NOW_S).send
        shown.append((theirs, ours.heard(answer).send[0]))
    ours, theirs = joiner(), inviter(held, "right")
    (answer,) = theirs.heard(ours.begin().send[0], NOW_S).send
    shown.append((theirs, ours.heard(answer).send[0]))
    said = [str(cbor.decode(theirs.heard(frame, NOW_S).send[0], 256, "it")) for theirs, frame in shown]
    assert [word for word in said if "wrong" in word] == said[:PAIRING_TRIES_MAX]
    assert all("tries" in word for word in said[PAIRING_TRIES_MAX:])
    assert not held.taken


def test_a_replayed_transcript() -> None:
    """Everything that a joiner said, said again: the inviter's part is fresh, so the old proof is a wrong one."""
    recorded = [frame for who, frame in conversation(joiner(), inviter(invitation())).said if who == "joiner"]
    held = invitation()
    theirs = inviter(held, "another time")
    for frame in recorded:
        step = theirs.heard(frame, NOW_S)
        assert (step.asking, step.joined) == (None, False)
    assert not held.taken
    assert held.tries_left == PAIRING_TRIES_MAX - 1


def test_replayed_answers() -> None:
    """The same from the other side: an old inviter's frames do not get a request out of a joiner."""
    recorded = [frame for who, frame in conversation(joiner(), inviter(invitation())).said if who == "inviter"]
    ours = joiner(salt="another time")
    ours.begin()
    ours.heard(recorded[0])
    with pytest.raises(Forged):
        ours.heard(recorded[1])
    assert not ours.proven


def test_reflected_messages() -> None:
    """Each side gets its own frames back: the exchange refuses its own element, and the proofs name their side."""
    ours = joiner()
    (first,) = ours.begin().send
    with pytest.raises(Refused):
        ours.heard(first)
    own_element = cbor.decode(first, 256, "it")[3]  # type: ignore[index]
    with pytest.raises(Refused):
        joiner().heard(cbor.encode(["exchange", 1, own_element]))
    ours, theirs = joiner(), inviter(invitation())
    (answer,) = theirs.heard(ours.begin().send[0], NOW_S).send
    (shown,) = ours.heard(answer).send
    with pytest.raises(Forged):
        ours.heard(shown)


def test_two_joiners_at_once() -> None:
    """Both know the code; the first proof takes it, the other one hears that it was used, and no try is spent."""
    held = invitation()
    first, second = joiner(salt=1), joiner(salt=2)
    to_first, to_second = inviter(held, 1), inviter(held, 2)
    (answer,) = to_second.heard(second.begin().send[0], NOW_S).send
    assert not proof_shown(first, to_first).over
    step = to_second.heard(second.heard(answer).send[0], NOW_S)
    assert "used" in str(step.over)
    with pytest.raises(Refused, match="used already"):
        second.heard(step.send[0])
    assert (held.taken, held.tries_left) == (True, PAIRING_TRIES_MAX)
    assert "used" in str(conversation(joiner(salt=3), inviter(held, 3)).joiner_error)


def test_a_name_with_escapes() -> None:
    """It is carried as it is, for the screen to write out; it changes nothing of the conversation."""
    text = request_text(request("\x1b[2Jphone\u202e", 2))
    outcome = conversation(joiner(text=text), inviter(invitation()))
    assert (outcome.asking, outcome.joined) == ("\x1b[2Jphone\u202e", True)


def test_a_code_after_its_time() -> None:
    """Also for a conversation that began in time and dragged on."""
    held = invitation()
    ours, theirs = joiner(), inviter(held)
    (answer,) = theirs.heard(ours.begin().send[0], NOW_S).send
    step = theirs.heard(ours.heard(answer).send[0], NOW_S + INVITATION_S_MAX)
    assert step.over is not None
    with pytest.raises(Refused, match="five minutes"):
        ours.heard(step.send[0])
    assert (held.taken, held.tries_left) == (False, PAIRING_TRIES_MAX)


def test_an_admission_that_was_not_asked_for() -> None:
    """A joiner that goes on by itself, before its person was confirmed, ends the conversation."""
    theirs = inviter(invitation())
    ours = joiner()
    (asked,) = ours.heard(proof_shown(ours, theirs).send[0]).send
    assert theirs.heard(asked, NOW_S).asking
    assert theirs.heard(ours.kept().send[0], NOW_S).over


@settings(max_examples=25)  # each costs several exchanges
@given(st.lists(st.binary(max_size=80), max_size=5), st.integers(0, 3))
def test_any_frames(frames: list[bytes], good: int) -> None:
    """After any number of sound frames, garbage never lets anybody in and never raises anything but Refused."""
    held = invitation()
    theirs: Inviter = inviter(held)
    sound = [frame for who, frame in conversation(joiner(), inviter(invitation())).said if who == "joiner"]
    for frame in [*sound[:good], *frames]:
        step = theirs.heard(frame, NOW_S)
        assert not step.joined
    ours = joiner()
    ours.begin()
    for frame in frames:
        try:
            assert not ours.heard(frame).admission
        except Refused:
            break
    assert not ours.proven


def test_a_wire_that_changes_nothing_lets_in() -> None:
    """The attacks above fail for what they do, not for how they are set up."""
    assert conversation(joiner(), inviter(invitation()), wire=straight).joined
