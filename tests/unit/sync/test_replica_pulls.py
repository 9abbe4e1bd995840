"""The replica pulls: what is lacking is asked for, of one peer at a time, until nothing is lacking or nothing comes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Span
from mesh.events.event import Run
from mesh.events.founding import with_rank
from mesh.names import ZERO, Digest
from mesh.sync.inputs import Heard, Lost, Met, Ticked
from mesh.sync.messages import Have, Message, Push, Want
from mesh.sync.missing import Missing
from tests.unit.small_mesh import MESH, SmallMesh, fixed, one_run, request, without_body
from tests.unit.sync.small_family import RUN, WRITTEN, have_of
from tests.unit.sync.small_net import Node


def test_the_same_is_not_fetched_from_two_peers_at_once() -> None:
    """The second peer with the same offer waits; when the first is lost it is asked again."""
    node = Node(MESH.mac)
    for peer in ("a", "b"):
        node.handle(Met(peer))
    assert len(node.handle(Heard("a", have_of("x"))).ask) == 1
    assert node.handle(Heard("b", have_of("x"))).ask == ()
    assert node.replica.lacks == {"a": 1}
    assert node.handle(Lost("a")).meet == {"b"}
    assert node.replica.lacks == {}
    assert len(node.handle(Heard("b", have_of("x"))).ask) == 1


def test_different_chains_are_fetched_from_different_peers() -> None:
    """What is not on its way yet may be asked of the second peer."""
    node = Node(MESH.mac)
    node.handle(Heard("a", have_of("x")))
    effects = node.handle(Heard("b", have_of("x", "y")))
    ((peer, want),) = effects.ask
    assert (peer, len(want.spans)) == ("b", 1)


def test_one_pull_for_each_peer() -> None:
    """While a peer is being asked, its next Have starts no second pull."""
    node = Node(MESH.mac)
    assert node.handle(Heard("a", have_of("x"))).ask
    assert node.handle(Heard("a", have_of("x", "y"))).ask == ()


@pytest.mark.parametrize("ends", ["nothing came", "lost"])
def test_what_is_told_during_a_pull_is_asked_for_after_it(ends: str) -> None:
    """News of a third device that comes while a page is under way is not forgotten with it."""
    node = Node(MESH.mac)
    for peer in ("a", "b"):
        node.handle(Met(peer))
    node.handle(Heard("a", have_of("x")))
    node.handle(Heard("a", have_of("x", "y")))
    if ends == "lost":
        node.handle(Heard("b", have_of("x")))
        assert node.handle(Lost("a")).meet == {"b"}
    else:
        assert node.handle(Heard("a", Push((), answer=True))).meet == {"a"}
        assert node.handle(Heard("a", have_of("x", "y"))).ask
        assert node.handle(Heard("a", Push((), answer=True))).meet == frozenset()


def test_the_same_told_twice_is_asked_for_once() -> None:
    """A Have that says nothing new during a pull leads to no other one."""
    node = Node(MESH.mac)
    node.handle(Met("a"))
    node.handle(Heard("a", have_of("x")))
    node.handle(Heard("a", have_of("x")))
    assert node.handle(Heard("a", Push((), answer=True))).meet == frozenset()


def test_a_pull_that_stands_still_is_given_up_at_the_second_tick() -> None:
    """The first tick marks it, the second ends it; then the same may be fetched again."""
    node = Node(MESH.mac)
    node.handle(Met("a"))
    node.handle(Heard("a", have_of("x")))
    assert [peer for peer, _ in node.handle(Ticked()).send] == ["a"]
    assert node.replica.lacks == {"a": 1}
    node.handle(Ticked())
    assert node.replica.lacks == {}


def test_an_answer_without_progress_ends_the_pull() -> None:
    """A peer that tells of what it cannot bring is not asked in a circle."""
    node = Node(MESH.mac)
    node.handle(Heard("a", have_of("x")))
    effects = node.handle(Heard("a", Push((), answer=True)))
    assert effects.ask == ()
    assert node.replica.lacks == {}
    assert node.handle(Heard("a", Push((), answer=True))).ask == ()


def test_losing_somebody_who_was_not_asked() -> None:
    """Nothing was on its way, so nobody else needs to be asked."""
    node = Node(MESH.mac)
    node.handle(Met("a"))
    assert node.handle(Lost("a")).meet == frozenset()
    assert node.replica.met == set()


def test_missing_bodies_are_fetched_later() -> None:
    """Headers came alone: the bodies are asked for, checked, and taken once."""
    node = Node(MESH.mac)
    bare = replace(RUN, events=(RUN.events[0], *(without_body(event) for event in RUN.events[1:])))
    node.handle(Heard("phone", Push((bare,))))
    missing = [placed.digest for placed in WRITTEN[1:]]
    assert list(node.replica.missing) == missing
    ((_, want),) = node.handle(Heard("phone", node.replica.have("phone", asks=False))).ask
    assert want == Want((), tuple(missing))
    body = WRITTEN[1].event.body or b""
    answer = Push((), ((missing[0], body), (missing[1], b"altered"), (MESH.id, b"never missing")), answer=True)
    effects = node.handle(Heard("phone", answer))
    assert effects.bodies == ((missing[0], body),)
    assert set(node.replica.missing) == set(missing[1:])
    assert node.handle(Heard("phone", answer)).bodies == ()


def test_bodies_that_nobody_has_do_not_block_others() -> None:
    """What was asked for in vain goes to the end, so that others get their turn."""
    node = Node(MESH.mac)
    bodies = {Digest(fixed(32, "event", n)): Digest(fixed(32, "body", n)) for n in range(300)}
    node.replica.missing = Missing(bodies.items())
    asked: set[Digest] = set()
    for _ in range(2):
        ((_, want),) = node.handle(Heard("a", node.replica.have("a", asks=False))).ask
        asked |= set(want.bodies)
        node.handle(Heard("a", Push((), answer=True)))
    assert asked == set(bodies)


def test_to_compare_again_is_no_reason_to_ask_in_vain_again() -> None:
    """Else two peers without a body, each of whom is met when the other has nothing, would be asked without end."""
    node = Node(MESH.mac)
    node.replica.missing = Missing([(Digest(fixed(32, "event")), Digest(fixed(32, "body")))])
    have = node.replica.have("a", asks=False)
    node.handle(Met("a"))
    assert node.handle(Heard("a", have)).ask
    node.handle(Heard("a", Push((), answer=True)))
    node.handle(Met("a"))
    assert node.handle(Heard("a", have)).ask == ()
    node.handle(Lost("a"))
    node.handle(Met("a"))
    assert node.handle(Heard("a", have)).ask


def test_a_peer_without_a_body_is_asked_ever_more_rarely() -> None:
    """It says what it has often; with nothing due nobody is kept busy, and whoever comes back is asked at once."""
    node = Node(MESH.mac)
    node.replica.missing = Missing([(Digest(fixed(32, "event")), Digest(fixed(32, "body")))])
    asked: list[int] = []
    for tick in range(200):
        for _ in range(3):
            if node.handle(Heard("a", node.replica.have("a", asks=False))).ask:
                asked.append(tick)
                node.handle(Heard("a", Push((), answer=True)))
            assert not node.replica.pulls.under_way
        node.handle(Ticked())
    assert asked == [0, 1, 3, 7, *range(15, 200, 16)]
    assert node.handle(Heard("b", node.replica.have("b", asks=False))).ask
    assert not node.handle(Heard("a", node.replica.have("a", asks=False))).ask
    node.handle(Lost("a"))
    assert node.handle(Heard("a", node.replica.have("a", asks=False))).ask


def test_what_is_unsure_depends_on_the_message() -> None:
    """Tips that are none of mine, places that are no tips; a Want needs no look into the log."""
    node = Node(MESH.mac)
    theirs = have_of("x")
    chain = next(iter(theirs.data))
    assert node.replica.unsure(theirs) == (theirs.data[chain][0].digest,)
    assert node.replica.unsure(Want(())) == ()
    assert node.replica.unsure(Push((RUN,))) == ()
    node.handle(Heard("phone", Push((RUN,))))
    assert len(node.replica.unsure(Push((RUN,)))) == 6


def test_an_older_head_is_not_lacking() -> None:
    """A peer that is behind is not asked for what I passed long ago."""
    node = Node(MESH.mac)
    node.handle(Heard("phone", Push((RUN,))))
    behind = Node(MESH.laptop)
    behind.handle(Heard("phone", Push((one_run(WRITTEN[:2], "phone"),))))
    assert node.handle(Heard("laptop", behind.replica.have("mac", asks=True))).ask == ()


def test_a_have_that_asks_is_answered_by_a_have_that_does_not() -> None:
    """Have, Have, silence: nobody answers an answer."""
    node = Node(MESH.mac)
    asks = node.replica.have("a", asks=True)
    ((peer, answer),) = node.handle(Heard("a", asks)).send
    assert (peer, isinstance(answer, Have) and answer.asks) == ("a", False)
    assert node.handle(Heard("a", answer)).send == ()


def test_the_clock_hears_what_is_taken() -> None:
    """After taking a high number the next own event is higher, so effects sort after causes."""
    far = SmallMesh()
    run = one_run(far.control_chain(far.laptop, [with_rank(request("new"), 12)]), "laptop")
    node = Node(MESH.mac)
    node.handle(Heard("laptop", Push((run,))))
    heard = node.replica.heard
    effects = node.say()
    assert effects.append[0].header.lamport == heard + 1


def messages_of(kind: type[Message]) -> Message:
    """A message of each kind, for the test below."""
    found: dict[type[Message], Message] = {
        Have: have_of("x"),
        Want: Want((Span(RUN.chain, WRITTEN[-1].head, ()),)),
        Push: Push((RUN,), answer=True),
    }
    return found[kind]


@pytest.mark.parametrize("kind", [Have, Want, Push])
def test_talk_descends(kind: type[Message]) -> None:
    """A Have is answered by Want or by a Have that asks nothing, a Want by serving, a Push by Wants and news."""
    node = Node(MESH.mac)
    effects = node.handle(Heard("a", messages_of(kind)))
    answers = {type(message) for peer, message in effects.send if peer is not None}
    assert answers == set()
    assert bool(effects.ask) is (kind is Have)
    assert bool(effects.serve) is (kind is Want)
    assert isinstance(RUN, Run)
    assert Head(1, ZERO) < Head(2, ZERO)
