"""Engines of one mesh on memory stores, for tests: no network, no disk, the true writer."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mesh.events.bodies import document_of
from mesh.events.event import Lane, Placed
from mesh.events.founding import asked, default_grant, found, rekey, with_rank
from mesh.events.keys import SecretKeys, public_sign_key
from mesh.events.kinds import Admit, Body, Born, Changed
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, joined
from mesh.events.verdict import Standing
from mesh.names import Digest, DocumentId, short
from mesh.node.engine import Engine
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.storage.store_port import Batch, Kept, Store
from mesh.state import notes
from mesh.sync.inputs import Effects
from mesh.sync.inputs import Peer as PeerName
from mesh.sync.messages import Push, Want
from mesh.sync.replica import Own


@dataclass
class Listener:
    """An owner that only remembers what it was told."""

    asked: list[tuple[PeerName, Want]] = field(default_factory=list)
    told: list[Effects] = field(default_factory=list)

    def ask(self, peer: PeerName, want: Want) -> None:
        """Remember a question."""
        self.asked.append((peer, want))

    def happened(self, effects: Effects) -> None:
        """Remember what became durable."""
        self.told.append(effects)


def request(keys: SecretKeys, name: str) -> Admit:
    """What a device asks to be admitted with."""
    return asked(keys, public_sign_key(secrets.token_bytes(32)), public_sign_key(secrets.token_bytes(32)), name)


@dataclass
class Small:
    """A founded mesh: the founder's engine, and how to let others in."""

    engine: Engine
    store: Store
    owner: Listener

    async def admit(self, keys: SecretKeys, name: str, rank: int = 2) -> Digest:
        """Let a device in as an admin, with its default grant."""

        async def letting_in(_engine: Engine) -> Sequence[Draft]:
            return (Draft(with_rank(request(keys, name), rank)),)

        digest = (await self.engine.say(Lane.CONTROL, letting_in))[-1].digest

        async def granting(_engine: Engine) -> Sequence[Draft]:
            return (Draft(default_grant(digest)),)

        await self.engine.say(Lane.CONTROL, granting)
        return digest

    async def everything(self, lane: Lane | None = None) -> Push:
        """All events of the founder's store as one message, control first."""
        rows = await self.store.log(limit=10_000)
        wanted = [row.placed for row in rows if lane is None or row.placed.lane is lane]
        by_chain: dict[Digest, list[Placed]] = {}
        for placed in sorted(wanted, key=lambda p: p.lane):
            by_chain.setdefault(placed.chain, []).append(placed)
        return Push(tuple(run for chain in by_chain.values() for run in joined(chain)))


@asynccontextmanager
async def working(engine: Engine) -> AsyncIterator[Engine]:
    """An engine with its writer at work."""
    await engine.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.work())
        yield engine
        await engine.stop()


@asynccontextmanager
async def founded(store: Store | None = None) -> AsyncIterator[Small]:
    """A founder's engine at work."""
    recovery, keys = (SecretKeys.from_entropy(secrets.token_bytes(32)) for _ in range(2))
    commit = found(recovery, request(keys, "mac"), secrets.token_bytes(16), 1)
    mesh, admission = commit[0].digest, commit[1].digest
    kept = store or MemoryStore()
    await kept.commit(Batch(events=tuple(Kept(event, None, Standing.HONOURED) for event in commit)))
    owner, keyring = Listener(), Keyring()
    async with working(Engine(Own(mesh, admission, keys), keyring, kept, owner)) as engine:
        key = secrets.token_bytes(32)

        async def first_epoch(_engine: Engine) -> Sequence[Draft]:
            return (Draft(rekey(mesh, key, {mesh: recovery.kem_key, admission: keys.kem_key})),)

        keyring.add((await engine.say(Lane.CONTROL, first_epoch))[-1].digest, key)
        yield Small(engine, kept, owner)


@asynccontextmanager
async def joined_by(small: Small, name: str, *, keyed: bool = True, rank: int = 2) -> AsyncIterator[Small]:
    """Another device of a mesh that has heard all control events; `keyed`: it holds the epoch's key."""
    keys = SecretKeys.from_entropy(secrets.token_bytes(32))
    admission = await small.admit(keys, name, rank)
    keyring = Keyring(small.engine.keyring.keys() if keyed else {})
    store, owner = MemoryStore(), Listener()
    own = Own(small.engine.own.mesh, admission, keys)
    async with working(Engine(own, keyring, store, owner)) as engine:
        await engine.hear("mac", await small.everything(Lane.CONTROL))
        yield Small(engine, store, owner)


async def write(engine: Engine, title: str, body: str = "") -> DocumentId:
    """Add a note."""
    birth = notes.birth(title, body, (), None, secrets.token_bytes(16))
    document = document_of("home", notes.KIND, birth)

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (Draft(birth, document),)

    await engine.say(Lane.DATA, make)
    return document


async def retitle(engine: Engine, document: DocumentId, title: str) -> Placed:
    """Change a note's title."""

    async def make(engine: Engine) -> Sequence[Draft]:
        loaded = await engine.shelf.load(document)
        assert loaded is not None, document
        actor = engine.shelf.actor(loaded, engine.own.admission)
        change = loaded.document.edit(actor, notes.edits(loaded.document, title=title))
        return (Draft(Changed(change.raw), document),)

    return (await engine.say(Lane.DATA, make))[-1]


async def state(engine: Engine, body: Body) -> Digest:
    """Say a statement."""

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (Draft(body),)

    return (await engine.say(Lane.CONTROL, make))[-1].digest


async def listed(store: Store) -> list[str]:
    """The titles that lists show."""
    return sorted(row.note.title for row in await store.notes(limit=1000))


async def standing(store: Store, event: Digest) -> tuple[Standing, str]:
    """What the log says of an event."""
    (row,) = await store.event(event)
    return row.standing, row.reason


def draft(title: str) -> tuple[DocumentId, Draft]:
    """A note that nobody has said yet."""
    birth: Born = notes.birth(title, "", (), None, secrets.token_bytes(16))
    document = document_of("home", notes.KIND, birth)
    return document, Draft(birth, document)


def epoch_of(engine: Engine) -> bytes:
    """The short name of the epoch that an engine writes under."""
    epoch = engine.replica.verdict.epoch()
    assert epoch is not None, "no epoch"
    return short(epoch)
