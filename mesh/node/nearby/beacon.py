"""The beacon on mDNS: the only file that imports zeroconf. It announces under random names and reports what it hears.

All of it is a hint. It never proves who somebody is, never notices that somebody is gone without a word, and takes no
registration for a sign that anybody hears: only the own announcement coming back shows that packets get through here.
Whoever does not run an agent imports it late, for zeroconf takes its time.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import ipaddress
import logging
import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from zeroconf import (
    DNSAddress,
    DNSOutgoing,
    DNSPointer,
    DNSQuestion,
    DNSRecord,
    DNSService,
    DNSText,
    IPVersion,
    RecordUpdate,
    RecordUpdateListener,
    ServiceInfo,
    Zeroconf,
)
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncZeroconf

from mesh.limits import (
    ADDRESSES_PER_PEER_MAX,
    ANNOUNCEMENT_BYTES_MAX,
    ANNOUNCEMENTS_KEPT_MAX,
    ANNOUNCEMENTS_PER_PACKET_MAX,
)
from mesh.node import timing
from mesh.node.nearby.addresses import multicast_hosts, own_hosts
from mesh.node.ports import BeaconStatus, Calling, Notice, Sighting, Sign
from mesh.node.transport.broker_config import address_text

SERVICES: Mapping[Calling, str] = {"device": "_mesh._tcp.local.", "invitation": "_mesh-pair._tcp.local."}
_SIGN = "_mesh-door._tcp.local."
_CALLINGS: Mapping[str, Calling] = {service: calling for calling, service in SERVICES.items()}
_NAME_BYTES = 8
_OWN_NAMES_KEPT = 64  # our own old names come back to us for a while
_QUERY, _IN, _UNICAST, _PTR, _SRV, _TXT, _A, _AAAA = 0, 1, 0x8000, 12, 33, 16, 1, 28  # RFC 1035, RFC 6762
_PORT_MAX = 65_535
_BLOCKED = "mDNS does not get through on this machine (UDP 5353)"
_HINT = "Let UDP port 5353 through the firewall, or name a device's address: `mesh peer add HOST:PORT`."
_NO_NETWORK = "this machine has no network address on which to look for devices"
logging.getLogger("zeroconf").setLevel(logging.CRITICAL)  # it writes warnings about what hostile packets look like


@dataclass(slots=True)
class _Heard:
    """What is in sight, bounded, the longest unheard first."""

    seen: OrderedDict[str, float] = field(default_factory=OrderedDict)

    def again(self, name: str, now_s: float) -> None:
        self.seen[name] = now_s
        self.seen.move_to_end(name)
        while len(self.seen) > ANNOUNCEMENTS_KEPT_MAX:
            self.seen.popitem(last=False)

    def gone(self, name: str) -> None:
        self.seen.pop(name, None)

    def count(self, now_s: float) -> int:
        while self.seen and next(iter(self.seen.values())) < now_s - timing.SIGHT_S_MAX:
            self.seen.popitem(last=False)
        return len(self.seen)


class _Ear(RecordUpdateListener):
    """Puts the records of one packet and those before it together to sightings."""

    def __init__(self, beacon: ZeroconfBeacon, sighted: Callable[[Sighting], None], engine: Zeroconf) -> None:
        self._beacon, self._sighted, self._engine = beacon, sighted, engine
        self._touched: list[tuple[Calling, str]] = []

    def async_update_records(self, zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        """Note which announcements a packet is about."""
        del zc, now
        for record in (update.new for update in records):
            if isinstance(record, DNSPointer) and record.name.lower() in _CALLINGS:
                self._note(_CALLINGS[record.name.lower()], record.alias, gone=record.ttl <= 1)

    def async_update_records_complete(self) -> None:
        """Tell what was announced, now that all of it is in the cache."""
        touched, self._touched = self._touched, []
        for calling, name in touched:
            sighting = self._sighting(calling, name)
            if sighting is not None:
                self._beacon.heard(name)
                self._sighted(sighting)

    def _note(self, calling: Calling, name: str, *, gone: bool) -> None:
        if self._beacon.is_own(name):
            return
        if gone:
            self._beacon.lost(name)
        elif len(self._touched) < ANNOUNCEMENTS_PER_PACKET_MAX:
            self._touched.append((calling, name))

    def _sighting(self, calling: Calling, name: str) -> Sighting | None:
        service, text = self._latest(name, _SRV), self._latest(name, _TXT)
        if not isinstance(service, DNSService) or not isinstance(text, DNSText) or not 0 < service.port <= _PORT_MAX:
            return None
        hosts = self._hosts(service.server)
        if not hosts or len(text.text) > ANNOUNCEMENT_BYTES_MAX:
            return None
        return Sighting(calling, tuple(address_text(host, service.port) for host in hosts), read_text(text.text))

    def _latest(self, name: str, kind: int) -> DNSRecord | None:
        return max(self._engine.cache.get_all_by_details(name, kind, _IN), key=lambda one: one.created, default=None)

    def _hosts(self, server: str) -> list[str]:
        """Addresses that a host name has, newest first, those with the widest reach before the others."""
        records = [
            record for kind in (_A, _AAAA) for record in self._engine.cache.get_all_by_details(server, kind, _IN)
        ]
        found = [
            (host, record.created)
            for record in heapq.nlargest(2 * ADDRESSES_PER_PEER_MAX, records, key=lambda one: one.created)
            if isinstance(record, DNSAddress) and (host := self._beacon.dialable(record.address, record.scope_id))
        ]
        found.sort(key=lambda one: ("%" in one[0], -one[1] // 1000, ":" in one[0]))
        return list(dict.fromkeys(host for host, _ in found))[:ADDRESSES_PER_PEER_MAX]


class ZeroconfBeacon:
    """The Beacon on the local network; with interfaces, only on those that have these addresses."""

    def __init__(self, interfaces: Sequence[str] = ()) -> None:
        self._interfaces = tuple(interfaces)
        self._notices: tuple[Notice, ...] = ()
        self._own: deque[str] = deque(maxlen=_OWN_NAMES_KEPT)
        self._in_sight = _Heard()
        self._engine: Zeroconf | None = None
        self._hosts: tuple[str, ...] = ()
        self._kick = asyncio.Event()
        self._moved = False
        self._asked = 0
        self._unheard_since_s: float | None = None
        self._problem = ""

    async def run(self, sighted: Callable[[Sighting], None]) -> None:
        """Announce and look out until cancelled, then say goodbye."""
        while True:
            self._moved = False
            self._kick.clear()
            self._hosts = multicast_hosts(self._interfaces)
            if not self._hosts:
                self._problem = _NO_NETWORK
            try:
                if self._hosts:
                    await self._session(sighted)
            except (OSError, ZeroconfError, RuntimeError) as error:
                self._problem = f"mDNS cannot be used here: {error}"
            if not self._moved:
                await self._kicked(timing.BEACON_AGAIN_S)

    def announce(self, notices: Sequence[Notice]) -> None:
        """Announce exactly these from now on, under fresh random names."""
        assert all(len(write_text(one.text)) <= ANNOUNCEMENT_BYTES_MAX for one in notices), "ours are short"
        self._notices = tuple(notices)
        self._kick.set()

    def ask(self) -> None:
        """Ask the local network now: who is there answers within a moment."""
        if self._engine is None:
            return
        self._asked += 1
        # By turns: a unicast answer comes where multicast is filtered, and a multicast one to all of this machine.
        way = _IN | _UNICAST if self._asked % 2 else _IN
        packet = DNSOutgoing(_QUERY)
        for service in SERVICES.values():
            packet.add_question(DNSQuestion(service, _PTR, way))
        self._engine.async_send(packet)
        self._spoke()

    def moved(self) -> None:
        """This machine has other addresses: announce there, look there."""
        self._moved = True
        self._kick.set()

    def status(self) -> BeaconStatus:
        """How it is."""
        now_s = time.monotonic()
        deaf = self._unheard_since_s is not None and now_s - self._unheard_since_s > timing.BEACON_DEAF_S
        problem = self._problem or (_BLOCKED if deaf else "")
        return BeaconStatus(self._in_sight.count(now_s), problem, _HINT if problem else "")

    # ── for the ear ──────────────────────────────────────────────────────────────────────────────

    def is_own(self, name: str) -> bool:
        """Whether it is our own announcement; then packets get through here."""
        if name.lower() not in self._own:
            return False
        self._unheard_since_s = None
        return True

    def heard(self, name: str) -> None:
        """Somebody announces."""
        self._in_sight.again(name.lower(), time.monotonic())

    def lost(self, name: str) -> None:
        """Somebody said goodbye."""
        self._in_sight.gone(name.lower())

    def dialable(self, packed: bytes, scope: int | None) -> str:
        """An announced address as a host to dial; empty when it makes no sense from here."""
        address = ipaddress.ip_address(packed)
        local = any(ipaddress.ip_address(host.partition("%")[0]).is_loopback for host in self._hosts)
        if address.is_multicast or address.is_unspecified or (address.is_loopback and not local):
            return ""
        if address.version == 6 and address.is_link_local:
            return f"{address}%{scope}" if scope else ""
        return str(address)

    # ── one set of sockets ───────────────────────────────────────────────────────────────────────

    async def _session(self, sighted: Callable[[Sighting], None]) -> None:
        """Announce and look out on the network cards of this moment, until they change."""
        plain = [host.partition("%")[0] for host in self._hosts]
        versions = {":" in host for host in plain}
        version = IPVersion.All if len(versions) > 1 else IPVersion.V6Only if True in versions else IPVersion.V4Only
        engine = AsyncZeroconf(interfaces=plain, ip_version=version)
        try:
            await engine.zeroconf.async_wait_for_start()
            if not engine.zeroconf.engine.senders:
                message = "no network card takes multicast"
                raise OSError(message)
            self._engine, self._problem = engine.zeroconf, ""
            self._in_sight = _Heard()  # between two sets of sockets a goodbye goes unheard; who is there answers again
            engine.zeroconf.async_add_listener(_Ear(self, sighted, engine.zeroconf), None)
            self.ask()
            asks = timing.BEACON_FIRST_ASKS
            while not self._moved:
                self._kick.clear()
                await self._announced(engine.zeroconf)
                while asks and not await self._kicked(timing.BEACON_ASK_S):
                    self.ask()
                    asks -= 1
                await self._kicked(timing.BEACON_RENEW_S)
        finally:
            self._engine, self._unheard_since_s = None, None
            _goodbye(engine.zeroconf)
            await engine.async_close()

    async def _announced(self, engine: Zeroconf) -> None:
        """Announce the notices under fresh names, and say goodbye for the old ones."""
        _goodbye(engine)
        hosts = [host.partition("%")[0] for host in own_hosts(self._interfaces)]
        for notice in self._notices:
            info = _info(notice, hosts)
            self._own.append(info.name.lower())
            # Nobody else has these random names, so there is nothing to probe for.
            sent = await engine.async_register_service(info, cooperating_responders=True)
            self._spoke()
            await sent

    async def _kicked(self, timeout_s: float) -> bool:
        """Wait for something to do; whether there is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._kick.wait()
        return self._kick.is_set()

    def _spoke(self) -> None:
        if self._unheard_since_s is None and self._notices:
            self._unheard_since_s = time.monotonic()


