"""Standing duties of an admin's device: what it says unasked, as functions of what is held.

Nothing depends on it that they are done, or done once: two admins who do one at the same time do no harm. This module
reads no clock and says nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from mesh.clocks.chain import Head
from mesh.clocks.lamport import Stamp
from mesh.events.epochs import Epochs, Links, epochs_of, links, reached
from mesh.events.event import Inner, Placed
from mesh.events.kinds import Admit, Grant, Mark, Ungrant
from mesh.events.seal import Keyring
from mesh.events.verdict import Statement, Verdict, admitted, grant_name
from mesh.limits import MARKS_MAX, RANK_ADMIN_LAST
from mesh.names import Digest, Short, short

Statements = Mapping[Digest, Statement]


class Reach:
    """Which keys a device comes by, as far as statements tell: wrapped for it, handed over, and what those lead to."""

    def __init__(self, statements: Statements, epochs: Epochs, leads: Links) -> None:
        """`leads`: what each epoch leads on to, as one trusts it."""
        self._statements, self._epochs, self._leads = statements, epochs, leads
        self._wrapped: defaultdict[Digest, set[Short]] = defaultdict(set)
        for name, epoch in epochs.items():
            for recipient in (epoch.by, *(recipient for recipient, _ in epoch.rekey.wraps)):
                self._wrapped[recipient].add(name)

    def of(self, admission: Digest) -> set[Short]:
        """The epochs whose keys this device comes by."""
        return reached((*self._wrapped[admission], *self._handed_over(admission)), self._leads)

    def _handed_over(self, admission: Digest) -> set[Short]:
        """What was in its admission for certain: epochs that the admitter made before, or was handed over itself.

        A wrap alone does not tell whether the admitter had heard of it in time.
        """
        found: set[Short] = set()
        for _ in range(RANK_ADMIN_LAST + 1):
            said = self._statements.get(admission)
            if said is None or not isinstance(said.body, Admit):
                break
            admission = said.admission
            before = said.stamp.lamport
            found |= {n for n, e in self._epochs.items() if e.by == admission and e.stamp.lamport < before}
        return found


def owes_rekey(verdict: Verdict, mesh: Digest, keyring: Keyring, statements: Statements) -> bool:
    """Whether an admin who holds these keys should begin a new epoch.

    No epoch may be written under, or none of those is here; or a device was closed since, which may have been handed
    over its key without a wrap; or a reader does not come by a key that is here.
    """
    current = next((epoch for epoch in verdict.epochs() if keyring.holds(short(epoch))), None)
    if current is None or _closed_since(verdict, statements, verdict.rekeys[current][0]):
        return True
    epochs = epochs_of(statements.values())
    leads = links(mesh, epochs, keyring.keys())
    reach = Reach(statements, epochs, leads)
    return any(leads.keys() - reach.of(reader) for reader in verdict.readers())


def _closed_since(verdict: Verdict, statements: Statements, stamp: Stamp) -> bool:
    """Whether a close of a reader came after an epoch.

    Whoever began an epoch later knew of the close, or took the device for a reader; then it is not written under.
    """
    for name, cuts in verdict.closes.items():
        closed = admitted(statements.get(name))
        if closed and not closed.is_relay and any(statements[cut.by].stamp > stamp for cut in cuts):
            return True
    return False


def holders(verdict: Verdict, statements: Statements, epoch: Digest) -> tuple[Digest, ...]:
    """The live admins who should hold this epoch's key, by what was said: each can hand it on in a new epoch."""
    epochs = epochs_of(statements.values())
    claimed = {name: frozenset(e for e, _ in one.rekey.earlier) for name, one in epochs.items()}
    reach = Reach(statements, epochs, claimed)
    admins = sorted((found.rank, name) for name, found in verdict.live.items() if found.rank <= RANK_ADMIN_LAST)
    return tuple(name for _, name in admins if short(epoch) in reach.of(name))


# ── expiry ───────────────────────────────────────────────────────────────────────────────────────


def expired(verdict: Verdict, own: Digest, statements: Statements, now_ms: int) -> dict[Digest, Grant]:
    """The grants that count, are over by now, that nobody ended, and that this admin may end."""
    speaker = verdict.live.get(own)
    if speaker is None or speaker.rank > RANK_ADMIN_LAST:
        return {}
    reach = {name for name, found in verdict.devices.items() if found.rank > speaker.rank or name == own}
    return {
        said.digest: said.body
        for said in statements.values()
        if isinstance(said.body, Grant)
        and said.body.until_ms is not None
        and said.body.until_ms < now_ms
        and said.body.admission in reach
        and grant_name(said.digest) in verdict.grants
        and grant_name(said.digest) not in verdict.ungrants
    }


class Ending:
    """Where a grant ended in one chain, as its events are shown one by one, parents before children.

    The end is in front of the first event on each branch that was said under the grant and claims a later time: the
    same whether an admin looks at once or a week later.
    """

    def __init__(self, grant: Short, until_ms: int) -> None:
        """The grant, and the last time at which it held."""
        self._grant, self._until_ms = grant, until_ms
        self._late: set[Digest] = set()
        self._last: dict[Digest, Head] = {}
        self._used = False

    def add(self, placed: Placed, inner: Inner | None) -> None:
        """The next event; without its inner header where that is not of the form that it should be."""
        under = inner is not None and inner.grant == self._grant
        if placed.parent in self._late or (under and inner is not None and inner.time_ms > self._until_ms):
            self._late.add(placed.digest)
            return
        self._used |= under
        self._last.pop(placed.parent, None)
        self._last[placed.digest] = placed.head

    def heads(self) -> tuple[Head, ...]:
        """Up to where it counted, on each branch; nothing where the chain did not use it in time."""
        return tuple(sorted(self._last.values())) if self._used else ()


def ungrant(grant: Digest, endings: Mapping[Digest, Ending]) -> Ungrant:
    """The end of a grant that is over. `endings`: by chain; of more places than fit those with the largest numbers."""
    marks = [Mark(chain, head) for chain, ending in endings.items() for head in ending.heads()]
    kept = sorted(marks, key=lambda mark: mark.head, reverse=True)[:MARKS_MAX]
    return Ungrant(grant, tuple(sorted(kept)))
