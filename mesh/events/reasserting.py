"""What a close takes down with it, and how the closer keeps it up.

Whoever closes an admin takes down what that admin said beyond the marks: its closes among them, so that a stolen phone
that it had closed would be live again. Honest software says an `adopt` in the same commit. This module judges what
would be; it says nothing itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mesh.clocks.lamport import Stamp
from mesh.events.judge import judge
from mesh.events.kinds import Adopt, Body, Close, Genesis, Opening, Ungrant, kind_of
from mesh.events.verdict import Statement
from mesh.limits import ADOPTED_MAX
from mesh.names import ZERO, Digest


def falling(
    statements: Iterable[Statement], mesh: Digest, closer: Digest, closes: Sequence[Close]
) -> tuple[Statement, ...]:
    """The statements that count now and no longer would after these closes by this admission, earliest first.

    Their bodies say what falls: admissions, grants, closes, ungrants, epochs. Openings are left out; they do nothing.
    """
    held = {one.digest: one for one in statements}
    return _in_order(held, _stood(held, mesh) - _after(held, mesh, closer, closes))


def reassertions(
    statements: Iterable[Statement],
    mesh: Digest,
    closer: Digest,
    closes: Sequence[Close],
    unwanted: Collection[Digest] = frozenset(),
) -> tuple[Adopt, ...]:
    """What the closer says together with these closes so that all that falls stands, but for what is not wanted.

    Repeated until nothing more falls: a close that is said again may cut others in turn. An admission that is not
    wanted takes along what was said under it, but for closes and ungrants: only by their own names are they let fall,
    so that nobody comes back by oversight.
    """
    held = {one.digest: one for one in statements}
    wanted = {digest for digest in _stood(held, mesh) if not _unwanted(held, digest, unwanted)}
    adopted: set[Digest] = set()
    while fallen := wanted - _after(held, mesh, closer, [*closes, *_adopts(adopted)]) - adopted:
        adopted |= fallen
    return _adopts(adopted)


def _stood(held: Mapping[Digest, Statement], mesh: Digest) -> set[Digest]:
    said = judge(held.values(), mesh).said
    return {digest for digest in said if not isinstance(held[digest].body, Genesis | Opening)}


def _after(held: Mapping[Digest, Statement], mesh: Digest, closer: Digest, bodies: Iterable[Body]) -> set[Digest]:
    return judge([*held.values(), *_said(closer, bodies)], mesh).said


def _said(closer: Digest, bodies: Iterable[Body]) -> Iterator[Statement]:
    """Statements of the closer as they would be, under names that nothing else has."""
    for number, body in enumerate(bodies):
        name = Digest(hashlib.sha256(b"would be" + closer + bytes([number])).digest())
        yield Statement(name, closer, Stamp(0, name), kind_of(body), body, 1, ZERO)


def _unwanted(held: Mapping[Digest, Statement], digest: Digest, unwanted: Collection[Digest]) -> bool:
    """Whether a statement, or an admission that it was said under, is not wanted."""
    if isinstance(held[digest].body, Close | Ungrant):
        return digest in unwanted
    while digest not in unwanted:
        said = held.get(digest)
        if said is None or said.admission == digest:
            return False
        digest = said.admission
    return True


def _adopts(events: Collection[Digest]) -> tuple[Adopt, ...]:
    ordered = sorted(events)
    return tuple(Adopt(tuple(ordered[n : n + ADOPTED_MAX])) for n in range(0, len(ordered), ADOPTED_MAX))


def _in_order(held: Mapping[Digest, Statement], digests: Iterable[Digest]) -> tuple[Statement, ...]:
    return tuple(sorted((held[digest] for digest in digests), key=lambda one: (one.stamp, one.seq, one.digest)))
