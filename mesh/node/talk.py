"""Talk between devices: what the bus brings goes to the engine, and what the engine wants asked, sent or met goes out.

Every message may be lost or come twice; anti-entropy on each link and at intervals makes up for it. This module never
touches the store and never decides what counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass

from mesh.clocks.frontier import Frontier, Span
from mesh.errors import MeshError, Refused
from mesh.events.event import Lane
from mesh.limits import ALARMS_PER_S_MAX, PAGE_BYTES_MAX
from mesh.node import presence, timing
from mesh.node.agreeing import Agreeing
from mesh.node.drops.drops import Drops
from mesh.node.engine import Engine
from mesh.node.log import Log
from mesh.node.meetings import Meetings
from mesh.node.nearby import whereabouts
from mesh.node.nearby.whereabouts import Whereabouts
from mesh.node.ports import Bus, GuestLink
from mesh.node.presence import Presence
from mesh.node.transport.reception import Bucket
from mesh.sync import comparing, drops, introducing, messages, receipts
from mesh.sync.inputs import GUEST, Effects, Lost, Peer, Ticked
from mesh.sync.messages import Have, Push, Want


@dataclass(slots=True)
class Known:
    """What a peer told about itself last."""

    have: Have
    at: float  # monotonic seconds


class Talk:
    """The handler of one bus, and the owner of one engine."""

    def __init__(
        self,
        engine: Engine,
        bus: Bus,
        log: Log,
        judged: Callable[[], Coroutine[object, object, None]],
        places: Whereabouts | None = None,
        meetings: Meetings | None = None,
        present: Presence | None = None,
        files: Drops | None = None,
    ) -> None:
        """`judged` is called after the verdict changed, to let others in; `places` knows addresses, `files` drops."""
        self.present = present or Presence()
        self.engine, self.bus, self.log, self._judged = engine, bus, log, judged
        self._places, self._files = places, files
        self.more: dict[str, Callable[[Peer, bytes], Awaitable[bytes]]] = {}  # verbs of parts that not every agent has
        self.known: dict[Peer, Known] = {}
        self.meetings = meetings or Meetings(engine, {})
        self.agreeing = Agreeing(engine, bus, log, self.meetings, self._spawn)
        self.alarms: list[str] = []
        self._alarmed, self._unlogged = Bucket(ALARMS_PER_S_MAX), 0
        self.refused = 0  # messages, and runs in them, that did not hold since the start
        self._group: asyncio.TaskGroup | None = None
        self._greeting: set[Peer] = set()
        self._telling: set[Peer] = set()
        self._failed: dict[Peer, int] = {}  # fetches in a row that failed, for the backoff

    async def run(self) -> None:
        """Talk until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                group.create_task(self.bus.run(self))
                while True:
                    await asyncio.sleep(timing.COMPARE_INTERVAL_S)
                    self.engine.replica.state = await self.engine.store.digest()
                    await self.engine.feed(Ticked())
            finally:
                self._group = None  # the writer outlives us: what it still has to tell reaches nobody

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        if self._group is None:
            work.close()
            return

        async def guarded() -> None:
            try:
                await work
            except MeshError as error:
                self.log("talk.failed", error=str(error))

        # Cancelled before its first step it would never run, and Python would complain of work that nobody did.
        self._group.create_task(guarded()).add_done_callback(lambda _: work.close())

    # ── from the bus ─────────────────────────────────────────────────────────────────────────────

    async def heard(self, sender: str | None, verb: str, body: bytes) -> bytes:
        """Answer a peer, or a guest."""
        try:
            return await self._answer(sender, verb, body)
        except Refused:
            self.refused += 1
            raise

    async def _answer(self, sender: str | None, verb: str, body: bytes) -> bytes:
        peer = sender or GUEST
        inside = sender is not None and not self.engine.replica.outside(sender)
        match verb:
            case "have":
                return await self._heard_have(peer, messages.decode_have(body))
            case "want":
                return messages.encode(await self.engine.serve(peer, messages.decode_want(body)))
            case "push":
                await self.engine.hear(peer, messages.decode_push(body))
                return b""
            case introducing.VERB if sender is not None:
                own = self.engine.own
                return introducing.answer(body, own.mesh, own.admission, self.engine.replica.devices[peer], own.keys)
            case whereabouts.VERB if self._places and inside:
                await self._places.learned(peer, whereabouts.decode(body))
                return b""
            case presence.VERB if inside:
                self.present.learned(peer, presence.decode(body))
                return b""
            case receipts.VERB | comparing.VERB if inside:
                return await self.agreeing.answer(peer, verb, body)
            case drops.VERB if self._files and inside:
                return await self._files.serving.answer(peer, body)
            case _ if inside and verb in self.more:
                return await self.more[verb](peer, body)
        raise Refused(f"this device does not know {verb!r}", hint="One of the two needs an upgrade: `mesh --version`.")

    async def _heard_have(self, peer: Peer, have: Have) -> bytes:
        self._knows(peer, have)
        self.engine.replica.state = await self.engine.store.digest()
        effects = await self.engine.hear(peer, have)
        answer = next((m for to, m in effects.send if to == peer and isinstance(m, Have)), None)
        return messages.encode(answer) if answer else b""

    def _knows(self, peer: Peer, have: Have) -> None:
        self.known[peer] = Known(have, time.monotonic())
        self.meetings.told(peer, have)
        self.agreeing.heard(peer, have)

    async def linked(self, device: str) -> None:
        """A link is up: compare."""
        self.log("link.up", device=device)
        self.agreeing.parted(device)  # what was told over another link says nothing of now
        self.present.news.set()
        self._greet(device, 0.0)
        self._spawn(self._tell_where(device))
        if self._files:
            self._files.linked(device)

    def moved(self) -> None:
        """This device can be reached elsewhere now: tell whoever is linked."""
        for device in self._linked():
            self._spawn(self._tell_where(device))

    async def _tell_where(self, device: str) -> None:
        own = self._places.own_addresses() if self._places else ()
        if own:
            told = whereabouts.encode(own)
            await self.bus.request(device, whereabouts.VERB, told, timeout_s=timing.ASK_TIMEOUT_S)

    async def parted(self, device: str) -> None:
        """A link is down: what was asked there may be asked elsewhere."""
        self.log("link.down", device=device)
        self.present.parted(device)
        self.agreeing.parted(device)
        self._spawn(self.meetings.keep(device))
        await self.engine.feed(Lost(device))

    async def guest(self, link: GuestLink, device: str | None) -> None:
        """Bring our control events to a server that does not know us, and take its own."""
        peer = f"{GUEST}{device or 'unknown'}"
        mine = self.engine.replica.have(peer, asks=True)
        theirs = messages.decode_have(await link.request("have", messages.encode(mine), timeout_s=timing.ASK_TIMEOUT_S))
        for span in _theirs_to_get(self.engine.replica.chains.frontier(Lane.CONTROL), theirs.control):
            await self._bring(link, span)
        pulling = (await self.engine.hear(peer, theirs)).ask
        while pulling:
            ((_, want),) = pulling
            raw = await link.request("want", messages.encode(want), timeout_s=timing.ASK_TIMEOUT_S)
            pulling = (await self.engine.hear(peer, messages.decode_push(raw))).ask
        self.log("guest.done", device=device)

    async def _bring(self, link: GuestLink, span: Span) -> None:
        while run := await self.engine.store.serve(span, PAGE_BYTES_MAX):
            await link.request("push", messages.encode(Push((run,))), timeout_s=timing.ASK_TIMEOUT_S)
            span = Span(span.chain, span.target, (self.engine.replica.chains.end(run),))

    # ── from the engine ──────────────────────────────────────────────────────────────────────────

    def ask(self, peer: Peer, want: Want) -> None:
        """Fetch a page; what comes goes back to the engine, and so does that nothing came."""
        if not peer.startswith(GUEST):  # a guest's questions are asked over its own link
            self._spawn(self._fetch(peer, want))

    async def _fetch(self, peer: Peer, want: Want) -> None:
        try:
            raw = await self.bus.request(peer, "want", messages.encode(want), timeout_s=timing.ASK_TIMEOUT_S)
            await self.engine.hear(peer, messages.decode_push(raw))
            self._failed.pop(peer, None)
        except MeshError as error:
            self._failed[peer] = failed = self._failed.get(peer, 0) + 1
            self.log("fetch.failed", device=peer, error=str(error))
            await self.engine.feed(Lost(peer))
            self._greet(peer, min(timing.AGAIN_S * 2**failed, timing.COMPARE_INTERVAL_S))

    def happened(self, effects: Effects) -> None:
        """Send what is durable now."""
        self.refused += effects.refused
        for chain, after in effects.forks:
            self._sound("fork", chain=chain.hex(), after=after.seq, event=after.digest.hex())
        for alarm in effects.alarms:
            self._sound("alarm", what_happened=alarm)
            if alarm not in self.alarms:
                self.alarms = [*self.alarms[-(timing.ALARMS_SHOWN_MAX - 1) :], alarm]
        for peer, message in effects.send:
            if peer is None:
                for linked in self._linked():
                    self._tell(linked, message)
            elif isinstance(message, Have) and message.asks:
                self._greet(peer, 0.0)
        for peer in effects.meet:
            self._greet(peer, timing.AGAIN_S)
        if effects.judged:
            self._spawn(self._judged())

    def _sound(self, what: str, **fields: object) -> None:
        """Log an alarm. Whoever makes many fills no disk: how many were left out stands in the next one."""
        if not self._alarmed.take(time.monotonic()):
            self._unlogged += 1
            return
        left_out, self._unlogged = self._unlogged, 0
        self.log(what, **fields, **({"left_out": left_out} if left_out else {}))

    def _linked(self) -> list[Peer]:
        """Whom to tell news: not a device that was taken out just now, whose link is about to end."""
        links = [link.device for link in self.bus.links() if link.connected and link.device]
        return [device for device in links if not self.engine.replica.outside(device)]

    def _tell(self, peer: Peer, message: Have | Push) -> None:
        """News: events go at once; tips after a moment in which more may come, so that lost events are missed soon."""
        if isinstance(message, Push):
            self._spawn(self.bus.tell(peer, "push", messages.encode(message)))
        if peer not in self._telling:
            self._telling.add(peer)
            self._spawn(self._tell_tips(peer))

    async def _tell_tips(self, peer: Peer) -> None:
        await asyncio.sleep(timing.NEWS_DELAY_S)
        self._telling.discard(peer)
        self.engine.replica.state = await self.engine.store.digest()
        await self.bus.tell(peer, "have", messages.encode(self.engine.replica.have(peer, asks=False)))

    def _greet(self, peer: Peer, delay_s: float) -> None:
        if peer not in self._greeting and not peer.startswith(GUEST):
            self._greeting.add(peer)
            self._spawn(self._compare(peer, delay_s))

    async def _compare(self, peer: Peer, delay_s: float) -> None:
        """Trade tips with a peer: the anti-entropy round of every link and interval."""
        await asyncio.sleep(delay_s)
        self._greeting.discard(peer)
        if peer not in self._linked():
            return
        replica = self.engine.replica
        replica.met.add(peer)
        replica.state = await self.engine.store.digest()
        mine = messages.encode(self.engine.replica.have(peer, asks=True))
        raw = await self.bus.request(peer, "have", mine, timeout_s=timing.ASK_TIMEOUT_S)
        have = messages.decode_have(raw)
        self._knows(peer, have)
        await self.engine.hear(peer, have)


def _theirs_to_get(mine: Frontier, theirs: Frontier) -> list[Span]:
    """What somebody lacks of my tips, opened chains first admitted first: as they came to be held here."""
    return [
        Span(chain, head, tuple(sorted(theirs.get(chain, ()), reverse=True)))
        for chain, heads in mine.items()
        for head in heads
        if head not in theirs.get(chain, ())
    ]
