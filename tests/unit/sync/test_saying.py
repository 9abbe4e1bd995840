"""Saying: the first gate, and the key to write under."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.errors import NotGranted, Refused
from mesh.events.judge import judge
from mesh.events.kinds import Born, Close, Grant, Rekey
from mesh.events.reading import statement
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft
from mesh.events.verdict import Verdict
from mesh.names import short
from mesh.sync.saying import epoch_to_write, granted
from tests.unit.small_mesh import EPOCH_KEY, MESH, NOTE, TIME_MS, fixed

NOTHING = Born({"title": "x"}, "", b"")
DRAFT = Draft(NOTHING, NOTE)


def after(*bodies: object) -> Verdict:
    """The verdict when the mac has said more."""
    more = MESH.control_chain(MESH.mac, bodies)  # type: ignore[arg-type]
    return judge((statement(placed) for placed in (*MESH.control, *more)), MESH.id)


def test_a_draft_leaves_with_its_grant() -> None:
    """The device's own grant, and nothing else of the draft changes."""
    assert granted(MESH.verdict, MESH.phone.admission, DRAFT, TIME_MS) == replace(DRAFT, grant=MESH.grant(MESH.phone))


def test_what_nothing_allows_is_not_said() -> None:
    """An agent without a grant, and a device that was never let in."""
    with pytest.raises(NotGranted):
        granted(MESH.verdict, MESH.phone.admission, replace(DRAFT, agent="claude"), TIME_MS)
    with pytest.raises(NotGranted):
        granted(MESH.verdict, MESH.epoch, DRAFT, TIME_MS)


def test_a_closed_device_says_nothing_more() -> None:
    """Its grant stands, and helps it no more."""
    verdict = after(Close(MESH.phone.admission))
    with pytest.raises(NotGranted, match="taken out"):
        granted(verdict, MESH.phone.admission, DRAFT, TIME_MS)


def test_a_grant_that_is_over_by_the_writers_clock_is_none() -> None:
    """To the millisecond."""
    verdict = after(Grant(MESH.phone.admission, "claude", "home", ("note",), ("create",), TIME_MS))
    draft = replace(DRAFT, agent="claude")
    assert granted(verdict, MESH.phone.admission, draft, TIME_MS).grant
    with pytest.raises(NotGranted):
        granted(verdict, MESH.phone.admission, draft, TIME_MS + 1)


def test_the_key_to_write_under_is_the_latest_that_is_here() -> None:
    """A later epoch whose key has not come is passed over; one that a closed device can read is never taken."""
    ring = Keyring({short(MESH.epoch): EPOCH_KEY})
    later = MESH.rekey(MESH.mac, MESH.phone)
    assert epoch_to_write(after(later), ring) == short(MESH.epoch)
    closed = after(Close(MESH.mac.admission), later)  # the mac cannot close itself
    assert closed.epoch() is not None
    with pytest.raises(Refused):
        epoch_to_write(after(Rekey(fixed(32, "c"), ())), Keyring())
    theirs = after(later, Close(MESH.phone.admission))
    assert theirs.epochs() == (MESH.epoch,)
