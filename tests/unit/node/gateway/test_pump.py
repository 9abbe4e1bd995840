"""What passes before a login is through: a greeting that is no stranger's business, thinned, and one login."""

from __future__ import annotations

import json

import pytest

from mesh.errors import Malformed
from mesh.limits import INFO_BYTES_MAX
from mesh.node.gateway.pump import nkey_of, thinned


def test_a_greeting_is_thinned() -> None:
    """What nats-core needs stays; addresses and versions of other things go."""
    full = {
        "server_id": "N",
        "version": "2",
        "nonce": "x",
        "git_commit": "abc",
        "host": "10.0.0.1",
        "go": "1",
        "port": 1,
    }
    told = thinned(b"INFO " + json.dumps(full).encode() + b" \r\n")
    assert told.startswith(b"INFO {")
    assert told.endswith(b"}\r\n")
    assert json.loads(told.removeprefix(b"INFO ")) == {"server_id": "N", "version": "2", "nonce": "x"}


@pytest.mark.parametrize(
    "greeting", [b"", b"HTTP/1.1 200", b"INFO []\r\n", b"INFO {", b"INFO " + b" " * INFO_BYTES_MAX]
)
def test_what_is_no_greeting_is_refused(greeting: bytes) -> None:
    """Another program may listen there."""
    with pytest.raises(Malformed):
        thinned(greeting)


def test_a_login_names_its_key() -> None:
    """CONNECT and PING, and nothing else."""
    assert nkey_of(b'CONNECT {"nkey":"UABC","sig":"x"}\r\nPING\r\n') == "UABC"
    assert nkey_of(b"CONNECT {}\r\nPING\r\n") == ""


@pytest.mark.parametrize(
    "said",
    [
        b"PING\r\n",
        b"PUB a 1\r\nx\r\nPING\r\n",
        b"CONNECT {}\r\nSUB a 1\r\nPING\r\n",
        b"CONNECT {}\nPING\r\n",
        b"CONNECT []\r\nPING\r\n",
        b"CONNECT {" + b"[" * 1900 + b"\r\nPING\r\n",
        b"connect {}\r\nPING\r\n",
    ],
)
def test_anything_else_is_no_login(said: bytes) -> None:
    """The server never hears of it."""
    with pytest.raises(Malformed):
        nkey_of(said)