class ZeroconfSignpost:
    """The Signpost on the local network, on the one network card that has the sign's own address."""

    def __init__(self) -> None:
        self._sign: Sign | None = None
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Tell what is shown until cancelled, then say goodbye."""
        while True:
            self._changed.clear()
            if self._sign is not None:
                try:
                    if multicast_hosts((self._sign.own,)):
                        await self._session(self._sign)
                        continue
                except (OSError, ZeroconfError, RuntimeError):
                    pass
                await asyncio.sleep(timing.BEACON_AGAIN_S)  # the card is gone, or takes no multicast now
                continue
            await self._changed.wait()

    def show(self, sign: Sign | None) -> None:
        """Tell exactly this from now on, or nothing."""
        if sign != self._sign:
            self._sign = sign
            self._changed.set()

    async def _session(self, first: Sign) -> None:
        """Tell on one network card until nothing is to be told there any more."""
        engine = AsyncZeroconf(interfaces=[first.own], ip_version=IPVersion.V4Only)
        word = os.urandom(_NAME_BYTES).hex()
        try:
            await engine.zeroconf.async_wait_for_start()
            # Nobody else has this random word, so there is nothing to probe for; of the host name all say the same.
            await (await engine.async_register_service(_sign_info(first, word), cooperating_responders=True))
            told = first
            while (sign := self._sign) is not None and sign.own == first.own:
                if sign != told:
                    told = sign
                    await (await engine.async_update_service(_sign_info(sign, word)))
                self._changed.clear()
                if sign == self._sign:
                    await self._changed.wait()
        finally:
            _goodbye(engine.zeroconf)
            await engine.async_close()


def _sign_info(sign: Sign, word: str) -> ServiceInfo:
    return ServiceInfo(
        _SIGN,
        f"{word}.{_SIGN}",
        parsed_addresses=list(sign.hosts),
        port=sign.port,
        server=f"{sign.name}.",
        host_ttl=timing.DOOR_NAME_TTL_S,
        other_ttl=timing.DOOR_NAME_TTL_S,
    )


def _info(notice: Notice, hosts: Iterable[str]) -> ServiceInfo:
    service = SERVICES[notice.calling]
    return ServiceInfo(
        service,
        f"{os.urandom(_NAME_BYTES).hex()}.{service}",
        parsed_addresses=list(hosts),
        port=notice.port,
        properties=write_text(notice.text),
        server=f"{os.urandom(_NAME_BYTES).hex()}.local.",
    )


def _goodbye(engine: Zeroconf) -> None:
    with contextlib.suppress(OSError):
        farewell = engine.generate_unregister_all_services()
        if farewell is not None:
            engine.async_send(farewell)


def write_text(text: Mapping[str, bytes]) -> bytes:
    """A TXT record (RFC 6763, section 6)."""
    entries = [key.encode("ascii") + b"=" + value for key, value in text.items()]
    return b"".join(bytes([len(entry)]) + entry for entry in entries)


def read_text(raw: bytes) -> dict[str, bytes]:
    """The pairs of a foreign TXT record; what is no pair is left out, and of two with one key the first counts."""
    pairs: dict[str, bytes] = {}
    while raw:
        entry, raw = raw[1 : 1 + raw[0]], raw[1 + raw[0] :]
        key, equals, value = entry.partition(b"=")
        if equals and key and all(0x20 <= byte < 0x7F for byte in key):
            pairs.setdefault(key.decode("ascii").lower(), value)
    return pairs


async def look_around(interfaces: Sequence[str], seconds: float) -> tuple[Sighting, ...]:
    """Who announces something on the local network now, for commands without an agent."""
    beacon = ZeroconfBeacon(interfaces)
    found: dict[object, Sighting] = {}

    def sighted(sighting: Sighting) -> None:
        # Anybody can announce the text of somebody else's invitation: where it is called to tells them apart.
        where = sighting.addresses if sighting.calling == "invitation" else ()
        if len(found) < ANNOUNCEMENTS_KEPT_MAX:
            found[sighting.calling, where, tuple(sorted(sighting.text.items()))] = sighting

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            group.create_task(beacon.run(sighted))
            while True:
                await asyncio.sleep(timing.BEACON_ASK_S)
                beacon.ask()
    return tuple(found.values())
