"""A small mesh for tests: a recovery key, two admins and a phone, with fixed keys, salts, nonces and times.

Everything is derived from names, so the same test makes the same bytes each time. It never touches a clock or a disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, derive_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mesh.clocks.chain import START
from mesh.events.bodies import document_of
from mesh.events.chains import Chains
from mesh.events.event import Event, Inner, Lane, Placed, Run
from mesh.events.founding import asked, default_grant, found, with_rank
from mesh.events.judge import judge
from mesh.events.keys import SecretKeys, proof_bytes, public_sign_key
from mesh.events.kinds import Admit, Body, Born, Opening, Rekey
from mesh.events.reading import statement
from mesh.events.seal import Keyring, commitment
from mesh.events.speaking import NONCES_BYTES, Draft, Voice, runs, signed
from mesh.events.verdict import Statement, Verdict
from mesh.limits import SALT_BYTES
from mesh.names import ZERO, Digest, DocumentId, Short, short

TIME_MS = 1_700_000_000_000
WRAPPED_BYTES = 80  # a wrapped epoch key: 32 bytes of encapsulation, 32 of key, 16 of tag


def fixed(length: int, *names: object) -> bytes:
    """Bytes that look random and are the same each time."""
    seed = "/".join(str(name) for name in names).encode()
    blocks = (hashlib.sha256(b"mesh/test/" + seed + bytes([n])).digest() for n in range(length // 32 + 1))
    return b"".join(blocks)[:length]


def secret_keys(name: str) -> SecretKeys:
    """The identity of a device with this name."""
    return SecretKeys.from_entropy(fixed(32, "entropy", name))


def browser_secret(name: str) -> EllipticCurvePrivateKey:
    """The wrapping key of a device of this name that lives in a browser."""
    return derive_private_key(int.from_bytes(fixed(31, "browser", name)), SECP256R1())


def browser_key(name: str) -> bytes:
    """Its public half."""
    return browser_secret(name).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def browser_request(name: str) -> Admit:
    """What a device of this name asks that lives in a browser: its TLS key is its transport key."""
    plain = replace(request(name), kem_key=browser_key(name))
    alike = replace(plain, tls_key=plain.transport_key)
    return replace(alike, proof=secret_keys(name).sign(proof_bytes(alike)))


def request(name: str, rank: int = 10) -> Admit:
    """What a device of this name asks to be admitted with."""
    transport, tls = (public_sign_key(fixed(32, part, name)) for part in ("transport", "tls"))
    return asked(secret_keys(name), transport, tls, name, rank)


def signed_commit(events: Sequence[Placed], name: str) -> tuple[Placed, ...]:
    """Events as one commit, signed by a device."""
    return signed(tuple(events), secret_keys(name).sign)


def one_run(events: Sequence[Placed], name: str) -> Run:
    """Consecutive events of one chain under one signature."""
    (run,) = runs(signed_commit([replace(e, signature=None) for e in events], name))
    return run


@dataclass(frozen=True)
class Device:
    """A device of the small mesh: its name and its admission."""

    name: str
    admission: Digest

    @property
    def keys(self) -> SecretKeys:
        """Its identity."""
        return secret_keys(self.name)


EPOCH_KEY = fixed(32, "epoch key")
NOTE = document_of("home", "note", Born({"title": "Shopping"}, "milk\n", fixed(SALT_BYTES, "note")))


class SmallMesh:
    """The control log of a mesh, and voices to say more."""

    def __init__(self, salt: str = "mesh") -> None:
        """Found it: the recovery key lets the mac in, the mac lets in laptop and phone and makes an epoch."""
        founding = found(secret_keys("recovery"), request("mac", 1), fixed(SALT_BYTES, salt), TIME_MS)
        self.id = founding[0].digest
        self.salt = salt
        self.recovery = Device("recovery", self.id)
        self.mac = Device("mac", founding[1].digest)
        voice, opening = self.voice(self.mac, Lane.CONTROL)
        commit = [opening]

        def say(body: Body) -> Digest:
            commit.append(voice.say(Draft(body), TIME_MS, 3))
            return commit[-1].digest

        self.epoch = say(self.rekey(self.mac))
        self.laptop = Device("laptop", say(with_rank(request("laptop"), 2)))
        say(default_grant(self.laptop.admission))
        self.phone = Device("phone", say(with_rank(request("phone"), 10)))
        say(default_grant(self.phone.admission))
        self.founding = founding
        self.mac_commit = signed_commit(commit, "mac")
        self.control = (*founding, *self.mac_commit)
        self.mac_voice = voice

    def rekey(self, *more: Device) -> Rekey:
        """An epoch's statement, with wraps that nobody opens."""
        names = sorted({self.id, *(device.admission for device in more)})
        return Rekey(commitment(EPOCH_KEY), tuple((n, fixed(WRAPPED_BYTES, "wrap", n.hex())) for n in names))

    def voice(self, device: Device, lane: Lane, salt: str = "", heard: int = 0) -> tuple[Voice, Placed]:
        """A new chain of a device, with its opening said."""
        keys = device.keys
        voice = Voice(self.id, ZERO, device.admission, lane, START, 0, keys.sign_key, keys.sign)
        opening = Opening(device.admission, lane, "new", fixed(SALT_BYTES, "opening", device.name, lane, salt))
        return voice, voice.say(Draft(opening), TIME_MS, heard)

    def keyring(self) -> Keyring:
        """The keys of the epoch."""
        return Keyring({short(self.epoch): EPOCH_KEY})

    @property
    def verdict(self) -> Verdict:
        """What counts of the control log."""
        return judge(self.statements().values(), self.id)

    def statements(self) -> dict[Digest, Statement]:
        """The control log as `judge` reads it."""
        return {placed.digest: statement(placed) for placed in self.control}

    def chains(self) -> Chains:
        """Chains that hold the control log."""
        chains = Chains(self.id)
        statements = self.statements()
        for run in runs(self.control):
            fitted = chains.place(run, statements, {})
            for placed in fitted.events:
                chains.take(placed, fitted.key)
        return chains

    def grant(self, device: Device) -> Short:
        """The grant of a device's own person."""
        found = self.verdict.grant_for(device.admission, Inner(0, "born", "", NOTE))
        assert found is not None, device
        return found

    def say_data(self, voice: Voice, device: Device, body: Body, document: DocumentId = NOTE) -> Placed:
        """A sealed event, with nonces that depend on its place."""
        nonces = fixed(NONCES_BYTES, "nonces", voice.chain.hex(), voice.head.seq)
        draft = Draft(body, document, "", self.grant(device))
        return voice.say_sealed(draft, TIME_MS, 0, (self.keyring(), short(self.epoch)), nonces)

    def written(self, device: Device, count: int, salt: str = "") -> tuple[Placed, ...]:
        """A data chain of an opening and so many births, unsigned."""
        voice, opening = self.voice(device, Lane.DATA, salt)
        births = [Born({"title": f"Note {n}"}, "text\n", fixed(SALT_BYTES, "birth", salt, n)) for n in range(count)]
        return (opening, *(self.say_data(voice, device, birth) for birth in births))

    def control_chain(self, device: Device, bodies: Sequence[Body], salt: str = "") -> tuple[Placed, ...]:
        """A control chain that says these bodies, unsigned."""
        voice, opening = self.voice(device, Lane.CONTROL, salt, 9)
        return (opening, *(voice.say(Draft(body), TIME_MS, 9) for body in bodies))


MESH = SmallMesh()
OTHER = SmallMesh("other mesh")


def without_body(event: Event) -> Event:
    """The header alone."""
    return Event(event.header, None)
