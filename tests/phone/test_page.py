"""What a person does on the page, in a real browser over a recorded port: what is asked then, and what is kept."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
import segno
from selenium.webdriver.common.by import By

from tests.conftest import Spawn
from tests.phone import page
from tests.phone.browsers import Browser
from tests.phone.browsers import browser as opened
from tests.phone.looking import WATCH, show
from tests.phone.page import Served
from tests.phone.phones import Phone

pytestmark = [pytest.mark.system, *page.NEEDS]


_KEPT = """
    const database = await new Promise((done) => {
      const asked = indexedDB.open("mesh-page"); asked.onsuccess = () => done(asked.result);
    });
    return new Promise((done) => {
      const asked = database.transaction("drafts").objectStore("drafts").get("inbox");
      asked.onsuccess = () => done(asked.result ?? null);
    });
"""


def test_what_is_typed_outlives_the_browser(phone: Phone, served: Served) -> None:
    """Killed while typing, before anything was saved: the words are there again."""
    show(phone, served, "member", "inbox")
    phone.write("Capture a thought", "Half a thought that nobody sav")
    phone.browser.wait("the draft", lambda: phone.browser.run(_KEPT) == "Half a thought that nobody sav")
    phone.browser.kill()
    phone.browser.start()
    show(phone, served, "member", "inbox")
    typed = "return document.querySelector('textarea').value"
    phone.browser.wait("the words", lambda: phone.browser.driver.execute_script(typed).startswith("Half a thought"))
    phone.press("Save")
    phone.browser.wait("saved", lambda: served.calls("note.add") == [{"title": "Half a thought that nobody sav"}])
    phone.browser.wait("an empty box", lambda: phone.browser.driver.execute_script(typed) == "")


def test_a_note_that_changed_meanwhile_is_not_written_over(phone: Phone, served: Served) -> None:
    """The save says what it began from, and before it the person sees what the note became."""
    show(phone, served, "member", "note")
    phone.press("Edit")
    phone.write("Text, in Markdown", "All of it anew")
    phone.browser.wait("the draft", lambda: "All of it anew" in str(phone.browser.driver.execute_script(_AREA)))
    show(phone, served, "meanwhile", "note")
    phone.sees("This note changed on Mac while you were writing")
    phone.press("Save")
    phone.browser.wait("the edit", lambda: served.calls("note.edit"))
    (edit,) = served.calls("note.edit")
    assert edit["body"] == "All of it anew"
    assert edit["base_body"].startswith("# Review of the sync engine\n\nAnti-entropy is fine")
    assert "title" not in edit
    assert edit["base_version"] == ["a1"]


def test_what_is_typed_while_a_save_is_under_way_stays(phone: Phone, served: Served) -> None:
    """In a note, in a new one and in the inbox: it is the next edit, of what was saved."""
    driver = phone.browser.driver
    show(phone, served, "member", "note")
    phone.press("Edit")
    phone.write("Text, in Markdown", "One")
    typed(phone, served, "Text, in Markdown", "note.edit", "One and more")
    phone.press("Save")
    phone.browser.wait("the second edit", lambda: len(served.calls("note.edit")) == 2)
    _, edit = served.calls("note.edit")
    assert (edit["base_body"], edit["body"], edit["base_version"]) == ("One", "One and more", ["a2"])
    phone.sees("Edit")
    phone.press("Edit")
    phone.browser.wait("the note is asked for anew", lambda: len(served.calls("note.begin")) == 2)
    show(phone, served, "member", "new note")
    phone.write("Text, in Markdown", "New")
    typed(phone, served, "Text, in Markdown", "note.add", "New and more")
    phone.browser.wait("its note", lambda: "note/new" not in driver.current_url)
    phone.browser.wait("the rest", lambda: driver.execute_script(_AREA) == "New and more")
    phone.press("Save")
    phone.browser.wait("the third edit", lambda: len(served.calls("note.edit")) == 3)
    assert served.calls("note.edit")[2]["base_body"] == "New"
    show(phone, served, "member", "inbox")
    phone.write("Capture a thought", "Half")
    typed(phone, served, "Capture a thought", "note.add", "Half another")
    phone.browser.wait("the rest", lambda: driver.execute_script(_TYPED) == "another")


def typed(phone: Phone, served: Served, label: str, call: str, text: str) -> None:
    """Save, and type on before that is answered."""
    before = len(served.calls(call))
    served.answering.clear()
    phone.press("Save")
    phone.browser.wait("it is asked", lambda: len(served.calls(call)) > before)
    phone.write(label, text)
    served.answering.set()
    phone.sees("Saved.")


def test_what_cannot_be_saved_is_never_stuck(phone: Phone, served: Served) -> None:
    """It becomes a note of its own; what is thrown away can be had back for a moment."""
    show(phone, served, "stale", "note")
    phone.press("Edit")
    phone.write("Text, in Markdown", "All of it anew")
    phone.press("Save")
    phone.sees("the note changed meanwhile")
    phone.press("Discard")
    phone.press("Undo")
    phone.browser.wait("the draft", lambda: phone.browser.driver.execute_script(_AREA) == "All of it anew")
    phone.press("Save")
    phone.press("Save it as a new note")
    phone.browser.wait("the new note", lambda: served.calls("note.add"))
    (given,) = served.calls("note.add")
    assert given == {"title": "Review of the sync engine", "body": "All of it anew"}
    phone.sees("Saved as a note of its own.")


_TYPED = "return document.querySelector('textarea').value"
_AREA = "return document.querySelector('form textarea').value"


def test_a_person_decides_once_and_no_is_what_holds_without_an_answer(phone: Phone, served: Served) -> None:
    """An approval says what happens without one; pressing Deny says no, and nothing is said before."""
    show(phone, served, "member", "questions")
    assert "denied" in phone.browser.text()
    assert "If nobody answers by" in phone.browser.text()
    assert served.calls("approve") == served.calls("ask.answer") == []
    phone.press("Deny")
    phone.browser.wait("the answer", lambda: served.calls("approve") == [{"id": "a1", "yes": False}])
    phone.press("allow")
    phone.browser.wait("the answer", lambda: [one.get("option") for one in served.calls("ask.answer")] == ["allow"])


def test_a_conflict_is_settled_by_one_act_and_taken_back_by_another(phone: Phone, served: Served) -> None:
    """The second version is chosen; then that is undone. One's own words go as they were typed."""
    show(phone, served, "member", "conflict of texts")
    driver = phone.browser.driver
    driver.find_elements(By.CSS_SELECTOR, ".side button")[1].click()
    phone.browser.wait("the choice", lambda: served.calls("conflicts.resolve") == [{"id": "3fa9c1d2", "take": 2}])
    phone.press("Undo")
    phone.browser.wait("the undo", lambda: served.calls("conflicts.undo") == [{"id": "3fa9c1d2"}])
    show(phone, served, "member", "conflict of texts")
    phone.press("Write another")
    phone.write("Your own version", "a bound of 256 KiB")
    phone.press("Use this")
    own = {"id": "3fa9c1d2", "value": "a bound of 256 KiB"}
    phone.browser.wait("one's own", lambda: served.calls("conflicts.resolve")[-1] == own)


