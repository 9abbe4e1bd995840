"""The certificates of the mesh: made from its secret and public keys alone, so that every member can pin every other.

The authority and each leaf are deterministic: whoever knows the mesh secret and a device's TLS key can rebuild that
device's exact certificate. Having a certificate proves only membership at some time; who somebody is, the nkey (to a
server) and the pinned key (to a client) prove. No key here ever signs an event, and no name here says whose it is.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import ssl
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mesh.errors import Malformed
from mesh.events.keys import derive
from mesh.limits import CERTIFICATES_CACHED_MAX
from mesh.node import whole

_NOT_BEFORE = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_NOT_AFTER = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)  # who belongs is decided by the roster, not by a date
_AUTHORITY_LABEL = "mesh/ca/1"
_SERIAL_BYTES = 16  # RFC 5280 allows 20, of which the first bit must be 0
_NAME_BYTES = 15  # 24 characters of base32


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the own certificate, its key and the mesh's authority lie; nats-server and ssl read them from there."""

    certificate: Path
    key: Path
    authority: Path


def public_of(seed: bytes) -> bytes:
    """The Ed25519 public key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


@lru_cache(maxsize=2)
def authority_pem(mesh_secret: bytes) -> bytes:
    """The certificate of the mesh's authority."""
    return _authority(mesh_secret).public_bytes(Encoding.PEM)


@lru_cache(maxsize=CERTIFICATES_CACHED_MAX)
def leaf_pem(mesh_secret: bytes, tls_key: bytes) -> bytes:
    """The one certificate that the device with this TLS key may show."""
    signer = Ed25519PrivateKey.from_private_bytes(derive(mesh_secret, _AUTHORITY_LABEL))
    authority = _authority(mesh_secret)
    subject = Ed25519PublicKey.from_public_bytes(tls_key)
    name = leaf_name(mesh_secret, tls_key)
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = _builder(name, authority.subject, subject, _serial(mesh_secret, b"leaf", tls_key))
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(key_usage(signs=False), critical=True)
    builder = builder.add_extension(usage, critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    aki = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return builder.add_extension(aki, critical=False).sign(signer, None).public_bytes(Encoding.PEM)


def leaf_name(mesh_secret: bytes, tls_key: bytes) -> str:
    """The name inside a device's certificate: says nothing to anybody who does not know the mesh secret."""
    return f"{_opaque(mesh_secret, b'leaf' + tls_key)}.internal"


def key_of(certificate_der: bytes) -> bytes:
    """The Ed25519 public key inside a certificate. Raises Malformed."""
    try:
        key = x509.load_der_x509_certificate(certificate_der).public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        message = "what the other side showed is not a certificate"
        raise Malformed(message) from error
    if not isinstance(key, Ed25519PublicKey):
        message = "the other side's certificate has a key of another kind than Ed25519"
        raise Malformed(message)
    return key.public_bytes_raw()


def write_files(folder: Path, mesh_secret: bytes, tls_seed: bytes) -> TlsFiles:
    """Put certificate, key and authority where nats-server and ssl can read them, for this user only."""
    files = TlsFiles(folder / "tls.crt", folder / "tls.key", folder / "ca.crt")
    key = Ed25519PrivateKey.from_private_bytes(tls_seed)
    write_private(files.key, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write_private(files.certificate, leaf_pem(mesh_secret, key.public_key().public_bytes_raw()))
    write_private(files.authority, authority_pem(mesh_secret))
    return files


def write_private(path: Path, content: bytes) -> None:
    """Replace a file as a whole, readable by this user only."""
    with whole.replacing(path, safe=False) as file:  # it is written anew at each start
        file.write(content)


def pinned_context(files: TlsFiles, mesh_secret: bytes, tls_key: bytes) -> ssl.SSLContext:
    """A client context that accepts one device's certificate and no other, be it of the same mesh."""
    context = _client_context(files)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN  # the leaf alone is the anchor
    context.load_verify_locations(cadata=leaf_pem(mesh_secret, tls_key).decode())
    return context


def mesh_context(files: TlsFiles, mesh_secret: bytes) -> ssl.SSLContext:
    """A client context that accepts whoever is or was a member: for looking whose an address is, never for login."""
    context = _client_context(files)
    context.check_hostname = False  # the name follows from the key, which is what we want to find out
    context.load_verify_locations(cadata=authority_pem(mesh_secret).decode())
    return context


def _client_context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(files.certificate, files.key)
    return context


def _authority(mesh_secret: bytes) -> x509.Certificate:
    signer = Ed25519PrivateKey.from_private_bytes(derive(mesh_secret, _AUTHORITY_LABEL))
    public = signer.public_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _opaque(mesh_secret, b"ca"))])
    builder = _builder(name, name, public, _serial(mesh_secret, b"ca", public.public_bytes_raw()))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(key_usage(signs=True), critical=True)
    return builder.sign(signer, None)


def _builder(
    subject: str | x509.Name, issuer: x509.Name, public: Ed25519PublicKey, serial: int
) -> x509.CertificateBuilder:
    if isinstance(subject, str):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
    builder = builder.serial_number(serial).not_valid_before(_NOT_BEFORE).not_valid_after(_NOT_AFTER)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def key_usage(*, signs: bool) -> x509.KeyUsage:
    """What a key may be used for: to sign certificates, or else a handshake, and nothing more (RFC 5280, 4.2.1.3)."""
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _serial(mesh_secret: bytes, purpose: bytes, key: bytes) -> int:
    digest = hashlib.sha256(b"mesh/serial/1" + mesh_secret + purpose + key).digest()
    return int.from_bytes(b"\x01" + digest[: _SERIAL_BYTES - 1])  # never 0, never negative


def _opaque(mesh_secret: bytes, purpose: bytes) -> str:
    digest = hashlib.sha256(b"mesh/name/1" + derive(mesh_secret, "mesh/names/1") + purpose).digest()
    return base64.b32encode(digest[:_NAME_BYTES]).decode().lower()
