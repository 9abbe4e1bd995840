"""The world: many true replicas under many seeds, in which everything goes wrong, and nothing may be lost by it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world.campaign import FAULTS
from tests.world.run import is_real

pytestmark = pytest.mark.world

ROOT = Path(__file__).resolve().parents[2]
CHUNKS = 5
SIZE = 30
TOLD_TWICE = (0, 1, 2, 5)


def python(code: str, *arguments: str, **environment: str) -> str:
    """What a Python of its own prints; its helpers end with it."""
    argv = [sys.executable, "-c", code, *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=False, text=True).stdout


def figures(*arguments: str) -> dict[str, object]:
    """What `scripts/world --json` says."""
    told: dict[str, object] = json.loads(python("from tests.world.campaign import main; main()", "--json", *arguments))
    return told


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_is_lost_and_all_agree_whatever_happens(chunk: int) -> None:
    """Every property holds in each seed of loss, doubles, partitions, crashes, thieves.

    150 are played here; `scripts/world` plays 300 and more.
    """
    told = figures("--first", str(chunk * SIZE), "--seeds", str(SIZE), "--no-sabotages")
    assert told["failures"] == []
    assert told["seeds"] == SIZE


def test_enough_seeds_are_real() -> None:
    """At least thirty have messages as bytes and Automerge documents; Ed25519 and the seals are true in all."""
    assert sum(is_real(seed) for seed in range(CHUNKS * SIZE)) >= 30


def test_every_sabotage_is_caught() -> None:
    """The world is not blind: at least twenty faults, built in one by one, break some property within sixty seeds."""
    told = figures("--seeds", "0")
    assert told["missed"] == []
    assert told["caught"] == len(FAULTS) >= 20


def test_same_seed_same_trace() -> None:
    """A seed says everything: two processes with differently salted hashes see the same trace."""
    ask = f"from tests.world.run import play; print([play(s, 60).trace for s in {TOLD_TWICE}])"
    first, second = (python(ask, PYTHONHASHSEED=salt) for salt in ("1", "2"))
    assert first == second
    assert len(first) > 64
