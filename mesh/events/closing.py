"""What closing a device takes, as statements: where it ends, what is kept up, how it comes back at another rank.

All of it is one commit: the close, the adoptions of what would fall, a new admission where it only changes its rank
with the grants that it had, and a new epoch for those who are left. This module judges what would be and says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from mesh.events.chains import Chains
from mesh.events.epochs import next_epoch
from mesh.events.event import Lane, Placed
from mesh.events.founding import default_grant
from mesh.events.judge import judge
from mesh.events.kinds import Admit, Grant, Mark
from mesh.events.reading import statement
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft
from mesh.events.verdict import Statement, Verdict
from mesh.limits import RANK_RELAY
from mesh.names import Digest

LOST, REMOVED, RANK = "lost", "removed", "rank"
"""Why devices are closed here."""

Made = Callable[[Sequence[Placed]], Draft]


def marks(chains: Chains, admission: Digest, *lanes: Lane) -> tuple[Mark, ...]:
    """The tips of a device's chains as they are held now, in these lanes or in both."""
    return tuple(
        sorted(
            Mark(name, head)
            for name, chain in chains.chains.items()
            if chain.admission == admission and (not lanes or chain.lane in lanes)
            for head in chain.tips
        )
    )


def admit_of(statements: Mapping[Digest, Statement], admission: Digest) -> Admit | None:
    """What a device was let in with; None for the recovery key and for what is not held."""
    found = statements.get(admission)
    return found.body if found and isinstance(found.body, Admit) else None


def regrants(verdict: Verdict, admission: Digest) -> Iterator[Made]:
    """The grants of a device again, for the admission of it that comes in the same commit; the default one, if none."""
    held = [
        grant for name, grant in sorted(verdict.grants.items()) if grant.admission == admission
        and name not in verdict.ungrants
    ]  # fmt: skip
    for grant in held or [default_grant(admission)]:
        yield lambda said, grant=grant: Draft(_for(_admitted(said), grant))  # type: ignore[misc]


def _for(admission: Digest, grant: Grant) -> Grant:
    return Grant(admission, grant.agent, grant.space, grant.types, grant.verbs, grant.until_ms)


def _admitted(said: Sequence[Placed]) -> Digest:
    """The one admission of a commit."""
    return next(placed.digest for placed in said if isinstance(statement(placed).body, Admit))


def writes(rank: int) -> bool:
    """Whether devices of this rank write data at all, so that they get grants."""
    return rank < RANK_RELAY


def rekeyed(mesh: Digest, statements: Mapping[Digest, Statement], keyring: Keyring, entropy: bytes) -> Made:
    """A new epoch for those who read once all that stands before it in its commit counts."""

    def made(said: Sequence[Placed]) -> Draft:
        after = {**statements, **{placed.digest: statement(placed) for placed in said}}
        return Draft(next_epoch(judge(after.values(), mesh), mesh, keyring, after, entropy)[0])

    return made
