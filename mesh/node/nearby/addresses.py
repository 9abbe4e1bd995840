"""Where this machine can be reached: its own addresses, best first. The only file that imports ifaddr.

It asks the system and sends nothing. What others say about their addresses is `whereabouts` and `beacon`.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from collections.abc import Sequence

import ifaddr

from mesh.limits import ADDRESSES_PER_PEER_MAX, INTERFACES_MAX

_FAR = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))  # RFC 5737, RFC 3849: nobody's
_SOME_PORT = 9


def has_ipv4() -> bool:
    """Whether this machine speaks IPv4 at all."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
    except OSError:
        return False
    return True


def own_hosts(interfaces: Sequence[str] = ()) -> tuple[str, ...]:
    """The addresses under which others may reach this machine, those that reach furthest first.

    Only the interfaces that the person named, if any. Link-local ones carry their scope (`fe80::1%2`).
    """
    outward = routed()
    found = [host for _, hosts in _adapters(interfaces) for host in hosts]
    found.sort(key=lambda host: (_reach(host), host not in outward))
    return tuple(found[:ADDRESSES_PER_PEER_MAX])


def multicast_hosts(interfaces: Sequence[str] = ()) -> tuple[str, ...]:
    """One address of each family for each network card, from which to speak to the local network."""
    found = []
    for _, hosts in _adapters(interfaces):
        found += [host for host in hosts if ":" not in host][:1]
        sixes = [host for host in hosts if ":" in host]
        found += sorted(sixes, key=_reach, reverse=True)[:1]  # RFC 6762, section 15: link-local where there is one
    return tuple(found[:INTERFACES_MAX])


def routed() -> tuple[str, ...]:
    """The addresses from which this machine would speak to the world; connecting UDP sends nothing."""
    found = []
    for family, far in _FAR:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, _SOME_PORT))
            found.append(str(probe.getsockname()[0]))
    return tuple(found)


def on_link(host: str) -> bool:
    """Whether a host's address belongs to a network that this machine is in, so that it is reached without a router."""
    try:
        address = ipaddress.ip_address(_plain(host))
    except ValueError:
        return False
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            own = one.ip if isinstance(one.ip, str) else _plain(one.ip[0])
            network = ipaddress.ip_network(f"{own}/{one.network_prefix}", strict=False)
            if address.version == network.version and address in network:
                return True
    return False


def networks(interfaces: Sequence[str] = ()) -> tuple[tuple[str, str, str], ...]:
    """The IPv4 networks of this machine: name of the card, own address, subnet; only the interfaces named, if any."""
    usable = {host for _, hosts in _adapters(interfaces) for host in hosts}
    found = []
    for adapter in ifaddr.get_adapters():
        for one in adapter.ips:
            if isinstance(one.ip, str) and one.ip in usable:
                subnet = ipaddress.ip_network(f"{one.ip}/{one.network_prefix}", strict=False)
                found.append((adapter.name, one.ip, str(subnet)))
    return tuple(sorted(found)[:INTERFACES_MAX])


def _adapters(interfaces: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Network cards with those of their addresses that can be used now, in a stable order."""
    wanted = {_plain(one) for one in interfaces} - {"0.0.0.0", "::"}  # noqa: S104 those mean: any
    found = []
    for adapter in ifaddr.get_adapters():
        hosts = []
        for one in adapter.ips:
            host = one.ip if isinstance(one.ip, str) else _scoped(one.ip[0], adapter.index)
            chosen = _plain(host) in wanted if wanted else not ipaddress.ip_address(_plain(host)).is_loopback
            if chosen and _usable(host):
                hosts.append(host)
        if hosts:
            found.append((adapter.name, sorted(hosts)))
    return sorted(found)


def _plain(host: str) -> str:
    return host.partition("%")[0]


def _scoped(host: str, index: int | None) -> str:
    link_local = ipaddress.ip_address(_plain(host)).is_link_local
    return f"{_plain(host)}%{index}" if link_local and index is not None else _plain(host)


def _reach(host: str) -> int:
    """0 for IPv4, 1 for IPv6 that is routed somewhere, 2 for what only this link knows."""
    address = ipaddress.ip_address(_plain(host))
    return 2 if address.is_link_local else int(address.version == 6)


def _usable(host: str) -> bool:
    """Whether one can speak from it: not while the system still looks whether somebody else has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        where = socket.getaddrinfo(host, 0, family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)[0][4]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind(where)
    except OSError:
        return False
    return True
