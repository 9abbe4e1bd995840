"""A newer page is served: it is offered, taken when the person says so, and nothing that was written is lost by it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.phone import page
from tests.phone.conftest import MakePhone
from tests.phone.phones import Phone, in_step
from tests.system import harness
from tests.system.harness import Fleet

pytestmark = [pytest.mark.system, *page.NEEDS]

NAMED = 'name="apple-mobile-web-app-title" content="%s"'
NEWER = "Newer mesh"
SCHEMA = Path("engine", "shell", "storage", "schema.ts")
STEPS = "readonly Step[] = [first%s];"
RAISED = STEPS % ', (db) => void db.createObjectStore("newer")'
STATIC = Path("node", "gateway", "static")
OFFERED_S = 120.0
HALF = "Half a thought"
_NAMES = "return caches.keys()"
_HELD = """
    return new Promise((done) => {
      const request = indexedDB.open("mesh");
      request.onsuccess = () => done((globalThis.held = request.result).version);
    });
"""


@pytest.fixture
def newer(tmp_path: Path) -> dict[str, str]:
    """A program whose page has another name and another form of data; the environment in which an agent of it runs."""
    root = page.WEB.parent
    web, package = tmp_path / "newer" / "web", tmp_path / "newer" / "mesh"
    shutil.copytree(page.WEB, web, ignore=shutil.ignore_patterns("node_modules", "build", "tests"))
    (page.WEB / "build").mkdir(exist_ok=True)
    for shared in ("node_modules", "build"):  # where what takes long to compress is remembered
        (web / shared).symlink_to(page.WEB / shared)
    shutil.copytree(root / "mesh", package, ignore=shutil.ignore_patterns("static", "__pycache__"))
    for file, old, new in (
        (web / "index.html", NAMED % "Mesh", NAMED % NEWER),
        (web / SCHEMA, STEPS % "", RAISED),
    ):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
    page.build(package / STATIC, root=web)
    paths = [str(package.parent), str(Path(harness.__file__).with_name("told_tasks"))]
    return {"PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}


def title(phone: Phone) -> str:
    """Which of the two pages this is."""
    script = "return document.querySelector('meta[name=apple-mobile-web-app-title]')?.content"
    return str(phone.browser.driver.execute_script(script))


def typed(phone: Phone) -> str:
    """What stands in the box for capturing."""
    return str(phone.browser.driver.execute_script("return document.querySelector('textarea')?.value ?? ''"))


def test_a_newer_page_is_offered_and_nothing_is_lost(fleet: Fleet, new_phone: MakePhone, newer: dict[str, str]) -> None:
    """The tab of before goes on until the person takes the new one; then each tab has it, and what was half typed."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    mac.stop()
    phone.capture("Written on the old page")
    mac.start(**newer)
    driver = phone.browser.driver
    first = driver.current_window_handle
    driver.switch_to.new_window("tab")
    second = driver.current_window_handle
    phone.open()
    phone.sees("A new version is ready", deadline_s=OFFERED_S)
    assert title(phone) != NEWER, "nothing changes before the person says so"
    driver.switch_to.window(first)
    phone.capture("Still on the old page")
    phone.write("Capture a thought", HALF)
    driver.switch_to.window(second)
    phone.press("Use it")
    phone.browser.wait("the newer page", lambda: title(phone) == NEWER)
    driver.switch_to.window(first)
    phone.browser.wait("the newer page here too", lambda: title(phone) == NEWER)
    driver.switch_to.window(second)
    driver.close()
    driver.switch_to.window(first)
    phone.open()
    phone.sees("Capture", "group")
    phone.browser.wait("what was half typed", lambda: typed(phone) == HALF)
    for note in ("Written on the old page", "Still on the old page"):
        phone.sees(note)
    phone.press("Save")
    phone.browser.wait("it is saved", lambda: not typed(phone))
    phone.idle()
    in_step(mac, "handset")
    assert {"Written on the old page", "Still on the old page", HALF} == mac.titles()
    assert len(phone.browser.run(_NAMES)) == 1, "one version is kept"


def test_data_of_a_newer_form_wait_for_a_tab_that_does_not_let_go(
    fleet: Fleet, new_phone: MakePhone, newer: dict[str, str]
) -> None:
    """The newer page says what is in its way, changes nothing before, and goes on with all of it when that is gone."""
    (mac,) = fleet.joined(1)
    mac.start()
    phone = new_phone()
    phone.pair(mac)
    phone.idle()
    mac.stop()
    phone.capture("Written in the older form")
    driver = phone.browser.driver
    first = driver.current_window_handle
    driver.execute_script("open('about:blank')")  # of this origin, and not the app: it hears of nothing
    (second,) = set(driver.window_handles) - {first}
    driver.switch_to.window(second)
    before = phone.browser.run(_HELD)
    mac.start(**newer)
    driver.switch_to.window(first)
    phone.open()
    phone.sees("A new version is ready", deadline_s=OFFERED_S)
    phone.press("Use it")
    phone.browser.wait("the newer page", lambda: title(phone) == NEWER)
    phone.sees("open in another tab, and in the way")
    driver.switch_to.window(second)
    driver.close()
    driver.switch_to.window(first)
    phone.sees("Capture", "group")
    phone.sees("Written in the older form")
    phone.capture("Written in the newer form")
    assert phone.browser.run(_HELD) == before + 1
    phone.idle()
    in_step(mac, "handset")
    assert {"Written in the older form", "Written in the newer form"} == mac.titles()
