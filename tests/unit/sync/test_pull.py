"""Pulls: each question is paid for by progress, so each pull ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesh.clocks.chain import Head
from mesh.limits import TRAIL_HEADS_MAX, WANT_SPANS_MAX
from mesh.names import Digest
from mesh.sync.messages import Want
from mesh.sync.pull import Pull
from tests.unit.small_mesh import fixed

A, B = (Digest(fixed(32, name)) for name in "AB")


def head(seq: int, salt: str = "") -> Head:
    """A place with a digest of its own."""
    return Head(seq, Digest(fixed(32, "head", seq, salt)))


def places(_: Digest) -> tuple[Head, ...]:
    """What the replica holds of any chain: many places."""
    return tuple(head(seq) for seq in range(100, 0, -1))


def test_a_pull_asks_from_what_is_held_then_from_its_cursor() -> None:
    """First the best known places, as many as fit; then the end of the last page."""
    pull = Pull([(A, head(300))])
    want = pull.want(places)
    assert want is not None
    assert want.spans[0].after == places(A)[:TRAIL_HEADS_MAX]
    assert pull.advance([(A, head(200))])
    want = pull.want(places)
    assert want is not None
    assert want.spans[0].after == (head(200),)
    assert pull.advance([(A, head(250)), (A, head(300))])
    assert pull.want(places) is None


def test_bodies_come_last() -> None:
    """Single bodies are asked for when no span is left, once."""
    pull = Pull([(A, head(3))], bodies=[B])
    want = pull.want(places)
    assert want is not None
    assert want.bodies == ()
    pull.advance([(A, head(3))])
    assert pull.want(places) == Want((), (B,))
    assert pull.advance([])
    assert pull.want(places) is None


def test_attack_an_answer_that_brings_nothing() -> None:
    """Nothing, the same page again, a page of another chain, or one beyond the target moves nothing."""
    pull = Pull([(A, head(9))])
    pull.want(places)
    assert not pull.advance([])
    assert pull.advance([(A, head(5))])
    assert not pull.advance([(A, head(5))])
    assert not pull.advance([(A, head(4))])
    assert not pull.advance([(B, head(6))])
    assert not pull.advance([(A, head(10))])


def test_an_answer_nobody_asked_for_moves_nothing() -> None:
    """Before the first question there is nothing to advance."""
    assert not Pull([(A, head(9))]).advance([(A, head(9))])


def test_a_wrong_branch_at_the_targets_height_does_not_end_the_pull() -> None:
    """The number is the target's but the digest is not: the target stays, the next answer must bring it."""
    pull = Pull([(A, head(9))])
    pull.want(places)
    assert pull.advance([(A, head(9, "other branch"))])
    assert pull.targets == [(A, head(9))]
    assert not pull.advance([(A, head(9, "third branch"))])


def test_progress_is_remembered_until_the_next_tick() -> None:
    """A pull that moved is not idle."""
    pull = Pull([(A, head(9))])
    pull.idle = True
    pull.want(places)
    pull.advance([(A, head(1))])
    assert not pull.idle


def test_a_want_names_so_many_spans() -> None:
    """Of many targets the first are asked for; the rest follow."""
    pull = Pull([(Digest(fixed(32, n)), head(1)) for n in range(WANT_SPANS_MAX + 5)])
    want = pull.want(places)
    assert want is not None
    assert len(want.spans) == WANT_SPANS_MAX
    pull.advance([(span.chain, span.target) for span in want.spans])
    want = pull.want(places)
    assert want is not None
    assert len(want.spans) == 5


@given(st.lists(st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 12)), max_size=4), max_size=80))
def test_every_pull_ends(answers: list[list[tuple[Digest, int]]]) -> None:
    """Whatever a peer answers, the number of questions is bounded by what was to be fetched."""
    pull = Pull([(A, head(10)), (A, head(7, "fork")), (B, head(3))], bodies=[A])
    asked = 0
    for answer in answers:
        if pull.want(places) is None:
            break
        asked += 1
        if not pull.advance((chain, head(seq)) for chain, seq in answer):
            break
    assert asked <= 10 + 7 + 3 + 2
