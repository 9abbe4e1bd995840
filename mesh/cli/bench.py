"""`mesh bench`: one measurement by its name. What is measured stands in `mesh.cli.benches`; it touches no home."""

from __future__ import annotations

from mesh.errors import Misuse

NAMES = ("ingest", "w1", "w2", "w3", "w5")


def run(name: str, *, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Measure: `name`, `ours`, `beside`, `ratios`, `command`. Raises Misuse."""
    from mesh.cli.benches import catch_up, hop, ingest, meeting, rest

    benches = dict(zip(NAMES, (ingest.run, hop.run, meeting.run, catch_up.run, rest.run), strict=True))
    if name not in benches:
        raise Misuse(f"there is no bench {name!r}", hint=f"There are: {', '.join(NAMES)}.")
    if rounds < 1 or (count is not None and count < 1):
        raise Misuse("a bench runs at least one round of at least one event")
    return benches[name](quick=quick, count=count, rounds=rounds)
