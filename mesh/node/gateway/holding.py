"""Who has the authority that phones trust, and the page's certificate of this device, which it signs or asks for.

The authority is a document; its key is wrapped for admins. An admin signs its own leaf, any other full device asks one.
A leaf is renewed while the page is served. When a device that had the key is out of the mesh, the most senior admin
makes another authority, and nothing of the old one is shown any more. This module serves no page and asks no person.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mesh.errors import MeshError, NotGranted, Refused, Unreachable
from mesh.events.bodies import document_of
from mesh.events.event import Lane
from mesh.events.keys import wrap
from mesh.events.speaking import Draft
from mesh.limits import KEY_BYTES, RANK_ADMIN_LAST, SALT_BYTES
from mesh.names import Digest, device_text, shown
from mesh.node import clock, timing, whole
from mesh.node.engine import Engine
from mesh.node.gateway import authorities, authority
from mesh.node.gateway.authority import Authority
from mesh.node.gateway.names import door_name
from mesh.node.paths import door_path
from mesh.state import doorways, records
from mesh.state.doorways import KIND, SPACE, Doorway

if TYPE_CHECKING:
    from mesh.node.agent import Agent

VERB = "leaf"
GIVEN = "gateway/given"
"""The setting that names the host and the files of the person's own certificate."""

_LEAF = "leaf"
_SERIAL_BITS = 127  # RFC 5280 allows 20 bytes; it has to be positive


class NotOwed(Refused):
    """Somebody else has done it meanwhile."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a server shows: a chain and its key, as PEM; good from `begins_s` until `ends_s`."""

    chain: bytes
    key: bytes = field(repr=False)
    begins_s: int
    ends_s: int


