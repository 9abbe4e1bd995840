"""Leases: who has a hand-off or a task, where several may claim it without knowing of each other.

Each claim has a register of its own, so none overwrites another; who holds the thing follows from all of them, by
rules that no clock decides, and is the same on every device. Time only says when a claim may be passed over, and the
claim that passes it over names it. This module reads no clock: now comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mesh.events.kinds import Value
from mesh.limits import LEASE_OVER_MAX
from mesh.state.records import Record, said

CLAIM, ACK, END = "claim/", "ack/", "end/"
DONE, RELEASED, DECLINED = "done", "released", "declined"
ENDS = (DONE, RELEASED, DECLINED)


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: who, until when (ms, by the clock of who claims), and the claims that it found to be over."""

    name: str
    """16 random hexadecimal digits."""
    number: int
    """One more than any claim that was seen: who saw the other comes later."""
    device: str
    agent: str
    session: str
    until_ms: int
    over: tuple[str, ...] = ()
    end: str = ""
    """`done`, `released` or `declined`; empty while it goes on."""
    acknowledged: bool = False
    """Whether a device that did not claim has said that it saw it."""


def claims(record: Record) -> tuple[Claim, ...]:
    """All claims of a record, by name; what cannot be read is none."""
    ends = {name: str(value.get("end", "")) for name, value in record.saids(END).items()}
    seen = _acknowledged(record)
    found = (_claim(name, value, ends, seen.get(name, set())) for name, value in record.saids(CLAIM).items())
    return tuple(claim for claim in found if claim is not None)


def holder(record: Record) -> Claim | None:
    """The claim that counts, None when nobody has it.

    A claim that is done beats all others. One that was released or declined, or that another one passed over, is out.
    Of the rest one that another device acknowledged beats one that none did; then the one that was made knowing less,
    then the smaller name.
    """
    found = claims(record)
    done = [claim for claim in found if claim.end == DONE]
    over = {name for claim in found for name in claim.over}
    live = done or [claim for claim in found if not claim.end and claim.name not in over]
    return min(live, key=lambda claim: (not claim.acknowledged, claim.number, claim.name), default=None)


def is_free(record: Record, now_ms: int) -> bool:
    """Whether somebody may claim it now: nobody has it, or the lease of who has it is over."""
    held = holder(record)
    return held is None or (not held.end and held.until_ms <= now_ms)


def lost(record: Record, device: str) -> tuple[Claim, ...]:
    """Claims of a device that it did not give up and that do not count: another one got it."""
    held = holder(record)
    return tuple(c for c in claims(record) if c.device == device and not c.end and held is not None and c != held)


def claimed(record: Record, name: str, device: str, agent: str, session: str, until_ms: int) -> dict[str, Value]:
    """The register of a new claim on a record that is free, which passes over those whose lease is over."""
    before = claims(record)
    over = sorted(claim.name for claim in before if not claim.end)[-LEASE_OVER_MAX:]
    body = {
        "number": 1 + max((claim.number for claim in before), default=0),
        "device": device, "agent": agent, "session": session, "until": until_ms, "over": over,
    }  # fmt: skip
    return {CLAIM + name: said(body)}


def renewed(claim: Claim, until_ms: int) -> dict[str, Value]:
    """The register of a claim whose lease goes on."""
    body = {
        "number": claim.number, "device": claim.device, "agent": claim.agent, "session": claim.session,
        "until": until_ms, "over": list(claim.over),
    }  # fmt: skip
    return {CLAIM + claim.name: said(body)}


def ended(claim: Claim, end: str, words: str = "") -> dict[str, Value]:
    """The register that ends a claim."""
    assert end in ENDS, end
    return {END + claim.name: said({"end": end, "words": words})}


def unseen(record: Record, device: str) -> Claim | None:
    """The claim that this device should acknowledge: another one's, which counts, and which nobody acknowledged."""
    held = holder(record)
    return held if held and not held.end and not held.acknowledged and held.device != device else None


def seen(claim: Claim, device: str, now_ms: int) -> dict[str, Value]:
    """The register by which a device says that it saw a claim."""
    return {f"{ACK}{claim.name}/{device}": now_ms}


def _acknowledged(record: Record) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in record.under(ACK):
        name, _, device = key.partition("/")
        found.setdefault(name, set()).add(device)
    return found


def _claim(name: str, value: Mapping[str, object], ends: Mapping[str, str], seen_by: set[str]) -> Claim | None:
    number, until, over = value.get("number"), value.get("until"), value.get("over")
    who = [value.get(key) for key in ("device", "agent", "session")]
    if type(number) is not int or type(until) is not int or not isinstance(over, list):
        return None
    device, agent, session = (word if isinstance(word, str) else "" for word in who)
    end = ends.get(name, "")
    passed = tuple(word for word in over if isinstance(word, str))[:LEASE_OVER_MAX]
    return Claim(
        name, number, device, agent, session, until, passed, end if end in ENDS else "", bool(seen_by - {device})
    )
