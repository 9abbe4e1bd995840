"""The door with a real nats-server: a phone converges through it, and is sent away when it is no device any more."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mesh.limits import DOOR_HANDSHAKES_PER_S_MAX
from mesh.node import clock, timing
from mesh.node.gateway import authority
from mesh.node.gateway.pump import AGAIN, REMOVED
from mesh.node.gateway.web import WEB_PORT
from mesh.node.transport.broker_config import inbox
from mesh.node.transport.tls import TlsFiles, leaf_name, pinned_context, public_of
from mesh.node.transport.wire_nats import connect
from mesh.node.transport.wires import Login, NotLetIn
from mesh.sync.messages import Push, encode
from tests.system.door_lines import HOST, LIMIT_S, Phone, line
from tests.system.doors import Companion, Door, companion, signed_by, until
from tests.unit.node.closing import close
from tests.unit.node.families import ask

pytestmark = pytest.mark.system


async def agree(opened: Door, held: Companion) -> None:
    """Wait until both show the same."""
    async with asyncio.timeout(LIMIT_S):
        while await held.store.digest() != await opened.agent.store.digest():  # noqa: ASYNC110 - two stores tell no event
            await asyncio.sleep(0.05)


async def test_a_phone_converges_through_the_door(opened: Door, phone: Phone) -> None:
    """What the node wrote arrives, what the phone wrote arrives, and both show the same."""
    await opened.agent.call("note.add", {"title": "of the node"})
    async with companion(opened, phone) as held:
        await until(lambda: held.engine.replica.verdict.is_live(phone.admission))
        await agree(opened, held)
        await held.write("of the phone")
        await until(
            lambda: phone.admission in {c.admission for c in opened.agent.engine.replica.chains.chains.values()}
        )
        await agree(opened, held)
        assert await held.titles() == {"of the node", "of the phone"}
        assert {row.note.title for row in await opened.agent.store.notes(limit=9)} == await held.titles()
        assert opened.agent.bus is not None
        (link,) = opened.agent.bus.links()
        assert (link.device, link.connected, link.direction) == (phone.device, True, "in")
    await until(lambda: not opened.agent.bus.links()[0].connected)  # type: ignore[union-attr]
    (link,) = opened.agent.bus.links()
    assert link.trouble == "away"
    assert opened.agent.bus.dials() == 0


async def test_a_phone_that_was_removed_is_sent_away(opened: Door, phone: Phone) -> None:
    """Its socket closes with 4403 at once, and no other one opens; the page goes on."""
    async with companion(opened, phone) as held:
        await until(lambda: held.bus.greeted)
        await close(opened.agent.engine, phone.admission)
        await until(lambda: held.bus.closed_with is not None)
        assert held.bus.closed_with == REMOVED
    async with line(opened, phone) as again:
        assert b"Authorization Violation" in await again.log_in()
        assert await again.frame() == b""
        assert again.socket.close_code == REMOVED
    async with opened.browsing() as session, session.get("/who") as answer:
        assert (await answer.json())["device"] == opened.agent.device


async def test_a_phone_comes_back_when_the_server_did(opened: Door, phone: Phone) -> None:
    """A nats-server that fell takes the socket with it, for a reason that says: try again."""
    bus = opened.agent.bus
    assert bus is not None
    async with companion(opened, phone) as held:
        await until(lambda: held.bus.greeted)
        pid = bus.server().pid
        assert pid is not None
        os.kill(pid, 9)
        await until(lambda: held.bus.closed_with is not None)
        assert held.bus.closed_with == AGAIN
    await until(lambda: bus.server().state == "up" and bus.server().pid not in {None, pid})
    async with companion(opened, phone) as held:
        await until(lambda: held.engine.replica.verdict.is_live(phone.admission))
        await agree(opened, held)
        await held.write("afterwards")
        await agree(opened, held)


async def test_a_new_leaf_is_shown_without_a_restart(
    opened: Door, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who comes after it sees the new one; who was there stays."""

    async def shown() -> bytes:
        _, writer = await asyncio.open_connection(
            HOST, opened.gateway.port, ssl=opened.trusting(), server_hostname=opened.gateway.name
        )
        found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
        return found

    async with companion(opened, phone) as held:
        await until(lambda: held.bus.greeted)
        before = await shown()
        assert await shown() == before
        monkeypatch.setattr(timing, "LEAF_RENEW_S", timing.LEAF_S + 1)  # it has to be renewed whenever one looks
        await opened.holding.look()
        opened.gateway.look_soon()
        async with asyncio.timeout(LIMIT_S):
            while await shown() == before:  # noqa: ASYNC110 - only who calls sees it
                await asyncio.sleep(2 / DOOR_HANDSHAKES_PER_S_MAX)
        assert authority.good_s(await shown()) >= authority.good_s(before)
        await until(lambda: held.engine.replica.verdict.is_live(phone.admission))
        await agree(opened, held)
        await held.write("over the socket of before")
        await agree(opened, held)


