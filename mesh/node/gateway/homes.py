"""Which networks are home: there, and nowhere else, the name of the page is told.

A network is known by its router's hardware address, or, where there is none, by its subnet: enough to keep the name to
oneself in a café, and no proof of anything. Only IPv4 networks are looked at. Nothing is sent but an empty packet to
the router, so that the system finds out its address.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import Misuse, Unreachable
from mesh.limits import HOMES_MAX
from mesh.node import timing
from mesh.node.nearby.addresses import networks

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_KEPT = "gateway/homes"
_ID_DIGITS = 8
_ID_DIGITS_MIN = 2
_SOME_PORT = 9
_NOBODYS_MAC = "00:00:00:00:00:00"
_ROUTES, _NEIGHBOURS = Path("/proc/net/route"), Path("/proc/net/arp")
_MAC = re.compile(r"\bat ((?:[0-9a-f]{1,2}:){5}[0-9a-f]{1,2})\b")


@dataclass(frozen=True, slots=True)
class Network:
    """A network that this device is in."""

    name: str
    """As people know it: `192.168.1.0/24`."""
    router: str
    """Its router's hardware address; empty where it has none; `?` until the system knows it."""
    hosts: tuple[str, ...]
    """This device's addresses in it."""

    @property
    def id(self) -> str:
        """What it is remembered by."""
        return hashlib.sha256((self.router or self.name).encode()).hexdigest()[:_ID_DIGITS]

    @property
    def known(self) -> bool:
        """Whether it is certain which one it is."""
        return self.router != "?"


def here(interfaces: Sequence[str] = ()) -> tuple[Network, ...]:
    """The networks of now, the one that leads outward first."""
    router, card = _router()
    found: dict[tuple[str, str], list[str]] = {}
    for name, host, subnet in networks(interfaces):
        mac = (_mac(router) or "?") if router and name == card else ""
        found.setdefault((subnet, mac), []).append(host)
    made = [Network(subnet, mac, tuple(hosts)) for (subnet, mac), hosts in found.items()]
    return tuple(sorted(made, key=lambda one: (not one.router, one.name)))


async def kept(agent: Agent) -> dict[str, str]:
    """The networks that are home: id and name."""
    found = json.loads(await agent.store.setting(_KEPT) or b"{}")
    assert isinstance(found, dict), "we wrote it"
    return found


async def at_home(agent: Agent) -> tuple[str, ...]:
    """This device's addresses in networks that are home."""
    homes = await kept(agent)
    if not homes:
        return ()
    found = await asyncio.to_thread(here, agent.interfaces)
    return tuple(host for one in found if one.known and one.id in homes for host in one.hosts)


async def mark(agent: Agent) -> None:
    """The networks that this device is in are home from now on. Raises Unreachable, Misuse."""
    homes = await kept(agent)
    found = await _known(agent.interfaces)
    homes |= {one.id: one.name for one in found}
    if len(homes) > HOMES_MAX:
        message = f"{len(homes)} networks are home"
        raise Misuse(message, hint=f"At most {HOMES_MAX}: `mesh phone home off ID` forgets one.")
    await agent.engine.remember(_KEPT, json.dumps(homes).encode())


async def forget(agent: Agent, said: str = "") -> None:
    """A network is home no more: that of an id, or those that this device is in. Raises Misuse."""
    homes = await kept(agent)
    if said:
        gone = {one for one in homes if one.startswith(said.lower())} if len(said) >= _ID_DIGITS_MIN else set()
    else:
        gone = {one.id for one in await asyncio.to_thread(here, agent.interfaces)}
    if said and len(gone) != 1:
        message = f"{said!r} names {'several networks' if gone else 'no network'}"
        raise Misuse(message, hint="`mesh phone home list` shows their ids.")
    left = {one: name for one, name in homes.items() if one not in gone}
    await agent.engine.remember(_KEPT, json.dumps(left).encode())


async def _known(interfaces: Sequence[str]) -> tuple[Network, ...]:
    """The networks of now, when it is certain which ones they are. Raises Unreachable."""
    for _ in range(timing.HOME_LOOKS):
        found = await asyncio.to_thread(here, interfaces)
        if found and all(one.known for one in found):
            return found
        await asyncio.sleep(timing.HOME_LOOK_S)
    message = "this device is in no network now" if not found else "the router of this network does not answer"
    raise Unreachable(message, hint="Connect to your network, and try again.")


def _router() -> tuple[str, str]:
    """The address of the router that leads outward, and the network card on which it is; empty where there is none."""
    if sys.platform == "darwin":
        said = _said("/sbin/route", "-n", "get", "default")
        words = dict(line.split(": ", 1) for line in map(str.strip, said.splitlines()) if ": " in line)
        return words.get("gateway", "").strip(), words.get("interface", "").strip()
    with contextlib.suppress(OSError, ValueError):
        for line in _ROUTES.read_text().splitlines()[1:]:
            card, destination, gateway, *_ = line.split()
            if destination == "00000000" and gateway != destination:
                return socket.inet_ntoa(struct.pack("<I", int(gateway, 16))), card
    return "", ""


def _mac(router: str) -> str:
    """The hardware address of a router, as the system knows it; asked for where it does not yet."""
    found = ""
    if sys.platform == "darwin":
        said = _MAC.search(_said("/usr/sbin/arp", "-n", router))
        found = ":".join(f"{int(part, 16):02x}" for part in said[1].split(":")) if said else ""
    else:
        with contextlib.suppress(OSError):
            rows = (line.split() for line in _NEIGHBOURS.read_text().splitlines()[1:])
            found = next((row[3] for row in rows if row[0] == router and row[3] != _NOBODYS_MAC), "")
    if not found:
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.sendto(b"", (router, _SOME_PORT))
    return found.lower()


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=timing.LOOK_S_MAX)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
