"""The world of one document is not blind: each fault in the handling of void work breaks it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world.mask_sabotages import ALL

pytestmark = pytest.mark.world

ROOT = Path(__file__).resolve().parents[2]


def test_every_sabotage_of_the_masks_is_caught() -> None:
    """Built in one by one, through the command that plays thousands of worlds."""
    argv = [sys.executable, "-c", "from tests.world.campaign import main; main()", "--masks", "40", "--json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(argv, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=False, text=True).stdout
    figures = json.loads(said)
    assert figures["failures"] == []
    assert figures["missed"] == []
    assert figures["sabotages"] == len(ALL) >= 15
    assert figures["masked"] >= 20
