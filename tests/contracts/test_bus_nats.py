"""The bus on NATS keeps the promises of the bus, with real servers on loopback, and keeps strangers out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from nats.aio.client import Client

from mesh.errors import MeshError, Unreachable
from mesh.limits import GUEST_CONNECTIONS_MAX
from mesh.node.broker import command_of, free_port
from mesh.node.broker_config import guest_seed, inbox, nkey_seed, subject
from mesh.node.bus import NatsBus, connect
from mesh.node.links import LinkTimes
from mesh.node.own_server import Listening
from mesh.node.ports import Peer, TransportKeys
from mesh.node.tls import TlsFiles, leaf_name, pinned_context, public_of, write_files
from mesh.node.wires import Login, NotLetIn, Wire
from tests.contracts.bus_contract import LIMIT_S, BusContract, Station, acquaint, running

pytestmark = [pytest.mark.contract, pytest.mark.system]

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


class TestNatsBus(BusContract):
    """The contract."""

    def town(self, count: int, folder: Path) -> contextlib.AbstractAsyncContextManager[Sequence[Station]]:
        """Devices with their own nats-servers."""
        return town(count, folder)


async def test_one_link_is_enough_and_either_may_dial(tmp_path: Path) -> None:
    """Only the larger id knows an address: it dials after its grace, and nobody dials back."""
    async with town(2, tmp_path) as (a, b):
        bare = Peer(b.device, "b", b.peer.transport_key, b.peer.tls_key, ())
        await a.bus.roster([bare])
        await b.knows(a)
        await a.linked_to(b)
        await b.linked_to(a)
        assert (a.bus.links()[0].direction, b.bus.links()[0].direction) == ("in", "out")
        assert await a.ask(b, b"down the dialled link") == b"down the dialled link"
        assert await b.ask(a, b"up") == b"up"


async def test_simultaneous_dials_leave_one_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both hellos are held back until both dialled: the larger id drops its own link and no request is lost."""
    both = asyncio.Barrier(2)
    dialled: list[Wire] = []

    async def held(login: Login) -> Wire:
        wire = await connect(login)
        ask = wire.ask

        async def ask_late(words: str, body: bytes, *, timeout_s: float) -> bytes:
            if words.endswith(".hello") and body and len(dialled) < 2:
                dialled.append(wire)
                await both.wait()
            return await ask(words, body, timeout_s=timeout_s)

        monkeypatch.setattr(wire, "ask", ask_late)
        return wire

    monkeypatch.setattr("mesh.node.bus.connect", held)
    monkeypatch.setattr("tests.contracts.test_bus_nats.TIMES", replace(TIMES, grace_s=0.0, grace_spread_s=0.0))
    async with town(2, tmp_path) as (a, b):
        await acquaint(a, b)
        bodies = [bytes([number]) for number in range(50)]
        there = asyncio.gather(*(a.ask(b, body) for body in bodies))
        back = asyncio.gather(*(b.ask(a, body) for body in bodies))
        assert (await there, await back) == (bodies, bodies)
        assert len(dialled) == 2
        await asyncio.wait(
            [asyncio.Task(wire.closed.wait()) for wire in dialled],
            timeout=LIMIT_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        assert (a.bus.links()[0].direction, b.bus.links()[0].direction) == ("out", "in")
        assert a.ear.links == [("linked", b.device)]
        assert b.ear.links == [("linked", a.device)]


async def test_a_killed_server_comes_back_and_so_do_the_links(tmp_path: Path) -> None:
    """Kill -9 of the server that carries the link: both hear parted, then linked, and requests pass again."""
    async with town(2, tmp_path) as (a, b):
        await acquaint(a, b)
        for _ in range(2):
            host, guest = (b, a) if a.bus.links()[0].direction == "out" else (a, b)
            host.ear.links.clear()
            guest.ear.links.clear()
            pid = await up(host)
            os.kill(pid, signal.SIGKILL)
            for station, other in ((a, b), (b, a)):
                expected = [("parted", other.device), ("linked", other.device)]
                await station.ear.until(lambda s=station, e=expected: s.ear.links[-2:] == e)  # type: ignore[misc]
            assert await up(host) != pid
            assert await a.ask(b, b"after") == b"after"
            assert await b.ask(a, b"after") == b"after"


async def test_a_killed_server_that_carries_no_link_parts_nobody(tmp_path: Path) -> None:
    """The link runs over the other one's server: requests pass while the dead one comes back."""
    async with town(2, tmp_path) as (a, b):
        await acquaint(a, b)
        for station in (a, b):
            await station.ear.until(lambda s=station: bool(s.ear.links))  # type: ignore[misc]
        idle = a if a.bus.links()[0].direction == "out" else b
        pid = await up(idle)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(LIMIT_S):
            while idle.bus.server().pid in {pid, None} or idle.bus.server().state != "up":
                assert await a.ask(b, b"meanwhile") == b"meanwhile"
                assert await b.ask(a, b"meanwhile") == b"meanwhile"
        assert len(a.ear.links) == len(b.ear.links) == 1


async def test_a_vanished_agent_is_noticed_by_its_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dialler's socket ends without a bye: its host hears so from its own server, not from long silence."""
    wires: dict[str, Wire] = {}

    async def kept(login: Login) -> Wire:
        wires[login.url.removeprefix("tls://") + login.inbox] = await connect(login)
        return wires[login.url.removeprefix("tls://") + login.inbox]

    monkeypatch.setattr("mesh.node.bus.connect", kept)
    monkeypatch.setattr("tests.contracts.test_bus_nats.TIMES", replace(TIMES, in_silent_s_max=1000.0))
    async with town(2, tmp_path) as (a, b):
        await acquaint(a, b)
        dialler, host = (a, b) if a.bus.links()[0].direction == "out" else (b, a)
        await host.ear.until(lambda: bool(host.ear.links))
        await wires[host.peer.addresses[0] + inbox(dialler.device)].close()
        await host.ear.until(lambda: len(host.ear.links) >= 2)


async def test_nobody_enters_without_a_key(tmp_path: Path) -> None:
    """A member's certificate without login, with an unknown nkey, or speaking clear text: out."""
    async with town(1, tmp_path) as (a,):
        await up(a)
        with pytest.raises(NotLetIn):
            await caller(a, tmp_path, device_of(5), keys_of(device_of(5)))
        host, port = a.peer.addresses[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n')
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""  # not even a greeting
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def test_a_member_cannot_speak_or_listen_as_another(tmp_path: Path) -> None:
    """Allow-lists: b may neither publish as c nor listen to what c or the agent hears."""
    async with town(1, tmp_path) as (a,):
        b, c = device_of(1), device_of(2)
        await up(a)
        await a.bus.roster([peer_of(b), peer_of(c)])
        wire = await caller(a, tmp_path, b, keys_of(b))
        try:
            heard: list[str] = []

            async def listen(message: object) -> None:
                heard.append(str(message))

            for forbidden in (
                ">",
                f"mesh.{a.device}.>",
                subject(c, a.device, ">"),
                "*.>",
                f"{inbox(c)}.>",
                "$SYS.>",
            ):
                await wire.listen(forbidden, listen)
            await wire.tell(subject(a.device, c, "say"), b"I am c")
            await wire.tell(subject(a.device, "guest", "say"), b"I am a guest")
            assert await wire.ask(subject(a.device, b, "say"), b"I am b", timeout_s=LIMIT_S) == b"\0I am b"
            assert a.ear.said == [(b, "say", b"I am b")]
            assert heard == []
        finally:
            await wire.close()


async def test_an_answer_goes_to_nobody_but_who_asked(tmp_path: Path) -> None:
    """A reply subject is the asker's choice: one that makes our answer speak as c, or to c, is not answered."""
    async with town(1, tmp_path) as (a,):
        b, c = device_of(1), device_of(2)
        await up(a)
        await a.bus.roster([peer_of(b), peer_of(c)])
        as_b = await caller(a, tmp_path, b, keys_of(b))
        as_c = await caller(a, tmp_path, c, keys_of(c))
        raw = await raw_caller(a, tmp_path, b, keys_of(b))
        try:
            heard: list[str] = []

            async def listen(message: object) -> None:
                heard.append(str(message))

            await as_c.listen(subject(c, a.device, ">"), listen)
            for number, reply in enumerate((subject(a.device, c, "say"), subject(c, a.device, "say"), f"{inbox(c)}.0")):
                await raw.publish(subject(a.device, b, "say"), bytes([number]), reply=reply)
            await raw.flush()
            await as_b.ask(subject(a.device, b, "say"), b"last", timeout_s=LIMIT_S)
            await as_c.ask(subject(a.device, c, "say"), b"last", timeout_s=LIMIT_S)
            assert {sender for sender, _, _ in a.ear.said[:4]} == {b}
            assert len(a.ear.said) == 5
            assert heard == []
        finally:
            await as_b.close()
            await as_c.close()
            await raw.close()


async def test_guest_rights_are_the_door_and_nothing_else(tmp_path: Path) -> None:
    """A guest reaches the guests' verb only, and hears nothing but answers to itself."""
    async with town(1, tmp_path) as (a,):
        b = device_of(1)
        await up(a)
        await a.bus.roster([peer_of(b)])
        seed = guest_seed(keys_of(b).mesh_secret)
        guest = await caller(a, tmp_path, b, keys_of(b), seed=seed, prefix="_INBOX_guest.x")
        member = await caller(a, tmp_path, b, keys_of(b))
        try:
            heard: list[str] = []

            async def listen(message: object) -> None:
                heard.append(str(message))

            for forbidden in (">", "mesh.>", f"{inbox(b)}.>", "$SYS.>", "_R_.>"):
                await guest.listen(forbidden, listen)
            await guest.tell(subject(a.device, b, "say"), b"I am b")
            await guest.tell(subject(b, a.device, "say"), b"I am a")
            assert await guest.ask(subject(a.device, "guest", "say"), b"hello", timeout_s=LIMIT_S) == b"\0hello"
            assert await member.ask(subject(a.device, b, "say"), b"secret", timeout_s=LIMIT_S) == b"\0secret"
            assert a.ear.said == [(None, "say", b"hello"), (b, "say", b"secret")]
            assert heard == []
        finally:
            await guest.close()
            await member.close()


async def test_guests_cannot_crowd_out_devices(tmp_path: Path) -> None:
    """Guests have few connections and few requests a second; devices are served meanwhile."""
    async with town(2, tmp_path) as (a, b):
        await acquaint(a, b)
        seed = guest_seed(keys_of(b.device).mesh_secret)
        guests: list[Wire] = []
        try:
            problem = ""
            while not problem and len(guests) < 2 * GUEST_CONNECTIONS_MAX:
                prefix = f"_INBOX_guest.{len(guests)}"
                try:
                    guests.append(await caller(a, tmp_path, b.device, keys_of(b.device), seed=seed, prefix=prefix))
                except Unreachable as error:
                    problem = str(error)
            assert "connections exceeded" in problem
            assert len(guests) == GUEST_CONNECTIONS_MAX
            words = subject(a.device, "guest", "say")
            answers = await asyncio.gather(*(guests[0].ask(words, b"", timeout_s=LIMIT_S) for _ in range(100)))
            assert {answer[0] for answer in answers} == {0, 2}
            assert await b.ask(a, b"a device") == b"a device"
        finally:
            for guest in guests:
                await guest.close()


@pytest.mark.parametrize("impostor", ["another member", "another mesh", "self-made"])
async def test_an_impostor_gets_no_signature(tmp_path: Path, impostor: str) -> None:
    """Whoever answers at b's address without b's key sees no word of ours after the handshake."""
    c = device_of(2)
    keys = {
        "another member": keys_of(c),
        "another mesh": keys_of(device_of(1), mesh=b"other mesh"),
        "self-made": keys_of(c, mesh=b"made up"),
    }[impostor]
    received: list[bytes] = []

    async def trap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            writer.write(b'INFO {"nonce":"sign me","auth_required":true,"tls_required":true}\r\n')
            received.append(await reader.read(100))
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (tmp_path / "trap").mkdir()
    files = write_files(tmp_path / "trap", keys.mesh_secret, keys.tls_seed)
    context.load_cert_chain(files.certificate, files.key)
    server = await asyncio.start_server(trap, HOST, 0, ssl=context)
    address = "{}:{}".format(*server.sockets[0].getsockname())
    async with server, town(1, tmp_path) as (a,):
        b = peer_of(device_of(1))
        await a.bus.roster([Peer(b.device, "b", b.transport_key, b.tls_key, (address,))])
        async with asyncio.timeout(LIMIT_S):
            while "prove" not in a.bus.links()[0].problem:  # noqa: ASYNC110 see `up`
                await asyncio.sleep(0.01)
        assert a.ear.visits == []
    assert b"".join(received) == b""


async def test_a_server_of_another_mesh_lets_nobody_in(tmp_path: Path) -> None:
    """Our certificate is worth nothing there, and theirs nothing here."""
    async with town(1, tmp_path) as (a,):
        await up(a)
        stranger = keys_of(device_of(1), mesh=b"other mesh")
        with pytest.raises(MeshError):
            await caller(a, tmp_path, device_of(1), stranger)
        with pytest.raises(MeshError):  # even if it knows whom to expect
            await caller(a, tmp_path, device_of(1), stranger, expects=keys_of(a.device))


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
