"""How a mesh begins and how a device is let in, as events and as texts that a person can carry.

A request is public; an admission is sealed for the device that asked. Neither needs a network. This module draws no
randomness but HPKE's own, and stores nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mesh.clocks.chain import START
from mesh.errors import Forged, Malformed, Stranger
from mesh.events import cbor
from mesh.events.bodies import decode_body, encode_body
from mesh.events.event import Lane, Placed
from mesh.events.keys import SecretKeys, check_admit, derive, proof_bytes, wrap
from mesh.events.kinds import ANY, Admit, Genesis, Grant, Rekey
from mesh.events.seal import commitment, handed_on
from mesh.events.speaking import Draft, Voice, signed
from mesh.limits import (
    ADMISSION_BYTES_MAX,
    KEY_BYTES,
    RANK_FOUNDER,
    RANK_MEMBER,
    REQUEST_BYTES_MAX,
    SHORT_BYTES,
)
from mesh.names import ZERO, Digest, Short

REQUEST_PREFIX = "mesh-request-1."
ADMISSION_PREFIX = "mesh-admission-1."
_SEALED_FOR = b"mesh/admission/1"
_REKEY = b"mesh/rekey/1"
_TRANSPORT = "mesh/transport/1"
_PACKET_TYPES = (bytes, bytes, bytes, list, list, list)


@dataclass(frozen=True, slots=True)
class Packet:
    """What an admitted device needs: the mesh, its admission, keys, all control events, where to call first.

    `transport` is the secret of all links; `control` are encoded Push messages, in order; `addresses` are of the device
    that let it in.
    """

    mesh: Digest
    admission: Digest
    transport: bytes = field(repr=False)
    epochs: Mapping[Short, bytes] = field(repr=False)
    control: tuple[bytes, ...]
    addresses: tuple[str, ...]


def asked(keys: SecretKeys, transport_key: bytes, tls_key: bytes, name: str, rank: int = RANK_MEMBER) -> Admit:
    """What a device asks to be admitted with, and the proof that the keys are its own. The admitter sets the rank."""
    unproven = Admit(keys.sign_key, keys.kem_key, transport_key, tls_key, name, b"", rank)
    return with_rank(unproven, rank, keys.sign(proof_bytes(unproven)))


def with_rank(admit: Admit, rank: int, proof: bytes | None = None) -> Admit:
    """The same device at another rank: the proof does not cover it."""
    keys = (admit.sign_key, admit.kem_key, admit.transport_key, admit.tls_key, admit.name)
    return Admit(*keys, admit.proof if proof is None else proof, rank)


def found(recovery: SecretKeys, founder: Admit, salt: bytes, time_ms: int) -> tuple[Placed, ...]:
    """The first commit of a mesh, said by the recovery key: genesis, the founder's admission, its default grant."""
    voice = Voice(ZERO, ZERO, ZERO, Lane.CONTROL, START, 0, recovery.sign_key, recovery.sign)
    genesis = voice.say(Draft(Genesis(recovery.sign_key, recovery.kem_key, salt)), time_ms, 0)
    admitted = voice.say(Draft(with_rank(founder, RANK_FOUNDER)), time_ms, 0)
    granted = voice.say(Draft(default_grant(admitted.digest)), time_ms, 0)
    return signed((genesis, admitted, granted), recovery.sign)


def transport_secret(entropy: bytes) -> bytes:
    """What the mesh's certificates and its guests' login follow from, from the entropy of the recovery words.

    So the words alone give the right to knock at any device's server. It opens nothing that is sealed.
    """
    return derive(entropy, _TRANSPORT)


def default_grant(admission: Digest) -> Grant:
    """What a device's own person may write: everything. Agents get grants of their own."""
    return Grant(admission, "", ANY, (ANY,), (ANY,))


