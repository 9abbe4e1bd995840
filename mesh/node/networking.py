"""What an agent needs only to meet others: its bus, the talk over it, where it listens and where it is found.

Imported when an agent goes to work, so that a command that opens one for a single call does not wait for it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import MeshError
from mesh.node.duties import Duties
from mesh.node.home import PORT
from mesh.node.nearby.addresses import has_ipv4, own_hosts
from mesh.node.nearby.finding import Finding
from mesh.node.nearby.locations import Locations
from mesh.node.paths import server_path
from mesh.node.ports import BEACON_VARIABLE, TransportKeys
from mesh.node.rulings import Rulings
from mesh.node.talk import Talk
from mesh.node.transport.broker import free_port
from mesh.node.transport.broker_config import address_text
from mesh.node.transport.bus import NatsBus
from mesh.node.transport.own_server import Listening

if TYPE_CHECKING:
    from mesh.node.agent import Agent

_EXTERNAL = "MESH_NATS_URL"
_ANYWHERE = "0.0.0.0"  # noqa: S104 - devices of the mesh are met on every interface unless --interface says otherwise


def set_up(agent: Agent) -> None:
    """Give an agent its bus, and all that works over it."""
    held, engine = agent.held, agent.engine
    keys = TransportKeys(held.nkey_seed, held.tls_seed, held.transport)
    external = os.environ.get(_EXTERNAL, "")
    server = os.environ.get("MESH_NATS_SERVER", "")
    listening = Listening(_hosts(agent), agent.port, Path(server) if server else None, external)
    bus = NatsBus(agent.device, keys, server_path(agent.home), listening=listening)
    agent.bus = bus
    agent.talk = Talk(engine, bus, agent.log, agent.let_in, agent, agent.meetings, agent.presence, agent.drops)
    agent.drops.fetching.bus = bus
    agent.duties = Duties(engine, agent.talk.known, agent.keep_keys, agent.log)
    agent.rulings = Rulings(engine, agent.log)
    agent.locations = Locations(engine, bus, agent.own_addresses, agent.settings)
    if os.environ.get(BEACON_VARIABLE, "on") != "off" and not engine.is_relay:
        from mesh.node.nearby.beacon import ZeroconfBeacon  # noqa: PLC0415 - zeroconf takes its time

        agent.finding = Finding(engine, bus, ZeroconfBeacon(agent.interfaces), agent.log)


async def choose_port(agent: Agent) -> None:
    """Choose the server's port once, and keep it before anybody is told: whoever heard of it finds us there."""
    if agent.port or os.environ.get(_EXTERNAL):
        return
    with contextlib.suppress(MeshError):  # then the server chooses one, and tells what is wrong
        port = free_port(_hosts(agent))
        await agent.engine.remember(PORT, str(port).encode())
        agent.port = port


def addresses(interfaces: tuple[str, ...], port: int) -> tuple[str, ...]:
    """Where others may reach a server at this port."""
    hosts = [host for host in own_hosts(interfaces) if "%" not in host]  # what one link knows helps no other
    return tuple(address_text(host, port) for host in hosts or interfaces)


def _hosts(agent: Agent) -> tuple[str, ...]:
    return agent.interfaces or (_ANYWHERE if has_ipv4() else "::",)
