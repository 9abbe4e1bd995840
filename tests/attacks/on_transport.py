"""Attacks on the transport: at the port, on the wire, at addresses that lie, and at the local socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mesh.clocks.chain import Head
from mesh.clocks.frontier import Span
from mesh.errors import MeshError, Refused, Unreachable
from mesh.events import cbor
from mesh.events.event import Lane
from mesh.limits import HAVE_CHAINS_MAX, KIB, WANT_BODIES_MAX, WANT_SPANS_MAX
from mesh.names import ZERO, Digest
from mesh.node.transport.broker_config import inbox, subject
from mesh.node.transport.tls import write_files
from mesh.node.transport.wire_nats import NatsWire
from mesh.node.transport.wires import Arrived, LineDown, NotLetIn
from mesh.sync import messages
from mesh.sync.messages import Have, Push, Want
from tests.attacks.catalogue import real
from tests.attacks.on_chains import alarms, refused
from tests.attacks.thief import Thief
from tests.attacks.town import MEMBER, Town
from tests.system.harness import HOST, Device
from tests.system.test_strangers import CONNECT, context, heard, idle, port_of

_IDLE = 200
_PATIENCE_S = 60.0
_FULL = b"-ERR 'maximum connections exceeded'\r\n"  # what nats-server says before TLS to one too many: no name in it


@real(34, "ignored; what is claimed is asked for, and nothing is believed")
async def claims_what_nobody_has(town: Town) -> str:
    """Holds cedar's keys. Tells alder of 4,096 chains that do not exist, and answers each question with rubbish."""
    events = town.alder.events
    asked = []

    async def answer(message: Arrived) -> None:
        asked.append(message.subject)
        await message.wire.answer(message.reply, b"\0" + secrets.token_bytes(200))

    async with town.thief() as thief, thief.at(town.alder) as line:
        await line.wire.listen(subject(thief.device, line.victim, ">"), answer)
        await line.ask("hello", secrets.token_bytes(8))
        made = {
            Digest(n.to_bytes(32)): (Head(5, Digest(secrets.token_bytes(32))),) for n in range(1, HAVE_CHAINS_MAX + 1)
        }
        await line.have(Have({}, made, ZERO, ZERO, asks=True))
        await _until(lambda: bool(asked), "alder asks for what it was told of")
    assert town.alder.events == events
    await asyncio.to_thread(town.works)
    return f"asked {len(asked)} times, took nothing"


@real(35, "another device brings what the liar hides")
async def says_that_you_have_everything(town: Town) -> str:
    """Holds cedar's keys. Linked to birch, it answers each comparison with birch's own tips and digests."""

    async def same(message: Arrived) -> None:
        verb = message.subject.rpartition(".")[2]
        body = b""
        if verb == "have":
            mine = messages.decode_have(message.body)
            body = messages.encode(Have(mine.control, mine.data, mine.state, mine.verdict, asks=False))
        if message.reply:
            await message.wire.answer(message.reply, b"\0" + body)

    async with town.thief() as thief, thief.at(town.birch) as line:
        await line.wire.listen(subject(thief.device, line.victim, ">"), same)
        await line.ask("hello", secrets.token_bytes(8))
        await asyncio.to_thread(town.works)
    return "what alder wrote reached birch by another link"


@real(39, "the sender is who the server let in; the forged event is refused")
async def spoofed_headers(town: Town) -> str:
    """Holds cedar's keys. A forged event of alder's chain for birch, with NATS headers that say it comes from alder."""
    before = refused(town.birch)
    async with town.thief() as thief, thief.login(town.birch, *thief.own_login) as wire:
        victim, alder = thief.peer("birch").device, thief.peer("alder")
        quill = thief.quill(Lane.DATA, thief.admission_of("alder"))
        digest = quill.say(thief.draft("in alder's name"))
        body = messages.encode(Push((quill.run(),)))
        headers = {"Nats-Request-Info": json.dumps({"user": alder.device}), "Nats-Msg-Id": "1", "From": alder.device}
        await wire._client.publish(  # noqa: SLF001 - headers are nothing that our own wire sends
            subject(victim, thief.device, "push"), body, reply=f"{inbox(thief.device)}.1", headers=headers
        )
        await wire._client.flush()  # noqa: SLF001
        await _until(lambda: refused(town.birch) > before, "birch refuses it")
        assert f"refused from {thief.device}" in alarms(town.birch), "the alarm names who really sent it"
    town.nobody_holds(digest)
    return "refused, and the alarm names the device that logged in"


@real(40, "refused before a word is said")
async def anonymous_client(town: Town) -> str:
    """Holds nothing. Speaks plain NATS, garbage, TLS without and with a foreign certificate."""
    port = port_of(town.alder)
    with tempfile.TemporaryDirectory() as name:
        write_files(Path(name), secrets.token_bytes(32), secrets.token_bytes(32))
        tried = [
            await asyncio.to_thread(heard, port, CONNECT + b"SUB > 1\r\nPING\r\n"),
            await asyncio.to_thread(heard, port, secrets.token_bytes(64 * KIB)),
            await asyncio.to_thread(heard, port, CONNECT + b"PING\r\n", context(None)),
            await asyncio.to_thread(heard, port, CONNECT + b"PING\r\n", context(Path(name))),
        ]
    assert all(len(got) < 64 and b"INFO" not in got for got in tried), tried
    return "no greeting, no name"


