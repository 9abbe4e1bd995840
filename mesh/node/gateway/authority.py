"""The authority that phones trust once, and what it signs: leaves for the one name of the mesh's door.

A phone that trusts it trusts it for that name alone: critical constraints name it and exclude every address, so that
even a stolen key makes no certificate for anything else. Keys, times and serial numbers come in; only a new key is
drawn here, and a signature's nonce. It is not the authority between devices (`transport.tls`), reads no file and
decides nothing about who may have its key; `holding` does.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import plistlib
import uuid
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mesh.errors import Forged, Malformed
from mesh.limits import BROWSER_KEY_BYTES, CERTIFICATE_BYTES_MAX, KEY_BYTES
from mesh.node import timing
from mesh.node.transport.tls import key_usage

_CURVE = ec.SECP256R1()
_NOBODYS = tuple(x509.IPAddress(ipaddress.ip_network(every)) for every in ("0.0.0.0/0", "::/0"))
_UNREAD = (
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,  # a key or a signature of a kind that the library does not know
    ValueError,
)
_UUID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Authority:
    """The authority's key and its certificate."""

    key: bytes = field(repr=False)
    """The secret number of its P-256 key, 32 bytes."""
    certificate: bytes
    """DER; it says for which name it may sign."""

    def leaf(self, public_key: bytes, now_s: int, serial: int) -> bytes:
        """A certificate for a leaf's public key (65 bytes), DER; good for a week. Raises Malformed."""
        own = _loaded(self.certificate)
        name = name_of(self.certificate)
        signer = _signer(self.key)
        public = _public(public_key)
        days = (now_s - timing.LEAF_EARLY_S, now_s + timing.LEAF_S)
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = _builder(_called(name), own.subject, public, serial, days)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(key_usage(signs=False), critical=True)
        builder = builder.add_extension(usage, critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        return builder.add_extension(aki, critical=False).sign(signer, SHA256()).public_bytes(Encoding.DER)


def new_authority(name: str, now_s: int) -> Authority:
    """A new authority for exactly this name, with a key that nobody had before."""
    key = new_key()
    signer = _signer(key)
    public = signer.public_key()
    # iOS lists no root without a common name, and people tell an old one from a new one by the day.
    called = _called(f"{name} {dt.datetime.fromtimestamp(now_s, dt.UTC):%Y-%m-%d}")
    days = (now_s - timing.LEAF_EARLY_S, now_s + timing.AUTHORITY_S)
    builder = _builder(called, called, public, x509.random_serial_number(), days)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(key_usage(signs=True), critical=True)
    builder = builder.add_extension(_constraints(name), critical=True)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = builder.add_extension(usage, critical=False)
    return Authority(key, builder.sign(signer, SHA256()).public_bytes(Encoding.DER))


def new_key() -> bytes:
    """The secret number of a new P-256 key, 32 bytes."""
    return ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(KEY_BYTES)


def public_of(key: bytes) -> bytes:
    """The public key of a secret number: an uncompressed point, 65 bytes. Raises Malformed."""
    return _point(_signer(key).public_key())


def name_of(certificate: bytes) -> str:
    """The one name that an authority's certificate is good for. Raises Malformed."""
    try:
        found = _loaded(certificate).extensions.get_extension_for_class(x509.NameConstraints)
    except _UNREAD as error:
        message = "the certificate says nothing about the name it is for"
        raise Malformed(message) from error
    names = [str(one.value) for one in found.value.permitted_subtrees or ()]
    if not found.critical or len(names) != 1 or found.value != _constraints(names[0]):
        message = "the certificate is for more than one name"
        raise Malformed(message)
    return names[0]


def check_authority(certificate: bytes, name: str) -> None:
    """That a certificate is one that an authority of ours may have for this name. Raises Malformed, Forged."""
    found = _loaded(certificate)
    if name_of(certificate) != name:
        message = f"the certificate of the authority is not for {name}"
        raise Malformed(message)
    try:
        basic = found.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except _UNREAD as error:
        message = "the certificate of the authority does not say what it may sign"
        raise Malformed(message) from error
    only_leaves = basic.critical and basic.value == x509.BasicConstraints(ca=True, path_length=0)
    if not only_leaves or list(usage.value) != [ExtendedKeyUsageOID.SERVER_AUTH]:
        message = "the certificate of the authority may sign more than pages"
        raise Malformed(message)
    _check_issued(found, found)


def check_leaf(leaf: bytes, authority: bytes, key: bytes, now_s: int) -> None:
    """That a leaf was signed by the authority, for the authority's name and our key, and is good now.

    Raises Malformed, Forged.
    """
    found, issuer = _loaded(leaf), _loaded(authority)
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except _UNREAD as error:
        message = "the certificate names no page"
        raise Malformed(message) from error
    if list(names) != [x509.DNSName(name_of(authority))] or _key_in(found) != public_of(key):
        message = "the certificate is for another page, or for another key"
        raise Malformed(message)
    first_s, last_s = good_s(leaf)
    if not first_s <= now_s < last_s:
        message = "the certificate is not good now"
        raise Malformed(message, hint="Compare the clocks of your devices.")
    _check_issued(found, issuer)


def check_holder(key: bytes, authority: bytes) -> None:
    """That a secret key is the one of an authority's certificate. Raises Malformed."""
    if _key_in(_loaded(authority)) != public_of(key):
        message = "the key is not that of the authority"
        raise Malformed(message)


def given_ends_s(chain: bytes, key: bytes, name: str) -> int:
    """Until when a certificate that a person has (PEM) is good for a name, with its key. Raises Malformed."""
    try:
        found = x509.load_pem_x509_certificates(chain)[0]
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        secret, public = load_pem_private_key(key, None), found.public_key()
    except (*_UNREAD, TypeError) as error:
        message = "that is no certificate with its key, as PEM"
        raise Malformed(message, hint="`tailscale cert HOST` makes both files.") from error
    if secret.public_key() != public or not _covers(names.get_values_for_type(x509.DNSName), name):
        message = f"the certificate is not for {name}, or the key is not its own"
        raise Malformed(message, hint="`tailscale cert HOST` makes both files.")
    return int(found.not_valid_after_utc.timestamp())


def _covers(names: list[str], name: str) -> bool:
    return name in names or f"*.{name.partition('.')[2]}" in names


def good_s(certificate: bytes) -> tuple[int, int]:
    """From when and until when a certificate is good. Raises Malformed."""
    found = _loaded(certificate)
    return int(found.not_valid_before_utc.timestamp()), int(found.not_valid_after_utc.timestamp())


def csr(key: bytes, name: str) -> bytes:
    """What the holder of a leaf's key asks a certificate with: DER (RFC 2986)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_called(name))
    return builder.sign(_signer(key), SHA256()).public_bytes(Encoding.DER)


def asked_key(request: bytes) -> bytes:
    """The public key that a request asks a certificate for, 65 bytes; its holder signed it. Raises Malformed, Forged.

    Nothing else in a request counts: the name is the authority's, and so are the days.
    """
    _bounded(request)
    try:
        found = x509.load_der_x509_csr(request)
        key = _key_in(found)
        holds = found.is_signature_valid
    except _UNREAD as error:
        message = "that is no request for a certificate"
        raise Malformed(message) from error
    if not holds:
        message = "whoever asks for the certificate does not have its key"
        raise Forged(message)
    return key


def chain_pem(leaf: bytes) -> bytes:
    """What a server shows: the leaf. The phone has the authority, and nobody else is to learn of it."""
    return _loaded(leaf).public_bytes(Encoding.PEM)


def key_pem(key: bytes) -> bytes:
    """A secret key as `ssl` reads it."""
    return _signer(key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def certificate_pem(certificate: bytes) -> bytes:
    """A certificate as most programs read it."""
    return _loaded(certificate).public_bytes(Encoding.PEM)


def fingerprint_text(certificate: bytes) -> str:
    """The SHA-256 of a certificate as phones show it: pairs of hex digits, in capitals."""
    return hashlib.sha256(certificate).digest().hex(" ").upper()


def mobileconfig(certificate: bytes) -> bytes:
    """A configuration profile with which an iPhone takes the authority; the same certificate gives the same bytes."""
    name = name_of(certificate)
    identifier = ".".join(reversed(name.split(".")))
    root = {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.authority",
        "PayloadUUID": _uuid(b"authority", certificate),
        "PayloadDisplayName": f"Certificate of {name}",
        "PayloadDescription": f"Lets this device open https://{name} and nothing else.",
        "PayloadCertificateFileName": "mesh.crt",
        "PayloadContent": certificate,
    }
    profile = {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": identifier,
        "PayloadUUID": _uuid(b"profile", certificate),
        "PayloadDisplayName": name,
        "PayloadDescription": f"Lets this device open https://{name}, the page of your own devices.",
        "PayloadRemovalDisallowed": False,
        "PayloadContent": [root],
    }
    return plistlib.dumps(profile)


def _uuid(purpose: bytes, certificate: bytes) -> str:
    digest = hashlib.sha256(purpose + certificate).digest()
    return str(uuid.UUID(bytes=digest[:_UUID_BYTES], version=4)).upper()


def _constraints(name: str) -> x509.NameConstraints:
    # Addresses are names of a kind of their own: without the second part they would not be constrained at all.
    return x509.NameConstraints(permitted_subtrees=[x509.DNSName(name)], excluded_subtrees=_NOBODYS)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, serial: int, days_s: tuple[int, int]
) -> x509.CertificateBuilder:
    first, last = (dt.datetime.fromtimestamp(day_s, dt.UTC) for day_s in days_s)
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
    builder = builder.serial_number(serial).not_valid_before(first).not_valid_after(last)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _check_issued(found: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        found.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError) as error:
        message = "the certificate was not signed by the mesh's authority"
        raise Forged(message) from error


def _loaded(certificate: bytes) -> x509.Certificate:
    _bounded(certificate)
    try:
        found = x509.load_der_x509_certificate(certificate)
        _key_in(found)
    except _UNREAD as error:
        message = "that is no certificate"
        raise Malformed(message) from error
    return found


def _bounded(der: bytes) -> None:
    if len(der) > CERTIFICATE_BYTES_MAX:
        message = f"a certificate of {len(der)} bytes"
        raise Malformed(message)


def _key_in(found: x509.Certificate | x509.CertificateSigningRequest) -> bytes:
    key = found.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        message = "the key is of another kind than P-256"
        raise Malformed(message)
    return _point(key)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _public(point: bytes) -> ec.EllipticCurvePublicKey:
    if len(point) != BROWSER_KEY_BYTES:
        message = "a public key of P-256 has 65 bytes"
        raise Malformed(message)
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError as error:
        message = "that is no point of P-256"
        raise Malformed(message) from error


def _signer(key: bytes) -> ec.EllipticCurvePrivateKey:
    try:
        return ec.derive_private_key(int.from_bytes(key), _CURVE)
    except ValueError as error:
        message = "that is no key of P-256"
        raise Malformed(message) from error
