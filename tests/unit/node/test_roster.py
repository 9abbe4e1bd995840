"""The roster is the live devices of the verdict: nobody who was taken out, and never more than can be linked."""

from __future__ import annotations

from dataclasses import replace

from mesh.events.verdict import Admission, Cut, Verdict
from mesh.limits import PEERS_MAX, RANK_RELAY
from mesh.names import Digest, device_text
from mesh.node.roster import roster
from tests.unit.small_mesh import MESH, fixed


def nowhere(_: Digest) -> tuple[str, ...]:
    """No address is known."""
    return ()


def closed(verdict: Verdict, admission: Digest) -> Verdict:
    """The same, with one device closed."""
    return replace(verdict, closes={admission: {Cut(1, MESH.id, ())}})


def test_the_live_devices_without_this_one() -> None:
    """Each with its keys and addresses, seniors first."""
    found = roster(MESH.verdict, MESH.mac.admission, lambda digest: (f"{device_text(digest)}:1",))
    assert [peer.name for peer in found] == ["laptop", "phone"]
    assert found[0].addresses == (f"{device_text(MESH.laptop.admission)}:1",)
    assert found[0].transport_key == MESH.verdict.admissions[MESH.laptop.admission].transport_key
    assert not any(peer.only_visited for peer in found)


def test_a_closed_device_is_in_nobodys_roster_and_only_visits() -> None:
    """The others do not name it; its own names them, to be visited and never let in."""
    verdict = closed(MESH.verdict, MESH.phone.admission)
    assert [peer.name for peer in roster(verdict, MESH.mac.admission, nowhere)] == ["laptop"]
    own = roster(verdict, MESH.phone.admission, nowhere)
    assert [(peer.name, peer.only_visited) for peer in own] == [("mac", True), ("laptop", True)]


def test_attack_a_crowd_leaves_the_roster_renewable() -> None:
    """A thief with an admin's key lets in thousands: the senior devices stay, and the roster is one that is taken."""
    verdict = MESH.verdict
    crowd = [Digest(fixed(32, "crowd", n)) for n in range(3000)]
    verdict.admissions |= {name: Admission(name, RANK_RELAY, "crowd", b"", b"") for name in crowd}
    found = roster(verdict, MESH.mac.admission, nowhere)
    assert len(found) == PEERS_MAX
    assert [peer.name for peer in found[:2]] == ["laptop", "phone"]


def test_nobody_calls_a_device_in_a_browser() -> None:
    """Its wrapping key says that it is one; whatever address anybody tells of it is no place to call."""
    verdict = MESH.verdict
    phone = verdict.admissions[MESH.phone.admission]
    in_browser = replace(phone, kem_key=bytes(65))
    verdict = replace(verdict, admissions={**verdict.admissions, phone.digest: in_browser})
    found = {peer.name: peer for peer in roster(verdict, MESH.mac.admission, lambda _: ("192.0.2.1:1",))}
    assert (found["phone"].in_browser, found["phone"].addresses) == (True, ())
    assert (found["laptop"].in_browser, found["laptop"].addresses) == (False, ("192.0.2.1:1",))
