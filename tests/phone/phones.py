"""A phone for the tests: a real browser on the real page, used as a person uses it, by what is written on the screen.

It asks the page's worker nothing and knows no key: what it cannot see on the screen, it asks the Mac.
"""

from __future__ import annotations

import base64
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.request import urlopen

from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from mesh.node.paths import socket_path
from mesh.node.socket_client import Told, connect
from tests.phone.browsers import Browser
from tests.system.harness import Device, wait

PAIRED_S = 90.0
SAVED_S = 30.0
SHOWN_S = 60.0
_FETCH = "import sys, urllib.request as r; sys.stdout.buffer.write(r.urlopen(sys.argv[1]).read())"


_CAPTURE = """
    const settled = async (so) => {
      for (let tries = 0; !so(); tries++) {
        if (tries > 3000) throw new Error("nothing happened: " + document.body.innerText);
        await new Promise((done) => setTimeout(done, 10));
      }
    };
    const area = document.querySelector('textarea[aria-label="Capture a thought"]');
    const save = document.querySelector('button[aria-label="Save"]');
    const write = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set;
    const told = [];
    for (const thought of given[0]) {
      write.call(area, thought);
      area.dispatchEvent(new Event("input", { bubbles: true }));
      await settled(() => !save.disabled);
      save.click();
      await settled(() => area.value === "");
      told.push(/[0-9]+ items? waits?|nothing waits/.exec(document.querySelector("header").innerText)?.[0]);
    }
    return told;
"""
_PASTE = """
    const [name, type, text] = given;
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], name, { type }));
    const area = document.querySelector('textarea[aria-label="Capture a thought"]');
    area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
"""