async def test_a_certificate_of_the_persons_own_that_is_gone_shuts_nothing(opened: Door, tmp_path: Path) -> None:
    """Its files were taken away: the page opens all the same and new leaves are shown, and `phone list` says why."""
    host, now_s = "mac.tail1234.ts.net", clock.now_ms() // 1000
    public, key = authority.new_authority(host, now_s), authority.new_key()
    files = tmp_path / "a.crt", tmp_path / "a.key"
    files[0].write_bytes(authority.chain_pem(public.leaf(authority.public_of(key), now_s, 7)))
    files[1].write_bytes(authority.key_pem(key))
    await opened.holding.take_given(host, *map(str, files))
    opened.gateway.look_soon()
    await until(lambda: opened.gateway._showing.beside == host)  # noqa: SLF001 - what is shown
    for file in files:
        file.unlink()
    opened.gateway.look_soon()
    await until(lambda: opened.gateway.beside_problem)
    assert opened.gateway.open
    await opened.gateway.switch(on=False)
    await until(lambda: not opened.gateway.open)
    await opened.gateway.switch(on=True)
    await until(lambda: opened.gateway.open)
    async with opened.browsing() as session, session.get("/who") as answer:
        assert answer.status == 200
    page = (await ask(opened.agent, "phone.list"))["page"]
    assert "a.crt cannot be read" in page["problem"]  # type: ignore[index]


async def test_a_port_that_is_taken_behind_the_page_is_changed(opened: Door, phone: Phone) -> None:
    """Another program got there while the door was shut: the own server starts all the same, and phones come in."""
    agent = opened.agent
    before = int((await agent.store.setting(WEB_PORT) or b"0").decode())
    await opened.gateway.switch(on=False)
    await until(lambda: not opened.gateway.open)
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                taken = socket.create_server((HOST, before))
                break
            except OSError:
                await asyncio.sleep(0.05)
    with taken:
        await opened.gateway.switch(on=True)
        await until(lambda: opened.gateway.open and agent.bus is not None and agent.bus.server().state == "up")
        assert int((await agent.store.setting(WEB_PORT) or b"0").decode()) != before
        async with companion(opened, phone) as held:
            await until(lambda: held.bus.greeted)


async def test_each_door_takes_its_own_devices_only(opened: Door, phone: Phone) -> None:
    """A device's key opens nothing at the page, a phone's key nothing at the server's own port."""
    agent = opened.agent
    thief = Phone("thief", admission=agent.engine.own.admission)
    thief.transport = Ed25519PrivateKey.from_private_bytes(agent.held.nkey_seed)
    async with line(opened, thief) as one:
        assert b"Authorization Violation" in await one.log_in()
        assert await one.frame() == b""
        assert one.socket.close_code == REMOVED
    folder = agent.home / "nats"
    files = TlsFiles(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
    tls_key = public_of(agent.held.tls_seed)
    context: ssl.SSLContext = pinned_context(files, agent.held.transport, tls_key)
    seed = phone.transport.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    assert agent.bus is not None
    url = f"tls://{HOST}:{agent.bus.server().port}"
    with pytest.raises(NotLetIn):
        await connect(Login(url, seed, inbox(phone.device), context, leaf_name(agent.held.transport, tls_key), 5.0))


async def test_signed_runs_come_by_plain_http(opened: Door, phone: Phone) -> None:
    """What a phone wrote in flight mode is held after one request, and a second time harms nothing."""
    async with companion(opened, phone, online=False) as held, opened.browsing() as session:
        await held.write("in flight mode")
        raw = encode(await held.outbox())
        headers = {"Origin": opened.url}
        async with session.post("/api/ev", data=raw, headers=headers) as answer:
            told = await answer.json()
            assert (answer.status, told["held"]) == (200, 2)
        assert [seq for _, seq, _ in told["tips"]] == [2]
        assert {row.note.title for row in await opened.agent.store.notes(limit=9)} == {"in flight mode"}
        async with session.post("/api/ev", data=raw, headers=headers) as answer:
            assert await answer.json() == {"held": 0, "tips": told["tips"]}


async def test_nobody_else_says_anything_by_plain_http(opened: Door, phone: Phone) -> None:
    """Altered runs, somebody else's, a stranger's, too many bytes, and another page's: refused, and nothing is held."""
    agent = opened.agent
    async with companion(opened, phone, online=False) as held, opened.browsing() as session:
        await held.write("x")
        mine = encode(await held.outbox())
        stranger = Phone("stranger", admission=phone.admission)
        async with companion(opened, stranger, online=False) as other:
            await other.write("y")
            forged = encode(await other.outbox())
        nodes = await signed_by(agent.store, agent.engine.own.admission)
        before = agent.engine.replica.verdict_digest, len(await agent.store.log(limit=10_000))
        headers = {"Origin": opened.url}
        for status, raw, origin in (
            (400, mine[:-70] + bytes([mine[-70] ^ 1]) + mine[-69:], headers),
            (400, b"", headers),
            (400, encode(Push(())), headers),
            (400, forged, headers),
            (403, encode(nodes), headers),
            (413, bytes(600 * 1024), headers),
            (403, mine, {"Origin": "https://evil.example"}),
            (403, mine, {}),
        ):
            async with session.post("/api/ev", data=raw, headers=origin) as answer:
                assert answer.status == status, await answer.text()
        assert before == (agent.engine.replica.verdict_digest, len(await agent.store.log(limit=10_000)))
        await close(agent.engine, phone.admission)
        async with session.post("/api/ev", data=mine, headers=headers) as answer:
            assert answer.status == 403
