"""`mesh why` about what is not everywhere: each cause on the way between devices, provoked with real agents."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from mesh.events.verdict import Standing
from mesh.names import Digest, device_text
from mesh.node import agent as agents
from mesh.node.home import addresses_key
from mesh.node.storage.store_port import Batch, Weighed
from mesh.node.why.causes import CAUSES
from tests.system.answers import cause, causes, codes, now_ms, seen, since, why
from tests.system.harness import HOST, Device, Fleet
from tests.system.test_epochs import closed
from tests.system.test_receipts import OLDER
from tests.system.test_versions import of_version

pytestmark = pytest.mark.system


def as_older(folder: Path) -> str:
    """A PYTHONPATH under which an agent signs no receipts yet."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(OLDER)
    return str(folder)


def said(device: Device, title: str) -> tuple[str, str]:
    """A new note: its document, and the event."""
    told = device.call("note.add", title=title, body="")
    return str(told["document"]), str(told["event"])


def test_never_sent_to_a_device_that_is_away_and_all_well_when_it_is_back(fleet: Fleet) -> None:
    """Goal: who lacks it, why that one is not in reach and since when; over restarts; and nothing when it came."""
    alder, birch, cedar = fleet.linked(3)
    written, first = said(alder, "first")
    fleet.converged()
    told = why(alder, "first", "everywhere")
    assert causes(told) == []
    assert told["subject"] == {"kind": "document", "id": written, "name": "first"}
    assert causes(why(alder, first[:12], "everywhere")) == []
    fleet.wait("by its receipt birch is in sync", lambda: why(alder, "birch")["state"] == "in sync")
    told = why(alder, "birch", "in sync")
    assert (causes(told), told["linked"], bool(told["in_sync_ms"])) == ([], True, True)

    parted = now_ms()
    birch.stop()
    fleet.wait("alder misses birch", lambda: len(alder.linked()) == 1)
    document, event = said(alder, "later")
    fleet.wait("cedar has it", lambda: "later" in cedar.titles())
    for subject in (event[:10], "later", document[:24]):
        fleet.wait("only birch lacks it", lambda s=subject: ("not-received", "cedar") not in codes(why(alder, s)))  # type: ignore[misc]
        told = why(alder, subject, "underway")
        assert codes(told) == {("never-sent", "birch"), ("asleep", "birch")}, told
        lacks = cause(told, "never-sent", "birch")
        since(lacks, parted)
        seen(lacks, "1 event", event[:12], "in touch last at")
        assert str(lacks["device"]) in str(lacks["fix"])
    away = cause(told, "asleep", "birch")
    since(away, parted)
    seen(away, "known addresses")
    fleet.wait("alder called in vain", lambda: "the last call" in str(cause(why(alder, "later"), "asleep", "birch")))
    told = why(alder, "birch", "away")
    assert codes(told) == {("never-sent", "birch"), ("asleep", "birch")}, told
    seen(cause(told, "never-sent", "birch"), "1 event of all that are here", event[:12])
    change = str(alder.call("note.edit", document=written, body="more of it")["event"])
    told = why(alder, written, "underway")
    seen(cause(told, "never-sent", "birch"), f"1 event: {change[:12]}, of 2", "its last word", "this is number")

    stopped = now_ms()
    alder.stop()
    told = why(alder, event, "underway")
    assert codes(told) == {("agent-stopped", "here"), ("never-sent", "birch")}, told
    since(cause(told, "agent-stopped", "here"), stopped)
    seen(cause(told, "agent-stopped", "here"), "agent.end")
    assert cause(told, "agent-stopped", "here")["fix"] == "`mesh up` starts it."
    assert why(alder, "birch", "away")["linked"] is False
    alder.start()
    told = why(alder, "birch", "away")
    since(cause(told, "asleep", "birch"), parted)
    birch.start()
    fleet.link(birch, alder)
    fleet.link(cedar, alder)
    fleet.converged()
    fleet.wait("all is well", lambda: not codes(why(alder, event, None)))


