"""Strangers on the port of a device: they learn nothing, and the service goes on."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.limits import KIB
from mesh.node.transport.tls import write_files
from tests.system.harness import HOST, Device, Fleet

pytestmark = pytest.mark.system

PATIENCE_S = 6.0
IDLE = 100
CONNECT = b'CONNECT {"verbose":false,"pedantic":false,"lang":"x","version":"1","protocol":1}\r\n'


def port_of(device: Device) -> int:
    """Where its server listens."""
    return int(device.address.rpartition(":")[2])


def context(folder: Path | None) -> ssl.SSLContext:
    """A client that believes anybody, and shows the certificate in a folder, if there is one."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if folder is not None:
        made.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    return made


def heard(port: int, said: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """All that a stranger hears after saying something, until the other side hangs up or stays silent."""
    got = b""
    with (
        contextlib.suppress(ssl.SSLError, ConnectionError, TimeoutError),
        socket.create_connection((HOST, port), timeout=PATIENCE_S) as plain,
    ):
        spoken = tls.wrap_socket(plain) if tls else plain
        with contextlib.suppress(ssl.SSLError, ConnectionError, TimeoutError):
            spoken.sendall(said)
            while part := spoken.recv(64 * KIB):
                got += part
        spoken.close()
    return got


@pytest.fixture
def pair(fleet: Fleet) -> tuple[Device, Device]:
    """Two devices that agree, one note on both."""
    one, other = fleet.linked(2)
    one.note("a secret title", "a secret text\n")
    fleet.converged()
    return one, other


def goes_on(fleet: Fleet, pair: tuple[Device, Device], title: str) -> None:
    """The two still talk, and nothing of what was tried is left in their state."""
    one, other = pair
    one.note(title)
    fleet.wait("news still travel", lambda: title in other.titles())
    fleet.converged()
    assert one.titles() == {"a secret title", title}


def names_of(pair: tuple[Device, Device]) -> set[bytes]:
    """What no stranger may learn."""
    status = pair[0].status()
    found = {b"a secret", b"alder", b"birch", b"INFO"}
    found |= {str(device.status()["device"]["id"]).encode() for device in pair}  # type: ignore[index]
    return found | {str(status["mesh"]["id"]).encode()}  # type: ignore[index]


def test_whoever_has_no_certificate_of_the_mesh_hears_nothing(
    fleet: Fleet, pair: tuple[Device, Device], tmp_path: Path
) -> None:
    """Goal: garbage, plain NATS, TLS without and with a foreign certificate: no greeting, no name, no harm."""
    port, names = port_of(pair[0]), names_of(pair)
    write_files(tmp_path, secrets.token_bytes(32), secrets.token_bytes(32))
    tried = {
        "http": heard(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        "nats": heard(port, CONNECT + b"SUB > 1\r\nPING\r\n"),
        "garbage": heard(port, secrets.token_bytes(256 * KIB)),
        "tls without a certificate": heard(port, CONNECT + b"PING\r\n", context(None)),
        "tls with a foreign certificate": heard(port, CONNECT + b"PING\r\n", context(tmp_path)),
    }
    for what, got in tried.items():
        assert not any(name in got for name in names), (what, got)
        assert len(got) < 64, (what, got)  # a TLS alert at most
    goes_on(fleet, pair, "after the strangers")


def test_the_devices_of_another_mesh_do_not_get_in(fleet: Fleet, pair: tuple[Device, Device]) -> None:
    """Goal: a whole agent of another mesh that dials us gets nowhere, and is told so; we show no trace of it."""
    (stranger,) = fleet.joined(1, "other-")
    stranger.start().served()
    stranger.call("peer.add", address=pair[0].address)

    def told() -> str:
        peers = stranger.status()["peers"]
        assert isinstance(peers, list)
        return next((str(peer["problem"]) for peer in peers if peer["address"] == pair[0].address), "")

    fleet.wait("it is told why", lambda: "nobody looked" not in told() and told())
    assert not stranger.linked()
    stranger.stop()
    fleet.devices.remove(stranger)
    assert len(pair[0].call("devices")["devices"]) == 2  # type: ignore[arg-type]
    goes_on(fleet, pair, "after the other mesh")


def test_a_certificate_without_a_key_of_a_device_is_not_enough(fleet: Fleet, pair: tuple[Device, Device]) -> None:
    """Goal: whoever has only a certificate of the mesh and no nkey is refused before it hears a single message."""
    port = port_of(pair[0])
    folder = pair[1].home / "nats"
    got = heard(port, CONNECT + b"SUB > 1\r\nPUB mesh.x.y.have 1\r\nx\r\nPING\r\n", context(folder))
    assert b"Authorization Violation" in got, got
    assert b"MSG" not in got
    assert b"PONG" not in got
    assert not any(secret in got for secret in (b"a secret", b"alder", b"birch"))
    goes_on(fleet, pair, "after the keyless one")


@contextlib.contextmanager
def idle(port: int, count: int) -> Iterator[list[socket.socket]]:
    """Connections that say nothing."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection((HOST, port), timeout=PATIENCE_S)) for _ in range(count)]


def test_a_hundred_silent_connections_hold_up_nobody(fleet: Fleet, pair: tuple[Device, Device]) -> None:
    """Goal: with 100 connections that say nothing, news travel and a device still gets in; they are thrown out soon."""
    one, other = pair
    address = one.address
    with idle(port_of(one), IDLE) as sockets:
        goes_on(fleet, pair, "among the silent")
        other.kill()
        other.start()
        fleet.wait("a device gets in", lambda: bool(other.linked()))
        for silent in sockets:
            with contextlib.suppress(ConnectionError):
                assert silent.recv(64) == b"", "it hears nothing but the end"
    assert one.address == address
    fleet.converged()
