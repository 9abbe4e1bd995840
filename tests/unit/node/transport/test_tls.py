"""The certificates: the same bytes everywhere, and in a handshake only the one that is expected."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ssl
import stat
from pathlib import Path

import pytest

from mesh.errors import Malformed
from mesh.node.transport.tls import (
    authority_pem,
    key_of,
    leaf_name,
    leaf_pem,
    mesh_context,
    pinned_context,
    public_of,
    write_files,
    write_private,
)

SECRET, OTHER_SECRET = bytes([1] * 32), bytes([2] * 32)
A, B, C = bytes([10] * 32), bytes([11] * 32), bytes([12] * 32)


def test_certificates_are_the_same_bytes_on_every_device() -> None:
    """Golden digests: another library version that writes other bytes would end every pin."""
    assert hashlib.sha256(authority_pem(SECRET)).hexdigest() == AUTHORITY_DIGEST
    assert hashlib.sha256(leaf_pem(SECRET, public_of(A))).hexdigest() == LEAF_DIGEST


AUTHORITY_DIGEST = "e607a24d55ed87f852a4c85fbce470a115f329178e27b133b75cc27d41738847"
LEAF_DIGEST = "aba7f11eb8f9a8d27a6f4955b11c06d0d16a33f959327162cef091b03cc650fa"


def test_names_tell_nothing() -> None:
    """Neither the word mesh nor a key, and nothing common to two meshes or two devices."""
    names = [leaf_name(secret, public_of(seed)) for secret in (SECRET, OTHER_SECRET) for seed in (A, B)]
    assert len(set(names)) == 4
    assert not any("mesh" in name for name in names)
    shown = ssl.PEM_cert_to_DER_cert(leaf_pem(SECRET, public_of(A)).decode())
    assert b"mesh" not in shown.lower()


def test_the_key_inside_is_the_device_s() -> None:
    """And what is no certificate is refused."""
    shown = ssl.PEM_cert_to_DER_cert(leaf_pem(SECRET, public_of(A)).decode())
    assert key_of(shown) == public_of(A)
    for wrong in (b"junk", shown.replace(b"\x06\x03+ep", b"\x06\x03+eO")):  # the second: a kind of key nobody knows
        with pytest.raises(Malformed):
            key_of(wrong)


def test_files_are_for_this_user_only(tmp_path: Path) -> None:
    """Even where an older file with another mode stood."""
    (tmp_path / "tls.key").write_text("left over")
    (tmp_path / "tls.key").chmod(0o666)
    files = write_files(tmp_path, SECRET, A)
    for path in (files.key, files.certificate, files.authority):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    write_private(files.key, b"again")
    assert files.key.read_bytes() == b"again"


@pytest.mark.parametrize(
    ("server", "accepted"),
    [
        ((SECRET, B), True),
        ((SECRET, C), False),
        ((OTHER_SECRET, B), False),
        ((OTHER_SECRET, C), False),
    ],
    ids=["itself", "another member", "the same key in another mesh", "a stranger"],
)
async def test_a_pin_accepts_one_certificate(tmp_path: Path, server: tuple[bytes, bytes], *, accepted: bool) -> None:
    """We dial b and expect b's leaf."""
    name = leaf_name(SECRET, public_of(B))
    context = pinned_context(write_files(tmp_path, SECRET, A), SECRET, public_of(B))
    assert await shakes_hands(tmp_path, server, context, name) is accepted


async def test_a_pin_does_not_ask_for_the_name_alone(tmp_path: Path) -> None:
    """A member knows the authority's key, so it can write b's name into a certificate of its own key: refused."""
    name = leaf_name(SECRET, public_of(B))
    context = pinned_context(write_files(tmp_path, SECRET, A), SECRET, public_of(B))
    context.check_hostname = False  # what remains is the pin itself
    assert not await shakes_hands(tmp_path, (SECRET, C), context, name)
    assert await shakes_hands(tmp_path, (SECRET, B), context, name)


@pytest.mark.parametrize(("secret", "accepted"), [(SECRET, True), (OTHER_SECRET, False)])
async def test_looking_accepts_members_only(tmp_path: Path, secret: bytes, *, accepted: bool) -> None:
    """Whose address is it? Any member's certificate will do, a stranger's will not."""
    context = mesh_context(write_files(tmp_path, SECRET, A), SECRET)
    assert await shakes_hands(tmp_path, (secret, C), context, "") is accepted


async def shakes_hands(folder: Path, server: tuple[bytes, bytes], client: ssl.SSLContext, name: str) -> bool:
    """Whether a client takes a server, which itself takes everybody."""
    place = folder / "server"
    place.mkdir(exist_ok=True)
    secret, seed = server
    files = write_files(place, secret, seed)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(files.certificate, files.key)

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"hello\n")
        with contextlib.suppress(OSError):
            await writer.drain()
        writer.transport.abort()

    listener = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        except ssl.SSLCertVerificationError:
            return False
        said = await reader.readline()
        writer.transport.abort()
        return said == b"hello\n"
