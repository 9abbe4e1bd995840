"""Somebody else answers under the page's name, with a certificate that the browser accepts: the phone is not taken in.

Neither a server that says to be the Mac, nor the agent of another mesh, nor a device that was closed gets a note; and
none of them can make the phone forget one.
"""

from __future__ import annotations

from tests.phone.between import Between, Claim, Target, between, leads_to
from tests.phone.conftest import MakePhone, two_ports
from tests.phone.phones import Phone, in_step
from tests.phone.sending import wake
from tests.system.harness import Device, Fleet, wait

SAFE = "The number of the safe"
QUESTIONS = {"hello", "who", "bye"}  # which say nothing
CONTROL = {"have", "want"}  # as with a guest: tips and statements of the control lane, which are no secret
OTHER_HOST = "127.0.0.3"
REFUSED_S = 90.0


def woken(phone: Phone, impostor: Between) -> bool:
    """Wake the service worker; whether it has sent what waits."""
    wake(phone)
    return "/api/ev" in impostor.given


def approved_on(phone: Phone, mac: Device, *act: str) -> None:
    """Do what a person confirms on the phone."""
    asked = mac.mesh("--json", "--yes", *act)
    assert asked.error["class"] == "NeedsApproval", asked
    phone.go("questions", "Questions & approvals")
    phone.press("Approve")
    phone.sees("Approved, and signed by this phone")
    phone.idle()
    in_step(mac, phone.name)
    mac.done("--yes", *act, "--approved", str(asked.error["approval"]))


def test_whoever_claims_to_be_the_mac_and_cannot_prove_it_gets_nothing(fleet: Fleet, new_phone: MakePhone) -> None:
    """It says yes to everything. The phone says who it is not, keeps what waits, and brings it to the real one."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    device = str(mac.status()["device"]["id"])  # type: ignore[index]
    with between(phone, Claim(device)) as impostor:
        phone.capture(SAFE)
        phone.go("devices", "Devices & trust")
        phone.sees("says to be alder and cannot prove it")
        phone.sees("1 item waits")
        assert "Connected" not in phone.status
        phone.browser.wait("the service worker sends it", lambda: woken(phone, impostor))
        phone.open("devices")  # it was told there that all is held
        phone.sees("1 item waits")
        assert "who" in impostor.given
        assert {verb for verb in impostor.given if "/" not in verb} <= QUESTIONS, impostor.given
        assert not [path for path, body in impostor.given.items() if SAFE.encode() in body]
        impostor.to = Target(phone.origin)
        phone.idle()
        assert SAFE in mac.titles()
        in_step(mac, "handset")


def test_an_agent_of_another_mesh_deletes_nothing_by_its_word(fleet: Fleet, new_phone: MakePhone) -> None:
    """It lets the phone in no more than a node that forgot it. Unsent notes stay; the next honest node has them."""
    (mac,) = fleet.joined(1)
    mac.start()
    (stranger,) = fleet.founded_anew(1, "strange-")
    stranger.start(MESH_PHONE_PORT=str(two_ports()))
    theirs = new_phone("theirs")
    theirs.pair(stranger)
    phone = new_phone()
    phone.pair(mac)
    phone.capture("Sent before")
    wait("it is on the Mac", lambda: "Sent before" in mac.titles(), (mac,))
    in_step(mac, "handset")
    phone.idle()
    with between(phone, Target(theirs.origin)) as way:
        phone.capture(SAFE)
        phone.sees("says that this phone is no member of its mesh", deadline_s=REFUSED_S)
        phone.sees("Nothing was deleted here")
        phone.sees("1 item waits")
        assert "Not accepted" in phone.status
        phone.browser.close()
        phone.again()
        phone.sees(SAFE)
        phone.sees("Sent before")
        phone.capture("Written after that")
        phone.sees("2 items wait")
        assert stranger.titles() == set()
        way.to = Target(phone.origin)
        phone.open()  # else it tries again after minutes
        phone.idle(REFUSED_S)
        assert {SAFE, "Sent before", "Written after that"} <= mac.titles()
        in_step(mac, "handset")


def test_a_device_that_was_closed_gets_nothing_and_hears_why(fleet: Fleet, new_phone: MakePhone) -> None:
    """It does not know yet that it is out, and serves the page by a certificate that is good for days."""
    mac, old = fleet.joined(2)
    old.host = OTHER_HOST
    mac.start()
    old.start()
    fleet.link(old, mac)
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    fleet.converged(mac, old)
    wait("the other one serves the page", lambda: [one for one in old.logged() if one["what"] == "door.open"], (old,))
    old.stop()
    approved_on(phone, mac, "lost", old.name)
    phone.go("devices", "Devices & trust")
    phone.sees("removed by alder")
    mac.stop()
    old.start()
    leads_to(phone, OTHER_HOST)
    phone.capture(SAFE)
    wait("it hears that it is out", lambda: old.status()["device"]["taken_out"], (old,))  # type: ignore[index]
    phone.browser.wait("it answers no more", lambda: phone.status.startswith("Offline"))
    phone.sees("1 item waits")
    assert SAFE not in old.titles_now()
    device = str(old.status()["device"]["id"])  # type: ignore[index]
    old.stop()
    with between(phone, Claim(device)) as impostor:  # and one who goes on, though it knows
        phone.go("devices", "Devices & trust")
        phone.sees("birch was taken out of the mesh, and answers at the door")
        assert "Connected" not in phone.status
        phone.sees("1 item waits for alder")
        assert {verb for verb in impostor.given if "/" not in verb} <= {*QUESTIONS, *CONTROL}, impostor.given
        impostor.to = Target(phone.origin)
        mac.start()
        phone.open()  # whoever answered until now hung up on nobody
        phone.idle()
        assert SAFE in mac.titles()
        in_step(mac, "handset")
