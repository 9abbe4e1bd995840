"""`mesh bench`: one measurement by its name. What is measured stands in `mesh.cli.benches`; it touches no home."""

from __future__ import annotations

import importlib

from mesh.errors import Misuse

_MODULES = {
    "ingest": "ingest",
    "w1": "hop",
    "w2": "meeting",
    "w3": "catch_up",
    "w4": "idle",
    "w5": "rest",
    "search": "search",
    "hook": "hooks",
    "mcp": "mcp",
    "vault": "vaults",
    "drop": "drop",
}
NAMES = tuple(_MODULES)
ROUNDS = 3
IDLE = "w4"
"""It is measured in seconds and not in events, and one round has four devices."""
LONG = {IDLE, "drop"}
"""One round is enough unless told otherwise."""


def run(
    name: str, *, quick: bool, count: int | None, rounds: int | None, seconds: int | None = None
) -> dict[str, object]:
    """Measure: `name`, `ours`, `beside`, `ratios`, `command`. Raises Misuse."""
    if name not in _MODULES:
        raise Misuse(f"there is no bench {name!r}", hint=f"There are: {', '.join(NAMES)}.")
    foreign, amount = (count, seconds) if name == IDLE else (seconds, count)
    if foreign is not None:
        raise Misuse(f"{name} is not measured so", hint="--seconds is for w4, --count for the others.")
    rounds = rounds if rounds is not None else 1 if name in LONG else ROUNDS
    if rounds < 1 or (amount is not None and amount < 1):
        raise Misuse("a bench runs at least one round of at least one event or second")
    bench = importlib.import_module(f"mesh.cli.benches.{_MODULES[name]}")
    found: dict[str, object] = bench.run(quick=quick, count=amount, rounds=rounds)
    return found
