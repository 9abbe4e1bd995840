"""A home: one device's place in one mesh. Founding, asking to be let in, and being let in, without any network.

Each of these either happens whole or not at all; the vault is written last. This module asks nobody anything: the
command line shows what `peek` and `describe_request` find, and asks.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from dataclasses import replace
from pathlib import Path

from mesh.errors import Malformed, Misuse, Stranger
from mesh.events.event import Lane, Placed
from mesh.events.founding import (
    Packet,
    asked,
    read_admission,
    read_request,
    rekey,
    request_text,
    transport_secret,
)
from mesh.events.founding import (
    found as founding,
)
from mesh.events.keys import SecretKeys, fingerprint
from mesh.events.kinds import Admit
from mesh.events.seal import Keyring
from mesh.events.speaking import NONCES_BYTES, Draft, runs
from mesh.events.verdict import Standing
from mesh.limits import DEVICE_NAME_BYTES_MAX, ECHO_CHARACTERS_MAX, KEY_BYTES, RANK_FOUNDER, RANK_MEMBER, SALT_BYTES
from mesh.names import device_text, digest_text, role_text, shown
from mesh.node import vault, voices
from mesh.node.moving import machine
from mesh.node.paths import database_path
from mesh.node.storage.store import open_store
from mesh.node.storage.store_port import Batch, Kept
from mesh.sync.inputs import Heard, Said
from mesh.sync.messages import Push, decode_push
from mesh.sync.replica import Own, Replica

Result = dict[str, object]
RECOVERY_OWED = "recovery/owed"
"""The setting that is `1` from the first commit of a recovery until the second one is kept."""
PORT = "server/port"
"""The setting that keeps the port of the own server."""
_FIXED_PORT = "MESH_PORT"  # of the own server, where a firewall or a container must know it beforehand
_ADDRESSES = "addresses/"
"""Settings of the store under which a device's addresses are kept, newest first, as JSON."""


def state(home: Path) -> str:
    """`none`, `asked` (keys are there, no mesh), or `joined`."""
    held = vault.load(home)
    return "none" if held is None else "joined" if held.joined else "asked"


async def found(home: Path, name: str) -> Result:
    """Found a mesh with this device as its first admin. The recovery entropy is returned once and kept nowhere."""
    held = beginning(home, name)
    entropy = secrets.token_bytes(KEY_BYTES)
    recovery = SecretKeys.from_entropy(entropy)
    commit = founding(recovery, own_request(held, RANK_FOUNDER), secrets.token_bytes(SALT_BYTES), _now_ms())
    mesh, admission = commit[0].digest, commit[1].digest
    keyring, key = Keyring(), secrets.token_bytes(KEY_BYTES)
    replica = Replica(Own(mesh, admission, held.keys), keyring)
    replica.handle(Heard("?founding", Push(runs(commit))))
    recipients = {mesh: recovery.kem_key, admission: held.keys.kem_key}
    entropy_said = secrets.token_bytes(SALT_BYTES + NONCES_BYTES)
    said = replica.handle(Said((Draft(rekey(mesh, key, recipients)),), Lane.CONTROL, _now_ms(), entropy_said)).append
    await keep(home, (*commit, *said), voices.settings({Lane.CONTROL: said[0].chain}))
    vault.save(home, held.admitted(mesh, admission, transport_secret(entropy), keyring.keys()))
    return {
        "mesh": digest_text(mesh),
        "device": device_text(admission),
        "name": held.name,
        "recovery_phrase_entropy": entropy,
    }


async def request(home: Path, name: str, rank: int = RANK_MEMBER) -> Result:
    """What this device asks to be let in with. Asking again gives the same text."""
    held = beginning(home, name)
    vault.save(home, held)
    admit = own_request(held, rank)
    return {"request": request_text(admit), "name": held.name, "fingerprint": digest_text(fingerprint(admit))}


def describe_request(text: str) -> Result:
    """Who a request is from. Raises Refused."""
    admit = read_request(text)
    return {
        "name": admit.name,
        "fingerprint": digest_text(fingerprint(admit)),
        "rank": admit.rank,
        "role": role_text(admit.rank),
    }


async def peek(home: Path, text: str) -> Result:
    """What an admission would let this device into. Raises Refused; changes nothing."""
    packet, replica, _ = _opened(home, text)
    own = replica.verdict.admissions[packet.admission]
    others = [a for a in replica.verdict.live.values() if a.digest != packet.admission]
    return {
        "mesh": digest_text(packet.mesh),
        "device": device_text(packet.admission),
        "name": own.name,
        "rank": own.rank,
        "admitted_by": _admitter(packet, replica),
        "devices": [a.name for a in sorted(others, key=lambda a: (a.rank, a.name))],
        "addresses": list(packet.addresses),
    }


