"""Files between a phone in Chromium and a Mac without the link: brought by the service worker, and played in parts."""

from __future__ import annotations

import math
import random
import struct
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.phone.conftest import MakePhone, Paired
from tests.phone.phones import in_step
from tests.phone.sending import SENT_S, away, got, is_here, sent_meanwhile
from tests.system.harness import Device, wait

RATE = 8000
SOUND_S = 400
FAR_S = 390
COUNTED = """
    const request = indexedDB.open("mesh");
    const database = await new Promise((done, failed) => {
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
    const named = IDBKeyRange.bound(given[1], given[1] + "\\uffff");
    const counted = database.transaction(given[0]).objectStore(given[0]).count(named);
    return new Promise((done) => (counted.onsuccess = () => { database.close(); done(counted.result); }));
"""
RANGE = """
    const answer = await fetch(document.querySelector("audio").src, { headers: { Range: given[0] } });
    return [answer.status, answer.headers.get("Content-Range"), [...new Uint8Array(await answer.arrayBuffer())]];
"""
SEEK = "document.querySelector('audio').currentTime = arguments[0]"
SOUND = """
    const { currentTime, duration, error, readyState, seeking } = document.querySelector("audio") ?? {};
    return { at: currentTime ?? 0, duration: duration || 0, ready: !seeking && readyState >= 2, error: error?.message };
"""
PUSHED = """
    const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
    const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
      .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const keys = { p256dh: text(await crypto.subtle.exportKey("raw", pair.publicKey)), auth: text(new Uint8Array(16)) };
    let held = null;
    const made = (asked) => ({
      toJSON: () => ({ endpoint: "https://push.example.org/of/" + asked.applicationServerKey.length, keys }),
      unsubscribe: async () => ((held = null), true),
    });
    PushManager.prototype.subscribe = async (asked) => (held = made(asked));
    PushManager.prototype.getSubscription = async () => held;
"""


def sound() -> bytes:
    """A sound of some minutes as WAV: long enough that nobody fetches all of it to play its end."""
    data = bytes(128 + int(90 * math.sin(at / 9)) for at in range(RATE)) * SOUND_S
    format_of = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE, 1, 8)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
        + format_of
        + struct.pack("<4sI", b"data", len(data))
        + data
    )


def is_woken(mac: Device) -> bool:
    """Whether the Mac has where to wake the phone."""
    phones: Any = mac.call("phone.list")["phones"]
    return [bool(phone["woken"]) for phone in phones] == [True]


def test_a_photo_arrives_while_no_page_is_open(paired: Paired) -> None:
    """Taken in flight mode, the page is gone right after; the Mac comes back, and has all bytes before a page opens."""
    mac, phone = paired
    mac.stop()
    photo = random.Random(12).randbytes(900_000)
    phone.pastes("photo.jpg", "image/jpeg", photo)
    away(phone)
    mac.start()
    sent_meanwhile(phone, mac, "the photo on the Mac", lambda: is_here(mac, "photo.jpg"))
    assert got(mac, "photo.jpg", phone.browser.folder / "on the Mac") == photo
    phone.open()
    phone.idle()
    in_step(mac, "handset")
    phone.browser.wait("that nothing lies ready any more", lambda: phone.browser.run(COUNTED, "kv", "outgoing/") == 0)


def test_a_sound_plays_from_where_a_person_wants(mac: Device, new_phone: MakePhone, tmp_path: Path) -> None:
    """A sound on the Mac plays near its end without being here; kept on the phone, it plays without the Mac."""
    memo = tmp_path / "memo.wav"
    memo.write_bytes(sound())
    document = str(mac.call("drop.add", path=str(memo))["document"])
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    phone.go(f"drop/{quote(document, safe='')}", "memo.wav")

    def sound_now() -> dict[str, Any]:
        found: dict[str, Any] = phone.browser.run(SOUND)
        assert not found.get("error"), found
        return found

    phone.browser.wait("the length of the sound", lambda: abs(sound_now()["duration"] - SOUND_S) < 1)
    phone.browser.driver.execute_script(SEEK, FAR_S)
    phone.browser.wait("its end", lambda: sound_now()["ready"] and sound_now()["at"] >= FAR_S)
    held = memo.read_bytes()
    status, told, part = phone.browser.run(RANGE, "bytes=3000000-3000099")
    assert (status, told, bytes(part)) == (206, f"bytes 3000000-3000099/{len(held)}", held[3_000_000:3_000_100])
    assert phone.browser.run(COUNTED, "files", "") == 0
    phone.press("Keep it on this phone")
    phone.sees("Open or share")
    assert phone.browser.run(COUNTED, "files", "") > 0


def test_waking_is_switched_on_and_off_by_the_person(paired: Paired) -> None:
    """Off on the Mac, the page says so; on, the phone's signed word arrives there, and so does that it wants no more.

    The browser's own subscription takes internet; what it would give stands in its place, all else is real.
    """
    mac, phone = paired
    phone.browser.command("Browser.grantPermissions", origin=phone.origin, permissions=["notifications"])
    phone.browser.run(PUSHED)
    phone.go("settings", "Settings")
    phone.press("Wake this phone")
    phone.sees("this device wakes no phones")
    phone.sees("mesh phone serve --push")
    mac.call("phone.serve", push=True)
    phone.press("Wake this phone")
    phone.sees("This phone is woken")
    assert is_woken(mac)
    phone.press("Wake it no more")
    phone.browser.wait("the button to switch it on", lambda: "Wake it no more" not in phone.browser.text())
    wait("that the Mac knows", lambda: not is_woken(mac), (mac,), SENT_S)
