"""Judging step by step says at every step what judging all of it anew says, and tells exactly when that changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.events.judge import Judgement, judge
from mesh.events.verdict import Statement, Verdict
from tests.unit.any_statements import MESH, any_statements
from tests.unit.plain_judge import plainly

SEEDS = 60
SIZES = (6, 12, 24, 40)


def cut(rng: Random, log: Sequence[Statement]) -> Iterator[Sequence[Statement]]:
    """A log in batches as they may come: most of one statement, some of several, some of it twice."""
    at = 0
    while at < len(log):
        size = rng.choice((1, 1, 1, 2, 5))
        yield [*log[at : at + size], *rng.sample(log[:at], min(at, rng.choice((0, 0, 1))))]
        at += size


def step_by_step(rng: Random, log: Sequence[Statement]) -> None:
    """Feed a log and compare after each step with a plain judgement of all that is held."""
    judgement = Judgement(MESH)
    held: list[Statement] = []
    before = Verdict()
    for batch in cut(rng, log):
        changed = judgement.add(batch)
        held += batch
        expected = plainly(held, MESH)
        assert judgement.verdict == expected
        assert changed == (expected != before)
        before = expected
    assert judge(held, MESH) == before


@pytest.mark.parametrize("size", SIZES)
def test_step_by_step_in_the_order_of_their_chains(size: int) -> None:
    """As a device holds them: each after its parent."""
    for seed in range(SEEDS):
        rng = Random(f"{size}/{seed}")
        step_by_step(rng, any_statements(rng, size))


@pytest.mark.parametrize("size", SIZES)
def test_step_by_step_in_any_order(size: int) -> None:
    """Parents after their children, the genesis last: no order of arrival leaves a trace."""
    for seed in range(SEEDS):
        rng = Random(f"any {size}/{seed}")
        log = any_statements(rng, size)
        rng.shuffle(log)
        step_by_step(rng, log)


@settings(max_examples=30)  # every lot that is drawn here is drawn by Hypothesis: slow, and the seeds above are many
@given(st.randoms(use_true_random=False), st.integers(0, 30), st.booleans())
def test_step_by_step_whatever_is_drawn(rng: Random, size: int, shuffled: bool) -> None:  # noqa: FBT001 - drawn
    """The same, with logs that Hypothesis looks for and makes small."""
    log = any_statements(rng, size)
    if shuffled:
        rng.shuffle(log)
    step_by_step(rng, log)


def test_the_drawn_logs_are_rich() -> None:
    """Among them are many in which every part of a verdict counts; a property of nothing would be no property."""
    verdicts = [plainly(any_statements(Random(seed), 40), MESH) for seed in range(SEEDS)]
    parts = ("closes", "grants", "ungrants", "adopted", "forgotten", "rekeys", "located", "unknown")
    for part in parts:
        assert sum(bool(getattr(verdict, part)) for verdict in verdicts) > SEEDS // 10, part
    assert sum(len(verdict.admissions) > 4 for verdict in verdicts) > SEEDS // 4