async def accept(home: Path, text: str) -> Result:
    """Join the mesh that an admission is from. Raises Refused; then nothing has changed."""
    packet, replica, events = _opened(home, text)
    held = _unjoined(home)
    assert held is not None, "peeked without keys"
    admitter = replica.statements[packet.admission].admission
    settings = {f"{_ADDRESSES}{device_text(admitter)}": json.dumps(list(packet.addresses)).encode()}
    await keep(home, events, settings)
    vault.save(home, held.admitted(packet.mesh, packet.admission, packet.transport, replica.keyring.keys()))
    return {
        "mesh": digest_text(packet.mesh),
        "device": device_text(packet.admission),
        "name": held.name,
        "admitted_by": _admitter(packet, replica),
    }


def _admitter(packet: Packet, replica: Replica) -> str:
    """The name of the device that said an admission."""
    return replica.verdict.name_of(replica.statements[packet.admission].admission)


def _opened(home: Path, text: str) -> tuple[Packet, Replica, tuple[Placed, ...]]:
    held = _unjoined(home)
    if held is None:
        raise Misuse("this home has asked for nothing", hint="Print a request with `mesh join --request` first.")
    packet = read_admission(text, held.keys)
    replica = Replica(Own(packet.mesh, packet.admission, held.keys), Keyring(packet.epochs))
    heard = [replica.handle(Heard("?admission", decode_push(part))) for part in packet.control]
    refused = [alarm for effects in heard if effects.refused for alarm in effects.alarms]
    own = replica.verdict.admissions.get(packet.admission)
    if refused or own is None:  # forks and missing keys are no reason to stay outside
        why = refused[0] if refused else "its control events do not let this device in"
        raise Malformed(f"this admission does not hold: {why}")
    mine = (held.keys.sign_key, held.keys.kem_key, held.transport_key, held.tls_key)
    if mine != (own.sign_key, own.kem_key, own.transport_key, own.tls_key):
        raise Stranger("this admission lets in another device than this one")
    return packet, replica, tuple(event for effects in heard for event in effects.append)


def _unjoined(home: Path) -> vault.Secrets | None:
    machine.must_be_here(home)
    held = vault.load(home)
    if held and held.joined:
        hint = "Use another home for another mesh: --home DIR. `mesh status` shows this one."
        raise Misuse(f"this home is in a mesh already ({device_text(held.mesh)})", hint=hint)
    return held


def beginning(home: Path, name: str) -> vault.Secrets:
    """The home of a device that is in no mesh yet, with the keys that it has or new ones. Raises Misuse."""
    held = _unjoined(home)
    vault.make_home(home)
    machine.record(home)
    wanted = name or (held.name if held else "") or socket.gethostname().partition(".")[0] or "device"
    clean = "".join(c for c in wanted if c.isprintable()).strip()
    if not clean or len(clean.encode()) > DEVICE_NAME_BYTES_MAX:
        raise Misuse(f"a device's name has 1 to {DEVICE_NAME_BYTES_MAX} bytes", hint="Give one with --name NAME.")
    return replace(held, name=clean) if held else vault.Secrets.fresh(clean)


def own_request(held: vault.Secrets, rank: int) -> Admit:
    """What this device asks to be let in with."""
    return asked(held.keys, held.transport_key, held.tls_key, held.name, rank)


async def keep(home: Path, events: tuple[Placed, ...], settings: dict[str, bytes]) -> None:
    """Write the first events of a home. A database without a mesh in the vault is a leftover of a broken start."""
    store = await open_store(home)
    try:
        boot = await store.boot()
        if boot.openings and not any(event.chain in boot.openings for event in events if event.seq == 1):
            await store.close()
            forget_leftovers(home)
            store = await open_store(home)
        kept = tuple(Kept(event, None, Standing.HONOURED) for event in events)
        await store.commit(Batch(events=kept, settings=tuple(settings.items())))
    finally:
        await store.close()


def forget_leftovers(home: Path) -> None:
    """Remove the database of a start that was broken off before the vault knew of it."""
    for leftover in database_path(home).parent.glob(f"{database_path(home).name}*"):
        leftover.unlink()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def addresses_key(device: str) -> str:
    """The setting under which a device's addresses are kept."""
    return _ADDRESSES + device


def fixed_port() -> int:
    """The port that the environment asks for; 0 for any. Raises Misuse."""
    asked = os.environ.get(_FIXED_PORT, "") or "0"
    if not asked.isascii() or not asked.isdecimal() or int(asked) >= 1 << 16:
        message = f"{_FIXED_PORT} is no port: {shown(asked, ECHO_CHARACTERS_MAX)}"
        raise Misuse(message, hint="Give a number from 1 to 65535, or leave it unset.")
    return int(asked)
