"""What a grant permits besides saying: reading, by agents; and how each grant stands.

A device reads whatever it holds the keys of; only agents on it are held to the verb `read`, by the device's own
software (THREATS). This module reads no clock: now comes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from mesh.events.kinds import ANY, Grant
from mesh.events.verdict import Verdict
from mesh.names import Digest, DocumentId, Short

READ = "read"
"""The verb that an agent needs to see a document."""

AGENT_VERBS = ("create", "edit", READ)
"""What an agent is granted where nobody says which verbs: to settle what people disagree about is not among it."""

VERBS = (*AGENT_VERBS, "resolve")
"""What a grant can allow."""


class State(StrEnum):
    """How a grant stands."""

    LIVE = "live"
    OVER = "over"  # its time is over
    ENDED = "ended"  # somebody withdrew it
    CLOSED = "closed"  # its device was closed


def state_of(verdict: Verdict, name: Short, now_ms: int) -> State:
    """How a grant that counts stands."""
    grant = verdict.grants[name]
    if not verdict.is_live(grant.admission):
        return State.CLOSED
    if name in verdict.ungrants:
        return State.ENDED
    return State.OVER if grant.until_ms is not None and now_ms > grant.until_ms else State.LIVE


def live_grants(verdict: Verdict, admission: Digest, agent: str, now_ms: int) -> Iterator[tuple[Short, Grant]]:
    """The grants that a device, or an agent on it, has now."""
    for name, grant in sorted(verdict.grants.items()):
        if (grant.admission, grant.agent) == (admission, agent) and state_of(verdict, name, now_ms) is State.LIVE:
            yield name, grant


def reads(grant: Grant) -> bool:
    """Whether a grant lets its agent read at all."""
    return ANY in grant.verbs or READ in grant.verbs


def may_read(verdict: Verdict, admission: Digest, agent: str, document: DocumentId, now_ms: int) -> bool:
    """Whether this device shows a document to an agent on it; to the person it always does."""
    return not agent or any(
        reads(grant) and grant.space in {ANY, document.space} and (ANY in grant.types or document.type in grant.types)
        for _, grant in live_grants(verdict, admission, agent, now_ms)
    )


def agents_of(verdict: Verdict, admission: Digest, now_ms: int) -> tuple[str, ...]:
    """The agents on a device that have a grant now."""
    names = {grant.agent for grant in verdict.grants.values() if grant.admission == admission and grant.agent}
    return tuple(sorted(name for name in names if any(live_grants(verdict, admission, name, now_ms))))
