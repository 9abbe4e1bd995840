"""Two tabs of one phone: one writes, the other says so, and whoever takes over never makes a second chain."""

from __future__ import annotations

from tests.phone.conftest import Paired
from tests.phone.phones import in_step


def test_two_tabs_cannot_fork_the_chain(paired: Paired) -> None:
    """The second tab offers to take over; after that the first one cannot write, and all is one chain."""
    mac, phone = paired
    phone.capture("From the first tab")
    driver = phone.browser.driver
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    second = driver.current_window_handle
    phone.open()
    phone.sees("open in another tab")
    phone.press("Use it here")
    phone.capture("From the second tab")
    driver.switch_to.window(first)
    phone.sees("open in another tab")
    driver.switch_to.window(second)
    driver.close()
    driver.switch_to.window(first)
    phone.capture("From the first tab again")
    phone.idle()
    assert {"From the first tab", "From the second tab", "From the first tab again"} <= mac.titles()
    assert mac.done("forks")["forks"] == []
    in_step(mac, "handset")
