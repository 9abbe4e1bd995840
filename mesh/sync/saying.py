"""Saying: which grant lets a draft through, which key it is written under, and on which chain it goes.

The first of the two gates that every event passes. Nothing here changes anything; what is refused was never said.
"""

from __future__ import annotations

from mesh.errors import NotGranted, Refused
from mesh.events.event import Inner
from mesh.events.kinds import kind_of
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft
from mesh.events.verdict import Verdict
from mesh.limits import RANK_ADMIN_LAST
from mesh.names import Digest, Short, role_text, short
from mesh.sync.inputs import Later


def granted(verdict: Verdict, admission: Digest, draft: Draft | Later, time_ms: int) -> Draft:
    """The draft with the grant that lets it through. Raises NotGranted."""
    assert isinstance(draft, Draft), "data name nothing of their own commit"
    inner = Inner(time_ms, kind_of(draft.body), draft.agent, draft.document)
    if admission in verdict.closes:
        message = "this device was taken out of the mesh; nothing it says from now on counts"
        raise NotGranted(message, hint="On another device, `mesh invite` lets it in again with new keys.")
    grant = verdict.grant_for(admission, inner) if verdict.is_live(admission) else None
    if grant is None:
        message = f"no grant lets {draft.agent or 'this device'} say {inner.kind!r} in {draft.document}"
        raise NotGranted(message, hint="`mesh grants` shows who may write what; an admin device grants more.")
    return Draft(draft.body, draft.document, draft.agent, grant, draft.plain)


def must_decide(rank: int) -> None:
    """Raise NotGranted unless a device of this rank says statements at all."""
    if rank > RANK_ADMIN_LAST:
        message = f"this device is a {role_text(rank)}; only admins decide who may do what"
        raise NotGranted(message)


def epoch_to_write(verdict: Verdict, keyring: Keyring) -> Short:
    """The latest epoch whose key is here: another admin's may come late, and all who read this one are live.

    Raises Refused when there is none.
    """
    for epoch in map(short, verdict.epochs()):
        if keyring.holds(epoch):
            return epoch
    message = "no key to write under is on this device"
    raise Refused(message, hint="Connect to an admin device once; it hands the key over.")
