"""A measurement on the screen."""

from mesh.cli.screen import Screen
from mesh.cli.view_bench import lines


def test_contenders_stand_side_by_side() -> None:
    """Each figure once, with what every contender reached, and the ratios below."""
    told: dict[str, object] = {
        "name": "w1",
        "ours": {"p50_ms": 1.25, "events": 1200, "rounds": 3, "spread": {"p50_ms": [1, 2]}},
        "beside": [{"name": "floor", "what": "plain Python", "p50_ms": 1.0}],
        "ratios": {"p50 over floor": 1.25},
        "command": "mesh bench w1",
    }
    assert lines(Screen(80), told) == [
        "w1",
        "",
        "MEDIANS   ours  floor",
        "p50_ms    1.25      1",
        "events   1,200      -",
        "",
        "p50 over floor  1.25",
        "",
        "floor: plain Python",
        "",
        "command: mesh bench w1",
    ]
    assert lines(Screen(80), {})[-1] == "command: "
