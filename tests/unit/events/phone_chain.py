"""The phone's data chain of the small mesh, and chains that hold and refuse it; for the tests of holding."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import pytest

from mesh.events.chains import Chains, Fitted, Held
from mesh.events.event import Lane, Placed, Run
from mesh.events.kinds import Changed
from mesh.events.speaking import Voice
from tests.unit.small_mesh import (
    MESH,
    fixed,
    one_run,
    secret_keys,
)

WRITTEN = MESH.written(MESH.phone, 6)
CHAIN = WRITTEN[0].chain
STATEMENTS = MESH.statements()


def taken(chains: Chains, events: Sequence[Placed], name: str = "phone") -> Fitted:
    """Let a device's events be placed as one run, and take them."""
    return take(chains, one_run(events, name), {})


def take(chains: Chains, run: Run, held: Held) -> Fitted:
    """Place a run and take what is new."""
    fitted = chains.place(run, STATEMENTS, held)
    for placed in fitted.events:
        chains.take(placed, fitted.key)
    return fitted


def log_of(events: Sequence[Placed]) -> Held:
    """What a log that holds these events knows about them."""
    return {placed.digest: (placed.seq, placed.header.lamport) for placed in events}


def branch(events: Sequence[Placed], count: int, salt: str) -> tuple[Placed, ...]:
    """More events by the phone on top of some of its own."""
    last, keys = events[-1], secret_keys("phone")
    voice = Voice(
        MESH.id, CHAIN, MESH.phone.admission, Lane.DATA, last.head, last.header.lamport, keys.sign_key, keys.sign
    )
    bodies = [Changed(fixed(20, salt, n)) for n in range(count)]
    return tuple(MESH.say_data(voice, MESH.phone, body) for body in bodies)


def refuses(run: Run, error: type[Exception], before: Sequence[Placed] = (), held: Held | None = None) -> None:
    """The run is refused by chains that hold the control log and `before`, and they are as they were."""
    chains = MESH.chains()
    if before:
        taken(chains, before)
    was = copy.deepcopy(chains)
    with pytest.raises(error):
        chains.place(run, STATEMENTS, held or {})
    assert state(chains) == state(was)


def state(chains: Chains) -> object:
    """Everything that chains remember."""
    return {
        name: (c.admission, c.lane, c.key, dict(c.tips), c.trail.heads()) for name, c in sorted(chains.chains.items())
    }
