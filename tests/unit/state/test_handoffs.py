"""Hand-offs: what makes a good one, whom it is for, and what became of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.errors import Malformed, Misuse
from mesh.events.kinds import Born
from mesh.limits import SALT_BYTES
from mesh.names import DocumentId
from mesh.state import handoffs, leases, records
from mesh.state.documents import Document
from mesh.state.edits import Put
from mesh.state.handoffs import Draft
from mesh.state.leases import Who
from mesh.state.records import Record
from mesh.state.shapes import gate
from tests.unit.state.writers import ADMISSION, actor

DOCUMENT = DocumentId("home", "handoff", bytes(16))
GOOD = Draft(
    "Rotate the API keys of the shop",
    remaining=("Replace the key in the worker", "Delete the old key"),
    verify=({"cmd": "make check", "expect": "0 failed"},),
)
FROM = Who("deviceone", "claude", "home/session/x")
NOW = 1_700_000_000_000


def birth(draft: Draft = GOOD) -> Born:
    """The birth of a hand-off."""
    tasks = ("home/task/a", "home/task/b")
    return records.birth("handoff", handoffs.registers(draft, FROM, tasks, NOW), salt=bytes(SALT_BYTES))


def shown(draft: Draft = GOOD, **more: str) -> Record:
    """A hand-off as it was born, with registers beside."""
    born = birth(draft)
    return Record(DOCUMENT, {**born.registers, **more}, "")


def test_a_good_one_passes() -> None:
    """And says all that it was given."""
    handoffs.must_be_good(GOOD)
    record = shown()
    assert record.listed("remaining") == ("home/task/a", "home/task/b")
    assert record.maps("verify") == ({"cmd": "make check", "expect": "0 failed"},)
    assert (record.word("to"), record.word("reason"), record.number("at")) == ("anyone", "done_for_now", NOW)
    assert (record.word("from-agent"), record.word("from-device")) == ("claude", "deviceone")


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        (replace(GOOD, goal="continue work"), "goal"),
        (replace(GOOD, goal="Please continue with the remaining work."), "goal"),
        (replace(GOOD, goal="auth bug"), "goal"),
        (replace(GOOD, remaining=("Replace the key", "the rest")), "'the rest'"),
        (replace(GOOD, remaining=("cleanup",)), "'cleanup'"),
        (replace(GOOD, verify=()), "verify"),
        (replace(GOOD, reason="blocked", verify=()), "blockers"),
    ],
)
def test_a_poor_one_is_sent_back_with_what_to_add(draft: Draft, says: str) -> None:
    """Each by what it lacks, and by that alone."""
    assert len(handoffs.lacks(draft)) == 1
    with pytest.raises(Misuse, match=says):
        handoffs.must_be_good(draft)


def test_what_nobody_can_say_better_is_taken_as_it_is() -> None:
    """A machine hands off when a limit is reached; a person is asked, so there is nothing to verify yet."""
    handoffs.must_be_good(Draft("wip", reason="rate_limit"))
    handoffs.must_be_good(replace(GOOD, reason="needs_human", verify=()))
    handoffs.must_be_good(replace(GOOD, goal="修复登录页面的错误"))


@pytest.mark.parametrize("to", ["", "somebody else", "agent:", "device:A B", "agent:Claude"])
def test_nobody_to_hand_off_to(to: str) -> None:
    """Anyone, a human, an agent or a device."""
    with pytest.raises(Misuse):
        handoffs.registers(replace(GOOD, to=to), FROM, (), NOW)


def test_whom_it_is_for() -> None:
    """An agent by its name, a device by its id, the person as human."""
    claude, person = Who("here", "claude"), Who("here")
    assert handoffs.is_for(shown(), claude)
    assert handoffs.is_for(shown(), person)
    for to, agent_may, person_may in (
        ("human", False, True),
        ("agent:claude", True, False),
        ("agent:gemini", False, False),
        ("device:here", True, True),
        ("device:there", False, False),
    ):
        record = shown(replace(GOOD, to=to))
        assert (handoffs.is_for(record, claude), handoffs.is_for(record, person)) == (agent_may, person_may), to
    assert handoffs.is_from(shown(), FROM)
    assert not handoffs.is_from(shown(), Who("deviceone", "claude"))


def test_what_becomes_of_it() -> None:
    """Open, claimed, open again when the lease is over, declined by the one it was for, completed, superseded."""
    open_ = shown()
    assert handoffs.state(open_, NOW) == "open"
    claim = leases.claimed(open_, "a" * 16, Who("here", "claude"), NOW + 10)
    held = Record(DOCUMENT, {**open_.registers, **claim}, "")
    assert handoffs.state(held, NOW) == "claimed"
    assert handoffs.state(held, NOW + 10) == "open"
    assert handoffs.state(held, NOW, superseded=True) == "superseded"
    holder = leases.holder(held)
    assert holder is not None
    done = Record(DOCUMENT, {**held.registers, **leases.ended(holder, leases.DONE)}, "")
    assert handoffs.state(done, NOW, superseded=True) == "completed"
    for to, state in (("anyone", "open"), ("agent:claude", "declined")):
        one = shown(replace(GOOD, to=to))
        no = leases.closed(one, "b" * 16, Who("here", "claude"), leases.DECLINED, "not mine")
        declined = Record(DOCUMENT, {**one.registers, **no}, "")
        assert handoffs.state(declined, NOW) == state
        assert [one.words for one in handoffs.declined(declined)] == ["not mine"]
    later = shown(replace(GOOD, supersedes=str(DOCUMENT)))
    assert handoffs.superseded([open_, later]) == {str(DOCUMENT): later}


def test_time_that_is_over_is_seen_by_whoever_reads_and_loses_nothing() -> None:
    """Until then it is open; then expired, even where somebody said no; who picks it up has it all the same."""
    one = shown(replace(GOOD, to="agent:claude", expires_ms=NOW + 10))
    no = Record(DOCUMENT, {**one.registers, **leases.closed(one, "b" * 16, FROM, leases.DECLINED)}, "")
    assert [handoffs.state(one, NOW + ms) for ms in (0, 9, 10, 10**9)] == ["open", "open", "expired", "expired"]
    assert [handoffs.state(no, NOW + ms) for ms in (9, 10)] == ["declined", "expired"]
    assert leases.is_free(one, NOW + 11)
    held = Record(DOCUMENT, {**one.registers, **leases.claimed(one, "a" * 16, FROM, NOW + 99)}, "")
    assert [handoffs.state(held, NOW + ms) for ms in (11, 98, 99)] == ["claimed", "claimed", "expired"]
    assert handoffs.state(held, NOW + 11, superseded=True) == "superseded"
    done = Record(DOCUMENT, {**one.registers, **leases.closed(one, "c" * 16, FROM, leases.DONE)}, "")
    assert handoffs.state(done, NOW + 11) == "completed"
    assert handoffs.state(shown(), 10**15) == "open", "none was given"
    with pytest.raises(Misuse, match="over already"):
        birth(replace(GOOD, expires_ms=NOW))


def test_who_works_on_what_is_said_anew_is_told() -> None:
    """Unless it was the same one that said it anew; and nobody who has it no more."""
    one, here = shown(), Who("here", "claude")
    held = Record(DOCUMENT, {**one.registers, **leases.claimed(one, "a" * 16, here, NOW + 10)}, "")
    later = shown(replace(GOOD, supersedes=str(DOCUMENT)))
    claim = handoffs.overtaken(held, later, "here")
    assert claim is not None
    assert claim.name == "a" * 16
    assert handoffs.overtaken(held, later, "elsewhere") is handoffs.overtaken(one, later, "here") is None
    own = Record(DOCUMENT, {**later.registers, "from-device": "here"}, "")
    assert handoffs.overtaken(held, own, "here") is None
    over = Record(DOCUMENT, {**held.registers, **leases.ended(claim, leases.RELEASED)}, "")
    assert handoffs.overtaken(over, later, "here") is None


@pytest.mark.parametrize(
    "key", ["title", "remaining", "done", "verify", "to", "at", "expires", "context", "from-agent"]
)
def test_nobody_can_write_over_what_it_says(key: str) -> None:
    """The gate of every device refuses it, whoever writes; a claim passes."""
    document = Document.born(DOCUMENT, birth())
    good = document.edit(actor(1), [Put("claim/x", "{}")])
    gate(good, admission=ADMISSION, kind="handoff", body=document.body)
    value = 5 if key in {"at", "expires"} else "something else"
    bad = document.edit(actor(1), [Put(key, value)])
    with pytest.raises(Malformed, match="once and for ever"):
        gate(bad, admission=ADMISSION, kind="handoff", body=document.body)
