"""Which chain of its own a device speaks on in each lane, as settings of its store.

A setting is a chain, or the reason why a new one must be opened before anything is said. The log alone could not tell:
after a restore the others bring back what was written since, and the chain that looks newest is the old one. This
module never writes anything itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesh.events.event import Lane
from mesh.limits import DIGEST_BYTES
from mesh.names import Digest

NEW, RESTORED, MOVED = "new", "restored", "moved"
_KEYS = {lane: f"voice/{lane.name.lower()}" for lane in Lane}

Settings = dict[str, bytes]


def settings(chains: Mapping[Lane, Digest]) -> Settings:
    """What to keep in the commit that opens these chains."""
    return {_KEYS[lane]: bytes(chain) for lane, chain in chains.items()}


def anew(reason: str) -> Settings:
    """What to keep so that nothing more is said on any chain there is."""
    return {key: reason.encode() for key in _KEYS.values()}


def read(kept: Mapping[str, bytes]) -> tuple[dict[Lane, Digest], dict[Lane, str]]:
    """The chains to speak on; and for lanes where one must be opened, why."""
    found = {lane: kept[key] for lane, key in _KEYS.items() if key in kept}
    chains = {lane: Digest(value) for lane, value in found.items() if len(value) == DIGEST_BYTES}
    return chains, {lane: value.decode() for lane, value in found.items() if lane not in chains}