@dataclass
class Offer:
    """What the Mac's agent says while it offers a phone to come in; `mesh phone add` shows it to the person."""

    said: Iterator[Told]
    opened: Told = field(default_factory=dict)

    def heard(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """What stands under this key in the next word that has it."""
        return next(told[key] for told in self.said if key in told)


@contextlib.contextmanager
def adding(mac: Device) -> Iterator[Offer]:
    """An offer, which ends with the block."""
    connection = connect(socket_path(mac.home))
    assert connection is not None, "no agent runs"
    with connection:
        offer = Offer(connection.stream("phone.add", {}))
        offer.opened = offer.heard("opened")
        yield offer


@dataclass
class Phone:
    """A browser as a device of a mesh."""

    browser: Browser
    name: str = "handset"
    origin: str = ""

    # ── coming in ────────────────────────────────────────────────────────────────────────────────

    def pair(self, mac: Device, address: str = "127.0.0.1") -> None:
        """Be let in as a person does it: trust the certificate, open the page, ask with the code, compare digits."""
        with adding(mac) as offer:
            self.meet(offer.opened, address)
            self.browser.driver.get(str(offer.opened["url"]))
            self.press("Begin")
            self.write("Its name in your mesh", self.name)
            self.press("Ask to be let in")
            self.browser.wait("it asks", lambda: "Its name in your mesh" not in self.browser.text(), PAIRED_S)
            asking = offer.heard("asking")
            digits = str(asking["digits"])
            assert asking["name"] == self.name
            self.sees(f"{digits[:3]} {digits[3:]}")
            mac.call("phone.answer", yes=True)
            offer.heard("admitted")
        self.sees("Capture", "group")

    def meet(self, opened: Told, address: str) -> None:
        """Trust the certificate that the Mac serves, and start the browser where the page's name leads to it."""
        self.origin = str(opened["origin"])
        self.browser.hosts[self.origin.removeprefix("https://").partition(":")[0]] = address
        trust = opened["trust"]
        assert isinstance(trust, list), opened
        certificate = self.browser.folder / "mesh.crt"
        self.browser.folder.mkdir(parents=True, exist_ok=True)
        certificate.write_bytes(fetched(f"{trust[0]}/mesh.crt", self.browser))
        self.browser.trust(self.origin, certificate)
        self.browser.start()

    def again(self) -> None:
        """Open the app anew in a browser that was closed or killed."""
        self.browser.start()
        self.open()

    def open(self, screen: str = "inbox") -> None:
        """Go to a screen, in a page that is loaded anew."""
        self.browser.driver.get(f"{self.origin}/#/{screen}")
        self.browser.driver.refresh()  # another # alone loads nothing

    # ── using it ─────────────────────────────────────────────────────────────────────────────────

    def go(self, screen: str, heading: str) -> None:
        """Go to a screen within the page."""
        self.browser.driver.execute_script("location.hash = arguments[0]", f"#/{screen}")
        self.browser.wait(f"the screen {heading}", lambda: heading in self.headings())

    def headings(self) -> list[str]:
        """The main headings in sight."""
        return [one.text for one in self.browser.driver.find_elements(By.TAG_NAME, "h1")]

    def press(self, label: str) -> None:
        """Press a button, by what it is called."""
        self.browser.wait(f"a button {label!r}", lambda: self._click(label))

    def _click(self, label: str) -> bool:
        for button in self.browser.driver.find_elements(By.CSS_SELECTOR, "button, a"):
            named = button.get_attribute("aria-label") or button.text
            if named.strip() == label and button.is_displayed() and button.is_enabled():
                self.browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
                button.click()
                return True
        return False

    def write(self, label: str, text: str, shown: str | None = None) -> None:
        """Write into a field, by what it is called, in place of what is in it; `shown`: what the page makes of it."""
        self.browser.wait(f"a field {label!r} with {text!r} in it", lambda: self._written(label, text, shown or text))

    def _written(self, label: str, text: str, shown: str) -> bool:
        """Type it; on a busy machine the page may put back what was there before, so it is looked at afterwards."""
        entered = self._field(label)
        if entered is None:
            return False
        self.browser.driver.execute_script("arguments[0].focus(); arguments[0].select()", entered)
        entered.send_keys(text)
        return bool(entered.get_property("value") == shown)

    def _field(self, label: str) -> WebElement | None:
        script = """
            return [...document.querySelectorAll("input, textarea")].find((one) =>
              (one.getAttribute("aria-label") ?? one.labels?.[0]?.innerText ?? "").trim().startsWith(arguments[0]),
            ) ?? null;
        """
        found = self.browser.driver.execute_script(script, label)
        assert found is None or isinstance(found, WebElement)
        return found

    def sees(self, words: str, role: str = "", deadline_s: float = SHOWN_S) -> None:
        """Wait until these words can be read (or something of this role is called so)."""
        if role:
            css = f'[role="{role}"][aria-label="{words}"]'
            self.browser.wait(css, lambda: self.browser.driver.find_elements(By.CSS_SELECTOR, css), deadline_s)
        else:
            self.browser.wait(f"{words!r} on the screen", lambda: words in self.browser.text(), deadline_s)

    def capture(self, text: str) -> None:
        """Write a thought into the inbox, and wait until it is saved."""
        self.write("Capture a thought", text)
        self.press("Save")
        self.browser.wait(f"{text!r} is saved", lambda: self._saved("Capture a thought"), SAVED_S)

    def _saved(self, label: str) -> bool:
        found = self._field(label)
        return found is not None and found.get_property("value") == ""

    def captures(self, thoughts: Sequence[str]) -> list[str | None]:
        """As `capture`, many: each is written when the one before is saved. What waited, as the page said with each."""
        self.sees("Capture", "group")
        told: list[str | None] = self.browser.run(_CAPTURE, list(thoughts))
        return told

    def pastes(self, name: str, mime: str, data: bytes) -> None:
        """Paste a file into the inbox, and wait until the inbox shows it."""
        self.sees("Capture", "group")
        self.browser.run(_PASTE, name, mime, base64.b64encode(data).decode())
        self.sees(name, deadline_s=SAVED_S)

    def captured(self) -> list[str]:
        """What the inbox shows, from the top, as far as it is drawn."""
        names = self.browser.driver.find_elements(By.CSS_SELECTOR, '[aria-label="Captured"] .name')
        return [one.text for one in names]

    @property
    def status(self) -> str:
        """The line that is always in sight."""
        return " ".join(one.text for one in self.browser.driver.find_elements(By.CSS_SELECTOR, "header [role=status]"))

    def idle(self, deadline_s: float = SHOWN_S) -> None:
        """Wait until nothing waits here for another device."""
        self.browser.wait("nothing waits", lambda: "nothing waits" in self.status, deadline_s)


def fetched(url: str, browser: Browser) -> bytes:
    """A page by plain http, from where the browser is."""
    if not browser.within:
        with urlopen(url, timeout=SHOWN_S) as answer:  # noqa: S310 - our own agent's address
            return bytes(answer.read())
    words = [*browser.within, sys.executable, "-c", _FETCH, url]
    return subprocess.run(words, check=True, capture_output=True, timeout=SHOWN_S).stdout


def in_step(mac: Device, name: str, deadline_s: float = PAIRED_S) -> Told:
    """Wait until this phone's own receipt says that it holds and shows what the Mac does; the Mac's status."""

    def same() -> Told | None:
        told = mac.status()
        peers = told["peers"]
        assert isinstance(peers, list), told
        one = next((peer for peer in peers if peer["name"] == name), None)
        return told if one and one["in_sync"] and one["same_digest"] else None

    return wait(f"{name} holds and shows the same as {mac.name}", same, (mac,), deadline_s) or {}
