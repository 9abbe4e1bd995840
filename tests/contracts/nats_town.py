"""Devices of one mesh with real nats-servers on loopback, for tests, and callers that are no devices."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from nats.aio.client import Client

from mesh.node.ports import Peer, TransportKeys
from mesh.node.transport.broker import command_of, free_port
from mesh.node.transport.broker_config import inbox, nkey_seed
from mesh.node.transport.bus import NatsBus
from mesh.node.transport.links import LinkTimes
from mesh.node.transport.own_server import Listening
from mesh.node.transport.tls import TlsFiles, leaf_name, pinned_context, public_of, write_files
from mesh.node.transport.wire_nats import connect
from mesh.node.transport.wires import Login, Wire
from tests.contracts.bus_contract import LIMIT_S, Station, running

TIMES = LinkTimes(grace_s=0.3, grace_spread_s=0.1, hello_s=0.5, in_silent_s_max=3.0, backoff_s_max=0.5, steady_s=0.1)
HOST = "127.0.0.1"


def keys_of(device: str, mesh: bytes = b"one mesh") -> TransportKeys:
    """The same keys for the same device, different for each."""
    seeds = [(device + word).encode().ljust(32, b".")[-32:] for word in ("nkey", "tls")]
    return TransportKeys(seeds[0], seeds[1], mesh.ljust(32, b"."))


def device_of(number: int) -> str:
    """Ids in ascending order."""
    return chr(ord("a") + number) * 16


def stations(group: asyncio.TaskGroup, count: int, folder: Path) -> Sequence[Station]:
    """So many devices of one mesh, each with its server on loopback."""
    made = []
    for device in map(device_of, range(count)):
        keys, port = keys_of(device), free_port([HOST])
        listening = Listening((HOST,), port)
        bus = NatsBus(device, keys, folder / device, listening=listening, times=TIMES)
        publics = public_of(keys.nkey_seed), public_of(keys.tls_seed)
        made.append(Station(Peer(device, device[0], *publics, (f"{HOST}:{port}",)), bus, group))
    return made


@contextlib.asynccontextmanager
async def town(count: int, folder: Path) -> AsyncIterator[Sequence[Station]]:
    """Running stations; afterwards none of their servers is left."""
    async with running(lambda group: stations(group, count, folder)) as made:
        yield made
        pids = [station.bus.server().pid for station in made]
    assert [pid for pid in pids if pid is not None and str(folder) in command_of(pid)] == []


async def up(station: Station) -> int:
    """Wait until its server is up; its pid."""
    async with asyncio.timeout(LIMIT_S):
        while station.bus.server().state != "up":  # noqa: ASYNC110 the bus tells its state to whoever asks, no event
            await asyncio.sleep(0.01)
    pid = station.bus.server().pid
    assert pid is not None
    return pid


async def settled(a: Station, b: Station) -> tuple[Station, Station]:
    """Wait until one link is left of those dialled at once, and told; its dialler and its host."""
    async with asyncio.timeout(LIMIT_S):
        while {a.bus.links()[0].direction, b.bus.links()[0].direction} != {"out", "in"}:  # noqa: ASYNC110 see `up`
            await asyncio.sleep(0.01)
    for station in (a, b):
        await station.ear.until(lambda s=station: bool(s.ear.links))  # type: ignore[misc]
    return (a, b) if a.bus.links()[0].direction == "out" else (b, a)


async def one_way(dialler: Station, host: Station) -> None:
    """Link two of whom only the dialler knows an address, so that no second dial can be under way; nothing told yet."""
    await host.bus.roster([peer_of(dialler.device)])
    await dialler.knows(host)
    for station, other in ((dialler, host), (host, dialler)):
        await station.ear.until(lambda s=station, o=other: s.ear.links == [("linked", o.device)])  # type: ignore[misc]
        station.ear.links.clear()


def peer_of(device: str) -> Peer:
    """A device as a peer without address."""
    keys = keys_of(device)
    return Peer(device, device[0], public_of(keys.nkey_seed), public_of(keys.tls_seed), ())


async def caller(
    a: Station,
    folder: Path,
    device: str,
    keys: TransportKeys,
    *,
    seed: bytes | None = None,
    prefix: str = "",
    expects: TransportKeys | None = None,
) -> Wire:
    """A bare connection to a station's server, as a device or with another seed."""
    files = files_of(folder, device, keys)
    secret = (expects or keys).mesh_secret
    context = pinned_context(files, secret, a.peer.tls_key)
    name = leaf_name(secret, a.peer.tls_key)
    login = Login(f"tls://{a.peer.addresses[0]}", seed or keys.nkey_seed, prefix or inbox(device), context, name, 2.0)
    return await connect(login)


async def raw_caller(a: Station, folder: Path, device: str, keys: TransportKeys) -> Client:
    """A client that says what it wants."""
    client = Client()
    await client.connect(
        f"tls://{a.peer.addresses[0]}",
        nkeys_seed_str=nkey_seed(keys.nkey_seed),
        tls=pinned_context(files_of(folder, device, keys), keys.mesh_secret, a.peer.tls_key),
        tls_hostname=leaf_name(keys.mesh_secret, a.peer.tls_key),
        tls_handshake_first=True,
        allow_reconnect=False,
    )
    return client


def files_of(folder: Path, device: str, keys: TransportKeys) -> TlsFiles:
    """The certificates of a caller."""
    place = folder / f"caller-{device}"
    place.mkdir(exist_ok=True)
    return write_files(place, keys.mesh_secret, keys.tls_seed)
