"""Attacks by whoever runs the relay, on pure replicas and the pure gate."""

from __future__ import annotations

import random

from mesh.events.event import Inner
from mesh.events.kinds import Close
from mesh.limits import RANK_RELAY
from mesh.sync.inputs import Heard
from mesh.sync.messages import Push
from tests.attacks.catalogue import pure
from tests.attacks.ledger import Ledger, admission, newcomer, said
from tests.unit.small_mesh import MESH, NOTE, one_run
from tests.unit.sync.small_net import Net, Node


@pure(36, "other paths bring it (nothing warns that what is heard is old)")
def relay_withholds_a_close() -> str:
    """Runs the relay between two devices and hands on no control. A third device meets both now and then."""
    net = _three()
    close = said(MESH.mac, Close(MESH.phone.admission, (), "lost"))
    net.nodes["mac"].handle(Heard("person", Push((one_run(close, "mac"),))))
    laptop = net.nodes["laptop"].replica
    net.meet("mac", "relay")
    net.run()
    net.letters.clear()  # the relay is silent: nothing of it ever reaches the laptop
    assert laptop.verdict.is_live(MESH.phone.admission)
    net.meet("mac", "laptop")
    net.run()
    assert not laptop.verdict.is_live(MESH.phone.admission)
    return "the first meeting with anybody else who knows brings the close"


def _three() -> Net:
    return Net(mac=Node(MESH.mac), laptop=Node(MESH.laptop), relay=Node(MESH.phone))


@pure(37, "the devices converge")
def relay_drops_doubles_and_reorders() -> str:
    """Runs the relay. Drops half of all letters, doubles others, and hands them on in another order."""
    for seed in range(8):
        lots, net = random.Random(seed), _three()
        for name in ("mac", "laptop"):
            for _ in range(5):
                net.carry_out(name, net.nodes[name].say(2))
            net.meet(name, "relay")
        for _ in range(60):
            kept = [letter for letter in net.letters if lots.random() < 0.5 for _ in range(lots.randint(1, 2))]
            lots.shuffle(kept)
            net.letters.clear()
            net.letters.extend(kept[:50])
            net.run()
            for name in net.nodes:
                net.lose(name, "relay") if name != "relay" and lots.random() < 0.2 else None
            for name in ("mac", "laptop"):
                net.meet(name, "relay")
            net.tick()
        net.run()
        assert net.nodes["mac"].knows() == net.nodes["laptop"].knows(), seed
    return "8 seeds: both hold the same in the end"


@pure(38, "nothing is lost: the devices bring it again")
def relay_loses_everything() -> str:
    """Runs the relay, and empties it in the middle."""
    net = _three()
    for name in ("mac", "laptop"):
        net.carry_out(name, net.nodes[name].say(3))
        net.meet(name, "relay")
    net.run()
    whole = net.nodes["mac"].knows()
    for name in ("mac", "laptop"):
        net.lose(name, "relay")
    net.nodes["relay"] = Node(MESH.phone)
    for name in ("mac", "laptop"):
        net.meet(name, "relay")
    net.run()
    assert net.nodes["relay"].knows() == net.nodes["mac"].knows() == net.nodes["laptop"].knows() == whole
    return f"all {len(whole)} events came back"


@pure(76, "no epoch key is ever wrapped for it")
def relay_wants_the_keys() -> str:
    """Runs a relay and holds its keys. Is it among those that an epoch is for?"""
    chain = said(MESH.mac, newcomer("cellar", RANK_RELAY))
    verdict = Ledger(chain).verdict
    relay = admission(chain)
    assert verdict.admissions[relay].is_relay
    assert relay not in verdict.readers()
    grant = verdict.grant_for(relay, Inner(0, "born", "", NOTE))
    assert grant is None
    return "not among the readers, and without a grant"
