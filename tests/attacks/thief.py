"""The attacker's tools: a device that holds true keys and says what it likes, over true NATS with its own nkey.

It runs no agent of its own: it connects to the servers of others as the device whose home was stolen, and writes raw
events on chains whose key it has. It never changes a home.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from mesh.clocks.chain import START, Head, event_digest, signed_bytes
from mesh.events.bodies import document_of, encode_body
from mesh.events.event import CLEAR, VERSION, Event, Header, Inner, Lane, Placed, Run
from mesh.events.founding import asked
from mesh.events.keys import SecretKeys, public_sign_key
from mesh.events.kinds import Admit, Born, Opening
from mesh.events.seal import Keyring, pad_body, pad_inner
from mesh.events.speaking import NONCES_BYTES, Draft, Voice, runs, signed
from mesh.limits import NONCE_BYTES, SALT_BYTES
from mesh.names import ZERO, Digest, DocumentId, Short, device_text, short
from mesh.node import agent as agents
from mesh.node.agent import Agent
from mesh.node.ports import Peer
from mesh.node.transport.broker_config import GUEST_INBOX, guest_seed, inbox, subject
from mesh.node.transport.bus import NatsBus
from mesh.node.transport.wire_nats import NatsWire, connect
from mesh.node.transport.wires import Login, Wire, read_answer
from mesh.state import notes
from mesh.sync import messages
from mesh.sync.messages import Have, Push, Want
from tests.system.harness import Device

ANSWER_S = 30.0
_numbers = count(10_000, 10_000)  # where chains begin, so that what was written last is listed first


def now_ms() -> int:
    """This moment, as events carry it."""
    return time.time_ns() // 1_000_000


@dataclass
class Line:
    """A login at a victim's nats-server, as the thief's own device or as a guest."""

    wire: Wire
    victim: str
    me: str

    async def ask(self, verb: str, body: bytes) -> bytes:
        """Ask the victim anything. Raises what it answers."""
        return read_answer(await self.wire.ask(subject(self.victim, self.me, verb), body, timeout_s=ANSWER_S))

    async def push(self, *pushed: Run, answer: bool = False) -> None:
        """Hand it events."""
        await self.ask("push", messages.encode(Push(pushed, answer=answer)))

    async def have(self, have: Have) -> bytes:
        """Tell it tips; its own come back."""
        return await self.ask("have", messages.encode(have))

    async def want(self, want: Want) -> Push:
        """Ask it for events."""
        return messages.decode_push(await self.ask("want", messages.encode(want)))


class Quill:
    """Writes raw events at the end of one chain: any header, any body, any step, under the chain's true key."""

    def __init__(self, thief: Thief, lane: Lane, admission: Digest | None = None) -> None:
        """Begin a new chain; `run` gives its opening with the first events. Another admission may be claimed."""
        self.thief, self.lane = thief, lane
        keys = thief.keys
        voice = Voice(thief.mesh, ZERO, admission or thief.admission, lane, START, 0, keys.sign_key, keys.sign)
        salt = secrets.token_bytes(SALT_BYTES)
        opening = voice.say(Draft(Opening(admission or thief.admission, lane, "new", salt)), now_ms(), next(_numbers))
        self.chain, self.head, self.lamport = opening.chain, opening.head, opening.header.lamport
        self.after, self._events = START, [opening.event]

    @classmethod
    def at(cls, thief: Thief, lane: Lane, chain: Digest, head: Head, lamport: int) -> Quill:
        """Go on with a chain from a place of it: at its tip, or before, which makes a fork."""
        made = cls(thief, lane)
        made.chain, made.head, made.after, made.lamport, made._events = chain, head, head, lamport, []
        return made

    def say(self, draft: Draft, *, step: int = 1, time_ms: int | None = None, version: int = VERSION) -> Digest:
        """An event of the right form with whatever content, as the lane has it; its digest."""
        inner = Inner(now_ms() if time_ms is None else time_ms, _kind(draft), draft.agent, draft.document, draft.grant)
        return self.raw(inner.encode(), encode_body(draft.body), step=step, version=version)

    def raw(self, inner: bytes, body: bytes, *, step: int = 1, version: int = VERSION) -> Digest:
        """An event of any content: inner header and body as bytes, clear in the control lane and sealed in data."""
        epoch = CLEAR
        if self.lane is Lane.DATA:
            epoch, keyring, seq = self.thief.epoch, self.thief.keyring, self.head.seq + 1
            body = keyring.seal(epoch, self.chain, seq, b"body", pad_body(body), secrets.token_bytes(NONCE_BYTES))
            inner = keyring.seal(epoch, self.chain, seq, b"header", pad_inner(inner), secrets.token_bytes(NONCE_BYTES))
        self.lamport += step
        digest = Digest(hashlib.sha256(body).digest())
        header = Header(self.lamport, epoch, digest, len(body), inner, version=version).encode()
        self.head = Head(self.head.seq + 1, event_digest(self.chain, self.head, header))
        self._events.append(Event(header, body))
        return self.head.digest

    def run(self) -> Run:
        """What was written since the last run, signed."""
        events, after = tuple(self._events), self.after
        self._events, self.after = [], self.head
        return Run(self.chain, after, events, self.thief.keys.sign(signed_bytes(self.chain, self.head)))


def _kind(draft: Draft) -> str:
    return type(draft.body).__name__.lower()


