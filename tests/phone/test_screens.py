"""Every screen of the page in a real browser, light and dark, in two sizes and in large letters."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from tests.phone import page
from tests.phone.looking import ALL, SCREENS, show
from tests.phone.page import Served
from tests.phone.phones import Phone

pytestmark = [pytest.mark.system, *page.NEEDS]

AXE = page.WEB / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = ((360, 740), (412, 915))
SCHEMES = ("light", "dark")
NARROW = (320, 640)

# Parts of the page that can be touched and are smaller than a finger, and words that are cut off without a sign of it.
SMALL = """
    return [...document.querySelectorAll("a, button, input, textarea, summary")]
      .filter((one) => one.checkVisibility() && !one.closest(".prose"))
      .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
      .filter(([, box]) => box.height > 0 && (box.height < 44 || box.width < 44))
      .map(([html, box]) => `${html} ${box.width}x${box.height}`);
"""
CUT = """
    return [...document.querySelectorAll("h1, h2, button, .button, .chip, .status, label, .note, .default")]
      .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== "inline")
      .filter((one) => one.scrollWidth > one.clientWidth + 1)
      .map((one) => one.outerHTML.slice(0, 120));
"""


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
        show(phone, served, scene, name)
        for size in SIZES:
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


def test_the_status_line_is_always_there(phone: Phone, served: Served) -> None:
    """As of when, and what waits for whom, on every screen."""
    for name in SCREENS:
        show(phone, served, "offline", name)
        assert "Offline as of" in phone.status, name
        assert "3 items and 1 file wait for your other devices" in phone.status, name
