"""Data are traded with live devices only; control with everybody, those that were taken out included."""

from __future__ import annotations

import pytest

from mesh.clocks.frontier import Span
from mesh.errors import NotGranted
from mesh.events.event import Lane, Placed
from mesh.events.founding import with_rank
from mesh.events.kinds import Admit, Close, Mark
from mesh.events.speaking import Draft, runs
from mesh.limits import CONTROL_BYTES_MAX
from mesh.names import Digest, device_text
from mesh.sync.inputs import GUEST, Effects, Heard, Met, Said
from mesh.sync.messages import Push, Want
from tests.unit.small_mesh import MESH, TIME_MS, Device, one_run, request
from tests.unit.sync.small_family import ENTROPY, RUN, WRITTEN
from tests.unit.sync.small_net import Node

PHONE = device_text(MESH.phone.admission)
LAPTOP = device_text(MESH.laptop.admission)


def close(node: Node, device: Device, *marks: Placed) -> Effects:
    """Take a device out, at these places."""
    body = Close(device.admission, tuple(sorted(Mark(m.chain, m.head) for m in marks)), "lost")
    return node.handle(Said((Draft(body),), Lane.CONTROL, TIME_MS, ENTROPY))


def closed() -> Node:
    """The mac, which holds what the phone wrote, and took it out then."""
    node = Node(MESH.mac)
    node.handle(Met(PHONE))
    node.handle(Heard(PHONE, Push((RUN,))))
    assert not node.replica.outside(PHONE)
    assert close(node, MESH.phone, WRITTEN[-1]).judged
    return node


def test_a_closed_device_sees_control_only() -> None:
    """The very next Have and Want, over a link that is still up, name no data; others see what they saw."""
    node = closed()
    assert node.replica.outside(PHONE)
    assert node.replica.have(PHONE, asks=True).data == {}
    assert node.replica.have(PHONE, asks=True).control == node.replica.have(LAPTOP, asks=True).control
    assert RUN.chain in node.replica.have(LAPTOP, asks=True).data
    data = Span(RUN.chain, WRITTEN[-1].head, ())
    control = Span(MESH.mac_commit[0].chain, MESH.mac_commit[-1].head, ())
    want = Want((data, control), (WRITTEN[1].digest,))
    assert node.handle(Heard(PHONE, want)).serve == ((PHONE, Want((control,))),)
    ((_, served),) = node.handle(Heard(LAPTOP, want)).serve
    assert served == Want((control, data), want.bodies)


def test_attack_a_closed_device_brings_data() -> None:
    """From itself they are refused; an honest device that holds them may hand them on: held is not honoured."""
    node = closed()
    late = Push((one_run(MESH.written(MESH.phone, 2, "late"), "phone"),))
    effects = node.handle(Heard(PHONE, late))
    assert (effects.append, effects.refused) == ((), 1)
    assert "taken out" in effects.alarms[0]
    assert len(node.handle(Heard(LAPTOP, late)).append) == 3


def test_a_closed_device_is_asked_for_control_only() -> None:
    """What it offers of data is not fetched, and a fetch that was under way ends with the next page."""
    node = Node(MESH.mac)
    phone = Node(MESH.phone)
    phone.handle(Heard("own", Push((RUN,))))
    assert node.handle(Heard(PHONE, phone.replica.have(PHONE, asks=False))).ask
    close(node, MESH.phone)
    effects = node.handle(Heard(PHONE, Push((RUN,), answer=True)))
    assert (effects.append, effects.ask, node.replica.lacks) == ((), (), {})
    assert node.handle(Heard(PHONE, phone.replica.have(PHONE, asks=False))).ask == ()
    later = one_run(MESH.control_chain(MESH.laptop, [with_rank(request("new"), 12)]), "laptop")
    phone.handle(Heard("x", Push((later,))))
    ((_, want),) = node.handle(Heard(PHONE, phone.replica.have(PHONE, asks=False))).ask
    assert [span.chain for span in want.spans] == [later.chain]
    assert node.handle(Heard(PHONE, Push((later,), answer=True))).judged


def test_whoever_was_let_in_by_a_closed_admin_is_outside_as_well() -> None:
    """An admission that no longer counts has no close of its own, and is not live either."""
    node = Node(MESH.mac)
    chain = MESH.control_chain(MESH.laptop, [with_rank(request("friend"), 12)])
    node.handle(Heard(LAPTOP, Push((one_run(chain, "laptop"),))))
    friend = device_text(chain[-1].digest)
    assert not node.replica.outside(friend)
    close(node, MESH.laptop, chain[0])
    assert node.replica.outside(friend)
    assert node.replica.outside(LAPTOP)
    assert node.restarted().outside(friend)


def test_a_closed_device_says_nothing_more() -> None:
    """It hears of the close from a guest's exchange, and from then on is refused by itself; nothing changes."""
    phone = Node(MESH.phone)
    phone.say()
    before = phone.knows()
    node = closed()
    news = [placed for placed in node.log.values() if placed.lane is Lane.CONTROL]
    assert phone.handle(Heard(GUEST + "mac", Push(runs(news)))).judged
    with pytest.raises(NotGranted, match="taken out"):
        phone.say()
    assert before <= phone.knows()


def test_what_was_taken_out_leaves_room_for_others() -> None:
    """A closed admin may fill half of what control may take; who is live has the rest."""
    node = Node(MESH.mac)
    close(node, MESH.laptop)
    node.replica.control_bytes = CONTROL_BYTES_MAX // 2 + 1
    flood: list[Admit] = [with_rank(request("flood"), 12)]
    effects = node.handle(Heard(GUEST, Push((one_run(MESH.control_chain(MESH.laptop, flood), "laptop"),))))
    assert (effects.append, len(effects.alarms)) == ((), 1)
    more = one_run(MESH.control_chain(MESH.recovery, flood), "recovery")
    assert node.handle(Heard(GUEST, Push((more,)))).judged


def test_a_guest_makes_nobody_search() -> None:
    """The tips that a guest names are looked up nowhere: it is asked for nothing."""
    node = Node(MESH.mac)
    have = Node(MESH.laptop, MESH.founding).replica.have("mac", asks=True)
    strange = {Digest(bytes([n]) * 32): heads for n, heads in enumerate(have.control.values())}
    have = type(have)(strange, {}, have.state, have.verdict, asks=True)
    assert node.replica.unsure(have, GUEST) == ()
    assert node.replica.unsure(have, LAPTOP)
