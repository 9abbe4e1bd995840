"""Files both ways: a photo and a voice memo to the Mac, a file from the Mac opened on the phone, byte for byte."""

from __future__ import annotations

import random
import re
from pathlib import Path

from tests.phone.conftest import MakePhone
from tests.phone.phones import Phone, in_step
from tests.phone.sending import got
from tests.system.harness import Fleet

SEED = 5
MEMO_S = 2
CONTAINERS = {b"\x1a\x45\xdf\xa3": 0, b"ftyp": 4, b"OggS": 0}  # how WebM, MP4 and Ogg begin, and where
DOWNLOADS = "downloads"

_PLAYED = """
    const sound = document.querySelector("audio");
    return new Promise((done) => {
      const told = () => done(sound.readyState);
      sound.addEventListener("loadedmetadata", told);
      sound.addEventListener("error", () => done(-1));
      if (sound.readyState) told();
    });
"""


def chosen(phone: Phone, tool: str, file: Path) -> None:
    """Press a tool that asks for files, and choose this one."""
    phone.browser.command("Page.setInterceptFileChooserDialog", enabled=True)  # else it is cancelled at once
    phone.press(tool)
    asking = "[...document.querySelectorAll('[type=file]')].at(-1)"
    phone.browser.wait("a chooser", lambda: phone.browser.driver.execute_script(f"return {asking}"))
    found = phone.browser.command("Runtime.evaluate", expression=asking)["result"]["objectId"]
    phone.browser.command("DOM.setFileInputFiles", objectId=found, files=[str(file)])
    phone.sees(file.name)


def opened(phone: Phone, name: str) -> bytes:
    """Open a file in the inbox, and hand it to another app: here that saves it."""
    folder = phone.browser.folder / DOWNLOADS
    folder.mkdir(exist_ok=True)
    phone.browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    phone.go("inbox", "Inbox")
    phone.sees(name)
    entry = f"[...document.querySelectorAll('main a')].find((one) => one.innerText.includes({name!r})).click()"
    phone.browser.driver.execute_script(entry)
    phone.press("Open or share")
    saved = folder / name
    phone.browser.wait(f"{name} is saved", saved.exists)
    return saved.read_bytes()


def test_a_photo_goes_to_the_mac_and_a_file_to_the_phone(fleet: Fleet, new_phone: MakePhone, tmp_path: Path) -> None:
    """Chosen as a person does; what comes out at the other side is the same to the last byte."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    lots = random.Random(SEED)
    photo, plan = tmp_path / "boat.jpg", tmp_path / "plan of the house.bin"
    photo.write_bytes(lots.randbytes(1_300_000))
    plan.write_bytes(lots.randbytes(700_000))
    chosen(phone, "Photo", photo)
    phone.idle()
    assert got(mac, photo.name, tmp_path / "mac") == photo.read_bytes()
    mac.done("drop", "add", str(plan))
    assert opened(phone, plan.name) == plan.read_bytes()
    in_step(mac, "handset")


def test_a_file_of_the_mac_is_there_when_the_mac_is_not(fleet: Fleet, new_phone: MakePhone, tmp_path: Path) -> None:
    """One that was opened once stays; one that was never fetched says where it is, and comes when the Mac is back."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    lots = random.Random(SEED)
    read, unread = tmp_path / "read.bin", tmp_path / "film.bin"
    read.write_bytes(lots.randbytes(300_000))
    mac.done("drop", "add", str(read))
    assert opened(phone, read.name) == read.read_bytes()
    (phone.browser.folder / DOWNLOADS / read.name).unlink()
    mac.stop()
    phone.browser.wait("it is offline", lambda: "Connected" not in phone.status)
    assert opened(phone, read.name) == read.read_bytes()
    mac.start()
    unread.write_bytes(lots.randbytes(200_000))
    mac.done("drop", "add", str(unread))
    assert opened(phone, unread.name) == unread.read_bytes()


def test_a_voice_memo_is_recorded_and_heard_on_the_mac(fleet: Fleet, new_phone: MakePhone, tmp_path: Path) -> None:
    """From the browser's microphone: the Mac has a whole recording, and the phone plays the same bytes."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.press("Voice memo")
    recorded = re.compile(rf"Recording (?!0:0[0-{MEMO_S - 1}])")
    phone.browser.wait("two seconds of it", lambda: recorded.search(phone.browser.text()))
    phone.press("Stop and save")
    phone.sees("Voice memo saved")
    memos = phone.browser.wait("the memo", lambda: [one for one in phone.captured() if one.startswith("Voice")])
    (name,) = memos
    phone.idle()
    memo = got(mac, name, tmp_path / "mac")
    assert any(memo[at : at + len(begin)] == begin for begin, at in CONTAINERS.items()), memo[:16]
    assert opened(phone, name) == memo
    assert phone.browser.run(_PLAYED) >= 1, "what it is, was read from it"
    in_step(mac, "handset")
