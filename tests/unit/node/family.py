"""Several true engines of one mesh, who tell each other what they hold, and their duties; for tests."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

from mesh.events.event import Lane
from mesh.events.founding import default_grant, with_rank
from mesh.events.keys import SecretKeys
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, joined
from mesh.names import Digest
from mesh.node.duties import Duties
from mesh.node.engine import Engine
from mesh.node.log import silent
from mesh.node.storage.store_memory import MemoryStore
from mesh.node.talk import Known
from mesh.sync.messages import Push
from mesh.sync.replica import Own
from tests.unit.node.engines import Listener, Small, request, working


async def told(speaker: Small, *listeners: Small) -> None:
    """Everything that one holds, to others."""
    rows = await speaker.store.log(limit=10_000)
    chains: dict[Digest, list[Digest]] = {}
    for row in sorted(rows, key=lambda row: (row.placed.lane, row.id)):
        chains.setdefault(row.placed.chain, []).append(row.placed.digest)
    by_digest = {row.placed.digest: row.placed for row in rows}
    runs = [run for chain in chains.values() for run in joined([by_digest[digest] for digest in chain])]
    for listener in listeners:
        for run in runs:
            await listener.engine.hear("other", Push((run,)))


async def meet(*devices: Small) -> None:
    """Everybody tells everybody."""
    for _ in range(2):
        for speaker in devices:
            await told(speaker, *(other for other in devices if other is not speaker))


async def titles(device: Small) -> set[str]:
    """The notes that a device can show."""
    return {row.note.title for row in await device.store.notes(limit=1000)}


class Mesh:
    """Devices of one mesh, each with an engine at work."""

    def __init__(self, stack: AsyncExitStack, mac: Small) -> None:
        """Begin with the founder."""
        self._stack, self.mac = stack, mac

    async def join(self, name: str, rank: int, by: Small | None = None) -> Small:
        """A device that somebody lets in, with the keys that he has, at home before it heard anything more."""
        admitter = by or self.mac
        keys = SecretKeys.from_entropy(name.encode().ljust(32, b"."))
        (admitted,) = await say(admitter, with_rank(request(keys, name), rank))
        await say(admitter, default_grant(admitted))
        own = Own(self.mac.engine.own.mesh, admitted, keys)
        store, owner = MemoryStore(), Listener()
        keyring = Keyring(admitter.engine.keyring.keys())
        engine = await self._stack.enter_async_context(working(Engine(own, keyring, store, owner)))
        device = Small(engine, store, owner)
        await told(admitter, device)
        return device


async def say(device: Small, *bodies: object) -> list[Digest]:
    """One commit of statements; their digests."""

    async def saying(_engine: Engine) -> Sequence[Draft]:
        return tuple(Draft(body) for body in bodies)  # type: ignore[arg-type]

    said = await device.engine.say(Lane.CONTROL, saying)
    return [placed.digest for placed in said][-len(bodies) :]


def duties(device: Small, known: dict[str, Known] | None = None) -> Duties:
    """The standing duties of a device."""

    async def keep() -> None:
        """Nothing is kept."""

    return Duties(device.engine, known if known is not None else {}, keep, silent)


def rekeys(device: Small) -> int:
    """How many epochs a device has heard of."""
    return len(device.engine.replica.verdict.rekeys)


def up_to_date(device: Small, other: Small) -> dict[str, Known]:
    """What the other tells, to a device that has met it."""
    device.engine.replica.met.add("other")
    return {"other": Known(other.engine.replica.have("mac", asks=False), 0.0)}
