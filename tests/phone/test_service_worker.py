"""The service worker in Chromium: it sends what waits while no page is open, and catches what other apps share."""

from __future__ import annotations

import base64
import random

from tests.phone.conftest import Paired
from tests.phone.phones import in_step
from tests.phone.sending import away, got, sent_meanwhile

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


def test_what_waits_is_sent_while_no_page_is_open(paired: Paired) -> None:
    """Written with no node in reach; the page is gone; the Mac comes back, and has it before the page is opened."""
    mac, phone = paired
    mac.stop()
    phone.capture("While nobody was there")
    phone.sees("1 item waits")
    away(phone)
    mac.start()
    sent_meanwhile(phone, mac, "the note on the Mac", lambda: "While nobody was there" in mac.titles())
    phone.open()
    phone.idle()
    in_step(mac, "handset")


def test_what_other_apps_share_lands_in_the_inbox(paired: Paired) -> None:
    """Without a node in reach words become a note and a file a drop; both are on the Mac afterwards, byte for byte."""
    mac, phone = paired
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
    assert got(mac, "photo.jpg", phone.browser.folder / "on the Mac") == photo


def test_the_page_lies_in_one_cache_and_nothing_of_a_node_does(paired: Paired) -> None:
    """All that the page consists of, and no answer of a node."""
    _, phone = paired
    count, paths = phone.browser.run(CACHED)
    assert count == 1
    assert "/" in paths
    assert any(path.endswith(".wasm") for path in paths)
    assert not [path for path in paths if path.startswith("/api/") or path in {"/who", "/nats"}]
