"""Each bench runs from end to end, shorter than anybody would measure, and tells what it promises to tell.

No figure is held against anything here: a busy machine is no fault.
"""

from __future__ import annotations

import json

import pytest

from mesh.cli.bench import IDLE, NAMES, run
from mesh.errors import Misuse

pytestmark = pytest.mark.system

KEYS = {"name", "ours", "beside", "ratios", "command"}
FIGURE = {
    "ingest": "events_per_s",
    "w1": "p50_ms",
    "w2": "seconds",
    "w3": "seconds",
    "w4": "rss_mb",
    "w5": "log_over_body",
    "search": "slowest_ms",
    "hook": "p50_ms",
    "mcp": "p50_ms",
    "vault": "notes_per_s",
    "drop": "mb_per_s",
}
COUNTS = {"ingest": 200, "w1": 5, "w2": 10, "w5": 200, "vault": 50, "mcp": 5, "hook": 2}
"""Events, notes or calls that are enough to have figures; the others need what is short for them."""
DEVICES = {"w4": 4}
"""How many devices of ours are measured in one round, where it is not one."""


@pytest.mark.parametrize("name", NAMES)
def test_a_bench_tells_its_figures(name: str) -> None:
    """Ours and all beside it have the figure that the goal is about, with its spread; JSON takes it."""
    seconds = 1 if name == IDLE else None
    found = run(name, quick=True, count=COUNTS.get(name), rounds=1, seconds=seconds)
    assert set(found) == KEYS
    assert found["name"] == name
    assert str(found["command"]).startswith(f"mesh bench {name}")
    ours, beside = found["ours"], found["beside"]
    assert isinstance(ours, dict)
    assert isinstance(beside, list)
    assert beside
    for told in (ours, *beside):
        assert told[FIGURE[name]] > 0
        least, most = told["spread"][FIGURE[name]]
        assert least <= told[FIGURE[name]] <= most
        assert told["rounds"] == (DEVICES.get(name, 1) if told is ours else 1)
    assert len({told["name"] for told in beside}) == len(beside)
    assert found["ratios"]
    assert json.loads(json.dumps(found)) == found


def test_an_unknown_bench_is_refused() -> None:
    """With the names that there are."""
    with pytest.raises(Misuse) as caught:
        run("w9", quick=True, count=None, rounds=1)
    assert "w5" in caught.value.hint


@pytest.mark.parametrize(("count", "rounds"), [(0, 1), (None, 0)])
def test_nothing_cannot_be_measured(count: int | None, rounds: int) -> None:
    """At least one event and one round."""
    with pytest.raises(Misuse):
        run("ingest", quick=True, count=count, rounds=rounds)


@pytest.mark.parametrize(("name", "count", "seconds"), [("w4", 1, None), ("w1", None, 1), ("w4", None, 0)])
def test_seconds_are_for_the_idle_and_events_for_the_others(name: str, count: int | None, seconds: int | None) -> None:
    """Neither is silently left out."""
    with pytest.raises(Misuse):
        run(name, quick=True, count=count, rounds=1, seconds=seconds)