class Holding:
    """The authority and the leaf of one device. Use `run`."""

    def __init__(self, agent: Agent) -> None:
        """Nothing is known before the first look."""
        self._agent = agent
        self._leaf: Leaf | None = None
        self._signer = b""  # the authority that signed it
        self._asked: dict[str, float] = {}
        self.doorway: Doorway | None = None
        self.problem: MeshError | None = None

    # ── what others ask ──────────────────────────────────────────────────────────────────────────

    @property
    def name(self) -> str:
        """The name that the page is served under."""
        return door_name(self._agent.engine.own.mesh)

    def certificate(self) -> bytes | None:
        """What phones are to trust, as DER; None where there is no authority that counts."""
        return self.doorway.certificate if self.doorway else None

    async def current(self) -> tuple[bytes, bytes]:
        """Chain and key to be shown, as PEM. Raises Unreachable while there is nothing that may be."""
        if self._leaf is None:
            message = "there is no certificate for the page of phones"
            raise Unreachable(f"{message}: {self.problem}" if self.problem else message, hint="It is tried again.")
        return self._leaf.chain, self._leaf.key

    async def given(self) -> tuple[str, bytes, bytes] | None:
        """A name, chain and key of the person's own, as PEM; None where none was named. Raises Refused."""
        raw = await self._agent.store.setting(GIVEN)
        if not raw:
            return None
        told = json.loads(raw)
        return await read_given(told["host"], told["certificate"], told["key"])

    async def take_given(self, host: str, certificate: str, key: str) -> None:
        """From now on show the person's own certificate to who asks for that name; with an empty one no more.

        Raises Refused when the files do not fit.
        """
        if host:
            await read_given(host, certificate, key)
        told = {"host": host, "certificate": certificate, "key": key}
        await self._agent.engine.remember(GIVEN, json.dumps(told).encode() if host else b"")

    async def wanted(self) -> Doorway:
        """Have an authority, as a phone is wanted: the one that counts, else a new one. Raises NotGranted."""
        await self.look()
        if self.doorway is None:
            if self._agent.engine.replica.own_rank > RANK_ADMIN_LAST:
                message = "this mesh has no certificate for phones yet, and only an admin makes one"
                raise NotGranted(message, hint=authorities.admin_hint(self._agent))
            with contextlib.suppress(NotOwed):
                await self._make()
            await self.look()
        if self.doorway is None:
            message = "the certificate that was made does not count here"
            raise Refused(message, hint="`mesh status` tells whether this device may write; `mesh void list` why not.")
        return self.doorway

    async def answer(self, peer: str, request: bytes) -> bytes:
        """Sign the leaf of another full device. Raises Refused."""
        verdict = self._agent.engine.replica.verdict
        found = next((one for name, one in verdict.live.items() if device_text(name) == peer), None)
        if found is None or found.is_relay or found.in_browser:
            message = "no certificate for a device that serves no page"
            raise NotGranted(message)
        now_s = time.monotonic()
        if now_s - self._asked.get(peer, -timing.LEAF_ASKED_S) < timing.LEAF_ASKED_S:
            message = "a certificate was asked for just now"
            raise Refused(message, hint="It is asked for again by itself.")
        holder = self._authority()
        if holder is None:
            message = "this device has not the key that signs certificates"
            raise NotGranted(message, hint="An admin device has it.")
        self._asked[peer] = now_s
        leaf = holder.leaf(authority.asked_key(request), _now_s(), secrets.randbits(_SERIAL_BITS))
        self._agent.log("leaf.signed", device=peer)
        return leaf

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────

    async def run(self, renewed: Callable[[], None] = lambda: None) -> None:
        """Look after authority and leaf until cancelled; `renewed` is told when there may be something else to show."""
        news = asyncio.Event()
        self._agent.news.append(news)
        try:
            while True:
                news.clear()
                before = self._leaf
                await self._once()
                if self._leaf is not before:
                    renewed()
                wait_s = timing.LEAF_AGAIN_S if self.problem else timing.LEAF_LOOK_S
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await news.wait()
                await asyncio.sleep(timing.LEAF_CALM_S)
        finally:
            self._agent.news.remove(news)

    async def _once(self) -> None:
        try:
            await self.look()
            await self._duties()
            self.problem = None
        except NotOwed:
            pass
        except MeshError as error:
            if str(error) != str(self.problem):
                self._agent.log("leaf.failed", error=str(error))
            self.problem = error

    async def look(self) -> None:
        """See which authority counts, and have a leaf of it. Raises MeshError where there can be none now."""
        replica = self._agent.engine.replica
        found = await authorities.every(self._agent.engine)
        self.doorway = doorways.current(found, replica.verdict, replica.statements)
        if self.doorway is None or not replica.verdict.is_live(replica.own.admission):
            self._leaf, self._signer = None, b""
        else:
            await self._have_leaf(self.doorway.certificate)

    # ── duties ───────────────────────────────────────────────────────────────────────────────────

    async def _duties(self) -> None:
        replica = self._agent.engine.replica
        if replica.own_rank > RANK_ADMIN_LAST:
            return
        if self.doorway is None and await authorities.history(self._agent):
            await self._my_turn()
            await self._make()
            await self.look()
        if self.doorway and self._authority() and doorways.lacking(self.doorway, replica.verdict):
            await self._my_turn()
            await self._hand_on()

    async def _my_turn(self) -> None:
        early = random.random()  # noqa: S311 - no secret
        await asyncio.sleep((self._agent.engine.replica.own_rank - early) * timing.DUTIES_STEP_S)

    async def _make(self) -> None:
        """A new authority. Raises NotOwed where somebody made one meanwhile, NotGranted."""
        made = authority.new_authority(self.name, _now_s())

        async def make(engine: Engine) -> Sequence[Draft]:
            replica = engine.replica
            await engine.settled()
            if doorways.current(await authorities.every(engine), replica.verdict, replica.statements) is not None:
                raise NotOwed("there is an authority")
            keys = {name: one.kem_key for name, one in doorways.admins(replica.verdict).items()}
            return (self._birth(made, keys),)

        await self._agent.engine.say(Lane.DATA, make)
        self._agent.log("authority.made")

    async def _hand_on(self) -> None:
        """Wrap the key for admins that have it not yet. Raises NotOwed, NotGranted."""
        holder = self._authority()
        assert holder is not None, "whoever hands it on has it"

        async def make(engine: Engine) -> Sequence[Draft]:
            replica = engine.replica
            await engine.settled()
            found = doorways.current(await authorities.every(engine), replica.verdict, replica.statements)
            if found is None or found.certificate != holder.certificate:
                raise NotOwed("there is another authority")
            lacking = doorways.lacking(found, replica.verdict)
            return (self._birth(holder, lacking),) if lacking else ()

        await self._agent.engine.say(Lane.DATA, make)
        self._agent.log("authority.handed_on")

    def _birth(self, holder: Authority, keys: Mapping[Digest, bytes]) -> Draft:
        """The birth of a doorway: the key wrapped for these admissions, by their wrapping keys."""
        mesh = self._agent.engine.own.mesh
        wraps = {name: wrap(holder.key, key, doorways.purpose(mesh, name)) for name, key in keys.items()}
        registers = doorways.registers_of_birth(holder.certificate, clock.now_ms(), wraps)
        born = records.birth(KIND, registers, "", secrets.token_bytes(SALT_BYTES))
        return Draft(born, document_of(SPACE, KIND, born))

    def _authority(self) -> Authority | None:
        """The authority with its key, where this device has it. What does not fit its certificate is no key."""
        own = self._agent.engine.own
        wrapped = self.doorway.wraps.get(own.admission) if self.doorway else None
        if self.doorway is None or wrapped is None:
            return None
        try:
            key = own.keys.unwrap(wrapped, doorways.purpose(own.mesh, own.admission))
            authority.check_holder(key, self.doorway.certificate)
        except Refused:
            return None
        return Authority(key, self.doorway.certificate)

    # ── the leaf ─────────────────────────────────────────────────────────────────────────────────

    async def _have_leaf(self, certificate: bytes) -> None:
        """Have a leaf of this authority that lasts a while. Raises MeshError; then what there is may still be good."""
        path = door_path(self._agent.home) / _LEAF
        if self._leaf is None or self._signer != certificate:
            self._leaf, self._signer = None, certificate
            self._take(await asyncio.to_thread(_kept, path))
        leaf = self._leaf
        if leaf is not None and not leaf.begins_s <= _now_s() < leaf.ends_s:  # this clock may have been set back
            self._leaf = leaf = None
        if leaf is not None and leaf.ends_s - _now_s() > timing.LEAF_RENEW_S:
            return
        key = authority.new_key()
        signed = await self._signed(key)
        authority.check_leaf(signed, certificate, key, _now_s())
        await asyncio.to_thread(_keep, path, key + signed)
        self._take(key + signed)
        self._agent.log("leaf.renewed", until_s=authority.good_s(signed)[1])

    def _take(self, kept: bytes) -> None:
        """Take a leaf as it is kept, if the authority of now signed it and it is good now."""
        key, signed = kept[:KEY_BYTES], kept[KEY_BYTES:]
        with contextlib.suppress(Refused):
            authority.check_leaf(signed, self._signer, key, _now_s())
            self._leaf = Leaf(authority.chain_pem(signed), authority.key_pem(key), *authority.good_s(signed))

    async def _signed(self, key: bytes) -> bytes:
        """A leaf for this key: signed here, else by an admin that has the authority's key. Raises Unreachable."""
        holder = self._authority()
        if holder is not None:
            return holder.leaf(authority.public_of(key), _now_s(), secrets.randbits(_SERIAL_BITS))
        agent, problem = self._agent, ""
        request = authority.csr(key, self.name)
        for admin in authorities.admins(agent):
            if agent.bus is None or admin.digest == agent.engine.own.admission:
                continue
            try:
                return await agent.bus.request(device_text(admin.digest), VERB, request, timeout_s=timing.ASK_TIMEOUT_S)
            except MeshError as error:
                problem = f"{admin.name}: {error}"
        message = "no admin device in reach signs this device's certificate for phones"
        raise Unreachable(f"{message} ({shown(problem)})" if problem else message, hint=authorities.admin_hint(agent))


def _kept(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    whole.write(path, content)


async def given_host(agent: Agent) -> str:
    """The name that the person has a certificate of their own for; empty where none was named."""
    raw = await agent.store.setting(GIVEN)
    return str(json.loads(raw)["host"]) if raw else ""


async def read_given(host: str, certificate: str, key: str) -> tuple[str, bytes, bytes]:
    """The person's own certificate for a name, out of its files. Raises Refused."""
    name = host.partition(":")[0]
    chain, secret = await asyncio.to_thread(lambda: [_read_file(path) for path in (certificate, key)])
    if authority.given_ends_s(chain, secret, name) <= _now_s():
        message = f"the certificate for {shown(name)} is over"
        raise Refused(message, hint=f"`tailscale cert {shown(name)}` makes a new one.")
    return name, chain, secret


def _read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        message = f"{shown(path)} cannot be read: {error.strerror}"
        raise Refused(
            message, hint="Name other files: mesh phone serve --tailscale HOST --certificate A --key B"
        ) from error


def _now_s() -> int:
    return clock.now_ms() // 1000
