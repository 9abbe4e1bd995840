"""What devices tell each other about where they can be reached, so that each finds the other one again.

Whoever is always called would otherwise never learn an address of its caller, and could not call back from a new
port. An address is a hint to dial: no right follows from it, and who sits there must prove its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mesh.errors import Malformed, Unreachable
from mesh.events import cbor
from mesh.limits import ADDRESS_BYTES_MAX, ADDRESSES_PER_PEER_MAX, KIB
from mesh.node.transport.visits import split_address

VERB = "where"
_BYTES_MAX = ADDRESSES_PER_PEER_MAX * ADDRESS_BYTES_MAX + KIB


class Whereabouts(Protocol):
    """Who knows where this device is, and keeps where others are."""

    def own_addresses(self) -> Sequence[str]:
        """Where others may reach this device now."""

    async def learned(self, device: str, addresses: Sequence[str]) -> None:
        """A device told where it can be reached."""


def encode(addresses: Sequence[str]) -> bytes:
    """Addresses as they travel."""
    return cbor.encode(list(addresses[:ADDRESSES_PER_PEER_MAX]))


def decode(raw: bytes) -> tuple[str, ...]:
    """The addresses that a device told. Raises Refused."""
    value = cbor.decode(raw, _BYTES_MAX, "a list of addresses")
    if type(value) is not list or len(value) > ADDRESSES_PER_PEER_MAX or any(type(one) is not str for one in value):
        message = f"not a list of at most {ADDRESSES_PER_PEER_MAX} addresses"
        raise Malformed(message)
    for address in value:
        try:
            split_address(address)
        except Unreachable as error:
            raise Malformed(str(error)) from error
    return tuple(value)
