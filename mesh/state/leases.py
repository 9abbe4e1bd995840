"""Leases: who has a hand-off or a task, where several may claim it without knowing of each other.

Each claim has a register of its own, so none overwrites another; who holds the thing follows from all of them, by
rules that no clock decides, and is the same on every device. Time only says when a claim may be passed over, and the
claim that passes it over names it. What is done is a claim that ended so. This module reads no clock: now comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mesh.events.kinds import Value
from mesh.limits import LEASE_OVER_MAX, SEQ_MAX
from mesh.state.records import Record, said, whole

CLAIM, ACK, END = "claim/", "ack/", "end/"
DONE, RELEASED, DECLINED = "done", "released", "declined"
ENDS = (DONE, RELEASED, DECLINED)


@dataclass(frozen=True, slots=True)
class Who:
    """Who claims: a device, an agent on it (empty: the person), and the session that it is done in, if any."""

    device: str
    agent: str = ""
    session: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """One claim: who has it, and until when (ms, by the clock of who claims)."""

    name: str
    """16 random hexadecimal digits."""
    number: int
    """One more than any claim that was seen: who saw the other comes later."""
    device: str
    agent: str
    session: str
    until_ms: int
    over: tuple[tuple[str, int], ...] = ()
    """The claims that it passes over, each with the end of its lease as it was seen: one renewed since goes on."""
    end: str = ""
    """`done`, `released` or `declined`; empty while it goes on."""
    words: str = ""
    """Why it ended."""
    acknowledged: bool = False
    """Whether a device that did not claim has said that it saw it."""

    @property
    def who(self) -> Who:
        """Whose it is."""
        return Who(self.device, self.agent, self.session)


def claims(record: Record) -> tuple[Claim, ...]:
    """All claims of a record, by name; what cannot be read is none."""
    made = record.saids(CLAIM)
    if not made:  # as most
        return ()
    ends, seen_by = record.saids(END), _acknowledged(record)
    found = (_claim(name, value, ends.get(name, {}), seen_by) for name, value in made.items())
    return tuple(claim for claim in found if claim is not None)


def holder(record: Record) -> Claim | None:
    """The claim that counts, None when nobody has it.

    A claim that is done beats all others. One that was released or declined is out, and so is one that another one
    passed over, unless its lease was renewed without that one knowing: who works on is not robbed by who was away. Of
    the rest the first counts: one that another device acknowledged before one that none did, then the one that was
    made knowing less, then the smaller name.
    """
    found = claims(record)
    return next(iter(_rivals(found)), None) if found else None


def is_free(record: Record, now_ms: int) -> bool:
    """Whether somebody may claim it now: nobody has it, or the lease of who has it is over."""
    held = holder(record)
    return held is None or (not held.end and held.until_ms <= now_ms)


def is_done(record: Record) -> bool:
    """Whether somebody said that it is done."""
    held = holder(record)
    return held is not None and held.end == DONE


def lost(record: Record, device: str) -> tuple[Claim, ...]:
    """Claims of a device that it did not give up and that do not count: another one has it, had it, or did it."""
    held = holder(record)
    return tuple(claim for claim in claims(record) if claim.device == device and not claim.end and claim != held)


def instead(record: Record, claim: Claim) -> Claim | None:
    """Whose claim counts instead of one that was lost; None when that one was given up since."""
    held = holder(record)
    passing = [one for one in claims(record) if claim.name in dict(one.over)]
    return held or max(passing, key=lambda one: one.number, default=None)


def claimed(record: Record, name: str, who: Who, until_ms: int, *, taking: bool = False) -> dict[str, Value]:
    """The register of a new claim, which passes over those that count now: the caller has asked `is_free`.

    `taking`: it passes over them even if they are renewed, since a person says so.
    """
    before = claims(record)
    open_ = [claim for claim in _rivals(before) if not claim.end][:LEASE_OVER_MAX]
    over = tuple((claim.name, SEQ_MAX if taking else claim.until_ms) for claim in open_)
    return _said(Claim(name, _following(before), who.device, who.agent, who.session, until_ms, over))


def renewed(claim: Claim, until_ms: int) -> dict[str, Value]:
    """The register of a claim whose lease goes on; one that is over is not renewed but claimed anew."""
    return _said(replace(claim, until_ms=until_ms))


def ended(claim: Claim, end: str, words: str = "") -> dict[str, Value]:
    """The register that ends a claim."""
    assert end in ENDS, end
    return {END + claim.name: said({"end": end, "words": words})}


def closed(record: Record, name: str, who: Who, end: str, words: str = "") -> dict[str, Value]:
    """What somebody writes who ends it without having had it: a claim, over at once, and its end.

    It passes over nothing: whoever has it keeps it, unless it is done by that.
    """
    claim = Claim(name, _following(claims(record)), who.device, who.agent, who.session, 0)
    return {**_said(claim), **ended(claim, end, words)}


def reopened(record: Record) -> dict[str, Value]:
    """What takes back that it is done."""
    done = [claim for claim in claims(record) if claim.end == DONE]
    return {key: value for claim in done for key, value in ended(claim, RELEASED).items()}


def unseen(record: Record, device: str) -> Claim | None:
    """The claim that this device should acknowledge: another one's, which counts, and which nobody acknowledged."""
    held = holder(record)
    open_ = held is not None and not held.end and not held.acknowledged and held.device != device
    return held if open_ else None


def seen(claim: Claim, device: str, now_ms: int) -> dict[str, Value]:
    """The register by which a device says that it saw a claim."""
    return {f"{ACK}{claim.name}/{device}": now_ms}


def _rivals(found: tuple[Claim, ...]) -> list[Claim]:
    """The claims that may count, the one that does first."""
    done = [claim for claim in found if claim.end == DONE]
    passed: dict[str, int] = {}
    for name, seen_ms in (pair for claim in found for pair in claim.over):
        passed[name] = max(seen_ms, passed.get(name, seen_ms))
    live = done or [one for one in found if not one.end and one.until_ms > passed.get(one.name, one.until_ms - 1)]
    return sorted(live, key=lambda claim: (not claim.acknowledged, claim.number, claim.name))


def _following(before: tuple[Claim, ...]) -> int:
    """The number of a claim that is made now."""
    return min(1 + max((claim.number for claim in before), default=0), SEQ_MAX)


def _said(claim: Claim) -> dict[str, Value]:
    body = {
        "number": claim.number, "device": claim.device, "agent": claim.agent, "session": claim.session,
        "until": claim.until_ms, "over": dict(claim.over),
    }  # fmt: skip
    return {CLAIM + claim.name: said(body)}


def _acknowledged(record: Record) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in record.under(ACK):
        name, _, device = key.partition("/")
        found.setdefault(name, set()).add(device)
    return found


def _claim(
    name: str, value: Mapping[str, object], end: Mapping[str, object], seen_by: Mapping[str, set[str]]
) -> Claim | None:
    number, until, over = whole(value.get("number")), whole(value.get("until")), value.get("over")
    if number is None or until is None or not isinstance(over, dict):
        return None
    device, agent, session = (_word(value.get(key)) for key in ("device", "agent", "session"))
    pairs = ((one, whole(seen_ms)) for one, seen_ms in sorted(over.items()))
    passed = tuple((one, seen_ms) for one, seen_ms in pairs if seen_ms is not None)[:LEASE_OVER_MAX]
    how = _word(end.get("end"))
    acknowledged = bool(seen_by.get(name, set()) - {device})
    return Claim(
        name, number, device, agent, session, until, passed,
        end=how if how in ENDS else "", words=_word(end.get("words")), acknowledged=acknowledged,
    )  # fmt: skip


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