@real(41, "refused by the server, and by the chain")
async def speaks_on_anothers_subject(town: Town) -> str:
    """Holds cedar's keys. Publishes at alder's server as birch, as a guest and as alder itself."""
    async with town.thief() as thief, thief.login(town.alder, *thief.own_login) as wire:
        alder, birch = thief.peer("alder").device, thief.peer("birch").device
        quill = thief.quill()
        digest = quill.say(thief.draft("who am I"))
        body = messages.encode(Push((quill.run(),)))
        for sender in (birch, "guest", alder):
            await wire.tell(subject(alder, sender, "push"), body)
        await wire._client.flush()  # noqa: SLF001 - the server's answer comes before this one's
        await _until(lambda: "permissions violation" in wire.problem.lower(), "the server says no")
        async with thief.at(town.alder) as line:
            await line.ask("hello", b"")  # whatever was let through would have arrived before this
        town.nobody_holds(digest)
    return "permissions violation, three times"


@real(42, "refused")
async def listens_to_everything(town: Town) -> str:
    """Holds cedar's keys. Subscribes to everything, to others' inboxes and to the server's own subjects."""
    got: list[str] = []

    async def listen(message: Arrived) -> None:
        got.append(message.subject)

    async with town.thief() as thief, thief.login(town.alder, *thief.own_login) as wire:
        alder, birch = thief.peer("alder").device, thief.peer("birch").device
        words = (">", "*.>", f"mesh.{alder}.>", subject(birch, alder, ">"), f"{inbox(birch)}.>", "$SYS.>", "$JS.>")
        for forbidden in words:
            await wire.listen(forbidden, listen)
        assert "permissions violation" in wire.problem.lower(), wire.problem
        await asyncio.to_thread(town.works)
    assert not got, got
    return "seven subscriptions refused, nothing heard while honest devices talked"


@real(43, "service goes on, and the silent are thrown out")
async def two_hundred_silent_connections(town: Town) -> str:
    """Holds nothing. Opens 200 connections and says nothing."""
    with idle(port_of(town.alder), _IDLE) as sockets:
        await asyncio.to_thread(town.works)
        async with town.thief() as thief:
            await _let_in(thief, town.alder)  # whoever has a key gets in, as soon as the server has thrown some out
        for silent in sockets:
            with contextlib.suppress(ConnectionError):
                said = await asyncio.to_thread(silent.recv, KIB)
                assert said in {b"", _FULL}, f"it hears {said!r}"
    return "news travelled on the links that were up, a device got in, all 200 were hung up on"


async def _let_in(thief: Thief, victim: Device) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            try:
                async with thief.at(victim) as line:
                    await line.ask("hello", b"")
                    return
            except Unreachable:
                await asyncio.sleep(0.1)


@real(44, "disconnected; the victim goes on", slow=True)
async def slow_consumer(town: Town) -> str:
    """Holds dogwood's keys. Asks for megabytes again and again and does not read them."""
    async with town.thief(MEMBER) as thief, thief.at(town.alder) as line:
        quill = thief.quill()
        for _ in range(40):
            quill.say(thief.draft("x" * 3000))
        await line.push(quill.run())
        await asyncio.to_thread(town.mark)
        span = Span(quill.chain, quill.head, ())
        async with thief.login(town.alder, *thief.own_login) as wire:
            _stop_reading(wire)
            body = messages.encode(Want((span,) * WANT_SPANS_MAX))
            ended = asyncio.get_running_loop().time() + _PATIENCE_S
            sent = 0
            while not wire.closed.is_set() and asyncio.get_running_loop().time() < ended:
                with contextlib.suppress(LineDown):
                    await wire._client.publish(  # noqa: SLF001 - without waiting for an answer
                        subject(line.victim, thief.device, "want"), body, reply=f"{inbox(thief.device)}.1"
                    )
                    await wire._client._flush_pending()  # noqa: SLF001
                sent += 1
                await asyncio.sleep(0.02)
            assert wire.closed.is_set(), "the server holds megabytes for somebody who does not read"
        await line.ask("hello", b"")
    await asyncio.to_thread(town.works)
    return f"{sent} questions, of which the answers were not read; the victim answers others"


def _stop_reading(wire: NatsWire) -> None:
    wire._client._transport._io_writer.transport.pause_reading()  # type: ignore[union-attr]  # noqa: SLF001


@real(46, "TLS pin mismatch; nothing is sent", slow=True)
async def rogue_server_at_a_known_address(town: Town) -> str:
    """Holds cedar's TLS key. Sits at birch's address while it is off, with a foreign and a member's certificate."""
    port = port_of(town.birch)
    await asyncio.to_thread(town.birch.stop)
    told: list[bytes] = []
    calls = 0
    try:
        async with town.thief() as thief:
            with tempfile.TemporaryDirectory() as name:
                write_files(Path(name), secrets.token_bytes(32), secrets.token_bytes(32))
                for folder in (Path(name), thief.agent.home / "nats"):
                    async with _rogue(port, folder, told) as came:
                        await _until(lambda c=came: len(c) > 0, "alder calls there")
                        calls += len(came)
    finally:
        await asyncio.to_thread(town.birch.start)
    assert not any(told), told
    await asyncio.to_thread(town.fleet.link, town.birch, town.alder)
    await asyncio.to_thread(town.works)
    return f"{calls} calls, not a byte behind the handshake"


