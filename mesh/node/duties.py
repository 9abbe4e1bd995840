"""What an admin's agent says unasked: a new epoch that is owed, the end of a grant that is over.

Each admin would do it; the senior ones come first, and who waited looks again before it speaks. It asks nobody, and a
device that is no admin says nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from mesh.clocks.frontier import events_between
from mesh.errors import Refused
from mesh.events import duties
from mesh.events.duties import Ending
from mesh.events.epochs import epoch_text, next_epoch
from mesh.events.event import VERSION, Inner, Lane, Placed
from mesh.events.kinds import Grant
from mesh.events.reading import read_inner
from mesh.events.speaking import Draft
from mesh.events.verdict import grant_name
from mesh.limits import KEY_BYTES, RANK_ADMIN_LAST
from mesh.names import Digest
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.log import Log
from mesh.node.talk import Known
from mesh.sync.inputs import Peer

Endings = dict[Digest, tuple[Ending, int]]
"""By chain: where a grant ended in it as far as it was looked through, and the last row that was."""


class Unread(Refused):
    """Something in a chain cannot be read here, so nobody can say from here where a grant ended in it."""


class NotOwed(Refused):
    """Somebody else has done it meanwhile."""


class Duties:
    """The standing duties of one agent. `keep` makes the keys that were learned durable, on every device."""

    def __init__(
        self, engine: Engine, known: Mapping[Peer, Known], keep: Callable[[], Awaitable[None]], log: Log
    ) -> None:
        """`known`: what peers told about themselves. Use `run`."""
        self._engine, self._known, self._keep, self._log = engine, known, keep, log
        self._news = asyncio.Event()
        self._rekeyed_s = -timing.REKEY_AGAIN_S
        self._began_s = time.monotonic()

    def judged(self) -> None:
        """What counts has changed, or which keys are here."""
        self._news.set()

    async def run(self) -> None:
        """Do what is owed until cancelled."""
        await self._keep()
        await asyncio.sleep(timing.DUTIES_FIRST_S)
        while True:
            self._news.clear()
            await self._keep()
            await self.rekey()
            await self.end_grants()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.DUTIES_LOOK_S):
                    await self._news.wait()

    async def _my_turn(self) -> None:
        early = random.random()  # noqa: S311 - no secret
        await asyncio.sleep((self._engine.replica.own_rank - early) * timing.DUTIES_STEP_S)

    # ── a new epoch ──────────────────────────────────────────────────────────────────────────────

    async def rekey(self) -> None:
        """Begin a new epoch where one is owed. Raises MeshError when it cannot be kept."""
        if not self._owes_rekey() or time.monotonic() - self._rekeyed_s < timing.REKEY_AGAIN_S:
            return
        await self._my_turn()
        with contextlib.suppress(NotOwed):
            epoch = await begin_epoch(self._engine, only_if=self._owes_rekey)
            self._rekeyed_s = time.monotonic()
            self._log("duty.rekey", epoch=epoch_text(epoch))

    def _owes_rekey(self) -> bool:
        replica = self._engine.replica
        if replica.own_rank > RANK_ADMIN_LAST:
            return False
        return duties.owes_rekey(replica.verdict, replica.own.mesh, replica.keyring, replica.statements)

    # ── grants that are over ─────────────────────────────────────────────────────────────────────

    async def end_grants(self) -> None:
        """End the grants that are over. Raises MeshError when it cannot be kept."""
        if not self._over() or not self._up_to_date():
            return
        await self._my_turn()
        for name, grant in self._over().items():
            try:
                await self._end(name, grant)
            except NotOwed:
                continue
            except Unread as error:
                self._log("duty.ungrant.waits", grant=name.hex(), why=str(error))

    def _over(self) -> dict[Digest, Grant]:
        replica = self._engine.replica
        return duties.expired(replica.verdict, replica.own.admission, replica.statements, time.time_ns() // 1_000_000)

    def _up_to_date(self) -> bool:
        """Whether somebody in reach has nothing that is not here: what was written in time must not be left out.

        Who is alone with all there is need not wait, and nobody waits for ever for what others only say they have.
        """
        replica = self._engine.replica
        if replica.verdict.live.keys() <= {replica.own.admission}:
            return True
        mine = {**replica.chains.frontier(Lane.CONTROL), **replica.chains.frontier(Lane.DATA)}
        theirs = [known.have for peer, known in self._known.items() if peer in replica.met]
        if theirs and time.monotonic() - self._began_s > timing.GRANTS_PATIENCE_S:
            return True
        return not replica.pulls.under_way and any(events_between(mine, {**h.control, **h.data}) == 0 for h in theirs)

    async def _end(self, name: Digest, grant: Grant) -> None:
        """Say where a grant that is over ended. Raises Unread."""
        endings: Endings = {}
        await self.walk(name, grant, endings)  # most of it, while others write

        async def ending(engine: Engine) -> Sequence[Draft]:
            await engine.settled()
            await self.walk(name, grant, endings)
            if name not in self._over():
                raise NotOwed("somebody else has ended it")
            return (Draft(duties.ungrant(name, {chain: found for chain, (found, _) in endings.items()})),)

        await self._engine.say(Lane.CONTROL, ending)
        self._log("duty.ungrant", grant=name.hex())

    async def walk(self, name: Digest, grant: Grant, endings: Endings) -> None:
        """Look through the subject's chains from where the last look ended."""
        assert grant.until_ms is not None, grant
        store = self._engine.store
        for facts in await store.chains():
            if facts.admission != grant.admission or facts.lane is not Lane.DATA:
                continue
            ending, after = endings.get(facts.chain, (Ending(grant_name(name), grant.until_ms), 0))
            while rows := await store.walk(facts.chain, after):
                for row in rows:
                    ending.add(row.placed, self._inner(row.placed))
                after = rows[-1].id
                endings[facts.chain] = ending, after
                await asyncio.sleep(0)

    def _inner(self, placed: Placed) -> Inner | None:
        """The inner header; None where it is void or of a later version anyway. Raises Unread without its key."""
        if placed.header.version > VERSION:
            return None
        try:
            inner = read_inner(self._engine.keyring, placed)
        except Refused:
            return None
        if inner is None:
            raise Unread(f"the key of event {placed.digest.hex()} is not here")
        return inner


async def begin_epoch(engine: Engine, only_if: Callable[[], bool] = lambda: True) -> Digest:
    """Say a new epoch for everybody who reads now. Raises MeshError: NotOwed where it is not wanted any more."""

    async def rekeying(engine: Engine) -> Sequence[Draft]:
        replica = engine.replica
        if not only_if():
            raise NotOwed("somebody else has begun a new epoch")
        entropy = secrets.token_bytes(KEY_BYTES)
        body, _ = next_epoch(replica.verdict, replica.own.mesh, replica.keyring, replica.statements, entropy)
        return (Draft(body),)

    return (await engine.say(Lane.CONTROL, rekeying))[-1].digest