def test_erasing_wants_the_name_typed(phone: Phone, served: Served) -> None:
    """Another name does nothing; afterwards the phone is as new, and no draft is left."""
    show(phone, served, "member", "inbox")
    phone.write("Capture a thought", "to be erased")
    show(phone, served, "offline", "devices")
    assert "4 items are only on this phone" in phone.browser.text()
    phone.press("Erase…")
    phone.write("Type “Pocket” to go on", "Pock")
    button = (
        "return [...document.querySelectorAll('button')].find((one) => one.innerText === 'Erase this phone').disabled"
    )
    assert phone.browser.driver.execute_script(button) is True
    phone.write("Type “Pocket” to go on", "Pocket")
    served.answering.clear()
    phone.press("Erase this phone")
    phone.browser.wait("the erasing", lambda: served.calls("wipe") == [{"confirm": "Pocket"}])
    assert phone.browser.run(_KEPT) is None, "drafts go first"
    served.answering.set()
    phone.sees("Mesh on this phone")
    show(phone, served, "member", "inbox")
    assert phone.browser.driver.execute_script("return document.querySelector('textarea').value") == ""


TOKEN = bytes(range(16))
TYPED = base64.b32encode(TOKEN).decode().rstrip("=")


def test_a_code_that_is_typed_lets_the_phone_ask(phone: Phone, served: Served) -> None:
    """Small letters without dashes do; then both screens compare six digits."""
    show(phone, served, "new", "inbox")
    phone.press("Begin")
    phone.write("Its name in your mesh", "Pocket")
    phone.press("Type a code instead")
    grouped = "-".join(TYPED[place : place + 4] for place in range(0, len(TYPED), 4))
    phone.write("The letters that mesh phone add shows", TYPED.lower(), grouped)
    phone.press("Ask to be let in")
    phone.sees("481 526")
    token = base64.urlsafe_b64encode(TOKEN).decode().rstrip("=")
    assert served.calls("pair.begin") == [{"token": token, "name": "Pocket"}]


