"""The page as a person sees it, in a real browser over a recorded port: every screen, light and dark, in two sizes."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from tests.conftest import Spawn
from tests.phone import page
from tests.phone.browsers import MISSING, Browser
from tests.phone.page import RECORDED, Served
from tests.phone.phones import Phone

pytestmark = [pytest.mark.system, *page.NEEDS, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {MISSING}")]

AXE = page.WEB / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = ((360, 740), (412, 915))
SCHEMES = ("light", "dark")
NARROW = (320, 640)
SCREENS = {
    "inbox": "inbox",
    "brief": "brief",
    "notes": "notes",
    "note": "note/home%2Fnote%2F1",
    "new note": "note/new",
    "tasks": "tasks",
    "task": "task/home%2Ftask%2F1",
    "more": "more",
    "sessions": "sessions",
    "session": "session/home%2Fsession%2F0",
    "hand-off": "handoff/home%2Fhandoff%2F0",
    "questions": "questions",
    "conflicts": "conflicts",
    "conflict of texts": "conflict/3fa9c1d2",
    "conflict of titles": "conflict/77aa0102",
    "conflict with a deletion": "conflict/910cd004",
    "devices": "devices",
    "settings": "settings",
    "picture": "drop/home%2Fdrop%2F1",
    "file that is away": "drop/home%2Fdrop%2F3",
}
SCENES = {
    "offline": ("inbox", "devices"),
    "empty": ("inbox", "brief", "notes", "tasks", "sessions", "questions", "conflicts"),
    "broken": ("inbox", "notes", "devices"),
    "new": ("inbox",),
    "removed": ("inbox",),
    "elsewhere": ("inbox",),
    "refused": ("inbox",),
    "fetching": ("notes",),
}
ALL = [("member", name) for name in SCREENS] + [(scene, name) for scene, names in SCENES.items() for name in names]

# What goes wrong in a page that nobody looks at: kept from its first moment on.
WATCH = """
    window.wrong = [];
    const policy = ({ violatedDirective: part, blockedURI: what }) => wrong.push(`policy: ${part} ${what}`);
    addEventListener("securitypolicyviolation", policy);
    addEventListener("error", (event) => wrong.push(`error: ${event.message}`));
    addEventListener("unhandledrejection", (event) => wrong.push(`rejected: ${event.reason}`));
    window.shifted = [];
    const named = ({ node, previousRect: a, currentRect: b }) =>
      `${node?.nodeName}.${node?.className} ${a.top}+${a.height} -> ${b.top}+${b.height}`;
    const moved = (list) => list.getEntries().forEach((one) => shifted.push([one.value, one.sources.map(named)]));
    new PerformanceObserver(moved).observe({ type: "layout-shift", buffered: true });
"""
# Parts of the page that can be touched and are smaller than a finger, and words that are cut off without a sign of it.
SMALL = """
    return [...document.querySelectorAll("a, button, input, textarea, summary")]
      .filter((one) => one.checkVisibility() && !one.closest(".prose"))
      .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
      .filter(([, box]) => box.height > 0 && (box.height < 40 || box.width < 40))
      .map(([html, box]) => `${html} ${box.width}x${box.height}`);
"""
CUT = """
    return [...document.querySelectorAll("h1, h2, button, .button, .chip, .status, label, .note, .default")]
      .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== "inline")
      .filter((one) => one.scrollWidth > one.clientWidth + 1)
      .map((one) => one.outerHTML.slice(0, 120));
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page, at an address."""
    with page.served(page.build(tmp_path_factory.mktemp("page") / "static", *RECORDED)) as one:
        yield one


@pytest.fixture
def phone(tmp_path: Path, spawn: Spawn, served: Served) -> Iterator[Phone]:
    """A browser that has just been started."""
    served.scene = "member"
    served.asked.clear()
    browser = Browser(tmp_path / "browser", spawn).start()
    browser.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    try:
        yield Phone(browser, origin=served.origin)
    finally:
        browser.close()


def show(phone: Phone, served: Served, scene: str, name: str) -> None:
    """Open a screen of a scene, and wait until its rows are there."""
    served.scene = scene
    phone.browser.driver.get("about:blank")
    phone.browser.driver.get(f"{phone.origin}/#/{SCREENS[name]}")
    ready = "return document.querySelector('h1') !== null && document.querySelector('.waiting') === null"
    phone.browser.wait(f"{scene}: {name}", lambda: phone.browser.driver.execute_script(ready))


def look(phone: Phone, size: tuple[int, int], scheme: str) -> None:
    """Look at it in this size, by day or by night."""
    width, height = size
    command = phone.browser.command
    command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    command("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1.5, mobile=True)
    wide = "return screen.width === arguments[0] && matchMedia(`(prefers-color-scheme: ${arguments[1]})`).matches"
    phone.browser.wait(f"{width} pixels", lambda: phone.browser.driver.execute_script(wide, width, scheme))


def faults(phone: Phone) -> list[object]:
    """What axe finds wrong."""
    driver = phone.browser.driver
    driver.execute_script(AXE.read_text("utf-8") + "; window.axe = axe;")
    told = phone.browser.run(
        "return (await axe.run(document, { runOnly: given[0] })).violations"
        ".map((one) => [one.id, one.nodes.map((node) => node.html.slice(0, 160) + node.failureSummary)])",
        RULES,
    )
    assert isinstance(told, list)
    return told


def picture(phone: Phone, folder: Path, name: str) -> None:
    """Keep a screenshot, where a person asked for them."""
    folder.mkdir(parents=True, exist_ok=True)
    data = phone.browser.command("Page.captureScreenshot", format="png")["data"]
    (folder / f"{name.replace(' ', '-')}.png").write_bytes(base64.b64decode(data))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_screen_can_be_used_by_everybody(scheme: str, phone: Phone, served: Served, tmp_path: Path) -> None:
    """In two sizes: axe finds nothing, nothing is wider than the phone or too small to touch, nobody's text runs."""
    folder = Path(os.environ.get("MESH_SCREENSHOTS", tmp_path / "screenshots"))
    for scene, name in ALL:
        for size in SIZES:
            show(phone, served, scene, name)
            look(phone, size, scheme)
            where = f"{scene} {name} {scheme} {size[0]}"
            picture(phone, folder, where)
            driver = phone.browser.driver
            if size == SIZES[SCHEMES.index(scheme)]:  # what axe looks at differs by colour, hardly by width
                assert faults(phone) == [], where
            assert driver.execute_script("return document.documentElement.scrollWidth") <= size[0], where
            assert driver.execute_script(SMALL) == [], where
            assert driver.execute_script("return wrong") == [], where
            assert "owned" not in driver.title
    assert len(list(folder.glob(f"*-{scheme}-*.png"))) >= len(ALL) * len(SIZES)


