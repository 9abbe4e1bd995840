"""A small network of namespaces, with a switch in the middle that can swallow everything without a word.

It makes only namespaces with its own mark in their names, and removes them all at the end.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator

MARK = f"mesh-test-{os.getpid()}-"
SWITCH = f"{MARK}switch"
NETWORK = "10.83.47"


def ip(*words: str) -> None:
    """Run the command that configures networks."""
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


class Network:
    """Namespaces on one switch."""

    def __init__(self) -> None:
        self._count = 0
        ip("netns", "add", SWITCH)
        ip("-n", SWITCH, "link", "add", "br0", "type", "bridge")
        ip("-n", SWITCH, "link", "set", "br0", "up")

    def place(self) -> tuple[list[str], str]:
        """A new place on the switch: how a command is started there, and its address."""
        self._count += 1
        number = self._count
        name, port, address = f"{MARK}{number}", f"p{number}", f"{NETWORK}.{number}"
        ip("netns", "add", name)
        ip("-n", SWITCH, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("-n", SWITCH, "link", "set", port, "master", "br0", "up")
        ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        return ["ip", "netns", "exec", name], address

    @staticmethod
    def cut() -> None:
        """From now on nothing passes; both sides keep their addresses and hear no error."""
        ip("-n", SWITCH, "link", "set", "br0", "down")

    @staticmethod
    def heal() -> None:
        """Everything passes again."""
        ip("-n", SWITCH, "link", "set", "br0", "up")


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """A network for as long as the block lasts."""
    try:
        yield Network()
    finally:
        listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True, timeout=20)
        for line in listed.stdout.splitlines():
            if line.startswith(MARK):
                ip("netns", "del", line.split()[0])
