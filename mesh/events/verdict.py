"""What counts, as values: which admissions, grants and epochs, what was closed, adopted and forgotten.

A verdict is what `judge` makes of the control events that are held. This module judges nothing, reads no clock and
knows no order of arrival (PROTOCOL, "Authority").
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from mesh.clocks.lamport import Stamp
from mesh.events.event import Inner
from mesh.events.keys import is_browser_key
from mesh.events.kinds import ANY, VERBS, Admit, Body, Genesis, Grant, Located, Mark, Rekey
from mesh.limits import RANK_RECOVERY, RANK_RELAY
from mesh.names import ZERO, Digest, DocumentId, Short, short

_VERDICT = b"mesh/verdict/1"


class Standing(IntEnum):
    """What an event that is held counts for."""

    HONOURED = 0
    WAITS = 1  # something that it names is not here yet
    VOID = 2  # nothing allows it, or its content is not what its document may hold
    OPAQUE = 3  # of a kind or version that this software does not read


@dataclass(frozen=True, slots=True)
class Statement:
    """A control event as `judge` reads it. `body` is None when it is malformed or not for this version to read.

    `kind` is empty when not even that could be read. `seq` and `parent` are its place in its chain.
    """

    digest: Digest
    admission: Digest
    stamp: Stamp
    kind: str
    body: Body | None
    seq: int
    parent: Digest


@dataclass(frozen=True, slots=True)
class Admission:
    """A device that counts: what it was let in with. The recovery key's has no transport and no name."""

    digest: Digest
    rank: int
    name: str
    sign_key: bytes
    kem_key: bytes
    transport_key: bytes = b""
    tls_key: bytes = b""

    @property
    def is_relay(self) -> bool:
        """Whether it holds and serves what it cannot read: no epoch key is ever wrapped for it."""
        return self.rank >= RANK_RELAY

    @property
    def in_browser(self) -> bool:
        """Whether it lives in a browser, as a phone does: it dials, nobody dials it, and it comes by the web door."""
        return is_browser_key(self.kem_key)


class Cut(NamedTuple):
    """An end that somebody of this rank set to a device or a grant: what is not under the marks does not count."""

    rank: int
    by: Digest
    """The statement that says so."""
    marks: tuple[Mark, ...]


