"""What devices tell about where they are: both ways, and nothing that could not be dialled."""

from __future__ import annotations

import pytest

from mesh.errors import Refused
from mesh.events import cbor
from mesh.limits import ADDRESS_BYTES_MAX, ADDRESSES_PER_PEER_MAX
from mesh.node.nearby.whereabouts import decode, encode


def test_addresses_travel_both_ways() -> None:
    """What was told is heard, of more only the first ones."""
    told = [f"192.0.2.{number}:4222" for number in range(ADDRESSES_PER_PEER_MAX - 1)]
    assert decode(encode([*told, "[2001:db8::1]:1", "192.0.2.99:1"])) == (*told, "[2001:db8::1]:1")
    assert decode(encode([])) == ()


@pytest.mark.parametrize(
    "value",
    [
        "192.0.2.1:1",
        [1],
        [["192.0.2.1:1"]],
        ["192.0.2.1"],
        ["192.0.2.1:0"],
        ["user@192.0.2.1:1"],
        ["h" * ADDRESS_BYTES_MAX + ":1"],
        ["192.0.2.1:1"] * (ADDRESSES_PER_PEER_MAX + 1),
    ],
    ids=str,
)
def test_what_is_no_list_of_addresses_is_refused(value: object) -> None:
    """Each with one thing wrong."""
    with pytest.raises(Refused):
        decode(cbor.encode(value))
