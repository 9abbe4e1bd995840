"""The authority of the page: two independent verifiers believe it for its one name, and for nothing else."""

from __future__ import annotations

import datetime as dt
import ipaddress
import plistlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from mesh.errors import Forged, Malformed
from mesh.node import timing
from mesh.node.gateway import authority
from mesh.node.gateway.authority import Authority, new_authority, new_key, public_of

NAME = "mesh-k3q7x2.local"
OTHER = "mesh-aaaaaa.local"
NOW_S = int(dt.datetime.now(dt.UTC).timestamp())
SERIAL = 77
OURS = new_authority(NAME, NOW_S)
KEY = new_key()
LEAF = OURS.leaf(public_of(KEY), NOW_S, SERIAL)

Believes = Callable[[bytes, bytes, str], bool]
"""Whether somebody who trusts the authority believes a leaf with this key at this host."""


def _signer(key: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(key), ec.SECP256R1())


def signed(names: Sequence[x509.GeneralName], key: bytes, signer: Authority = OURS, *, ca: bool = False) -> bytes:
    """What whoever stole the authority's key could sign."""
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    now = dt.datetime.fromtimestamp(NOW_S, dt.UTC)
    issuer = x509.load_der_x509_certificate(signer.certificate)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(_signer(signer.key).public_key())
    return (
        x509.CertificateBuilder(issuer.subject, called, _signer(key).public_key(), SERIAL)
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=5))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(aki, critical=False)
        .sign(_signer(signer.key), SHA256())
        .public_bytes(Encoding.DER)
    )


def _pumped(one: ssl.SSLObject, other: ssl.SSLObject, ways: Sequence[tuple[ssl.MemoryBIO, ssl.MemoryBIO]]) -> None:
    for _ in range(8):
        for side in (one, other):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            finally:
                for sent, taken in ways:
                    taken.write(sent.read())


def openssl(folder: Path) -> Believes:
    """A whole handshake of TLS 1.3 with OpenSSL, in memory."""

    def believes(leaf: bytes, key: bytes, host: str) -> bool:
        (folder / "leaf.pem").write_bytes(authority.certificate_pem(leaf))
        (folder / "leaf.key").write_bytes(authority.key_pem(key))
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(folder / "leaf.pem", folder / "leaf.key")
        client = ssl.create_default_context(cadata=authority.certificate_pem(OURS.certificate).decode())
        there, here, back, home = (ssl.MemoryBIO() for _ in range(4))
        asks = client.wrap_bio(home, there, server_hostname=host)
        answers = server.wrap_bio(here, back, server_side=True)
        try:
            _pumped(asks, answers, [(there, here), (back, home)])
        except ssl.SSLCertVerificationError:
            return False
        assert asks.version() == "TLSv1.3"
        return True

    return believes


def rust(_: Path) -> Believes:
    """The verifier of the library `cryptography`, which shares no code with OpenSSL's."""

    def believes(leaf: bytes, key: bytes, host: str) -> bool:
        del key
        try:
            name: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        assert isinstance(name, x509.DNSName | x509.IPAddress)
        store = Store([x509.load_der_x509_certificate(OURS.certificate)])
        try:
            verifier = PolicyBuilder().store(store).build_server_verifier(name)
            verifier.verify(x509.load_der_x509_certificate(leaf), [])
        except VerificationError:
            return False
        return True

    return believes


@pytest.fixture(params=[openssl, rust])
def believes(request: pytest.FixtureRequest, tmp_path: Path) -> Believes:
    """Each of the two."""
    made: Callable[[Path], Believes] = request.param
    return made(tmp_path)


def test_a_leaf_is_believed_at_the_name_and_nowhere_else(believes: Believes) -> None:
    """What the door shows opens the page, and no other page."""
    assert believes(LEAF, KEY, NAME)
    assert not believes(LEAF, KEY, OTHER)


@pytest.mark.parametrize(
    ("name", "host"),
    [
        (x509.DNSName(OTHER), OTHER),
        (x509.DNSName("www.example.com"), "www.example.com"),
        (x509.DNSName("*.local"), OTHER),
        (x509.IPAddress(ipaddress.ip_address("192.0.2.7")), "192.0.2.7"),
        (x509.IPAddress(ipaddress.ip_address("2001:db8::7")), "2001:db8::7"),
    ],
)
def test_a_stolen_authority_signs_nothing_else(believes: Believes, name: x509.GeneralName, host: str) -> None:
    """Names and addresses that the authority's key signs without being for them are refused by who trusts it."""
    assert not believes(signed([name], KEY), KEY, host)
    assert believes(signed([x509.DNSName(NAME)], KEY), KEY, NAME)  # the forgery itself is well made


def test_a_stolen_authority_makes_no_further_authority() -> None:
    """Path length 0: what it signs can sign nothing."""
    between = signed([x509.DNSName(NAME)], KEY, ca=True)
    leaf_key = new_key()
    leaf = signed([x509.DNSName(NAME)], leaf_key, Authority(KEY, between))
    store = Store([x509.load_der_x509_certificate(OURS.certificate)])
    verifier = PolicyBuilder().store(store).build_server_verifier(x509.DNSName(NAME))
    with pytest.raises(VerificationError):
        verifier.verify(x509.load_der_x509_certificate(leaf), [x509.load_der_x509_certificate(between)])


