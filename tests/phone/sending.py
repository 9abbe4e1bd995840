"""How what was done on a phone gets to the Mac: the service worker is woken, and files are put down and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.phone.phones import Phone
from tests.system.harness import Device, wait

SENT_S = 60.0
REGISTRATIONS_MAX = 20


def wake(phone: Phone) -> None:
    """Have the browser tell the service worker that there is a network, as it does by itself at a time of its own."""
    phone.browser.command("ServiceWorker.enable")
    for number in range(REGISTRATIONS_MAX):
        told = {"registrationId": str(number), "tag": "mesh", "lastChance": False}
        phone.browser.command("ServiceWorker.dispatchSyncEvent", origin=phone.origin, **told)


def away(phone: Phone) -> None:
    """Go to another page, so that none of ours is open."""
    phone.browser.driver.get("about:blank")


def sent_meanwhile(phone: Phone, mac: Device, what: str, here: Callable[[], object]) -> None:
    """Wait until something is on the Mac though no page is open; a browser wakes its worker too, after minutes."""

    def there() -> object:
        wake(phone)
        return here()

    wait(what, there, (mac,), SENT_S)
    assert phone.browser.driver.current_url == "about:blank"


def is_here(mac: Device, name: str) -> bool:
    """Whether one file of this name was dropped, and the Mac has all of it."""
    drops: Any = mac.call("drop.list")["drops"]
    return [one["state"] for one in drops if one["title"] == name] == ["here"]


def got(mac: Device, name: str, folder: Path) -> bytes:
    """A file that was dropped elsewhere, put down on the Mac as soon as it has all of it."""
    wait(f"{name} on {mac.name}", lambda: is_here(mac, name), (mac,), SENT_S)
    folder.mkdir(exist_ok=True)
    return Path(str(mac.done("drop", "get", name, "--into", str(folder))["path"])).read_bytes()
