"""Two devices stand behind the page's name; the one that answers is killed, and the other one goes on."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator

import pytest

from tests.phone.browsers import Browser
from tests.phone.conftest import MakePhone
from tests.phone.phones import in_step
from tests.system.harness import Device, Fleet, wait
from tests.system.networks import Network, network

FAILOVER_S = 30.0

pytestmark = pytest.mark.skipif(
    shutil.which("ip") is None or os.geteuid() != 0, reason="ip and root are needed for networks and names of their own"
)


class Resolving(Browser):
    """Chromium with a file of names, in which one name may have several addresses, as mDNS gives them."""

    addresses: tuple[str, ...] = ()

    def start(self) -> Browser:
        """Start it; nothing but the file says where a name leads."""
        name = next(iter(self.hosts))
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{address} {name}\n" for address in self.addresses or self.hosts.values()]
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + "".join(lines))
        kept, self.hosts = self.hosts, {}
        try:
            return super().start()
        finally:
            self.hosts = kept

    def _driven(self, words: list[str]) -> int:  # type: ignore[override]
        mounts = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'
        return super()._driven(["unshare", "--mount", "sh", "-c", mounts, "sh", str(self.folder / "hosts"), *words])


@pytest.fixture
def lan() -> Iterator[Network]:
    """A network at home."""
    with network() as made:
        yield made


def serving(device: Device) -> None:
    """Wait until it serves the page by a leaf of its own."""
    wait(f"{device.name} serves the page", lambda: "door.open" in {one["what"] for one in device.logged()}, (device,))


def test_when_the_one_that_answers_is_killed_the_other_goes_on(
    fleet: Fleet, new_phone: MakePhone, lan: Network
) -> None:
    """Within 30 seconds the phone is in step with the other one, and has all that it had; what it writes gets there."""
    first, second = fleet.joined(2)
    for device in (first, second):
        device.within, device.host = lan.place()
        device.start()
    fleet.link(second, first)
    first.note("Written before the fall")
    within, _ = lan.place()
    phone = new_phone("handset", Resolving, within)
    phone.pair(first, first.host)
    phone.capture("From the phone, before")
    phone.idle()
    fleet.converged(first, second)
    serving(second)
    phone.browser.close()
    assert isinstance(phone.browser, Resolving)
    phone.browser.addresses = (first.host, second.host)
    phone.again()
    phone.idle()
    both = {"alder": first, "birch": second}
    phone.browser.wait("a link to one of them", lambda: linked(both, "handset"))
    answers = both.pop(linked(both, "handset"))
    (other,) = both.values()
    server = answers.server_pid
    answers.kill()
    with contextlib.suppress(ProcessLookupError):  # it may have gone with its agent
        os.kill(server, signal.SIGKILL)
    phone.capture("In the very moment")
    in_step(other, "handset", FAILOVER_S)
    phone.sees("nothing waits", deadline_s=FAILOVER_S)
    phone.go("notes", "Notes")
    for title in ("Written before the fall", "From the phone, before", "In the very moment"):
        phone.sees(title)
    assert {"Written before the fall", "From the phone, before", "In the very moment"} <= other.titles()
    other.note("From the other one, after")
    phone.sees("From the other one, after")


def linked(devices: dict[str, Device], phone: str) -> str:
    """Which of these the phone is connected to; empty while to none."""
    found = [name for name, device in devices.items() if phone in {str(peer["name"]) for peer in device.linked()}]
    return found[0] if found else ""
