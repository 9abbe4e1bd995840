"""Tags: members know each other, also after a change of keys; a stranger learns nothing, and nothing repeats itself."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.events.keys import derive
from mesh.events.tags import recognised, tag_key, tagged
from mesh.limits import ANNOUNCEMENT_BYTES_MAX

OLD, NEW, FOREIGN = (tag_key(bytes([number]) * 32) for number in (1, 2, 3))
DEVICES = ["a" * 16, "b" * 16, "c" * 16]
NONCE = bytes(range(8))


def test_a_tag_has_the_form_that_the_protocol_gives() -> None:
    """Version, nonce and the first 8 bytes of an HMAC, under a key that follows from the epoch's."""
    key = derive(bytes([1]) * 32, "mesh/mdns-key/1")
    tag = hmac.new(key, b"mesh/mdns/1" + NONCE + DEVICES[0].encode(), hashlib.sha256).digest()[:8]
    assert key == OLD
    assert tagged(OLD, DEVICES[0], NONCE) == {"v": b"1", "n": NONCE, "t": tag}


def test_members_recognise_each_other_under_each_key_that_they_hold() -> None:
    """Who has the new key recognises one that has only the old one, and not the other way round."""
    for device in DEVICES:
        behind, ahead = tagged(OLD, device, NONCE), tagged(NEW, device, NONCE)
        assert recognised(behind, [NEW, OLD], DEVICES) == device
        assert recognised(ahead, [NEW, OLD], DEVICES) == device
        assert recognised(ahead, [OLD], DEVICES) == ""


def test_strangers_recognise_nobody_and_are_not_recognised() -> None:
    """Another mesh's key, or a device that the roster does not have."""
    assert recognised(tagged(OLD, DEVICES[0], NONCE), [FOREIGN], DEVICES) == ""
    assert recognised(tagged(FOREIGN, DEVICES[0], NONCE), [OLD, NEW], DEVICES) == ""
    assert recognised(tagged(OLD, DEVICES[0], NONCE), [OLD], DEVICES[1:]) == ""
    assert recognised(tagged(OLD, DEVICES[0], NONCE), [], DEVICES) == ""


def test_two_announcements_have_nothing_in_common() -> None:
    """With another nonce everything that shows is different, but for the version."""
    one, other = tagged(OLD, DEVICES[0], NONCE), tagged(OLD, DEVICES[0], NONCE[::-1])
    assert {key for key in one if one[key] == other[key]} == {"v"}
    assert not any(DEVICES[0].encode() in value for value in one.values())
    assert sum(len(key) + len(value) + 2 for key, value in one.items()) < ANNOUNCEMENT_BYTES_MAX


@pytest.mark.parametrize("change", [{"v": b"2"}, {"n": NONCE[:7]}, {"t": b""}, {"t": bytes(8)}, {"n": b""}])
def test_attack_what_was_altered_names_nobody(change: dict[str, bytes]) -> None:
    """Another version, a nonce or tag of another length or content."""
    assert recognised({**tagged(OLD, DEVICES[0], NONCE), **change}, [OLD], DEVICES) == ""


@given(st.dictionaries(st.sampled_from(["v", "n", "t", "x"]), st.binary(max_size=12)))
def test_any_text_is_recognised_or_not_and_never_an_error(text: dict[str, bytes]) -> None:
    """Anybody on the network can send anything."""
    assert recognised(text, [OLD, NEW], DEVICES) == ""