def test_large_letters_cut_nothing_off(phone: Phone, served: Served) -> None:
    """With letters twice as large, on a narrow phone, no heading, button or label is wider than its place."""
    phone.browser.command("Page.setFontSizes", fontSizes={"standard": 32})
    for scene, name in ALL:
        show(phone, served, scene, name)
        look(phone, NARROW, "light")
        driver = phone.browser.driver
        assert driver.execute_script("return getComputedStyle(document.documentElement).fontSize") == "32px"
        assert driver.execute_script("return document.documentElement.scrollWidth") <= NARROW[0], (scene, name)
        assert driver.execute_script(CUT) == [], (scene, name)


def test_a_list_of_thousands_draws_what_is_in_sight_and_never_jumps(phone: Phone, served: Served) -> None:
    """5,000 notes: a few dozen rows in the page, the place of all others kept; far down are the right ones."""
    show(phone, served, "member", "notes")
    driver = phone.browser.driver
    rows = "return document.querySelectorAll('[aria-label=Notes] > li').length"
    height = "return document.querySelector('.list').getBoundingClientRect().height"
    whole = driver.execute_script(height)
    assert whole > 5000 * 60
    for part in (0.1, 0.5, 1.0):
        driver.execute_script("scrollTo(0, document.documentElement.scrollHeight * arguments[0])", part)
        _rows_beyond(phone, int(5000 * part * 0.99) - 10)
        assert driver.execute_script(rows) < 60
        assert driver.execute_script(height) == whole
    assert "Note 4999" in phone.browser.text()
    assert driver.execute_script("return shifted") == []


def _rows_beyond(phone: Phone, least: int) -> None:
    last = "return Number([...document.querySelectorAll('[aria-label=Notes] > li')].at(-1)?.ariaPosInSet ?? 0)"
    phone.browser.wait(f"rows beyond {least}", lambda: phone.browser.driver.execute_script(last) > least)


def test_what_is_typed_outlives_the_browser(phone: Phone, served: Served) -> None:
    """Killed while typing, before anything was saved: the words are there again."""
    show(phone, served, "member", "inbox")
    phone.write("Capture a thought", "Half a thought that nobody sav")
    kept = """
        const database = await new Promise((done) => {
          const asked = indexedDB.open("mesh-page"); asked.onsuccess = () => done(asked.result);
        });
        return new Promise((done) => {
          const asked = database.transaction("drafts").objectStore("drafts").get("inbox");
          asked.onsuccess = () => done(asked.result ?? null);
        });
    """
    phone.browser.wait("the draft", lambda: phone.browser.run(kept) == "Half a thought that nobody sav")
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
    phone.press("Erase this phone")
    phone.sees("Mesh on this phone")
    assert served.calls("wipe") == [{"confirm": "Pocket"}]
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
    phone.write("The letters that mesh phone add shows", TYPED.lower())
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


def test_a_second_tab_and_a_removed_phone_say_what_is_so(phone: Phone, served: Served) -> None:
    """And offer the one thing that helps."""
    show(phone, served, "removed", "inbox")
    assert "Mac took it out of the mesh" in phone.browser.text()
    show(phone, served, "elsewhere", "inbox")
    phone.press("Use it here")
    phone.sees("Capture", "group")
    assert served.calls("writer.take") == [None]


def test_the_status_line_is_always_there(phone: Phone, served: Served) -> None:
    """As of when, and what waits for whom, on every screen."""
    for name in SCREENS:
        show(phone, served, "offline", name)
        assert "Offline as of" in phone.status, name
        assert "3 items and 1 file wait for your other devices" in phone.status, name
