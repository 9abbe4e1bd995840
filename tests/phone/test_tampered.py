"""Bytes that somebody changed on the way: refused, counted and shown, and everything else goes on."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.phone.between import Target, between, flipped
from tests.phone.conftest import MakePhone
from tests.phone.phones import Phone, in_step
from tests.system.harness import Fleet

_MESSAGE = re.compile(rb"MSG (\S+) \d+ (?:\S+ )?(\d+)\r\n")
FROM_END = 40  # within the seal of the last event


def diagnostics(phone: Phone, folder: Path) -> dict[str, object]:
    """The file that a person saves by "Send diagnostics"."""
    folder.mkdir(exist_ok=True)
    phone.browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    phone.go("devices", "Devices & trust")
    phone.press("Send diagnostics")
    saved = phone.browser.wait("the file", lambda: [*folder.glob("mesh-diagnostics-*.json")])
    phone.browser.wait("all of it", lambda: saved[0].read_text().endswith("}"))
    told = json.loads(saved[0].read_text())
    assert isinstance(told, dict)
    return told


def pushes_spoilt(frame: bytes) -> bytes:
    """Turn a bit in what is told unasked, and leave answers alone."""
    found = _MESSAGE.match(frame)
    if found is None or not found[1].endswith(b".push"):
        return frame
    return flipped(frame, found.end() + int(found[2]) - FROM_END)


def test_what_was_changed_on_the_way_is_refused_and_counted(fleet: Fleet, new_phone: MakePhone, tmp_path: Path) -> None:
    """Every event that is pushed is spoilt. None is taken in so; the phone says it, asks again, and is in step."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    with between(phone, Target(phone.origin)) as way:
        phone.idle()
        in_step(mac, "handset")
        spoilt = []

        def spoil(frame: bytes) -> bytes:
            changed = pushes_spoilt(frame)
            if changed != frame:
                spoilt.append(frame)
            return changed

        way.change = spoil
        mac.note("Written while somebody listens", "word for word")
        phone.browser.wait("something is spoilt", lambda: spoilt)
        phone.go("notes", "Notes")
        phone.sees("Written while somebody listens")  # it came by an answer, which is whole
        phone.go("devices", "Devices & trust")
        phone.sees("refused from")
        told = diagnostics(phone, tmp_path / "saved")
        assert isinstance(told["refused"], int)
        assert told["refused"] >= 1
        assert "Written while" not in json.dumps(told)
        phone.go("inbox", "Inbox")
        phone.capture("And the phone goes on")
        phone.idle()
        in_step(mac, "handset")
    (note,) = [one for one in mac.call("note.list")["notes"] if one["title"].startswith("Written")]  # type: ignore[attr-defined]
    assert mac.call("note.show", document=note["document"])["body"] == "word for word"


def test_whoever_changes_everything_only_keeps_the_phone_waiting(fleet: Fleet, new_phone: MakePhone) -> None:
    """Pushes and answers are spoilt: no false word is shown, nothing is lost, and all comes when it is honest again."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.capture("Before")
    phone.idle()
    with between(phone, Target(phone.origin)) as way:
        phone.idle()
        in_step(mac, "handset")
        way.change = lambda frame: flipped(frame, len(frame) - FROM_END) if len(frame) > 400 else frame
        mac.note("Behind the spoiler")
        phone.capture("Meanwhile on the phone")
        phone.go("devices", "Devices & trust")
        phone.sees("refused from")
        phone.go("notes", "Notes")
        phone.sees("Before")
        assert "Behind the spoiler" not in phone.browser.text()
        way.change = None
        phone.sees("Behind the spoiler")
        phone.idle()
        in_step(mac, "handset")
    assert mac.titles() == {"Before", "Behind the spoiler", "Meanwhile on the phone"}
