"""Tags: how devices of one mesh know each other in what they announce, while strangers see random bytes.

A tag says which device announces, to whoever holds the key of an epoch that this device held; it proves nothing, for
anybody may repeat it. This module announces nothing and decides nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping

from mesh.events.keys import derive
from mesh.limits import TAG_NONCE_BYTES, TAG_SHOWN_BYTES

_VERSION, _NONCE, _TAG = "v", "n", "t"
_FIRST = b"1"
_DOMAIN = b"mesh/mdns/1"


def tag_key(epoch_key: bytes) -> bytes:
    """The key for tags that follows from an epoch's key."""
    return derive(epoch_key, "mesh/mdns-key/1")


def tagged(key: bytes, device: str, nonce: bytes) -> Mapping[str, bytes]:
    """What a device announces under a tag key; the nonce is fresh each time, so that nobody can follow it."""
    assert len(nonce) == TAG_NONCE_BYTES, len(nonce)
    return {_VERSION: _FIRST, _NONCE: nonce, _TAG: _tag(key, device, nonce)}


def recognised(text: Mapping[str, bytes], keys: Iterable[bytes], devices: Iterable[str]) -> str:
    """Which of these devices an announcement names, under any of these tag keys; empty when none."""
    nonce, tag = text.get(_NONCE, b""), text.get(_TAG, b"")
    if text.get(_VERSION) != _FIRST or len(nonce) != TAG_NONCE_BYTES or len(tag) != TAG_SHOWN_BYTES:
        return ""
    asked = tuple(devices)
    for key in keys:
        for device in asked:
            if hmac.compare_digest(tag, _tag(key, device, nonce)):
                return device
    return ""


def _tag(key: bytes, device: str, nonce: bytes) -> bytes:
    return hmac.digest(key, _DOMAIN + nonce + device.encode(), hashlib.sha256)[:TAG_SHOWN_BYTES]
