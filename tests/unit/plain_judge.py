"""The rules of authority told once more, the plain way: everything anew, one pass by rank, nothing kept.

What `mesh.events.judge` does step by step is compared with this. It shares with it only the values of a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from mesh.events.event import Lane
from mesh.events.kinds import (
    Admit,
    Adopt,
    Close,
    Forget,
    Genesis,
    Grant,
    Located,
    Mark,
    Opening,
    Rekey,
    Ungrant,
    known,
)
from mesh.events.verdict import Admission, Cut, Statement, Verdict
from mesh.names import Digest, short

Reach = Callable[[Digest], bool]

LAST_ADMIN = 9
MAY_FORGET = 1


def plainly(control: Iterable[Statement], mesh: Digest) -> Verdict:
    """What counts of these statements."""
    held = {one.digest: one for one in control}
    verdict = Verdict()
    founder = held.get(mesh)
    if founder and isinstance(founder.body, Genesis):
        body = founder.body
        verdict.admissions[mesh] = Admission(mesh, 0, "recovery key", body.sign_key, body.kem_key)
    for rank in range(LAST_ADMIN + 1):
        for speaker in [name for name, found in verdict.admissions.items() if found.rank == rank]:
            cuts = [_reached(cut.marks, held) for cut in verdict.closes.get(speaker, ())]
            said: set[Digest] = set()
            for one in held.values():
                if one.admission == speaker and all(one.digest in cut for cut in cuts):
                    _hear(verdict, held, (speaker, rank), one, said)
    return verdict


def _reached(marks: Iterable[Mark], held: Mapping[Digest, Statement]) -> set[Digest]:
    found: set[Digest] = set()
    for mark in marks:
        step = held.get(mark.head.digest)
        if step and step.stamp.chain == mark.chain and step.seq == mark.head.seq:
            while step is not None:
                found.add(step.digest)
                step = held.get(step.parent)
    return found


def _rank(one: Statement | None) -> int:
    """The rank of whom a statement lets in; -1 where it lets in nobody, who is in nobody's reach."""
    if one and isinstance(one.body, Admit):
        return one.body.rank
    return 0 if one and isinstance(one.body, Genesis) else -1


def _hear(
    verdict: Verdict, held: Mapping[Digest, Statement], by: tuple[Digest, int], one: Statement, said: set[Digest]
) -> None:
    if one.digest in said:
        return
    said.add(one.digest)
    speaker, rank = by
    body, digest = one.body, one.digest

    def reach(subject: Digest) -> bool:
        return subject == speaker or _rank(held.get(subject)) > rank

    if isinstance(body, Adopt):
        verdict.said.add(digest)
        for name in body.events:
            if name not in held:
                verdict.adopted[name] = min(rank, verdict.adopted.get(name, rank))
        for found in (held[name] for name in body.events if name in held):
            _hear(verdict, held, by, found, said)
    elif body is None:
        verdict.unknown |= {digest} if one.kind and not known(Lane.CONTROL, one.kind) else set()
    elif isinstance(body, Located):
        _locate(verdict, one, body, reach)
    elif _effect(verdict, held, (rank, reach), one):
        verdict.said.add(digest)


def _locate(verdict: Verdict, one: Statement, body: Located, reach: Reach) -> None:
    before = verdict.located.get(body.admission)
    if reach(body.admission) and (before is None or (one.stamp, one.digest) > before[:2]):
        verdict.located[body.admission] = (one.stamp, one.digest, body)


def _effect(verdict: Verdict, held: Mapping[Digest, Statement], who: tuple[int, Reach], one: Statement) -> bool:
    rank, reach = who
    body, digest = one.body, one.digest
    if isinstance(body, Admit) and body.rank > rank:
        keys = (body.sign_key, body.kem_key, body.transport_key, body.tls_key)
        verdict.admissions[digest] = Admission(digest, body.rank, body.name, *keys)
    elif isinstance(body, Close) and _rank(held.get(body.admission)) > rank:
        verdict.closes.setdefault(body.admission, set()).add(Cut(rank, digest, body.marks))
    elif isinstance(body, Grant) and reach(body.admission):
        verdict.grants[short(digest)] = body
    elif isinstance(body, Ungrant):
        given = held.get(body.grant)
        if not given or not isinstance(given.body, Grant) or not reach(given.body.admission):
            return False
        verdict.ungrants.setdefault(short(body.grant), set()).add(Cut(rank, digest, body.marks))
    elif isinstance(body, Forget) and rank <= MAY_FORGET:
        verdict.forgotten.add(body.document)
    elif isinstance(body, Rekey):
        verdict.rekeys[digest] = (one.stamp, body)
    else:
        return isinstance(body, Genesis | Opening)
    return True
