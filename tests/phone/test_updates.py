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
STATIC = Path("node", "gateway", "static")
OFFERED_S = 120.0
HALF = "Half a thought"
_NAMES = "return caches.keys()"


@pytest.fixture
def newer(tmp_path: Path) -> dict[str, str]:
    """A program with a page built from other sources; the environment in which an agent of it runs."""
    root = page.WEB.parent
    web, package = tmp_path / "newer" / "web", tmp_path / "newer" / "mesh"
    shutil.copytree(page.WEB, web, ignore=shutil.ignore_patterns("node_modules", "build", "tests"))
    (page.WEB / "build").mkdir(exist_ok=True)
    for shared in ("node_modules", "build"):  # where what takes long to compress is remembered
        (web / shared).symlink_to(page.WEB / shared)
    shutil.copytree(root / "mesh", package, ignore=shutil.ignore_patterns("static", "__pycache__"))
    index = web / "index.html"
    old = index.read_text()
    assert NAMED % "Mesh" in old
    index.write_text(old.replace(NAMED % "Mesh", NAMED % NEWER))
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