@asynccontextmanager
async def _rogue(port: int, folder: Path, told: list[bytes]) -> AsyncIterator[list[str]]:
    """A TLS server with the certificate of a folder, that greets like a nats-server and takes what it is told."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    came: list[str] = []

    async def called(plain_reader: asyncio.StreamReader, plain_writer: asyncio.StreamWriter) -> None:
        came.append("call")
        try:
            await plain_writer.start_tls(tls)
            plain_writer.write(b'INFO {"server_name":"rogue","tls_required":true}\r\n')
            told.append(await plain_reader.read(KIB))
        except (OSError, ssl.SSLError):
            pass
        finally:
            plain_writer.close()

    server = await asyncio.start_server(called, HOST, port)
    async with server:
        yield came


@real(64, "not answered there")
async def answers_that_speak_as_others(town: Town) -> str:
    """Holds cedar's keys. Asks alder with a reply subject that makes alder's answer arrive as a word of birch."""
    before = refused(town.alder)
    async with town.thief() as thief, thief.login(town.alder, *thief.own_login) as wire:
        alder, birch = thief.peer("alder").device, thief.peer("birch").device
        body = messages.encode(Want(()))
        for reply in (subject(alder, birch, "push"), subject(birch, alder, "push"), f"{inbox(birch)}.0"):
            await wire._client.publish(subject(alder, thief.device, "want"), body, reply=reply)  # noqa: SLF001
        await wire._client.flush()  # noqa: SLF001
        async with thief.at(town.alder) as line:
            await line.ask("hello", b"")
            await line.want(Want(()))
    assert refused(town.alder) == before
    await asyncio.to_thread(town.works)
    return "three reply subjects of others, none used"


@real(65, "control only; nothing else is served or taken")
async def guest_wants_and_brings_data(town: Town) -> str:
    """Holds the guests' key, as every device ever let in does. Asks for data, brings data, tries other verbs."""
    async with town.thief() as thief, thief.guest_at(town.alder) as line:
        told = messages.decode_have(await line.have(Have({}, {}, ZERO, ZERO, asks=True)))
        assert not told.data, "a guest was told of data"
        quill = thief.quill()
        digest = quill.say(thief.draft("brought by a guest"))
        await line.push(quill.run())
        shown = town.alder.status()["frontier"]
        assert isinstance(shown, dict)
        heads = {Digest(bytes.fromhex(c)): Head(h[0][0], Digest(bytes.fromhex(h[0][1]))) for c, h in shown.items()}
        spans = tuple(Span(chain, head, ()) for chain, head in heads.items())[:WANT_SPANS_MAX]
        served = await line.want(Want(spans, tuple(heads)[:WANT_BODIES_MAX]))
        assert {run.chain for run in served.runs} <= told.control.keys(), "a guest was served data"
        assert not served.bodies
        for verb in ("where", "hello2"):
            with contextlib.suppress(MeshError):
                assert not await line.ask(verb, cbor.encode(["192.0.2.1:1"])), verb
    assert "a guest brought data" in alarms(town.alder)
    town.nobody_holds(digest)
    return f"{len(served.runs)} runs of control served, no data in either direction"


@real(66, "refused; no dial follows")
async def addresses_that_are_none(town: Town) -> str:
    """Holds cedar's keys. Tells alder addresses with escapes, too many, too long, and what is none."""
    bad: list[list[object]] = [
        ["\x1b[2J:1"], ["a\0b:1"], ["\u202eb:1"], ["h:0"], ["h" * 300 + ":1"], ["h:1"] * 9, [7], ["a b:1"],
        ["//evil@h:1"],
    ]  # fmt: skip
    async with town.thief() as thief, thief.at(town.alder) as line:
        for told in bad:
            try:
                await line.ask("where", cbor.encode(told))
            except Refused:
                continue
            raise AssertionError(f"taken: {told!r}")
    known = json.dumps(town.alder.call("peer.list"))
    assert "evil" not in known
    assert "\\u001b" not in known
    return f"{len(bad)} refused"


@real(70, "refused: NotLetIn")
async def a_key_that_was_never_let_in(town: Town) -> str:
    """Holds a certificate of the mesh (cedar's), and an nkey of its own that nobody admitted."""
    async with town.thief() as thief:
        try:
            async with thief.login(town.alder, secrets.token_bytes(32), inbox(thief.device)):
                raise AssertionError("it was let in")
        except NotLetIn:
            return "not let in"


async def _until(condition: object, what: str) -> None:
    assert callable(condition)
    async with asyncio.timeout(_PATIENCE_S):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - the condition is another process's
            await asyncio.sleep(0.02)
    assert what