class Thief:
    """Somebody with all of one device's keys."""

    def __init__(self, agent: Agent) -> None:
        """Take over a home that is open; `stolen` does."""
        agent.make_bus()
        assert isinstance(agent.bus, NatsBus)
        self.agent, self._visitor = agent, agent.bus._visitor  # noqa: SLF001 - its keys, files and pins
        own = agent.engine.own
        self.mesh, self.admission, self.keys = own.mesh, own.admission, own.keys
        self.device = device_text(own.admission)

    @property
    def keyring(self) -> Keyring:
        """The epoch keys that lie in the home."""
        return self.agent.engine.keyring

    @property
    def epoch(self) -> Short:
        """One that honest devices write under."""
        epoch = self.agent.engine.replica.verdict.epoch()
        assert epoch is not None, "every mesh has one"
        return short(epoch)

    @property
    def grant(self) -> Short:
        """The grant of the device's own person."""
        return self.grant_of(self.admission)

    def grant_of(self, admission: Digest, agent: str = "") -> Short:
        """The grant that some device, or an agent on it, has for notes."""
        inner = Inner(now_ms(), "born", agent, self.note()[1])
        grant = self.agent.engine.replica.verdict.grant_for(admission, inner)
        assert grant is not None, "it may write notes"
        return grant

    def peer(self, name: str) -> Peer:
        """A device of the mesh by its name."""
        (found,) = (a for a in self.agent.engine.replica.verdict.devices.values() if a.name == name)
        return Peer(device_text(found.digest), found.name, found.transport_key, found.tls_key)

    def admission_of(self, name: str) -> Digest:
        """The admission of a device of the mesh by its name."""
        (found,) = (a.digest for a in self.agent.engine.replica.verdict.devices.values() if a.name == name)
        return found

    @asynccontextmanager
    async def at(self, victim: Device) -> AsyncIterator[Line]:
        """Log in at a victim's server as the stolen device."""
        wire = await self._visitor.call(self.peer(victim.name), victim.address)
        try:
            yield Line(wire, self.peer(victim.name).device, self.device)
        finally:
            await wire.close()

    @asynccontextmanager
    async def guest_at(self, victim: Device) -> AsyncIterator[Line]:
        """Log in there with guest rights."""
        async with self.login(victim, self.guest_seed, f"{GUEST_INBOX}.{secrets.token_hex(4)}") as wire:
            yield Line(wire, self.peer(victim.name).device, "guest")

    @property
    def guest_seed(self) -> bytes:
        """What every device of the mesh can derive."""
        return guest_seed(self._visitor._keys.mesh_secret)  # noqa: SLF001 - as above

    def login_of(self, victim: Device, seed: bytes, prefix: str) -> Login:
        """How to log in at a victim's server with any nkey."""
        return self._visitor._login(self.peer(victim.name).tls_key, victim.address, seed, prefix)  # noqa: SLF001

    @asynccontextmanager
    async def login(self, victim: Device, seed: bytes, prefix: str) -> AsyncIterator[NatsWire]:
        """A wire with any nkey and any inbox. Raises NotLetIn."""
        wire = await connect(self.login_of(victim, seed, prefix))
        assert isinstance(wire, NatsWire)
        try:
            yield wire
        finally:
            await wire.close()

    @property
    def own_login(self) -> tuple[bytes, str]:
        """The device's own nkey and inbox."""
        return self.agent.held.nkey_seed, inbox(self.device)

    # ── what it writes ───────────────────────────────────────────────────────────────────────────

    def quill(self, lane: Lane = Lane.DATA, admission: Digest | None = None) -> Quill:
        """A new chain."""
        return Quill(self, lane, admission)

    def note(self, title: str = "from a thief", *, space: str = "home") -> tuple[Born, DocumentId]:
        """A birth, and the document that it makes."""
        birth = notes.birth(title, "", (), None, secrets.token_bytes(SALT_BYTES))
        return birth, document_of(space, notes.KIND, birth)

    def draft(self, title: str = "from a thief", *, grant: Short | None = None, agent: str = "") -> Draft:
        """A note that the stolen device could have written."""
        birth, document = self.note(title)
        return Draft(birth, document, agent, self.grant if grant is None else grant)

    def request(self, name: str, keys: SecretKeys | None = None) -> Admit:
        """What a device that does not exist asks to be admitted with."""
        keys = keys or SecretKeys.from_entropy(secrets.token_bytes(32))
        transport, tls = (public_sign_key(secrets.token_bytes(32)) for _ in range(2))
        return asked(keys, transport, tls, name)

    def honest(self, drafts: Sequence[Draft], lane: Lane = Lane.DATA) -> tuple[Placed, ...]:
        """A commit of the right form on a new chain, event by event."""
        voice = Voice(self.mesh, ZERO, self.admission, lane, START, 0, self.keys.sign_key, self.keys.sign)
        salt = secrets.token_bytes(SALT_BYTES)
        said = [voice.say(Draft(Opening(self.admission, lane, "new", salt)), now_ms(), 0)]
        for draft in drafts:
            if lane is Lane.DATA:
                seal = (self.keyring, self.epoch)
                said.append(voice.say_sealed(draft, now_ms(), 0, seal, secrets.token_bytes(NONCES_BYTES)))
            else:
                said.append(voice.say(draft, now_ms(), 0))
        return signed(said, self.keys.sign)


def run_of(placed: Sequence[Placed], thief: Thief) -> Run:
    """Consecutive events under one signature."""
    bare = [replace(event, signature=None) for event in placed]
    (run,) = runs(signed(bare, thief.keys.sign))
    return run


@asynccontextmanager
async def stolen(home: Path) -> AsyncIterator[Thief]:
    """Open a stolen home."""
    async with agents.opened(home, interfaces=("127.0.0.1",)) as agent:
        yield Thief(agent)