@dataclass
class Verdict:
    """What counts. Compare two with `==`."""

    admissions: dict[Digest, Admission] = field(default_factory=dict)
    closes: dict[Digest, set[Cut]] = field(default_factory=dict)
    """Ends of admissions; the strictest of several counts. One may name an admission that itself does not count."""
    grants: dict[Short, Grant] = field(default_factory=dict)
    ungrants: dict[Short, set[Cut]] = field(default_factory=dict)
    adopted: dict[Digest, int] = field(default_factory=dict)
    """Events that are no statements held here -> the most senior rank that adopted each."""
    forgotten: set[DocumentId] = field(default_factory=set)
    rekeys: dict[Digest, tuple[Stamp, Rekey]] = field(default_factory=dict)
    said: set[Digest] = field(default_factory=set)
    located: dict[Digest, tuple[Stamp, Digest, Located]] = field(default_factory=dict)
    """The latest word about where each device is. It is no part of what was said: a hint changes nothing."""
    unknown: set[Digest] = field(default_factory=set)

    def join(self, more: Verdict) -> bool:
        """Add what another one says. Returns whether that is anything new."""
        changed = not (more.said <= self.said and more.unknown <= self.unknown)
        self.said |= more.said
        self.unknown |= more.unknown
        self.admissions |= more.admissions
        self.grants |= more.grants
        self.rekeys |= more.rekeys
        self.forgotten |= more.forgotten
        for admission, cuts in more.closes.items():
            self.closes.setdefault(admission, set()).update(cuts)
        for grant, cuts in more.ungrants.items():
            self.ungrants.setdefault(grant, set()).update(cuts)
        for digest, rank in more.adopted.items():
            self.adopted[digest] = min(rank, self.adopted.get(digest, rank))
        return sum(self.locate(*word) for word in more.located.values()) > 0 or changed

    def locate(self, stamp: Stamp, digest: Digest, located: Located) -> bool:
        """Take a word about where a device is, if it is the latest. Returns whether it is."""
        before = self.located.get(located.admission)
        if before is not None and before[:2] >= (stamp, digest):
            return False
        self.located[located.admission] = (stamp, digest, located)
        return True

    def digest(self) -> Digest:
        """What devices compare: equal where the same was said."""
        return Digest(hashlib.sha256(_VERDICT + b"".join(sorted(self.said))).digest())

    @property
    def devices(self) -> dict[Digest, Admission]:
        """The admissions of devices, closed ones included: all but the recovery key's."""
        return {digest: found for digest, found in self.admissions.items() if found.rank > RANK_RECOVERY}

    @property
    def live(self) -> dict[Digest, Admission]:
        """The devices that nobody closed."""
        return {digest: found for digest, found in self.devices.items() if digest not in self.closes}

    @property
    def closed(self) -> dict[Digest, Admission]:
        """The devices that somebody closed."""
        return {digest: found for digest, found in self.devices.items() if digest in self.closes}

    def is_live(self, admission: Digest) -> bool:
        """Whether an admission counts and nobody closed it."""
        return admission in self.admissions and admission not in self.closes

    def readers(self) -> dict[Digest, Admission]:
        """Whom epoch keys are wrapped for: live devices that are no relays, and the recovery key."""
        return {
            digest: found
            for digest, found in self.admissions.items()
            if digest not in self.closes and not found.is_relay
        }

    def epochs(self) -> tuple[Digest, ...]:
        """The epochs that may be written under, the latest first: their rekeys reach somebody, and nobody closed.

        Empty: an admin owes a rekey.
        """
        fit = [
            (stamp, digest)
            for digest, (stamp, rekey) in self.rekeys.items()
            if rekey.wraps and all(self.is_live(name) for name, _ in rekey.wraps)
        ]
        return tuple(digest for _, digest in sorted(fit, reverse=True))

    def epoch(self) -> Digest | None:
        """The latest epoch that may be written under."""
        return next(iter(self.epochs()), None)

    def addresses_of(self, admission: Digest) -> tuple[str, ...]:
        """Where statements say that a device was reached last, newest first."""
        found = self.located.get(admission)
        return found[2].addresses if found else ()

    def name_of(self, admission: Digest) -> str:
        """The name that a device was let in with; empty when its admission does not count."""
        found = self.admissions.get(admission)
        return found.name if found else ""

    def grant_for(self, admission: Digest, inner: Inner) -> Short | None:
        """A grant that lets this admission say that now; the smallest name of several, None when there is none.

        The writer asks by its own clock (`inner.time_ms`), so a grant that is over is none.
        """
        fit = [
            name
            for name, grant in self.grants.items()
            if covers(grant, admission, inner)
            and name not in self.ungrants
            and (grant.until_ms is None or inner.time_ms <= grant.until_ms)
        ]
        return min(fit, default=None)


def admitted(statement: Statement | None) -> Admission | None:
    """Who an admission lets in; whether it counts is another question. None when it is no admission."""
    match statement.body if statement else None:
        case Genesis(sign, kem) if statement:
            return Admission(statement.digest, RANK_RECOVERY, "recovery key", sign, kem)
        case Admit(sign, kem, transport, tls, name, _, rank) if statement:
            return Admission(statement.digest, rank, name, sign, kem, transport, tls)
    return None


def covers(grant: Grant, admission: Digest, inner: Inner) -> bool:
    """Whether a grant allows this admission, for the agent and in the document that it names, to say that kind."""
    document = inner.document
    return (
        document is not None
        and grant.admission == admission
        and grant.agent == inner.agent
        and grant.space in {ANY, document.space}
        and (ANY in grant.types or document.type in grant.types)
        and (ANY in grant.verbs or VERBS.get(inner.kind) in grant.verbs)
    )


def under(marks: tuple[Mark, ...], statements: Mapping[Digest, Statement]) -> tuple[set[Digest], set[Digest]]:
    """The statements that are one of the marks, or that one stands on in its own chain; and what is missing of them."""
    found: set[Digest] = set()
    missing: set[Digest] = set()
    for mark in marks:
        digest, step = mark.head.digest, statements.get(mark.head.digest)
        if step is not None and (step.stamp.chain, step.seq) != (mark.chain, mark.head.seq):
            continue  # it names no place
        while step is not None and digest not in found:
            found.add(digest)
            digest = step.parent
            step = statements.get(digest)
        if step is None and digest != ZERO:
            missing.add(digest)
    return found, missing


def grant_name(digest: Digest) -> Short:
    """How events name a grant."""
    return short(digest)
