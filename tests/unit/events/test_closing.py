"""What closing a device takes beside the close: marks of all its chains, its grants again, and a key for those left."""

from __future__ import annotations

from dataclasses import replace

from mesh.events.closing import admit_of, marks, regrants, rekeyed, writes
from mesh.events.event import Lane, Placed
from mesh.events.founding import default_grant, with_rank
from mesh.events.kinds import Close, Grant, Mark, Rekey
from mesh.events.seal import Keyring, commitment
from mesh.events.speaking import Draft
from mesh.events.verdict import Cut, Verdict, grant_name
from mesh.limits import KEY_BYTES, RANK_MEMBER, RANK_RELAY
from mesh.names import Digest
from tests.unit.small_mesh import MESH, fixed

ENTROPY = fixed(KEY_BYTES, "new epoch")


def test_marks_are_the_tips_of_all_its_chains() -> None:
    """In both lanes or in one, forks with each of their branches; other devices' chains are left out."""
    chains = MESH.chains()
    name = MESH.mac.admission
    control = marks(chains, name, Lane.CONTROL)
    assert control == marks(chains, name)
    assert marks(chains, name, Lane.DATA) == ()
    (tip,) = control
    found = chains.chains[tip.chain]
    other = replace(tip.head, digest=Digest(fixed(32, "fork")))
    found.tips[other] = 1
    assert marks(chains, name) == tuple(sorted([tip, Mark(tip.chain, other)]))
    assert marks(chains, Digest(bytes(32))) == ()


def test_what_a_device_was_let_in_with() -> None:
    """The recovery key was let in by nobody."""
    statements = MESH.statements()
    admit = admit_of(statements, MESH.phone.admission)
    assert admit is not None
    assert admit.name == "phone"
    assert admit_of(statements, MESH.id) is None
    assert admit_of(statements, Digest(bytes(32))) is None


def test_another_rank_keeps_the_grants_of_a_device_and_of_its_agents() -> None:
    """They are said again for the new admission; what had ended stays so; without any the default one is given."""
    agent = Grant(MESH.phone.admission, "claude", "work", ("note",), ("read",), 5)
    verdict = MESH.verdict
    name = grant_name(Digest(fixed(32, "agent")))
    verdict.grants[name] = agent
    admit = admit_of(MESH.statements(), MESH.phone.admission)
    assert admit is not None
    (new,) = said_by_mac(Draft(with_rank(admit, 5)))
    drafts = [made([new]) for made in regrants(verdict, MESH.phone.admission)]
    assert {draft.body for draft in drafts} == {default_grant(new.digest), replace(agent, admission=new.digest)}
    verdict.ungrants[name] = {Cut(1, new.digest, ())}
    assert [made([new]).body for made in regrants(verdict, MESH.phone.admission)] == [default_grant(new.digest)]
    assert [made([new]).body for made in regrants(Verdict(), MESH.phone.admission)] == [default_grant(new.digest)]
    assert writes(RANK_MEMBER)
    assert not writes(RANK_RELAY)


def test_the_new_key_reaches_who_is_left_after_the_close_before_it() -> None:
    """Not the closed device, and nobody else is left out; it hands on the key that there was."""
    statements = MESH.statements()
    (close,) = said_by_mac(Draft(Close(MESH.laptop.admission)))
    keyring = Keyring()
    made = rekeyed(MESH.id, statements, keyring, ENTROPY)
    rekey = made([close]).body
    assert isinstance(rekey, Rekey)
    assert rekey.commitment == commitment(ENTROPY)
    assert {name for name, _ in rekey.wraps} == {MESH.id, MESH.mac.admission, MESH.phone.admission}
    everybody = made([]).body
    assert isinstance(everybody, Rekey)
    assert MESH.laptop.admission in {name for name, _ in everybody.wraps}


def said_by_mac(*drafts: Draft) -> list[Placed]:
    """Statements of the mac, unsigned."""
    voice, _ = MESH.voice(MESH.mac, Lane.CONTROL)
    return [voice.say(draft, 1, 9) for draft in drafts]
