"""A small network of namespaces on one switch, on which places are cut off, isolated, unplugged, or far away.

It makes only namespaces with its own mark in their names, and removes them all at the end.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

MARK = f"mesh-test-{os.getpid()}-"
SWITCH = f"{MARK}switch"
NETWORK = "10.83.47"
BLOCKING, FORWARDING = "0", "3"  # states of a switch's port
ENDED_S_MAX = 20


def ip(*words: str) -> None:
    """Run the command that configures networks."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


def _port_is(port: str, *what: str) -> None:
    subprocess.run(
        ["bridge", "-n", SWITCH, "link", "set", "dev", port, *what], check=True, capture_output=True, timeout=20
    )


class Network:
    """Namespaces on one switch. What is done to a place is done by the address that it was given."""

    def __init__(self) -> None:
        self._count = 0
        self._ports: dict[str, str] = {}
        self._lines: list[subprocess.Popen[bytes]] = []
        ip("netns", "add", SWITCH)
        ip("-n", SWITCH, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", SWITCH, "link", "set", "br0", "up")

    def place(self, *, delay_s: float = 0.0, loss: float = 0.0) -> tuple[list[str], str]:
        """A new place on the switch: how a command is started there, and its address.

        With `delay_s` (one way) or `loss` (a share of the frames) it sits behind a slow line.
        """
        self._count += 1
        number = self._count
        name, port, address = f"{MARK}{number}", f"p{number}", f"{NETWORK}.{number}"
        ip("netns", "add", name)
        if delay_s or loss:
            self._far(name, port, delay_s, loss)
        else:
            ip("-n", SWITCH, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", SWITCH, "link", "set", port, "master", "br0", "up")
        ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        self._ports[address] = port
        return ["ip", "netns", "exec", name], address

    def _far(self, name: str, port: str, delay_s: float, loss: float) -> None:
        words = [sys.executable, "-m", "tests.system.slow_line", str(delay_s), str(loss)]
        line = subprocess.Popen(
            [*words, f"{name}/eth0", f"{SWITCH}/{port}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._lines.append(line)
        assert line.stdout is not None
        assert line.stdout.readline() == b"ready\n", "the slow line did not come up"

    @staticmethod
    def cut() -> None:
        """From now on nothing passes; both sides keep their addresses and hear no error."""
        ip("-n", SWITCH, "link", "set", "br0", "down")

    @staticmethod
    def heal() -> None:
        """Everything passes again."""
        ip("-n", SWITCH, "link", "set", "br0", "up")

    def silence(self, address: str) -> None:
        """Nothing passes to or from this place any more, and nobody hears an error."""
        _port_is(self._ports[address], "state", BLOCKING)

    def unsilence(self, address: str) -> None:
        """It passes again."""
        _port_is(self._ports[address], "state", FORWARDING)

    def unplug(self, address: str) -> None:
        """Pull the cable of this place: it sees that its interface lost the line."""
        ip("-n", SWITCH, "link", "set", self._ports[address], "down")

    def plug(self, address: str) -> None:
        """Put the cable in again."""
        ip("-n", SWITCH, "link", "set", self._ports[address], "up")

    def isolate(self, addresses: Sequence[str]) -> None:
        """These places hear nothing from each other any more, as guests in many a wireless network; others do."""
        for address in addresses:
            _port_is(self._ports[address], "isolated", "on")

    def close(self) -> None:
        """End the slow lines."""
        for line in self._lines:
            line.communicate(timeout=ENDED_S_MAX)


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A network for as long as the block lasts."""
    made = None
    try:
        made = Network()
        yield made
    finally:
        if made is not None:
            made.close()
        listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True, timeout=20)
        for line in listed.stdout.splitlines():
            if line.startswith(MARK):
                ip("netns", "del", line.split()[0])
