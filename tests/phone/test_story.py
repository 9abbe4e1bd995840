"""The story that must be true: a note written on the phone in flight mode yesterday is in this morning's briefing.

The phone is a browser in a network of its own, and flight mode is that network's line going down. The Mac lives a day
later than the phone does, so what the phone writes was written yesterday.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.phone.conftest import MakePhone
from tests.phone.phones import Phone, in_step
from tests.system.harness import Device, Fleet
from tests.system.networks import Network, network

TOMORROW = "+1d"
CLOCK_HEARD_S = 120.0

pytestmark = pytest.mark.skipif(
    shutil.which("ip") is None or shutil.which("faketime") is None, reason="ip and faketime are needed"
)


@pytest.fixture
def lan() -> Iterator[Network]:
    """A network at home."""
    with network() as made:
        yield made


def test_the_phone_note_of_yesterday_is_in_the_briefing_of_this_morning(
    fleet: Fleet, new_phone: MakePhone, lan: Network
) -> None:
    """Written in flight mode, with the app started cold; the next morning it is in `mesh brief`, and `why` says why."""
    (mac,) = fleet.joined(1)
    mac.within, mac.host = lan.place()
    mac.start()
    within, address = lan.place()
    phone = new_phone("handset", within=within)
    phone.pair(mac, mac.host)
    phone.idle()
    _evening(phone, lan, address)
    _morning(mac, phone, lan, address)


def _evening(phone: Phone, lan: Network, address: str) -> None:
    lan.unplug(address)
    phone.sees("Offline")
    phone.browser.close()
    phone.again()  # the plane's captain does not wait for a browser that was still open
    phone.capture("Ask for the window seat on the way back")
    phone.sees("1 item waits")
    assert "Offline" in phone.status


def _morning(mac: Device, phone: Phone, lan: Network, address: str) -> None:
    mac.stop()
    wrapped = list(mac.within)
    mac.within = [*wrapped, "faketime", "-f", TOMORROW]
    mac.start()
    mac.within = wrapped
    lan.plug(address)
    phone.idle(CLOCK_HEARD_S)
    in_step(mac, "handset")
    brief = mac.done("brief")
    notes = brief["notes"]
    assert isinstance(notes, list), brief
    (note,) = [one for one in notes if one["title"] == "Ask for the window seat on the way back"]
    why = mac.done("why", str(note["document"]))
    assert why["state"] in {"everywhere", "underway"}, why
    shown = mac.call("note.show", document=note["document"])
    assert shown["updated"]["name"] == "handset"  # type: ignore[index]
    assert mac.status()["refused"] == 0
