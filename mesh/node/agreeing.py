"""Agreeing: receipts are traded with each peer once per convergence, and where two differ they look for the place.

Receipts are asked for when the tips that both told are the same, so an idle link costs nothing but the tips themselves.
Whoever is outside gets none of this. Nothing is decided here: what is found is shown to the person.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from mesh.errors import Malformed, Refused, Unreachable
from mesh.events.event import Lane
from mesh.names import device_text
from mesh.node import comparing as own_side
from mesh.node import timing
from mesh.node.engine import Engine
from mesh.node.log import Log
from mesh.node.meetings import Meetings
from mesh.node.ports import Bus
from mesh.sync import comparing, receipts
from mesh.sync.comparing import Buckets, Events, Finding, Leaves, Message, Nodes
from mesh.sync.inputs import Peer
from mesh.sync.messages import Have
from mesh.sync.receipts import Receipt, Shown, agree, alike

UNKNOWN = "does not know 'receipt'"
"""How a device of an older version refuses one."""


@dataclass(slots=True)
class Side:
    """What is known of a peer since its link came up."""

    have: Have | None = None
    receipt: Receipt | None = None
    told: Shown | None = None  # what this device last said there that it shows
    refused: str = ""  # what was wrong with its last receipt
    older: bool = False  # it signs no receipts
    finding: Finding | None = None  # the first difference, from this device's side
    found: tuple[Shown, Shown] | None = None  # what both showed when that was found
    differs_s: float | None = None  # since when both hold the same and do not show the same
    asked: object = None  # what both showed when it was asked last
    asked_s: float = -math.inf
    compared_s: float = -math.inf
    served_s: dict[type[Message], float] = field(default_factory=dict)
    trading: bool = False
    looking: bool = False
    news: bool = False


async def shown(engine: Engine) -> Shown:
    """What this device holds and shows now."""
    replica = engine.replica
    frontier = receipts.frontier_digest(replica.chains.frontier(Lane.CONTROL), replica.chains.frontier(Lane.DATA))
    verdict = replica.verdict_digest
    replica.state = await engine.store.digest()
    return Shown(frontier, verdict, replica.state, await engine.store.view_root())


def keys_missing(engine: Engine) -> int:
    """How many epochs' keys are not here, on a device that is meant to have them."""
    replica = engine.replica
    return len(replica.learner.missing) if replica.own.admission in replica.verdict.readers() else 0


