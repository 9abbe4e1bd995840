"""Who knocks at a device's nats-server: members keep to their own words, guests to the door, strangers get nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from mesh.errors import MeshError, Unreachable
from mesh.limits import GUEST_CONNECTIONS_MAX
from mesh.node.ports import Peer
from mesh.node.transport import door
from mesh.node.transport.broker_config import guest_seed, inbox, subject
from mesh.node.transport.tls import write_files
from mesh.node.transport.wires import NotLetIn, Wire
from tests.contracts.bus_contract import LIMIT_S, acquaint
from tests.contracts.nats_town import (
    HOST,
    caller,
    device_of,
    files_of,
    keys_of,
    peer_of,
    raw_caller,
    town,
    up,
)

pytestmark = [pytest.mark.contract, pytest.mark.system]


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


async def test_guests_cannot_crowd_out_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Guests have few connections and few requests a second; devices are served meanwhile."""
    monkeypatch.setattr(door, "GUEST_CONNECTIONS_PER_SOURCE_MAX", GUEST_CONNECTIONS_MAX)
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


@pytest.mark.parametrize("shown", ["nothing", "another mesh"])
async def test_a_stranger_sees_no_greeting(tmp_path: Path, shown: str) -> None:
    """Without a certificate of this mesh a caller reads nothing: no server id, no nonce, no version."""
    stranger = keys_of(device_of(1), mesh=b"other mesh")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if shown == "another mesh":
        files = files_of(tmp_path, device_of(1), stranger)
        context.load_cert_chain(files.certificate, files.key)
    async with town(1, tmp_path) as (a,):
        await up(a)
        host, port = a.peer.addresses[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
        said = b""
        with contextlib.suppress(OSError):
            said = await asyncio.wait_for(reader.read(), LIMIT_S)
        assert said == b""
        writer.transport.abort()


async def test_members_of_another_mesh_stay_out(tmp_path: Path) -> None:
    """Their certificate and nkey are worth nothing here, even if they know whom to expect."""
    async with town(1, tmp_path) as (a,):
        await up(a)
        stranger = keys_of(device_of(1), mesh=b"other mesh")
        with pytest.raises(MeshError):
            await caller(a, tmp_path, device_of(1), stranger)
        with pytest.raises(MeshError):
            await caller(a, tmp_path, device_of(1), stranger, expects=keys_of(a.device))
