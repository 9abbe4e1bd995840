"""The beacon on mDNS keeps the promises of the beacon, on this machine's loopback; hostile packets only cost time."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator, Sequence

import pytest
from zeroconf import DNSAddress, DNSOutgoing, DNSPointer, DNSRecord, DNSService, DNSText

from mesh.limits import ADDRESSES_PER_PEER_MAX, ANNOUNCEMENT_BYTES_MAX, ANNOUNCEMENTS_KEPT_MAX
from mesh.node.nearby.beacon import SERVICES, ZeroconfBeacon, look_around, read_text, write_text
from mesh.node.ports import Beacon
from tests.contracts.beacon_contract import PORT, BeaconContract, Lookout, notice, word

pytestmark = [pytest.mark.contract, pytest.mark.system]

HOST = "127.0.0.1"
GROUP = ("224.0.0.251", 5353)
ANSWER, PTR, SRV, TXT, A, AAAA, IN, UNIQUE = 0x8400, 12, 33, 16, 1, 28, 1, 0x8000


class TestZeroconfBeacon(BeaconContract):
    """The contract."""

    def beacons(self, count: int) -> Sequence[Beacon]:
        """Beacons on loopback."""
        return [ZeroconfBeacon((HOST,)) for _ in range(count)]


# ---------------------------------------------------------------- what is announced


async def test_names_are_fresh_and_name_nobody() -> None:
    """Goal: instance and host are random, and others after each announcement; no host name of this machine appears."""
    names: list[str] = []
    with listener() as heard:
        lookout = Lookout(ZeroconfBeacon((HOST,)))
        mine = word()
        lookout.beacon.announce([notice(mine)])
        async with lookout.looking():
            for again in (lookout.beacon.moved, lambda: lookout.beacon.announce([notice(mine)]), lambda: None):
                names.append(await asyncio.to_thread(instance_of, heard, mine, names))
                again()
    assert len(set(names)) == 3
    for name in names:
        assert len(bytes.fromhex(name)) >= 8
    assert socket.gethostname().encode() not in b"".join(SEEN)


SEEN: list[bytes] = []


def listener() -> socket.socket:
    """A stranger on the same network."""
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    ear.bind(("", GROUP[1]))
    ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP[0]) + socket.inet_aton(HOST))
    ear.settimeout(20)
    SEEN.clear()
    return ear


def instance_of(ear: socket.socket, mine: bytes, known: Sequence[str]) -> str:
    """Wait for a packet with the word under a name that is not known; the name of its instance."""
    while True:
        packet = ear.recv(9000)
        if mine not in packet:
            continue
        SEEN.append(packet)
        at = packet.find(b"\x10")  # a label of 16 characters
        while at >= 0:
            label = packet[at + 1 : at + 17].decode("ascii", "replace")
            if label not in known and all(letter in "0123456789abcdef" for letter in label):
                return label
            at = packet.find(b"\x10", at + 1)


async def test_looking_around_finds_who_announces() -> None:
    """Goal: a command without an agent sees what is announced now."""
    mine = word()
    lookout = Lookout(ZeroconfBeacon((HOST,)))
    lookout.beacon.announce([notice(mine, "invitation")])
    async with lookout.looking():
        for _ in range(10):
            found = [one for one in await look_around((HOST,), 2.0) if one.text.get("w") == mine]
            if found:
                break
        assert [(one.calling, one.addresses) for one in found] == [("invitation", (f"{HOST}:{PORT}",))]


# ---------------------------------------------------------------- what strangers send


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    """Somebody who sends what it likes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(HOST))
        mouth.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        yield mouth


def records(name: str, text: bytes, hosts: Sequence[bytes] = (b"\x7f\x00\x00\x01",), port: int = 7) -> list[DNSRecord]:
    """An announcement as its records."""
    service = SERVICES["device"]
    server = f"{name}.local."
    full = f"{name}.{service}"
    kinds = {4: A, 16: AAAA}
    return [
        DNSPointer(service, PTR, IN, 4500, full),
        DNSService(full, SRV, IN | UNIQUE, 120, 0, 0, port, server),
        DNSText(full, TXT, IN | UNIQUE, 4500, text),
        *(DNSAddress(server, kinds[len(host)], IN | UNIQUE, 120, host) for host in hosts),
    ]


