"""Families of nodes, what a replica remembers, and what others say to it; for the tests of the replica."""

from __future__ import annotations

from mesh.events.kinds import Born
from mesh.sync.inputs import Heard
from mesh.sync.messages import Have, Push
from tests.unit.small_mesh import MESH, fixed, one_run
from tests.unit.sync.small_net import ENTROPY_BYTES, Net, Node

WRITTEN = MESH.written(MESH.phone, 4)
RUN = one_run(WRITTEN, "phone")


ENTROPY = fixed(ENTROPY_BYTES, "test")
BIRTH = Born({}, "", bytes(16))


def family() -> Net:
    """Mac, laptop and phone, each with the control log."""
    return Net(mac=Node(MESH.mac), laptop=Node(MESH.laptop), phone=Node(MESH.phone))


def snapshot(node: Node) -> object:
    """Everything that a replica remembers, as values."""
    replica = node.replica
    chains = {
        name: (c.admission, c.lane, c.key, dict(c.tips), c.trail.heads())
        for name, c in sorted(replica.chains.chains.items())
    }
    pulls = {
        peer: (list(p.targets), list(p.bodies), dict(p.cursors), p.asked, p.asked_bodies, p.idle)
        for peer, p in replica.pulls.under_way.items()
    }
    sets = (set(replica.met), set(replica.pulls.skipped), dict(replica.voices), dict(replica.missing))
    facts = (replica.heard, replica.control_bytes, replica.verdict_digest, replica.own_rank, dict(replica.statements))
    return chains, pulls, sets, facts, dict(node.log)


def synced(net: Net) -> bool:
    """Whether all nodes hold the same events and judge alike."""
    first, *others = net.nodes.values()
    return all(node.knows() == first.knows() and node.replica.verdict == first.replica.verdict for node in others)


def have_of(*names: str) -> Have:
    """A Have of somebody who holds these chains of the phone."""
    node = Node(MESH.mac)
    for name in names:
        node.handle(Heard("phone", Push((one_run(MESH.written(MESH.phone, 3, name), "phone"),))))
    return node.replica.have("any", asks=False)
