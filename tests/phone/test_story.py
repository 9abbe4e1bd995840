"""The story that must be true: a note written on the phone in flight mode yesterday is in this morning's briefing.

The phone is a browser in a network of its own, and flight mode is that network's line going down. On the evening before
the clocks of both devices are a day back; in the morning both are started anew, and tell the time of the machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.phone.browsers import shifted
from tests.phone.conftest import MakePhone
from tests.phone.phones import Phone, in_step
from tests.system.harness import Device, Fleet
from tests.system.networks import Network, network

WISH = "Ask for the window seat on the way back"
YESTERDAY = "-1d"
MORNING_S = 120.0

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
    mac.start(**shifted(YESTERDAY))
    within, address = lan.place()
    phone = new_phone("handset", within=within)
    phone.browser.clock = YESTERDAY
    phone.pair(mac, mac.host)
    phone.idle()
    _evening(phone, lan, address)
    mac.stop()
    mac.start()
    _morning(mac, phone, lan, address)


def _evening(phone: Phone, lan: Network, address: str) -> None:
    lan.unplug(address)
    phone.sees("Offline")
    phone.browser.close()
    phone.again()  # whoever sits in a plane opens the app anew
    phone.capture(WISH)
    phone.sees("1 item waits")
    assert "Connected" not in phone.status
    phone.browser.close()


def _morning(mac: Device, phone: Phone, lan: Network, address: str) -> None:
    phone.browser.clock = ""
    lan.plug(address)
    phone.again()
    phone.idle(MORNING_S)
    in_step(mac, "handset")
    notes = mac.done("brief")["notes"]
    assert isinstance(notes, list), notes
    (note,) = [one for one in notes if one["title"] == WISH]
    written = datetime.fromtimestamp(note["updated"]["at"] / 1000, UTC)
    assert timedelta(hours=20) < datetime.now(UTC) - written < timedelta(hours=28)
    assert WISH in mac.mesh("brief").out
    why = mac.done("why", str(note["document"]))
    assert why["state"] in {"everywhere", "underway"}, why
    shown = mac.call("note.show", document=note["document"])
    assert shown["updated"]["name"] == "handset"  # type: ignore[index]
    assert mac.status()["refused"] == 0
