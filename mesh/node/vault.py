"""The vault: a device's secrets at rest, in one file that only its user may read.

With a passphrase (MESH_PASSPHRASE) the file is sealed; without one it is clear, and `mesh status` says so. Writing is
atomic: the old file or the new one is there, never half of one. Secrets never reach a log.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mesh.errors import Damaged, Malformed, Misuse, Refused
from mesh.events import cbor
from mesh.events.founding import transport_secret
from mesh.events.keys import SecretKeys, public_sign_key
from mesh.events.lockbox import lock, unlock
from mesh.limits import ADMISSION_BYTES_MAX, KEY_BYTES, NONCE_BYTES, SALT_BYTES
from mesh.names import Digest, Short
from mesh.node import whole
from mesh.node.paths import secrets_path

PASSPHRASE_VARIABLE = "MESH_PASSPHRASE"  # noqa: S105 - the name of a variable
NOWHERE = Digest(b"")
"""Instead of a mesh, while a device is in none."""
_CLEAR, _SEALED = b"mesh-secrets-1-clear\n", b"mesh-secrets-1-sealed\n"
_TYPES = (bytes, bytes, bytes, bytes, str, bytes, bytes, list, bytes)


@dataclass(frozen=True)
class Secrets:
    """Everything that makes this device itself. `mesh`, `admission` and `transport` are empty until it is let in."""

    sign_seed: bytes = field(repr=False)
    kem_seed: bytes = field(repr=False)
    nkey_seed: bytes = field(repr=False)
    tls_seed: bytes = field(repr=False)
    name: str
    mesh: Digest = NOWHERE
    admission: Digest = NOWHERE
    epochs: Mapping[Short, bytes] = field(default_factory=dict, repr=False)
    transport: bytes = field(default=b"", repr=False)
    """What the mesh's certificates and its guests' login follow from."""

    @classmethod
    def fresh(cls, name: str) -> Secrets:
        """New keys, from the system's randomness."""
        keys = SecretKeys.from_entropy(secrets.token_bytes(KEY_BYTES))
        nkey, tls = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(KEY_BYTES)
        return cls(keys.sign_seed, keys.kem_seed, nkey, tls, name)

    @property
    def keys(self) -> SecretKeys:
        """The identity keys."""
        return SecretKeys(self.sign_seed, self.kem_seed)

    @property
    def transport_key(self) -> bytes:
        """The public transport key."""
        return public_sign_key(self.nkey_seed)

    @property
    def tls_key(self) -> bytes:
        """The public key of the TLS certificate."""
        return public_sign_key(self.tls_seed)

    @property
    def joined(self) -> bool:
        """Whether this device is in a mesh."""
        return bool(self.admission)

    def admitted(self, mesh: Digest, admission: Digest, transport: bytes, epochs: Mapping[Short, bytes]) -> Secrets:
        """The same device, let into a mesh."""
        return replace(self, mesh=mesh, admission=admission, transport=transport, epochs=dict(epochs))


def make_home(home: Path) -> None:
    """Make the home's folder, for this user only. Raises Misuse when something else is in the way."""
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
    except OSError as error:
        message = f"the home {home} cannot be made: {error.strerror}"
        raise Misuse(message, hint="Choose another one with --home DIR.") from error


def load(home: Path) -> Secrets | None:
    """This home's secrets, None when it has none yet. Raises Damaged, or Refused for a wrong passphrase."""
    try:
        raw = secrets_path(home).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        message = f"the keys of this home cannot be read: {error.strerror}"
        raise Damaged(message, hint=f"Check who owns {secrets_path(home)}.") from error
    if raw.startswith(_SEALED):
        raw = _CLEAR + unlock(raw[len(_SEALED) :], _passphrase())
    if not raw.startswith(_CLEAR):
        message = "the file with this home's keys is not one that mesh wrote"
        raise Damaged(message, hint=f"Put back a backup of {secrets_path(home)}.")
    try:
        return _read(raw[len(_CLEAR) :])
    except Malformed as error:
        message = "the file with this home's keys is damaged"
        raise Damaged(message, hint=f"Put back a backup of {secrets_path(home)}.") from error


def _read(raw: bytes) -> Secrets:
    value = cbor.decode(raw, ADMISSION_BYTES_MAX, "the keys")
    before = type(value) is list and len(value) == len(_TYPES) - 1  # as the first release wrote it
    values = cbor.expect_types([*value, b""] if before else value, "the keys", _TYPES)  # type: ignore[misc]
    pairs = [cbor.expect_types(pair, "an epoch", (bytes, bytes)) for pair in values[7]]  # type: ignore[attr-defined]
    sign, kem, nkey, tls, name, mesh, admission, _, transport = values
    epochs = {Short(epoch): key for epoch, key in pairs}  # type: ignore[arg-type]
    if before and epochs:
        (first,) = epochs.values()  # nobody said another before this field was there
        transport = transport_secret(first)  # type: ignore[arg-type]
    return Secrets(sign, kem, nkey, tls, name, Digest(mesh), Digest(admission), epochs, transport)  # type: ignore[arg-type]


def save(home: Path, held: Secrets) -> None:
    """Write the secrets: durable when this returns. Raises DiskFull or Refused; then the old file stays."""
    _write(home, held, os.environ.get(PASSPHRASE_VARIABLE, ""))


def renew(home: Path, held: Secrets) -> None:
    """Write the secrets over those that are there, sealed or clear as those are: nobody is asked about it.

    Raises DiskFull or Refused; then the old file stays.
    """
    try:
        sealed = is_sealed(home)
    except OSError as error:
        message = f"the keys of this home cannot be renewed: {error.strerror}"
        raise Refused(message, hint=f"Check {secrets_path(home)}.") from error
    _write(home, held, _passphrase() if sealed else "")


def _write(home: Path, held: Secrets, passphrase: str) -> None:
    epochs = [[epoch, key] for epoch, key in sorted(held.epochs.items())]
    fields = [held.sign_seed, held.kem_seed, held.nkey_seed, held.tls_seed]
    raw = cbor.encode([*fields, held.name, held.mesh, held.admission, epochs, held.transport])
    if passphrase:
        content = _SEALED + lock(raw, passphrase, secrets.token_bytes(SALT_BYTES + NONCE_BYTES))
    else:
        content = _CLEAR + raw
    whole.write(secrets_path(home), content)


def is_sealed(home: Path) -> bool:
    """Whether a passphrase protects this home's keys."""
    with secrets_path(home).open("rb") as file:
        return file.read(len(_SEALED)) == _SEALED


def _passphrase() -> str:
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    if not passphrase:
        message = "a passphrase protects this home's keys"
        raise Refused(message, hint=f"Set {PASSPHRASE_VARIABLE} and try again.")
    return passphrase
