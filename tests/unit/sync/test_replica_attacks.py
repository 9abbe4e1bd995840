"""The replica under attack, and with guests: what is refused changes nothing, and guests stay outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.clocks.frontier import Span
from mesh.events.event import Event, Lane
from mesh.events.founding import with_rank
from mesh.events.speaking import runs
from mesh.limits import CONTROL_BYTES_MAX
from mesh.names import Digest
from mesh.sync.inputs import GUEST, Heard, Met
from mesh.sync.messages import Push, Want
from mesh.sync.replica import EVERYBODY
from tests.unit.small_mesh import MESH, OTHER, fixed, one_run, request, without_body
from tests.unit.sync.small_family import RUN, WRITTEN, snapshot
from tests.unit.sync.small_net import Node

MEMBER_CONTROL = one_run(MESH.control_chain(MESH.phone, []), "phone")
HOSTILE: dict[str, Push] = {
    "truncated_tail": Push((replace(RUN, events=RUN.events[:-1]),)),
    "empty_run": Push((replace(RUN, events=()),)),
    "body_swap": Push((replace(RUN, events=(*RUN.events[:2], Event(RUN.events[2].header, b"x"), *RUN.events[3:])),)),
    "opening_without_body": Push((replace(RUN, events=(without_body(RUN.events[0]), *RUN.events[1:])),)),
    "other_mesh": Push(runs(OTHER.control)),
    "member_opens_a_control_chain": Push((MEMBER_CONTROL,)),
    "renamed_chain": Push((replace(RUN, chain=Digest(fixed(32, "x"))),)),
    "wrong_signature": Push((replace(RUN, signature=bytes(64)),)),
}


@pytest.mark.parametrize("push", HOSTILE.values(), ids=HOSTILE.keys())
def test_attack_refused_runs_change_nothing(push: Push) -> None:
    """An alarm says who sent it, and the replica is as it was."""
    node = Node(MESH.mac)
    before = snapshot(node)
    effects = node.handle(Heard("thief", push))
    assert snapshot(node) == before
    assert len(effects.alarms) == effects.refused == 1
    assert effects.alarms[0].startswith("refused from thief: ")
    assert not (effects.append)
    assert not (effects.send)
    assert not (effects.ask)


def test_attack_push_with_a_gap() -> None:
    """What stands on something missing is not taken; the sender is compared with soon, if it was met."""
    node = Node(MESH.mac)
    gap = Push((one_run(WRITTEN[2:], "phone"),))
    before = snapshot(node)
    effects = node.handle(Heard("phone", gap))
    assert (effects.append, effects.meet, effects.alarms, effects.refused) == ((), frozenset(), (), 0)
    assert snapshot(node) == before
    node.handle(Met("phone"))
    assert node.handle(Heard("phone", gap)).meet == {"phone"}


def test_attack_the_same_run_twice_in_one_message() -> None:
    """A doubled or overlapping run in one Push is taken once and makes no fork."""
    node = Node(MESH.mac)
    part = one_run(WRITTEN[:2], "phone")
    effects = node.handle(Heard("phone", Push((RUN, RUN, part))))
    assert [placed.seq for placed in effects.append] == [1, 2, 3, 4, 5]
    assert effects.alarms == ()
    assert node.replica.chains.frontier(Lane.DATA) == {RUN.chain: (WRITTEN[-1].head,)}


def test_attack_replay() -> None:
    """A message heard again brings nothing and says nothing."""
    node = Node(MESH.mac)
    node.handle(Heard("phone", Push((RUN,))))
    before = snapshot(node)
    effects = node.handle(Heard("phone", Push((RUN,))))
    assert not (effects.append)
    assert not (effects.send)
    assert not (effects.alarms)
    assert snapshot(node) == before


def test_one_bad_chain_blocks_no_other() -> None:
    """A Push is taken run by run: the good ones before and after the bad one count."""
    node = Node(MESH.mac)
    bad = one_run(MESH.written(MESH.phone, 1, "b"), "phone")
    last = one_run(MESH.written(MESH.laptop, 1), "laptop")
    effects = node.handle(Heard("phone", Push((RUN, replace(bad, signature=bytes(64)), last))))
    assert len(effects.append) == 7
    assert len(effects.alarms) == 1
    assert len(effects.send) == 1


def test_more_control_than_fits_is_refused() -> None:
    """Control events are held in memory; beyond the bound new ones are refused with an alarm, data go on."""
    node = Node(MESH.mac)
    node.replica.control_bytes = CONTROL_BYTES_MAX + 1
    run = one_run(MESH.control_chain(MESH.laptop, []), "laptop")
    effects = node.handle(Heard("laptop", Push((run,))))
    assert (effects.append, len(effects.alarms)) == ((), 1)
    assert len(node.handle(Heard("phone", Push((RUN,)))).append) == 5


def test_guests_see_control_only() -> None:
    """The frontier told to a guest names no data; everybody else's does."""
    node = Node(MESH.mac)
    node.handle(Heard("phone", Push((RUN,))))
    assert node.replica.have(GUEST, asks=True).data == {}
    assert node.replica.have("?192.0.2.7:4222", asks=True).data == {}
    assert RUN.chain in node.replica.have(EVERYBODY, asks=False).data


def test_attack_guest_asks_for_data() -> None:
    """Of a guest's Want only spans of control chains are served, and no bodies."""
    node = Node(MESH.mac)
    node.handle(Heard("phone", Push((RUN,))))
    data = Span(RUN.chain, WRITTEN[-1].head, ())
    control = Span(MESH.mac_commit[0].chain, MESH.mac_commit[-1].head, ())
    want = Want((data, control), (WRITTEN[1].digest,))
    assert node.handle(Heard(GUEST, want)).serve == ((GUEST, Want((control,))),)
    ((_, served),) = node.handle(Heard("phone", want)).serve
    assert served == Want((control, data), want.bodies)  # in the order in which it came to be held


def test_attack_guest_brings_data() -> None:
    """A guest delivers control, its own admission for example; data from it are refused."""
    node = Node(MESH.mac)
    before = snapshot(node)
    effects = node.handle(Heard(GUEST, Push((RUN,))))
    assert "a guest brought data" in effects.alarms[0]
    assert snapshot(node) == before
    run = one_run(MESH.control_chain(MESH.laptop, [with_rank(request("new"), 12)]), "laptop")
    assert node.handle(Heard(GUEST, Push((run,)))).judged


def test_nobody_is_asked_through_the_guest_door() -> None:
    """A guest at our server cannot be asked; where we are the guest we ask for control only."""
    old = Node(MESH.laptop, MESH.founding)
    have = Node(MESH.mac).replica.have("laptop", asks=True)
    effects = old.handle(Heard(GUEST, have))
    assert effects.ask == ()
    assert [peer for peer, _ in effects.send] == [GUEST]
    mac = Node(MESH.mac)
    mac.handle(Heard("phone", Push((RUN,))))
    effects = old.handle(Heard("?192.0.2.7:4222", mac.replica.have("laptop", asks=False)))
    ((_, want),) = effects.ask
    assert [span.chain for span in want.spans] == [MESH.mac_commit[0].chain]
