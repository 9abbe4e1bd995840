"""The main way of a phone, in Chromium: let in, written on, without a network, killed, and together again."""

from __future__ import annotations

from tests.phone.conftest import MakePhone, Paired
from tests.phone.phones import in_step
from tests.system.harness import Device

WITHOUT_THE_REST = """
    const [name] = await caches.keys();
    const cache = await caches.open(name);
    const rest = (await cache.keys()).filter(({ url }) => /\\/(later|others)-/.test(url));
    return (await Promise.all(rest.map((one) => cache.delete(one)))).filter(Boolean).length;
"""


def test_a_phone_comes_in_and_both_write(mac: Device, new_phone: MakePhone) -> None:
    """What is on the Mac is read on the phone, and what is captured on the phone is on the Mac, byte for byte."""
    mac.note("Groceries", "Bread, salt, and the blue cheese")
    phone = new_phone()
    phone.pair(mac)
    phone.go("notes", "Notes")
    phone.sees("Groceries")
    phone.go("inbox", "Inbox")
    phone.capture("Ring Ada about the boat 🛶\nBefore Friday.")
    phone.idle()
    (note,) = [one for one in mac.call("note.list")["notes"] if one["title"].startswith("Ring")]  # type: ignore[attr-defined]
    shown = mac.call("note.show", document=note["document"])
    assert (shown["title"], shown["body"]) == ("Ring Ada about the boat 🛶", "Before Friday.")
    assert shown["updated"]["name"] == "handset"  # type: ignore[index]
    in_step(mac, "handset")


def test_everything_works_with_no_node_in_reach(mac: Device, new_phone: MakePhone) -> None:
    """With every node off: the page loads anew, starts cold, and takes what is written; on return all is on both."""
    mac.note("On the Mac", "since before")
    phone = new_phone()
    phone.pair(mac)
    phone.go("notes", "Notes")
    phone.sees("On the Mac")
    mac.stop()
    phone.open()
    phone.capture("Without anybody")
    phone.sees("1 item waits")
    phone.browser.close()
    phone.again()
    phone.sees("Without anybody")
    phone.capture("And after a cold start")
    phone.sees("2 items wait")
    mac.start()
    phone.idle()
    assert {"Without anybody", "And after a cold start"} <= mac.titles()
    in_step(mac, "handset")


def test_a_start_needs_no_more_than_its_own_scripts(paired: Paired) -> None:
    """Without the others a page starts cold and captures; it says what is missing, and has it when a node is back."""
    mac, phone = paired
    assert phone.browser.run(WITHOUT_THE_REST) == 2
    phone.browser.command("Network.enable")
    phone.browser.command("Network.clearBrowserCache")
    mac.stop()
    phone.browser.close()
    phone.again()
    phone.capture("With what a start loads")
    phone.go("notes", "Notes")
    phone.sees("With what a start loads")
    phone.browser.driver.execute_script("location.hash = '#/tasks'")
    phone.sees("a part of this app is not here")
    mac.start()
    phone.idle()
    phone.press("Try again")
    phone.browser.wait("the tasks", lambda: phone.headings() == ["Tasks"])
    assert "With what a start loads" in mac.titles()


def test_what_is_saved_is_counted_at_once(paired: Paired) -> None:
    """Whoever sees that a thought is saved sees no older count of what waits beside it."""
    mac, phone = paired
    mac.stop()
    phone.browser.wait("it is offline", lambda: "Connected" not in phone.status)
    told = phone.captures([f"Thought {number}" for number in range(8)])
    assert told == ["1 item waits", *(f"{count} items wait" for count in range(2, 9))]


def test_what_was_acknowledged_survives_a_kill_of_the_browser(paired: Paired) -> None:
    """Kill -9 of the whole browser the moment the page says that it is saved, five times: nothing is missing."""
    mac, phone = paired
    mac.stop()
    thoughts = [f"Thought {number}" for number in range(5)]
    for thought in thoughts:
        phone.capture(thought)
        phone.browser.kill()
        phone.again()
        phone.sees(thought)
    mac.start()
    phone.idle()
    assert set(thoughts) <= mac.titles()
    assert len([title for title in mac.all_titles() if title in thoughts]) == len(thoughts)
    in_step(mac, "handset")
