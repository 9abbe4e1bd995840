"""The world: many true replicas under many seeds, in which everything goes wrong, and nothing may be lost by it."""

import pytest

from tests.world.campaign import SEEDS, STEPS, Failure, campaign
from tests.world.run import is_real

pytestmark = pytest.mark.world

CHUNKS = 6
SIZE = SEEDS // CHUNKS
JOBS = 2


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_is_lost_and_all_agree_whatever_happens(chunk: int) -> None:
    """Three hundred seeds of loss, doubles, partitions, crashes, restores, thieves: every property holds in each."""
    failures = [
        result
        for result in campaign(range(chunk * SIZE, (chunk + 1) * SIZE), STEPS, JOBS)
        if isinstance(result, Failure)
    ]
    assert not failures, "\n".join(f"seed {f.seed}: {f.why}\n    {f.again}" for f in failures)


def test_enough_seeds_are_real() -> None:
    """At least fifty of them have messages as bytes, Ed25519 and Automerge documents; Ed25519 is real in all."""
    assert sum(is_real(seed) for seed in range(SEEDS)) >= 50
