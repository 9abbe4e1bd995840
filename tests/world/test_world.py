"""The world: many true replicas under many seeds, in which everything goes wrong, and nothing may be lost by it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world.campaign import SEEDS, STEPS, Failure, campaign, hunts
from tests.world.run import is_real
from tests.world.sabotages import ALL

pytestmark = pytest.mark.world

ROOT = Path(__file__).resolve().parents[2]
CHUNKS = 6
SIZE = SEEDS // CHUNKS
JOBS = 2
TOLD_TWICE = (0, 1, 2, 5)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_is_lost_and_all_agree_whatever_happens(chunk: int) -> None:
    """Three hundred seeds of loss, doubles, partitions, crashes, restores, thieves: every property holds in each."""
    results = campaign(range(chunk * SIZE, (chunk + 1) * SIZE), STEPS, JOBS)
    failures = [result for result in results if isinstance(result, Failure)]
    assert not failures, "\n".join(f"seed {f.seed}: {f.why}\n    {f.again}" for f in failures)


def test_enough_seeds_are_real() -> None:
    """At least fifty have messages as bytes and Automerge documents; Ed25519 and the seals are true in all."""
    assert sum(is_real(seed) for seed in range(SEEDS)) >= 50


def test_every_sabotage_is_caught() -> None:
    """The world is not blind: at least twelve faults, built in one by one, break some property within sixty seeds."""
    assert len(ALL) >= 12
    missed = [sabotage.name for sabotage, caught in hunts(STEPS, JOBS) if caught is None]
    assert not missed


def test_same_seed_same_trace() -> None:
    """A seed says everything: two processes with differently salted hashes see the same trace."""
    ask = f"from tests.world.run import play; print([play(s, 60).trace for s in {TOLD_TWICE}])"
    told = [
        subprocess.run(
            [sys.executable, "-c", ask],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": salt, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for salt in ("1", "2")
    ]
    assert told[0] == told[1]
