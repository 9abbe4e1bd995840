"""The service worker in Chromium: it sends what waits while no page is open, and catches what other apps share."""

from __future__ import annotations

import base64
import random
from typing import Any

from tests.phone.conftest import MakePhone
from tests.phone.phones import Phone, in_step
from tests.system.harness import Fleet, wait

REGISTRATIONS_MAX = 20
SENT_S = 60.0
SHARE = """
    const [words, file] = arguments;
    const form = new FormData();
    form.set("title", "From another app");
    form.set("text", words);
    form.set("url", "https://example.test/page");
    const bytes = Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0));
    form.append("files", new File([bytes], "photo.jpg", { type: "image/jpeg" }));
    const answer = await fetch("/share", { method: "POST", body: form });
    return new URL(answer.url).pathname;
"""
CACHED = """
    const names = await caches.keys();
    const cache = await caches.open(names[0]);
    return [names.length, (await cache.keys()).map(({ url }) => new URL(url).pathname)];
"""


def wake(phone: Phone) -> None:
    """Have the browser tell the service worker that there is a network, as it does by itself at a time of its own."""
    phone.browser.command("ServiceWorker.enable")
    for number in range(REGISTRATIONS_MAX):
        told = {"registrationId": str(number), "tag": "mesh", "lastChance": False}
        phone.browser.command("ServiceWorker.dispatchSyncEvent", origin=phone.origin, **told)


def test_what_waits_is_sent_while_no_page_is_open(fleet: Fleet, new_phone: MakePhone) -> None:
    """Written with no node in reach; the page is gone; the Mac comes back, and has it before the page is opened."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    mac.stop()
    phone.capture("While nobody was there")
    phone.sees("1 item waits")
    phone.browser.driver.get("about:blank")
    mac.start()

    def sent() -> bool:
        wake(phone)  # as often as it takes until the door is open: a browser tries again too, after minutes
        return "While nobody was there" in mac.titles()

    wait("the note on the Mac", sent, (mac,), SENT_S)
    assert phone.browser.driver.current_url == "about:blank"
    phone.open()
    phone.idle()
    in_step(mac, "handset")


def test_what_other_apps_share_lands_in_the_inbox(fleet: Fleet, new_phone: MakePhone) -> None:
    """Without a node in reach words become a note and a file a drop; both are on the Mac afterwards, byte for byte."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    mac.stop()
    photo = random.Random(11).randbytes(300_000)
    words = "Look at this 🛶"
    assert phone.browser.run(SHARE, words, base64.b64encode(photo).decode()) == "/"
    phone.open()
    phone.sees("From another app")
    phone.sees("photo.jpg")
    mac.start()
    phone.idle()
    (note,) = [one for one in mac.call("note.list")["notes"] if one["title"] == "From another app"]  # type: ignore[attr-defined]
    assert mac.call("note.show", document=note["document"])["body"] == f"{words}\n\nhttps://example.test/page"
    drops: Any = mac.call("drop.list")["drops"]
    (drop,) = drops
    wait("the file on the Mac", lambda: mac.call("drop.status", id=drop["document"])["state"] == "here", (mac,), SENT_S)
    put = mac.call("drop.get", id=drop["document"], into=str(phone.browser.folder))
    assert (phone.browser.folder / "photo.jpg").read_bytes() == photo, put


def test_the_page_lies_in_one_cache_and_nothing_of_a_node_does(fleet: Fleet, new_phone: MakePhone) -> None:
    """All that the page consists of, and no answer of a node."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    count, paths = phone.browser.run(CACHED)
    assert count == 1
    assert "/" in paths
    assert any(path.endswith(".wasm") for path in paths)
    assert not [path for path in paths if path.startswith("/api/") or path in {"/who", "/nats"}]
