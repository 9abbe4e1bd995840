"""The main way of a phone in WebKitGTK, the engine that iPhones have a relative of.

Its small browser keeps nothing after it was closed, so it is reloaded instead.
"""

from __future__ import annotations

import os

import pytest

from tests.phone.browsers import WebKit
from tests.phone.conftest import MakePhone
from tests.phone.phones import in_step
from tests.system.harness import Fleet


@pytest.mark.skipif(os.geteuid() != 0, reason="names and authorities are mounted for it, which needs root")
def test_the_main_way_in_webkit(fleet: Fleet, new_phone: MakePhone) -> None:
    """Let in, both write, every node off, the page loaded anew, written on, and the same on both in the end."""
    (mac,) = fleet.joined(1)
    mac.start()
    mac.note("On the Mac", "since before")
    phone = new_phone("slate", WebKit)
    phone.pair(mac)
    phone.go("notes", "Notes")
    phone.sees("On the Mac")
    phone.go("inbox", "Inbox")
    phone.capture("With the Mac in reach")
    phone.idle()
    mac.stop()
    phone.open()
    phone.capture("Without anybody")
    phone.sees("1 item waits")
    mac.start()
    phone.idle()
    assert {"With the Mac in reach", "Without anybody"} <= mac.titles()
    in_step(mac, "slate")
