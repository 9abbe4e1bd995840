"""The causes that `mesh why` knows: for each code what it means and what helps, in one table, the worst first.

Plain values: nothing here looks at anything. A fix names a command, or says that there is nothing to do and until when.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mesh.limits import WHY_CAUSES_MAX, WHY_EVIDENCE_MAX

HERE = "here"
"""Where a cause lies that lies on this device."""


class Sort(NamedTuple):
    """One sort of cause: the sentence, what helps, and the state of an event or a document that has it."""

    what: str
    fix: str
    state: str = ""


_NO_CHANGE = "Nothing to do: it changes nothing on any device, and stays in the log."
_LATER = "Nothing to do: it will arrive when {name} is in reach"

CAUSES: Mapping[str, Sort] = {
    # ── this device and its agent ──
    "taken-out": Sort(
        "this device was taken out of the mesh",
        "To come back: `mesh leave`, then `mesh join` with a code of `mesh invite` on another device.",
    ),
    "agent-stopped": Sort("no agent runs, so nothing is sent or received", "`mesh up` starts it."),
    "disk-full": Sort(
        "the disk is full, so nothing more can be kept",
        "Free some space on this disk; it goes on by itself then, and `mesh doctor` says whether there is enough.",
    ),
    "server-down": Sort("others cannot call this device", "`mesh doctor` says what keeps its server from running."),
    # ── held, and it does not count ──
    "forgotten": Sort("its document is forgotten", "Nothing to do: what is forgotten stays so.", "void"),
    "not-admitted": Sort(
        "its device was never let in, as far as counts",
        "It counts as soon as the admission of its device does: `mesh why {by}` says what stops that.",
        "void",
    ),
    "not-granted": Sort(
        "nothing allows it",
        "`mesh grant` lets it write from now on; `mesh void adopt {event}` makes this one count.",
        "void",
    ),
    "ungranted": Sort(
        "written after the grant was withdrawn", "If it should count all the same: `mesh void adopt {event}`.", "void"
    ),
    "closed": Sort(
        "written after its device was taken out",
        "If it is your own honest work: `mesh void adopt {event}`, on an admin no junior to the one that closed it.",
        "void",
    ),
    "out-of-reach": Sort(
        "who said it may not say that",
        "Say it on an admin device of a smaller rank: `mesh devices` shows them.",
        "void",
    ),
    "superseded": Sort("a later word took its place", _NO_CHANGE, "void"),
    "unfit": Sort("its content is not what may stand there", _NO_CHANGE, "void"),
    # ── held, and it cannot be read or weighed yet ──
    "sealed": Sort(
        "this device is a relay and holds what it cannot read",
        "Nothing to do here: `mesh why` on one of your other devices tells more.",
        "opaque",
    ),
    "unknown-kind": Sort("of a kind that this mesh does not read", "`mesh upgrade` on this device.", "opaque"),
    "key-missing": Sort(
        "the key of its epoch is not here",
        "Connect to an admin device; if that does not help, `mesh rotate` on {who} hands the keys on.",
        "waits",
    ),
    "body-missing": Sort(
        "its content is not here",
        "Nothing to do: it will be fetched when a device that has it is in reach; `mesh devices` shows them.",
        "waits",
    ),
    "gap": Sort(
        "what it rests on is not here yet",
        "Nothing to do: it will count when {who} is in reach and has sent the rest; `mesh status` shows who has it.",
        "waits",
    ),
    "unsure": Sort(
        "where its device or its grant ended is not here yet",
        "Nothing to do: it counts, or does not, when the rest has come from {who}.",
        "waits",
    ),
    # ── it counts, and there is more to say ──
    "conflict": Sort(
        "it counts, and something else that counts disagrees",
        "`mesh conflicts show {conflict}` shows the values, `mesh conflicts resolve {conflict} --take N` settles it.",
        "conflicting",
    ),
    "deleted": Sort(
        "it was removed",
        "`mesh history {document}` shows by whom; `mesh restore {document} --at TIME` brings back how it was then.",
        "conflicting",
    ),
    "fork": Sort(
        "its chain was forked: restored from a backup, or stolen",
        "`mesh forks` shows both stories; if you know what happened, `mesh forks ack {fork}`.",
    ),
    "clock-skew": Sort(
        "its clock and this device's differ",
        "Set the clock that is wrong; `mesh doctor` there looks again. Nothing is lost or out of order by it.",
    ),
    "version-skew": Sort("versions of mesh differ", "`mesh upgrade` where it is older; `mesh down`, `mesh up` there."),
    # ── not everywhere ──
    "not-received": Sort(
        "sent there, and not received",
        "Nothing to do if it arrives within a minute; if it does not, `mesh doctor` on {name}: its disk may be full.",
        "underway",
    ),
    "never-sent": Sort("never sent there", _LATER + "; `mesh why {device}` says why it is not.", "underway"),
    "untold": Sort(
        "that device has not said what it holds",
        "Nothing to do: it says so when it is in reach; `mesh why {device}` says why it is not.",
        "underway",
    ),
    "not-here": Sort(
        "what that device holds is not all here",
        "Nothing to do: it will arrive when {who} is in reach; if it is and this stays, `mesh doctor` on both.",
    ),
    "differs": Sort(
        "it holds the same and shows something else",
        "If this stays: `mesh verify --deep` on both, then `mesh rebuild` where it finds something.",
    ),
    # ── a device that is not in reach ──
    "device-closed": Sort(
        "that device was taken out of the mesh",
        "If it should be in: `mesh invite` here, and `mesh join` there after `mesh leave`.",
    ),
    "refused-key": Sort(
        "its server does not let this device in",
        "`mesh status` there: it lets this device in as soon as it hears of its admission, unless it was closed.",
    ),
    "wrong-proof": Sort(
        "somebody else sits at its address, or shows a wrong certificate",
        "`mesh peer add HOST:PORT` names its address of now; `mesh status` there shows it.",
    ),
    "asleep": Sort(
        "it was in reach and is not any more: asleep, off, or on another network",
        _LATER + "; if it runs, `mesh status` there and `mesh peer add HOST:PORT` here.",
    ),
    "not-found": Sort(
        "nobody knows an address of it",
        "`mesh peer add HOST:PORT` names one; `mesh status` there shows it, `mesh doctor` whether mDNS works.",
    ),
    "wrong-address": Sort(
        "nothing of this mesh answers at its address",
        "`mesh up` there; if it runs, `mesh peer add HOST:PORT` here names its address of now.",
    ),
    "no-answer": Sort(
        "its address does not answer",
        "Switch it on, or let it through the firewall; `mesh peer add HOST:PORT` names another address.",
    ),
}  # fmt: skip

_ORDER = {code: place for place, code in enumerate(CAUSES)}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cause lies: a device by its id and its name; the name of this one is HERE."""

    device: str
    name: str


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause, with its evidence. `since`: in milliseconds by this device's clock, None when nobody knows."""

    code: str
    where: Place
    since: int | None
    evidence: tuple[str, ...]
    fix: str

    def told(self) -> dict[str, object]:
        """As answers name it."""
        return {
            "code": self.code,
            "what": CAUSES[self.code].what,
            "where": self.where.name,
            "device": self.where.device,
            "since": self.since,
            "evidence": list(self.evidence),
            "fix": self.fix,
        }


def cause(code: str, where: Place, since: int | None, evidence: Iterable[str], **words: str) -> Cause:
    """A cause of the table; `words` are what its fix names beside the place."""
    fix = CAUSES[code].fix.format(name=where.name, device=where.device, **words)
    return Cause(code, where, since, tuple(filter(None, evidence))[:WHY_EVIDENCE_MAX], fix)


def in_order(causes: Iterable[Cause]) -> list[Cause]:
    """The worst first, each once."""
    return sorted(dict.fromkeys(causes), key=lambda one: _ORDER[one.code])[:WHY_CAUSES_MAX]


def state_of(causes: Iterable[Cause]) -> str:
    """What the worst of these means for an event or a document."""
    states = (CAUSES[one.code].state for one in in_order(causes))
    return next((state for state in states if state), "everywhere")
