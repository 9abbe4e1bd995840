"""The own addresses: best first, bounded, only of the interfaces that were named."""

from __future__ import annotations

import ifaddr
import pytest

from mesh.limits import ADDRESSES_PER_PEER_MAX
from mesh.node.nearby import addresses
from mesh.node.nearby.addresses import multicast_hosts, on_link, own_hosts


def card(name: str, index: int, *hosts: str) -> ifaddr.Adapter:
    """A network card with addresses."""
    ips = [ifaddr.IP((host, 0, 0) if ":" in host else host, 64 if ":" in host else 24, name) for host in hosts]
    return ifaddr.Adapter(name, name, ips, index)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop with a loopback, a cable, a radio, and an address that is not ready yet."""
    cards = [
        card("lo", 1, "127.0.0.1", "::1"),
        card("radio", 3, "fe80::3", "2001:db8::3", "192.168.7.3", "2001:db8::bad"),
        card("cable", 2, "10.0.0.2", "10.0.0.22", "fe80::2"),
    ]
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: cards)
    monkeypatch.setattr(addresses, "_usable", lambda host: not host.endswith("bad"))
    monkeypatch.setattr(addresses, "routed", lambda: ("192.168.7.3",))


def test_what_reaches_furthest_comes_first() -> None:
    """IPv4 before IPv6, what leads outward before what does not, one link's own last and with its scope."""
    assert own_hosts() == ("192.168.7.3", "10.0.0.2", "10.0.0.22", "2001:db8::3", "fe80::2%2", "fe80::3%3")


def test_named_interfaces_alone_count() -> None:
    """Loopback too, when it is named; what this machine does not have is left out; a wildcard names them all."""
    assert own_hosts(("10.0.0.2",)) == ("10.0.0.2",)
    assert own_hosts(("127.0.0.1", "192.0.2.99")) == ("127.0.0.1",)
    assert own_hosts(("fe80::2%cable",)) == ("fe80::2%2",)
    assert own_hosts(("0.0.0.0",)) == own_hosts(("::",)) == own_hosts()  # noqa: S104 - what a person may write


def test_one_address_a_card_and_family_speaks_to_the_local_network() -> None:
    """Link-local ones for IPv6."""
    assert set(multicast_hosts()) == {"10.0.0.2", "fe80::2%2", "192.168.7.3", "fe80::3%3"}


def test_there_are_never_more_than_peers_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with many addresses names the best of them."""
    monkeypatch.setattr(ifaddr, "get_adapters", lambda: [card("many", 2, *[f"10.0.0.{n}" for n in range(99)])])
    assert len(own_hosts()) == ADDRESSES_PER_PEER_MAX


def test_neighbours_are_told_from_others() -> None:
    """By the networks of the cards; a name is nobody's neighbour."""
    assert on_link("10.0.0.77")
    assert on_link("fe80::77%2")
    assert not on_link("10.0.1.77")
    assert not on_link("2001:db8:1::1")
    assert not on_link("mac.example")
