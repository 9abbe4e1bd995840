"""Addresses as others write them: what is one, and what never gets as far as a dial."""

from __future__ import annotations

import pytest

from mesh.errors import Unreachable
from mesh.limits import ADDRESS_BYTES_MAX
from mesh.node.transport.visits import split_address


@pytest.mark.parametrize(
    ("address", "host"),
    [("192.0.2.7:4222", "192.0.2.7"), ("[2001:db8::7]:4222", "2001:db8::7"), ("[fe80::1%2]:4222", "fe80::1%2")],
)
def test_an_address_is_a_host_and_a_port(address: str, host: str) -> None:
    """Also of IPv6, with its scope."""
    assert split_address(address) == (host, 4222)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "host",
        ":4222",
        "host:0",
        "host:65536",
        "host:٣",
        "host:" + "9" * 5000,
        "h" * ADDRESS_BYTES_MAX + ":1",
        "é" * (ADDRESS_BYTES_MAX // 2) + ":1",
        "a/b:1",
        "a b:1",
        "a\0b:1",
        "a\nb:1",
        "\x1b[2Jb:1",
        "\u202eb:1",
        "\udc80:1",
    ],
)
def test_everything_else_is_none(address: str) -> None:
    """No control character, half a character or overlong name comes further, be it to a resolver or to a screen."""
    with pytest.raises(Unreachable, match="is not an address"):
        split_address(address)