def test_the_way_of_an_event(fleet: Fleet) -> None:
    """Goal: each step with where and when; of who was away nothing is claimed; on the other side the same way."""
    alder, birch, cedar = fleet.linked(3)
    fleet.converged()
    slept = now_ms()
    cedar.signal(signal.SIGSTOP)  # as a machine that sleeps: its connections stay, and nobody answers
    fleet.wait("alder misses cedar", lambda: len(alder.linked()) == 1)
    asleep = cause(why(alder, "cedar", "away"), "asleep", "cedar")
    since(asleep, slept)
    seen(asleep, "in touch last at")
    began = now_ms()
    document, event = said(alder, "traced")
    fleet.wait("birch has it", lambda: "traced" in birch.titles())

    def way(device: Device) -> dict[tuple[str, str], str]:
        told = device.call("trace", event=event[:12])
        assert (told["event"], told["document"]) == (event, document)
        steps = told["steps"]
        assert isinstance(steps, list)
        for one in steps:
            assert set(one) == {"step", "where", "device", "at", "state", "evidence"}, one
        assert began <= steps[0]["at"] <= now_ms()
        return {(one["step"], one["where"]): one["state"] for one in steps}

    wanted = {
        ("written", "alder"): "done",
        ("kept", "here"): "done",
        ("sent", "birch"): "yes",
        ("arrived", "birch"): "yes",
        ("sent", "cedar"): "no",
        ("arrived", "cedar"): "no",
        ("weighed", "here"): "honoured",
        ("shown", "here"): "yes",
    }
    fleet.wait("alder knows that it arrived", lambda: way(alder) == wanted)
    there = way(birch)
    assert there["arrived", "alder"] == "yes"
    assert there["written", "alder"] == "done"
    assert birch.done("trace", event[:12])["event"] == event
    assert birch.mesh("trace", event[:12]).out.splitlines()[0].startswith(f"event {event[:12]} of home/note/")
    alder.call("note.rm", document=document)
    assert way(alder)["shown", "here"] == "removed"
    told = why(alder, document)
    assert cause(told, "deleted", "alder")["fix"] == CAUSES["deleted"].fix.format(document=document)


async def dropped(device: Device, event: str) -> None:
    """Damage a home: an event that counts does not any more, in its database alone."""
    async with agents.opened(device.home) as agent:
        weighed = Weighed(Digest(bytes.fromhex(event)), Standing.VOID, "dropped")
        await agent.store.commit(Batch(standings=(weighed,)))


def test_a_device_of_an_older_mesh_and_one_that_shows_something_else(fleet: Fleet) -> None:
    """Goal: both hold the same; of the one it cannot be known what it shows, and the other one is told to differ."""
    alder, birch, cedar = fleet.joined(3)
    alder.start()
    birch.start(PYTHONPATH=as_older(fleet.folder / "older"))
    cedar.start()
    for device in (birch, cedar):
        fleet.link(device, alder)
    _, event = said(alder, "everywhere")
    fleet.wait("all have it", lambda: all("everywhere" in device.titles() for device in (birch, cedar)))
    fleet.wait("birch is known to be older", lambda: ("version-skew", "birch") in codes(why(alder, "birch")))
    fleet.wait("nothing is lacking there", lambda: why(alder, "birch")["state"] == "in reach")
    seen(cause(why(alder, "birch", "in reach"), "version-skew", "birch"), "signs no receipts")
    cedar.stop()
    asyncio.run(dropped(cedar, event))
    began = now_ms()
    cedar.start()
    fleet.wait("cedar is known to differ", lambda: ("differs", "cedar") in codes(why(alder, "cedar")))
    found = cause(why(alder, "cedar", "behind"), "differs", "cedar")
    since(found, began)
    seen(found, "both hold the same events")
    assert cause(why(cedar, event, "void"), "unfit", "here")["evidence"][0] == "dropped"  # type: ignore[index]


# ── addresses ────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """An address that takes calls and says nothing."""
    with socket.create_server((HOST, 0)) as listener:
        yield f"{HOST}:{listener.getsockname()[1]}"


