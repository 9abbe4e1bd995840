"""What a caller is shown: the newest leaf from the next handshake on, and the person's own certificate for its name."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest

from mesh.errors import Unreachable
from mesh.node.gateway import authority
from mesh.node.gateway.authority import Authority, new_authority, new_key, public_of
from mesh.node.gateway.showing import Showing, Shown

NOW_S = int(dt.datetime.now(dt.UTC).timestamp())
NAME, OTHER = "mesh-k3q7x2.local", "mac.tail1234.ts.net"
OURS, THEIRS = new_authority(NAME, NOW_S), new_authority(OTHER, NOW_S)


def leaf(signer: Authority, serial: int) -> Shown:
    """A new leaf."""
    key = new_key()
    return authority.chain_pem(signer.leaf(public_of(key), NOW_S, serial)), authority.key_pem(key)


def shown(showing: Showing, signer: Authority, name: str) -> bytes:
    """What a caller who trusts this authority sees at this name. Raises SSLError."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=authority.certificate_pem(signer.certificate).decode())
    there, here = ssl.MemoryBIO(), ssl.MemoryBIO()
    asks = client.wrap_bio(here, there, server_hostname=name)
    answers = showing.context.wrap_bio(there, here, server_side=True)
    for _ in range(4):
        for side in (asks, answers):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    found = asks.getpeercert(binary_form=True)
    assert found is not None
    return authority.certificate_pem(found)


def test_a_new_leaf_is_shown_at_once(tmp_path: Path) -> None:
    """The same context, another certificate; and what is no news is told as none."""
    showing, first, second = Showing(tmp_path / "door", NAME), leaf(OURS, 1), leaf(OURS, 2)
    assert showing.show(first)
    assert not showing.show(first)
    assert shown(showing, OURS, NAME) == first[0]
    assert showing.show(second)
    assert shown(showing, OURS, NAME) == second[0]
    assert (tmp_path / "door" / "page.key").stat().st_mode & 0o077 == 0


def test_the_persons_own_certificate_is_shown_for_its_name_only(tmp_path: Path) -> None:
    """Beside the leaf; and no more once it was taken back."""
    showing, own, given = Showing(tmp_path, NAME), leaf(OURS, 1), leaf(THEIRS, 2)
    showing.show(own)
    assert showing.show_beside((OTHER, *given))
    assert not showing.show_beside((OTHER, *given))
    assert showing.beside == OTHER
    assert shown(showing, THEIRS, OTHER) == given[0]
    assert shown(showing, OURS, NAME) == own[0]
    assert showing.show_beside(None)
    assert showing.beside == ""
    with pytest.raises(ssl.SSLError):
        shown(showing, THEIRS, OTHER)


def test_what_does_not_fit_is_not_shown(tmp_path: Path) -> None:
    """A key of another certificate: a sentence, and what was shown goes on."""
    showing, own = Showing(tmp_path, NAME), leaf(OURS, 1)
    showing.show(own)
    with pytest.raises(Unreachable):
        showing.show((leaf(OURS, 2)[0], leaf(OURS, 3)[1]))
    assert shown(showing, OURS, NAME) == own[0]
    with pytest.raises(Unreachable):
        showing.show_beside((OTHER, leaf(THEIRS, 4)[0], leaf(THEIRS, 5)[1]))
    assert showing.beside == ""
    assert shown(showing, OURS, NAME) == own[0]


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A full disk, or a file where the folder should be: a sentence, and what was shown goes on."""
    showing, own = Showing(tmp_path / "door", NAME), leaf(OURS, 1)
    showing.show(own)
    (tmp_path / "door").rename(tmp_path / "away")
    (tmp_path / "door").touch()
    with pytest.raises(Unreachable):
        showing.show(leaf(OURS, 2))
    assert shown(showing, OURS, NAME) == own[0]