def rekey(
    mesh: Digest, key: bytes, recipients: Mapping[Digest, bytes], earlier: Mapping[Short, bytes] = MappingProxyType({})
) -> Rekey:
    """A new epoch's statement: its key wrapped for recipients (admission -> wrapping key), earlier keys under it."""
    wraps = tuple((name, wrap(key, kem_key, rekey_purpose(mesh, name))) for name, kem_key in sorted(recipients.items()))
    return Rekey(commitment(key), wraps, tuple((e, handed_on(key, mesh, e, old)) for e, old in sorted(earlier.items())))


def rekey_purpose(mesh: Digest, recipient: Digest) -> bytes:
    """What binds a wrapped epoch key to its mesh and its recipient."""
    return _REKEY + mesh + recipient


def request_text(admit: Admit) -> str:
    """A request as a text that survives mail, chat and QR."""
    return REQUEST_PREFIX + _armoured(encode_body(admit))


def read_request(text: str) -> Admit:
    """The device behind a request; its proof is checked. Raises Refused."""
    raw = _plain(text, REQUEST_PREFIX, REQUEST_BYTES_MAX, "a request")
    admit = decode_body(Lane.CONTROL, "admit", raw)
    assert isinstance(admit, Admit), admit
    check_admit(admit)
    return admit


def admission_text(packet: Packet, kem_key: bytes) -> str:
    """An admission as a text that only the device that asked can read."""
    epochs = [[epoch, key] for epoch, key in sorted(packet.epochs.items())]
    names = [packet.mesh, packet.admission, packet.transport]
    plain = cbor.encode([*names, epochs, list(packet.control), list(packet.addresses)])
    return ADMISSION_PREFIX + _armoured(wrap(plain, kem_key, _SEALED_FOR))


def read_admission(text: str, keys: SecretKeys) -> Packet:
    """Open an admission that was made for this device. Raises Refused."""
    sealed = _plain(text, ADMISSION_PREFIX, ADMISSION_BYTES_MAX, "an admission")
    try:
        plain = keys.unwrap(sealed, _SEALED_FOR)
    except Forged as error:
        message = "this admission does not open here: it was made for another device, or is damaged"
        hint = "Print a new request with `mesh join --request` and have exactly that one admitted. Nothing was changed."
        raise Stranger(message, hint=hint) from error
    values = cbor.fields(plain, ADMISSION_BYTES_MAX, "an admission", _PACKET_TYPES)
    mesh, admission, transport, epochs, control, addresses = values
    pairs = [cbor.expect_types(pair, "an epoch key", (bytes, bytes)) for pair in epochs]  # type: ignore[attr-defined]
    fits = len(mesh) == len(admission) == len(transport) == KEY_BYTES  # type: ignore[arg-type]
    fits = fits and all(type(a) is str for a in addresses)  # type: ignore[attr-defined]
    fits = fits and all(type(part) is bytes for part in control)  # type: ignore[attr-defined]
    if not fits or any(len(epoch) != SHORT_BYTES or len(key) != KEY_BYTES for epoch, key in pairs):  # type: ignore[arg-type]
        message = "an admission's fields are not of the form that the protocol asks for"
        raise Malformed(message)
    keys_held = {Short(epoch): key for epoch, key in pairs}  # type: ignore[arg-type]
    names = Digest(mesh), Digest(admission), bytes(transport)  # type: ignore[arg-type, call-overload]
    return Packet(*names, keys_held, tuple(control), tuple(addresses))  # type: ignore[arg-type]


def _armoured(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _plain(text: str, prefix: str, bytes_max: int, what: str) -> bytes:
    packed = "".join(text.split())
    if not packed.startswith(prefix) or len(packed) > 2 * bytes_max:
        message = f"this is not {what}: one starts with {prefix!r}"
        raise Malformed(message)
    body = packed[len(prefix) :]
    try:
        raw = base64.b64decode(body + "=" * (-len(body) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw or _armoured(raw) != body:
        message = f"{what} is damaged or cut short"
        raise Malformed(message)
    return raw