class Agreeing:
    """Of one agent with all its peers."""

    def __init__(
        self,
        engine: Engine,
        bus: Bus,
        log: Log,
        meetings: Meetings,
        spawn: Callable[[Coroutine[object, object, None]], None],
    ) -> None:
        """`spawn` begins work that ends with the talk."""
        self._engine, self._bus, self._log, self._meetings, self._spawn = engine, bus, log, meetings, spawn
        self._own_name = device_text(engine.own.admission)
        self.sides: dict[Peer, Side] = {}

    def parted(self, peer: Peer) -> None:
        """A link came up anew or went down: what was told over another one says nothing of now."""
        self.sides.pop(peer, None)

    def heard(self, peer: Peer, have: Have) -> None:
        """A peer told its tips."""
        if self._engine.replica.outside(peer):
            return
        side = self.sides.setdefault(peer, Side())
        side.have, side.news = have, True
        if not side.trading and not side.older and self._alike(side):
            side.trading = True
            self._spawn(self._trade(peer, side))

    async def answer(self, peer: Peer, verb: str, body: bytes) -> bytes:
        """Answer a peer that is not outside. Raises Refused."""
        if verb == receipts.VERB:
            await self._take(peer, receipts.decode(body))
            mine = await self._own()
            self.sides.setdefault(peer, Side()).told = mine.shown
            return receipts.encode(mine)
        return await self._compared(peer, comparing.decode(body))

    def both_show(self, peer: Peer) -> bool:
        """Whether neither is a relay, which shows nothing."""
        replica = self._engine.replica
        other = replica.verdict.devices.get(replica.devices[peer]) if peer in replica.devices else None
        return not (self._engine.is_relay or (other is not None and other.is_relay))

    # ── receipts ─────────────────────────────────────────────────────────────────────────────────

    def _alike(self, side: Side) -> bool:
        replica = self._engine.replica
        tips = replica.chains.frontier(Lane.CONTROL), replica.chains.frontier(Lane.DATA)
        return side.have is not None and side.have.verdict == replica.verdict_digest and alike(*tips, side.have)

    async def _shown(self) -> Shown:
        return await shown(self._engine)

    def _second(self, peer: Peer) -> bool:
        """Of each two devices one is asked, and asks only when that comes to nothing."""
        return self._own_name > peer

    async def _trade(self, peer: Peer, side: Side) -> None:
        try:
            while side.news:
                side.news = False
                await asyncio.sleep(timing.RECEIPT_CALM_S + (timing.RECEIPT_TURN_S if self._second(peer) else 0.0))
                if self._alike(side) and not (await self._weighed(peer, side) and side.told == await self._shown()):
                    await self._ask(peer, side)
        finally:
            side.trading = False

    async def _ask(self, peer: Peer, side: Side) -> None:
        """Trade receipts, unless nothing has moved since the last time."""
        mine = await self._own()
        moved, now = (mine.shown, side.have and side.have.state), time.monotonic()
        if side.older or (moved == side.asked and now - side.asked_s < timing.RECEIPT_AGAIN_S):
            return
        side.asked, side.asked_s, side.told = moved, now, mine.shown
        try:
            raw = await self._bus.request(peer, receipts.VERB, receipts.encode(mine), timeout_s=timing.ASK_TIMEOUT_S)
            await self._take(peer, receipts.decode(raw))
        except Unreachable:
            side.asked = side.told = None
            raise
        except Refused as error:
            side.older, side.refused = UNKNOWN in str(error), str(error)
            self._log("peer.older" if side.older else "receipt.refused", device=peer, error=str(error))

    async def _take(self, peer: Peer, receipt: Receipt) -> None:
        """Keep what a peer signed. Raises Refused."""
        replica = self._engine.replica
        receipts.check(receipt, replica.own.mesh, replica.verdict, replica.devices[peer])
        self._meetings.signed(peer, receipt)
        side = self.sides.setdefault(peer, Side())
        side.receipt, side.refused = receipt, ""
        await self._weighed(peer, side)

    async def _own(self) -> Receipt:
        """This device's receipt, of what is durable: nothing is written while it is made."""
        made: list[Receipt] = []
        replica = self._engine.replica

        async def look(engine: Engine) -> tuple[()]:
            await engine.settled()
            claim = Receipt(replica.own.admission, await shown(engine), len(replica.missing), keys_missing(engine))
            made.append(receipts.signed(claim, replica.own.mesh, replica.own.keys))
            return ()

        await self._engine.look(look)
        return made[0]

    async def _weighed(self, peer: Peer, side: Side) -> bool:
        """Whether a peer shows what we show. If both hold the same and it does not, that is looked into in a while."""
        theirs = side.receipt
        if theirs is None:
            return False
        mine, replica, both_show = await self._shown(), self._engine.replica, self.both_show(peer)
        if agree(mine, theirs.shown, both_show=both_show):
            side.differs_s = side.finding = side.found = None
            self._meetings.in_sync(peer)
            return True
        lacks = replica.missing or keys_missing(self._engine) or not theirs.whole
        if not both_show or lacks or not mine.same_log(theirs.shown):
            side.differs_s = side.finding = side.found = None
            return False
        now = time.monotonic()
        side.differs_s = side.differs_s or now
        known, rested = side.found == (mine, theirs.shown), now - side.compared_s > timing.COMPARE_AGAIN_S
        if not (side.looking or known) and rested:
            side.looking = True
            self._spawn(self._look(peer, side))
        return False

    # ── where two differ ─────────────────────────────────────────────────────────────────────────

    async def _look(self, peer: Peer, side: Side) -> None:
        """After a while in which nothing changes, look for the first difference; of the two the same side begins."""
        try:
            await asyncio.sleep(timing.DIFFER_S + (timing.DIFFER_TURN_S if self._second(peer) else 0.0))
            if side.differs_s is None or self.sides.get(peer) is not side:
                return
            side.asked = None
            await self._ask(peer, side)
            await self._find(peer, side)
        finally:
            side.looking = False

    async def _find(self, peer: Peer, side: Side) -> None:
        """Look for the first difference, unless there is none any more, or it is known."""
        before, told = await self._shown(), side.receipt
        if side.differs_s is None or told is None or side.found == (before, told.shown):
            return
        side.compared_s, theirs = time.monotonic(), told.shown
        message: Message | None = await own_side.begun(self._engine.store, views=before.state == theirs.state)
        for expected in (Buckets, Events):
            assert message is not None
            answer = await self._request(peer, message, expected)
            message = await own_side.followed(self._engine.store, answer) if answer else None
            if message is None:
                return
        still = side.receipt is told and before == await self._shown()
        if still and isinstance(message, Finding):
            await self._note(peer, side, message)
            await self._bus.tell(peer, comparing.VERB, comparing.encode(message))

    async def _request(self, peer: Peer, message: Message, expected: type[Message]) -> Message | None:
        sent = comparing.encode(message)
        raw = await self._bus.request(peer, comparing.VERB, sent, timeout_s=timing.ASK_TIMEOUT_S)
        answer = comparing.decode(raw) if raw else None
        if answer is not None and not isinstance(answer, expected):
            raise Malformed(f"{peer} answered a comparison out of turn")
        return answer

    async def _compared(self, peer: Peer, message: Message) -> bytes:
        """What this device says to a peer's message, if the two hold the same and do not show the same."""
        side = self.sides.get(peer)
        if side is None or side.differs_s is None:
            raise Refused("nothing is known here that would have to be compared", hint="Trade receipts first.")
        if isinstance(message, Finding):
            if seen := await own_side.seen_from_here(self._engine.store, message):
                await self._note(peer, side, seen)
            return b""
        now = time.monotonic()
        rested = now - side.served_s.get(type(message), -math.inf) > timing.COMPARE_SERVED_S
        if not (isinstance(message, Nodes | Leaves) and rested):
            raise Refused("a comparison out of turn, or too soon after the last one", hint="Try again in a while.")
        side.served_s[type(message)] = now
        found = await own_side.followed(self._engine.store, message)
        return comparing.encode(found) if found else b""

    async def _note(self, peer: Peer, side: Side, finding: Finding) -> None:
        if side.receipt is not None:
            side.finding, side.found = finding, (await self._shown(), side.receipt.shown)
        event = finding.event.hex() if finding.event else ""
        document = str(finding.document) if finding.document else ""
        self._log("peer.differs", device=peer, document=document, event=event, counts_here=finding.honoured)
