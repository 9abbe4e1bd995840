"""What a verdict says: who counts and is live, which epoch to write under, which grant to name."""

from __future__ import annotations

from mesh.events.event import Inner
from mesh.events.founding import default_grant, with_rank
from mesh.events.judge import judge
from mesh.events.kinds import Admit, Rekey
from mesh.events.verdict import Statement, admitted
from mesh.names import Digest, short
from tests.unit.small_mesh import MESH, NOTE, fixed
from tests.unit.spoken import SPARE, STATEMENTS, said


def judged(*more: Statement) -> object:
    """The verdict over the small mesh and more."""
    return judge([*STATEMENTS.values(), *more], MESH.id)


def test_the_small_mesh() -> None:
    """The recovery key, the founder, and whom the founder let in; a default grant each; an epoch."""
    verdict = MESH.verdict
    ranks = {found.name: found.rank for found in verdict.admissions.values()}
    assert ranks == {"recovery key": 0, "mac": 1, "laptop": 2, "phone": 10}
    assert [found.name for found in verdict.devices.values()] == ["mac", "laptop", "phone"]
    assert {grant.admission for grant in verdict.grants.values()} == set(verdict.devices)
    assert verdict.epoch() == MESH.epoch
    assert verdict.said == set(STATEMENTS)
    assert verdict.unknown == set()


def test_the_epoch_is_the_latest_whose_recipients_are_live() -> None:
    """A later epoch wins, unless it reaches somebody who does not count; of equal Lamport the larger digest."""
    live, dead = MESH.mac.admission, Digest(fixed(32, "nobody"))
    later = said(MESH.laptop, Rekey(bytes(32), ((live, b"w"),)), 1)
    too_far = said(MESH.mac, Rekey(bytes(32), ((live, b"w"), (dead, b"w"))), 2)
    verdict = judge([*STATEMENTS.values(), later, too_far], MESH.id)
    assert verdict.epoch() == later.digest
    assert judge([STATEMENTS[MESH.id]], MESH.id).epoch() is None


def test_who_an_admission_lets_in() -> None:
    """Admissions and a genesis let somebody in; nothing else does."""
    assert admitted(None) is None
    assert admitted(said(MESH.mac, default_grant(MESH.phone.admission))) is None
    found = admitted(STATEMENTS[MESH.phone.admission])
    assert found is not None
    assert (found.name, found.rank, found.sign_key) == ("phone", 10, MESH.phone.keys.sign_key)
    recovery = admitted(STATEMENTS[MESH.id])
    assert recovery is not None
    assert (recovery.rank, recovery.transport_key, recovery.tls_key) == (0, b"", b"")


def test_of_several_grants_the_smallest_name_is_used() -> None:
    """Every device names the same grant for the same work."""
    grants = [said(MESH.mac, default_grant(MESH.phone.admission), number) for number in range(4)]
    verdict = judge([*STATEMENTS.values(), *grants], MESH.id)
    names = [short(grant.digest) for grant in grants] + [MESH.grant(MESH.phone)]
    assert verdict.grant_for(MESH.phone.admission, Inner(0, "born", "", NOTE)) == min(names)
    assert verdict.grant_for(MESH.phone.admission, Inner(0, "born", "agent", NOTE)) is None


def test_two_verdicts_are_compared_by_what_they_say() -> None:
    """Equal sets are equal verdicts, also as other objects; the test bodies above rely on it."""
    assert judged() == judged()
    assert judged() != judged(said(MESH.mac, with_rank(SPARE["phone"], 12)))
    assert isinstance(SPARE["phone"], Admit)


def test_devices_have_names() -> None:
    """Who counts is called by the name in the admission; who does not has none."""
    assert MESH.verdict.name_of(MESH.laptop.admission) == "laptop"
    assert MESH.verdict.name_of(Digest(fixed(32, "nobody"))) == ""