@contextlib.contextmanager
def forged(folder: Path) -> Iterator[str]:
    """A TLS server whose certificate it signed itself, as a thief of an address has one."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dogwood")])
    now = dt.datetime.now(dt.UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(7).not_valid_before(now - dt.timedelta(1)).not_valid_after(now + dt.timedelta(1))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "certificate.pem").write_bytes(built.sign(key, None).public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    listener = socket.create_server((HOST, 0))

    def serve() -> None:
        with contextlib.suppress(OSError):  # it is closed
            while True:
                caller, _ = listener.accept()
                with contextlib.suppress(OSError), context.wrap_socket(caller, server_side=True) as line:
                    line.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"{HOST}:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


async def known_at(device: Device, addresses: dict[str, str]) -> None:
    """Let a device know addresses of others, as if it had heard them."""
    async with agents.opened(device.home) as agent:
        for one in agent.engine.replica.verdict.devices.values():
            if one.name in addresses:
                key = addresses_key(device_text(one.digest))
                await agent.engine.remember(key, json.dumps([addresses[one.name]]).encode())


def test_each_way_in_which_a_device_that_was_never_met_is_not_in_reach(fleet: Fleet) -> None:
    """Goal: no address, a dead one, a silent one, one where somebody else shows a forged certificate."""
    alder, *_ = fleet.joined(5)
    with silent() as quiet, forged(fleet.folder) as thief:
        dead = f"{HOST}:{free_port()}"
        asyncio.run(known_at(alder, {"cedar": dead, "dogwood": quiet, "elder": thief}))
        alder.start()
        wanted = {"birch": "not-found", "cedar": "wrong-address", "dogwood": "no-answer", "elder": "wrong-proof"}
        for name, code in wanted.items():
            fleet.wait(f"{name}: {code}", lambda n=name, c=code: (c, n) in codes(alder.call("why", subject=n)))  # type: ignore[misc]
            told = why(alder, name, "away")
            found = cause(told, code, name)
            assert found["since"] is None, "it was never met"
            seen(found, "never in touch", "mDNS is off here")
            assert ("untold", name) in codes(told)
        seen(cause(why(alder, "cedar"), "wrong-address", "cedar"), dead)
        seen(cause(why(alder, "elder"), "wrong-proof", "elder"), "cannot prove", thief)
        _, event = said(alder, "for nobody")
        told = why(alder, event, "underway")
        assert {("never-sent", name) for name in wanted} | {(code, name) for name, code in wanted.items()} == codes(
            told
        )
        alder.stop()


def test_a_closed_key_is_refused_and_both_sides_say_so(fleet: Fleet) -> None:
    """Goal: who was taken out says so first, and that it is let in nowhere; the other side says who did it and when."""
    alder, birch = fleet.linked(2)
    fleet.converged()
    alder.stop()
    closed_ms = now_ms()
    asyncio.run(closed(alder, birch))
    alder.start().served()
    birch.call("peer.add", address=alder.address)
    fleet.wait("birch knows", lambda: birch.status()["device"]["taken_out"])  # type: ignore[index]
    fleet.wait("its key is refused", lambda: ("refused-key", "alder") in codes(birch.call("why", subject="alder")))
    told = why(birch, "alder", "away")
    assert causes(told)[0]["code"] == "taken-out"
    since(cause(told, "taken-out", "here"), closed_ms)
    seen(cause(told, "taken-out", "here"), "said by alder")
    seen(cause(told, "refused-key", "alder"), "taken out of the mesh")
    told = why(alder, "birch", "closed")
    assert codes(told) == {("device-closed", "birch")}
    since(cause(told, "device-closed", "birch"), closed_ms)
    seen(cause(told, "device-closed", "birch"), "said by alder")
    _, event = said(alder, "not for birch")
    assert causes(why(alder, event, "everywhere")) == []


# ── this device ──────────────────────────────────────────────────────────────────────────────────


def test_a_server_that_cannot_listen_and_an_agent_of_another_version(fleet: Fleet) -> None:
    """Goal: others cannot call this device, and its agent is older than the command: both here, with what helps."""
    (alder,) = fleet.joined(1)
    alder.start().served()
    port = int(alder.address.rpartition(":")[2])
    alder.stop()
    with socket.create_server((HOST, port)):
        alder.start(PYTHONPATH=of_version(fleet.folder / "old", "0.0.7", "verify"))
        fleet.wait("its server has a problem", lambda: alder.status()["server"]["problem"])  # type: ignore[index]
        told = alder.done("why", "alder")
        assert codes(told) == {("server-down", "here"), ("version-skew", "here")}, told
        seen(cause(told, "server-down", "here"), "nats-server:")
        seen(cause(told, "version-skew", "here"), "0.0.7")
    alder.stop()


def test_what_a_word_may_mean(fleet: Fleet) -> None:
    """Goal: a name that fits several things is refused with the id of each; an id says which."""
    (alder,) = fleet.joined(1)
    alder.start()
    device = str(alder.done("status")["device"]["id"])  # type: ignore[index]
    document = str(alder.done("note", "add", "alder")["document"])
    answer = alder.mesh("--json", "why", "alder")
    assert answer.code == 2, answer
    assert device in str(answer.error["message"])
    assert document in str(answer.error["message"])
    assert why(alder, device)["subject"] == {"kind": "device", "id": device, "name": "alder"}
    assert why(alder, document)["subject"] == {"kind": "document", "id": document, "name": "alder"}
    answer = alder.mesh("--json", "why", "nothing of that name")
    assert (answer.code, "names no device" in str(answer.error["message"])) == (2, True)
    hostile = "red\u202e"
    alder.done("note", "add", hostile)
    printed = alder.mesh("why", hostile)
    assert printed.code == 0, printed
    assert all(line.isprintable() for line in printed.out.splitlines()), printed
    assert "nothing blocks it" in printed.out
    alder.stop()
