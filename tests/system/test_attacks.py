"""The attacks that are quick: each is answered as it must be; `scripts/attacks` plays all of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.attacks.catalogue import RESEARCHED, Attack, everything
from tests.attacks.run import campaign, ground, played, table
from tests.attacks.town import Town

pytestmark = pytest.mark.system

ATTACKS = everything()


def outcomes(attacks: list[Attack]) -> list[str]:
    """What went wrong with these."""
    played_ = asyncio.run(campaign(attacks, told=False))
    return [
        f"{one.number} {one.name}: {one.result}: {one.happened[:2000]}" for one in played_ if one.result != "passed"
    ]


@pytest.mark.parametrize("attack", [one for one in ATTACKS if one.pure], ids=lambda one: f"{one.number}-{one.name}")
def test_the_gate_stands(attack: Attack) -> None:
    """Goal: attacks on the pure gate, one by one."""
    assert not outcomes([attack])


def test_real_agents_stand() -> None:
    """Goal: a thief with true keys against real agents, which show after each attack what they showed before."""
    assert not outcomes([one for one in ATTACKS if one.real and not one.slow])


def test_every_researched_attack_is_listed() -> None:
    """Goal: none is left out: what cannot be run is listed with the reason, and fails the script."""
    assert {one.number for one in ATTACKS} >= set(range(1, RESEARCHED + 1))
    assert len([one for one in ATTACKS if one.number > RESEARCHED]) >= 10
    assert all(one.holds or one.not_run for one in ATTACKS)


def test_the_document_shows_this_list() -> None:
    """Goal: docs/THREATS.md has exactly the table that `scripts/attacks --table` prints."""
    document = (Path(__file__).parents[2] / "docs" / "THREATS.md").read_text("utf-8")
    assert "\n".join(table()) in document, "paste what scripts/attacks --table prints"


async def test_an_attack_that_succeeds_is_seen() -> None:
    """Goal: what changes the honest devices' state, or raises, has not passed; nor has what was not run."""

    async def writes(town: Town) -> str:
        """Is an honest device that does honest work, which an attack must not amount to."""
        town.alder.note("nobody expected this")
        return "done"

    async with ground() as where:
        bad = await played(Attack(1000, "writes", "nothing", real=writes), where)
    assert (bad.result, bad.digest) == ("failed", "changed")
    later = await played(Attack(1001, "later", "nothing", not_run="not built"), where)
    assert later.result == "not run"
