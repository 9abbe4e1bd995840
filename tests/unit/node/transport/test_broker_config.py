"""The configuration of nats-server: its exact text, and that nkeys are written as the rest of the world writes them."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import nkeys  # type: ignore[import-untyped,unused-ignore]
import pytest

from mesh.node.ports import Peer, WebPlace
from mesh.node.transport.broker_config import (
    ServerKeys,
    ServerPlace,
    address_text,
    guest_seed,
    nkey_public,
    nkey_seed,
    server_config,
)
from mesh.node.transport.tls import TlsFiles, public_of

HOME, PHONE = "bbbbbbbbbbbbbbbb", "aaaaaaaaaaaaaaaa"
PLACE = ServerPlace(
    "127.0.0.1", 4222, Path('/home/x "y"'), TlsFiles(Path("/t/tls.crt"), Path("/t/tls.key"), Path("/t/ca.crt"))
)
KEYS = ServerKeys(bytes(32), bytes([1] * 32), bytes([2] * 32))
PEER = Peer(PHONE, "phone", bytes([3] * 32), bytes(32), ("127.0.0.2:1",))
GOLDEN = Path(__file__).with_name("golden_nats.conf")
GOLDEN_WEB = Path(__file__).with_name("golden_nats_web.conf")


def test_the_text_is_the_golden_one() -> None:
    """Change it only if you know what each line lets in."""
    assert server_config(HOME, KEYS, PLACE, [PEER]) == GOLDEN.read_text()


def test_phones_come_by_websocket_and_nobody_else_does() -> None:
    """The block follows from the port and the origin alone; each user has one way in."""
    phone = replace(PEER, in_browser=True)
    web = replace(PLACE, web=WebPlace(9301, "https://mesh-k3q7x2.local:8443"))
    text = server_config(HOME, KEYS, web, [phone])
    assert text == GOLDEN_WEB.read_text()
    assert text.count('allowed_connection_types: ["WEBSOCKET"]') == 1
    assert text.count("nkey:") == text.count("allowed_connection_types")
    other = Peer("c" * 16, "x", bytes([9] * 32), b"")
    block = text[text.index("websocket {") : text.index("accounts {")]
    assert block in server_config(HOME, KEYS, web, [other])
    assert "websocket {" not in server_config(HOME, KEYS, PLACE, [phone])


def test_the_order_of_the_peers_does_not_matter() -> None:
    """The same roster gives the same bytes, so nothing is reloaded for nothing."""
    others = [Peer(chr(97 + n) * 16, "x", bytes([n] * 32), b"") for n in range(8)]
    text = server_config(HOME, KEYS, PLACE, others)
    random.Random(0).shuffle(others)
    assert server_config(HOME, KEYS, PLACE, others) == text


def test_names_and_addresses_do_not_reach_the_text() -> None:
    """A device's name is foreign text."""
    evil = Peer(PHONE, '" } include "/etc/passwd', bytes([3] * 32), b"", ('"',))
    assert server_config(HOME, KEYS, PLACE, [evil]) == server_config(HOME, KEYS, PLACE, [PEER])


def test_nothing_is_denied_because_nothing_else_is_allowed() -> None:
    """No deny rules, no user without an nkey, no user by default, no JetStream, MQTT, cluster or leafs."""
    text = server_config(HOME, KEYS, PLACE, [PEER])
    for word in (
        "deny",
        "no_auth_user",
        "password",
        "jetstream",
        "mqtt",
        "cluster",
        "leafnodes",
        "gateway",
        "websocket",
    ):
        assert word not in text
    assert text.count("{ nkey: U") == 4


@pytest.mark.parametrize("seed", [bytes(32), bytes(range(32)), bytes([255] * 32)])
def test_nkeys_are_those_of_the_library(seed: bytes) -> None:
    """Same public text, and the library takes our seed text."""
    pair = nkeys.from_seed(bytearray(nkey_seed(seed).encode()))
    assert pair.public_key.decode() == nkey_public(public_of(seed))
    assert nkey_public(public_of(seed)).startswith("U")
    assert nkey_seed(seed).startswith("SU")


def test_guests_of_one_mesh_share_a_key_and_of_two_do_not() -> None:
    """So a device that this one does not know yet can knock."""
    assert guest_seed(bytes(32)) == guest_seed(bytes(32))
    assert guest_seed(bytes(32)) != guest_seed(bytes([1] * 32))


def test_ipv6_has_brackets() -> None:
    """Both ways of writing an address."""
    assert address_text("::1", 5) == "[::1]:5"
    assert address_text("127.0.0.1", 5) == "127.0.0.1:5"