def test_the_address_of_a_code_is_taken_and_forgotten(phone: Phone, served: Served) -> None:
    """Opened by the phone's own camera app: the token goes to the worker, and out of the address."""
    token = base64.urlsafe_b64encode(TOKEN).decode().rstrip("=")
    served.scene = "new"
    phone.browser.driver.get(f"{phone.origin}/#p={token}&d=k3q7x2abcdefghij")
    phone.press("Begin")
    assert phone.browser.driver.current_url == f"{phone.origin}/"
    phone.press("Ask to be let in")
    phone.sees("481 526")
    (asked,) = served.calls("pair.begin")
    assert (asked["token"], asked["device"]) == (token, "k3q7x2abcdefghij")


CAMERA = (640, 480)
MODULE = 9  # pixels of one square of the code


def filmed(text: str, path: Path) -> Path:
    """What a camera sees of a code on a screen, as a film that Chromium plays for a camera (Y4M, two pictures)."""
    width, height = CAMERA
    rows = [list(row) for row in segno.make(text, error="m").matrix_iter(scale=MODULE, border=4)]
    left, top = (width - len(rows[0])) // 2, (height - len(rows)) // 2
    assert min(left, top) >= 0, "the code has to be in the picture"
    light = bytearray([200]) * (width * height)
    for y, row in enumerate(rows):
        start = (top + y) * width + left
        light[start : start + len(row)] = bytes(40 if dark else 235 for dark in row)
    frame = b"FRAME\n" + bytes(light) + bytes([128]) * (width * height // 2)
    path.write_bytes(b"YUV4MPEG2 W%d H%d F10:1 Ip A1:1 C420jpeg\n" % CAMERA + frame * 2)
    return path


def test_a_code_is_read_from_the_camera(tmp_path: Path, spawn: Spawn, served: Served) -> None:
    """By what the page fetches from its own origin, since this browser reads none; one of elsewhere is not taken."""
    token = base64.urlsafe_b64encode(TOKEN).decode().rstrip("=")
    for origin in ("https://mesh-aaaaaa.local:8443", served.origin):
        film = filmed(f"{origin}/#p={token}&d=k3q7x2abcdefghij", tmp_path / "film.y4m")
        flags = (f"--use-file-for-fake-video-capture={film}",)
        served.scene = "new"
        served.asked.clear()
        with opened(Browser(tmp_path / "browser", spawn, flags=flags)) as browser:
            phone = Phone(browser, origin=served.origin)
            browser.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
            browser.driver.get(served.origin)
            phone.press("Begin")
            phone.press("Scan the code")
            if origin == served.origin:
                phone.sees("481 526")
                assert [one["token"] for one in served.calls("pair.begin")] == [token]
            else:
                phone.sees("This code is of another mesh")
                assert served.calls("pair.begin") == []
            assert browser.driver.execute_script("return wrong") == []


def test_a_voice_memo_is_kept_while_it_is_recorded(phone: Phone, served: Served) -> None:
    """The page is loaded anew in the middle: what was recorded is offered, and saved when the person says so."""
    show(phone, served, "member", "inbox")
    phone.press("Voice memo")
    pieces = """
        const database = await new Promise((done) => {
          const asked = indexedDB.open("mesh-page"); asked.onsuccess = () => done(asked.result);
        });
        return new Promise((done) => {
          const asked = database.transaction("drafts").objectStore("drafts").get("voice");
          asked.onsuccess = () => done(asked.result?.pieces.length ?? 0);
        });
    """
    phone.browser.wait("two seconds of it", lambda: phone.browser.run(pieces) >= 2)
    show(phone, served, "member", "inbox")
    phone.sees("is not saved yet")
    phone.press("Save it")
    phone.browser.wait("the memo", lambda: served.calls("drop.add"))
    (given,) = served.calls("drop.add")
    assert given["mime"].startswith("audio/")
    assert int(given["file"].split()[0]) > 100
    phone.browser.wait("nothing kept", lambda: phone.browser.run(pieces) == 0)


def test_a_second_tab_and_a_removed_phone_say_what_is_so(phone: Phone, served: Served) -> None:
    """And offer the one thing that helps."""
    show(phone, served, "removed", "inbox")
    assert "Mac took it out of the mesh" in phone.browser.text()
    show(phone, served, "elsewhere", "inbox")
    phone.press("Use it here")
    phone.sees("Capture", "group")
    assert served.calls("writer.take") == [None]
