"""Authority: which admissions and grants count, as a pure function of the control events held, and who may write what.

`judge` is one pass by ascending rank: a statement reaches only strictly higher numbers, so there are no cycles and no
ties. `weigh` asks the verdict about one data event. Neither reads a clock, an order of arrival, or any data event's
content (PROTOCOL, "Authority").
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from mesh.clocks.lamport import Stamp
from mesh.events.event import Inner, Lane
from mesh.events.kinds import ANY, VERBS, Admit, Body, Genesis, Grant, Located, Opening, Rekey, known
from mesh.limits import RANK_ADMIN_LAST, RANK_RECOVERY
from mesh.names import Digest, Short, short


class Standing(IntEnum):
    """What an event that is held counts for."""

    HONOURED = 0
    WAITS = 1  # something that it names is not here yet
    VOID = 2  # nothing allows it, or its content is not what its document may hold
    OPAQUE = 3  # of a kind or version that this software does not read


@dataclass(frozen=True, slots=True)
class Statement:
    """A control event as `judge` reads it. `body` is None when it is malformed or not for this version to read.

    `kind` is empty when not even that could be read.
    """

    digest: Digest
    admission: Digest
    stamp: Stamp
    kind: str
    body: Body | None


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


@dataclass
class Verdict:
    """What counts. Compare two with `==`."""

    admissions: dict[Digest, Admission] = field(default_factory=dict)
    grants: dict[Short, Grant] = field(default_factory=dict)
    rekeys: dict[Digest, tuple[Stamp, Rekey]] = field(default_factory=dict)
    said: set[Digest] = field(default_factory=set)
    located: dict[Digest, tuple[Stamp, Digest, Located]] = field(default_factory=dict)
    """The latest word about where each device is. It is no part of what was said: a hint changes nothing."""
    unknown: set[Digest] = field(default_factory=set)

    @property
    def devices(self) -> dict[Digest, Admission]:
        """The admissions of devices: all but the recovery key's."""
        return {digest: found for digest, found in self.admissions.items() if found.rank > RANK_RECOVERY}

    def epoch(self) -> Digest | None:
        """The key to write under: the latest rekey whose recipients are all live. None: an admin owes one."""
        fit = [
            (stamp, digest)
            for digest, (stamp, rekey) in self.rekeys.items()
            if all(name in self.admissions for name, _ in rekey.wraps)
        ]
        return max(fit)[1] if fit else None

    def addresses_of(self, admission: Digest) -> tuple[str, ...]:
        """Where statements say that a device was reached last, newest first."""
        found = self.located.get(admission)
        return found[2].addresses if found else ()

    def name_of(self, admission: Digest) -> str:
        """The name that a device was let in with; empty when its admission does not count."""
        found = self.admissions.get(admission)
        return found.name if found else ""

    def grant_for(self, admission: Digest, inner: Inner) -> Short | None:
        """A grant that allows this admission to say that; the smallest name of several, None when there is none."""
        fit = [name for name, grant in self.grants.items() if _covers(grant, admission, inner)]
        return min(fit, default=None)


def admitted(statement: Statement | None) -> Admission | None:
    """Who an admission lets in; whether it counts is another question. None when it is no admission."""
    match statement.body if statement else None:
        case Genesis(sign, kem) if statement:
            return Admission(statement.digest, RANK_RECOVERY, "recovery key", sign, kem)
        case Admit(sign, kem, transport, tls, name, _, rank) if statement:
            return Admission(statement.digest, rank, name, sign, kem, transport, tls)
    return None


def judge(control: Iterable[Statement], mesh: Digest) -> Verdict:
    """What counts of these statements, whatever order they come in."""
    speeches: defaultdict[Digest, list[Statement]] = defaultdict(list)
    verdict = Verdict()
    for statement in control:
        speeches[statement.admission].append(statement)
        if statement.digest == mesh and (founder := admitted(statement)):
            verdict.admissions[mesh] = founder
    everything = {s.digest: s for said in speeches.values() for s in said}
    for rank in range(RANK_RECOVERY, RANK_ADMIN_LAST + 1):
        for speaker in [found for found in verdict.admissions.values() if found.rank == rank]:
            for statement in speeches[speaker.digest]:
                _say(verdict, everything, speaker, statement)
    return verdict


def _say(verdict: Verdict, everything: dict[Digest, Statement], speaker: Admission, statement: Statement) -> None:
    match statement.body:
        case Genesis() | Opening():
            pass
        case Admit(rank=rank) if rank > speaker.rank:
            found = admitted(statement)
            assert found is not None, statement
            verdict.admissions[statement.digest] = found
        case Grant() as grant if _reaches(everything, speaker, grant.admission):
            verdict.grants[short(statement.digest)] = grant
        case Rekey() as rekey:
            verdict.rekeys[statement.digest] = (statement.stamp, rekey)
        case Located() as located if _reaches(everything, speaker, located.admission):
            word = (statement.stamp, statement.digest, located)
            verdict.located[located.admission] = max(word, verdict.located.get(located.admission, word), key=_newest)
            return  # devices that do not read it yet must come to the same digest
        case None:
            if statement.kind and not known(Lane.CONTROL, statement.kind):
                verdict.unknown.add(statement.digest)
            return  # void: malformed, or for a later version to read
        case _:
            return  # void: out of the speaker's reach
    verdict.said.add(statement.digest)


def _newest(word: tuple[Stamp, Digest, Located]) -> tuple[Stamp, Digest]:
    return word[:2]


def _reaches(everything: dict[Digest, Statement], speaker: Admission, subject: Digest) -> bool:
    if subject == speaker.digest:
        return True
    target = admitted(everything.get(subject))
    return target is not None and target.rank > speaker.rank


def _covers(grant: Grant, admission: Digest, inner: Inner) -> bool:
    document = inner.document
    return (
        document is not None
        and grant.admission == admission
        and grant.agent == inner.agent
        and grant.space in {ANY, document.space}
        and (ANY in grant.types or document.type in grant.types)
        and (ANY in grant.verbs or VERBS.get(inner.kind) in grant.verbs)
    )


def weigh(verdict: Verdict, admission: Digest, inner: Inner) -> tuple[Standing, str]:
    """Whether a data event of this admission is allowed, with the reason where it is not.

    Only authority is asked here; whether its content fits its document is for the document to say.
    """
    if not known(Lane.DATA, inner.kind):
        return Standing.OPAQUE, f"of kind {inner.kind!r}, which this version does not read"
    if inner.kind == "opening":
        return Standing.HONOURED, ""
    if admission not in verdict.admissions:
        return Standing.VOID, "its device was never let in"
    grant = verdict.grants.get(inner.grant)
    if grant is None or not _covers(grant, admission, inner):
        return Standing.VOID, "nothing allows it"
    return Standing.HONOURED, ""