def test_iphones_can_list_it() -> None:
    """A common name, no more than the 825 days that Apple allows a leaf, and constraints that are critical."""
    root = x509.load_der_x509_certificate(OURS.certificate)
    assert root.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value.startswith(NAME)  # type: ignore[arg-type]
    assert root.extensions.get_extension_for_class(x509.NameConstraints).critical
    leaf = x509.load_der_x509_certificate(LEAF)
    assert leaf.not_valid_after_utc - leaf.not_valid_before_utc < dt.timedelta(days=8)
    assert authority.good_s(LEAF)[1] == NOW_S + timing.LEAF_S
    profile = plistlib.loads(authority.mobileconfig(OURS.certificate))
    assert profile["PayloadContent"][0]["PayloadContent"] == OURS.certificate
    assert profile["PayloadContent"][0]["PayloadType"] == "com.apple.security.root"
    assert authority.mobileconfig(OURS.certificate) == authority.mobileconfig(OURS.certificate)
    assert authority.fingerprint_text(OURS.certificate).count(" ") == 31


def test_a_request_gives_the_key_that_signed_it() -> None:
    """Who asks has the key; a request that was altered has not."""
    request = authority.csr(KEY, NAME)
    assert authority.asked_key(request) == public_of(KEY)
    authority.check_leaf(OURS.leaf(authority.asked_key(request), NOW_S, 5), OURS.certificate, KEY, NOW_S)
    with pytest.raises(Forged):
        authority.asked_key(request[:-1] + bytes([request[-1] ^ 1]))
    for wrong in (b"", b"\x30\x03abc", LEAF, bytes(10_000)):
        with pytest.raises(Malformed):
            authority.asked_key(wrong)


def test_a_request_with_another_kind_of_key_is_refused() -> None:
    """Pages are served with P-256."""
    key = Ed25519PrivateKey.generate()
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    request = x509.CertificateSigningRequestBuilder().subject_name(called).sign(key, None)
    with pytest.raises(Malformed):
        authority.asked_key(request.public_bytes(Encoding.DER))


@pytest.mark.parametrize("known", [b"*\x86H\xce=\x02\x01", b"*\x86H\xce=\x03\x01\x07", b"*\x86H\xce=\x04\x03\x02"])
def test_attack_algorithms_that_nobody_knows(known: bytes) -> None:
    """Of the key, its curve, the signature: one bit of their names makes others of them, and that is refused too."""
    unknown = known[:-1] + bytes([known[-1] ^ 0x20])
    request, own = authority.csr(KEY, NAME), OURS.certificate
    assert known in request
    assert known in own
    with pytest.raises((Malformed, Forged)):
        authority.asked_key(request.replace(known, unknown))
    with pytest.raises((Malformed, Forged)):
        authority.check_authority(own.replace(known, unknown), NAME)
    with pytest.raises((Malformed, Forged)):
        authority.check_leaf(LEAF.replace(known, unknown), own, KEY, NOW_S)


def test_a_leaf_is_looked_at_before_it_is_shown() -> None:
    """Another authority's, another key's, another name's, one that is over or not yet good: refused."""
    authority.check_leaf(LEAF, OURS.certificate, KEY, NOW_S)
    for now_s in (NOW_S + timing.LEAF_S, NOW_S - timing.LEAF_EARLY_S - 1):
        with pytest.raises(Malformed):
            authority.check_leaf(LEAF, OURS.certificate, KEY, now_s)
    with pytest.raises(Malformed):
        authority.check_leaf(LEAF, OURS.certificate, new_key(), NOW_S)
    with pytest.raises(Malformed):
        authority.check_leaf(signed([x509.DNSName(OTHER)], KEY), OURS.certificate, KEY, NOW_S)
    with pytest.raises(Forged):
        authority.check_leaf(LEAF, new_authority(NAME, NOW_S).certificate, KEY, NOW_S)


def test_an_authority_is_looked_at_before_it_is_believed() -> None:
    """What a document brings must be for this name alone, and sign leaves of pages alone."""
    authority.check_authority(OURS.certificate, NAME)
    assert authority.name_of(OURS.certificate) == NAME
    with pytest.raises(Malformed):
        authority.check_authority(OURS.certificate, OTHER)
    for wrong in (LEAF, b"", signed([x509.DNSName(NAME)], OURS.key, ca=True)):
        with pytest.raises(Malformed):
            authority.check_authority(wrong, NAME)
    forged = bytearray(OURS.certificate)
    forged[-1] ^= 1
    with pytest.raises(Forged):
        authority.check_authority(bytes(forged), NAME)


def test_a_key_shows_itself_nowhere() -> None:
    """A repr ends up in logs."""
    assert OURS.key.hex() not in repr(OURS)
    assert repr(OURS.key) not in repr(OURS)
    with pytest.raises(Malformed):
        replace(OURS, key=bytes(32)).leaf(public_of(KEY), NOW_S, SERIAL)
    with pytest.raises(Malformed):
        OURS.leaf(b"\x04" + bytes(64), NOW_S, SERIAL)