def send(mouth: socket.socket, parts: Sequence[DNSRecord]) -> None:
    """Say it to everybody."""
    out = DNSOutgoing(ANSWER)
    for record in parts:
        out.add_answer_at_time(record, 0)
    for packet in out.packets():
        mouth.sendto(packet, GROUP)


async def test_ten_thousand_announcements_are_bounded_and_honest_ones_still_seen(stranger: socket.socket) -> None:
    """Goal: a flood neither grows what is kept nor keeps an honest announcement from being seen."""
    one, other = Lookout(ZeroconfBeacon((HOST,))), Lookout(ZeroconfBeacon((HOST,)))
    mine = word()
    async with other.looking():
        for number in range(10_000):
            send(stranger, records(f"flood-{number}", write_text({"v": b"1"})))
            if number % 50 == 0:
                await asyncio.sleep(0)
        await other.until(lambda: len(other.sighted) > 100)
        assert other.beacon.status().heard <= ANNOUNCEMENTS_KEPT_MAX
        one.beacon.announce([notice(mine)])
        async with one.looking():
            await other.until(lambda: mine in other.words())
        assert other.beacon.status().heard <= ANNOUNCEMENTS_KEPT_MAX


async def test_what_makes_no_sense_is_dropped_and_what_follows_is_seen(stranger: socket.socket) -> None:
    """Goal: too long, without port or address, broken or escaped: nothing of it harms, the next one is sighted."""
    lookout = Lookout(ZeroconfBeacon((HOST,)))
    last = word()
    async with lookout.looking():
        probe = word()
        while probe not in lookout.words():
            send(stranger, records("probe", write_text({"w": probe})))
            await asyncio.sleep(0.1)
        long = write_text({f"k{number}": b"x" * 200 for number in range(8)})
        assert len(long) > ANNOUNCEMENT_BYTES_MAX
        send(stranger, records("long", long))
        send(stranger, records("portless", write_text({"w": b"portless"}), port=0))
        send(stranger, records("homeless", write_text({"w": b"homeless"}), hosts=()))
        send(stranger, records("multicast", write_text({"w": b"multicast"}), hosts=(b"\xe0\x00\x00\xfb", bytes(16))))
        send(stranger, records("a\x1b[31m\\.\x07b", write_text({"w": b"\x1b]0;title\x07"})))
        send(stranger, records("many", write_text({"w": b"many"}), hosts=[b"\x0a" + os.urandom(3) for _ in range(100)]))
        send(stranger, records("broken", b"\xff\x05w=\x00"))
        for packet in (b"", b"\x00" * 11, os.urandom(500), b"\x00\x00\x84\x00" + b"\xff" * 60):
            stranger.sendto(packet, GROUP)
        send(stranger, records("last", write_text({"w": last})))
        await lookout.until(lambda: last in lookout.words())
        seen = {one.text.get("w"): one for one in lookout.sighted}
        assert not {b"portless", b"homeless", b"multicast"} & set(seen)
        assert all(len(value) < 200 for one in lookout.sighted for value in one.text.values())
        assert len(seen[b"many"].addresses) == ADDRESSES_PER_PEER_MAX
        assert lookout.beacon.status().problem == ""


def test_a_text_record_is_read_as_it_was_written() -> None:
    """Goal: pairs survive; what is no pair is left out; the first of two with one key counts; a cut end is harmless."""
    text = {"v": b"1", "n": bytes(range(8)), "t": b"="}
    assert read_text(write_text(text)) == text
    assert read_text(b"\x05first\x03=no\x03a=1\x03A=2\x04\xffx=1") == {"a": b"1"}
    assert read_text(b"\x09a=cut") == {"a": b"cut"}
    assert read_text(b"") == {}
