"""Earlier epoch keys under a later one, as the simulated admins write them into a rekey."""

from __future__ import annotations

from mesh.events.keys import derive


def sealed(key: bytes, older: bytes) -> bytes:
    """An earlier key for whoever holds this one."""
    return _mixed(older, key)


def opened(key: bytes, box: bytes) -> bytes:
    """The earlier key."""
    return _mixed(box, key)


def _mixed(text: bytes, key: bytes) -> bytes:
    """A pad that is used once would do for one key; here every box of one epoch hides another key under the same pad.

    Good enough for a simulation, where nobody reads what is not meant for him.
    """
    pad = derive(key, "mesh/world/earlier")
    return bytes(a ^ b for a, b in zip(text, pad, strict=True))
