"""Worlds with attackers: stolen keys change nothing that they must not, and every wrong rule is noticed."""

import pytest

from tests.world.attackers.sabotages import ALL
from tests.world.test_world import figures

pytestmark = pytest.mark.world

CHUNKS = 3
SIZE = 30


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_stolen_keys_change_nothing_that_they_must_not(chunk: int) -> None:
    """Every property holds in each world of thieves, forks, restores, closes, adoptions.

    90 are played here; `scripts/world --attackers` plays a thousand.
    """
    told = figures("--attackers", str(SIZE), "--first", str(chunk * SIZE), "--no-sabotages")
    assert told["failures"] == []
    assert told["counts"]["seeds"] == SIZE  # type: ignore[index]
    for name in ("hostile", "thieves", "admin_thieves", "forks", "honoured", "void"):
        assert told["counts"][name] > 0, name  # type: ignore[index]


def test_every_wrong_rule_is_noticed() -> None:
    """By a directed test or within some worlds; among them is every rule that was tried first and dropped."""
    told = figures("--attackers", "0")
    assert told["missed"] == []
    assert told["sabotages"] == len(ALL) >= 40
    assert len(told["judging"]) == 3  # type: ignore[arg-type]
