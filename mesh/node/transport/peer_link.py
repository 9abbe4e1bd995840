"""The link to one peer: carries out what the dialling rule in `links` decides, and passes requests over it.

It decides nothing about when to dial. It opens no sockets itself: wires come from a dialler.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from mesh.errors import MeshError, Unreachable
from mesh.limits import ADDRESSES_PER_PEER_MAX, REQUESTS_IN_FLIGHT_PER_PEER_MAX
from mesh.node import timing
from mesh.node.ports import Direction, Handler, LinkStatus, Peer
from mesh.node.transport.broker_config import inbox, subject
from mesh.node.transport.links import Do, Input, LinkState, LinkTimes, Phase, next_s, step
from mesh.node.transport.reception import Inbox
from mesh.node.transport.visits import Visitor
from mesh.node.transport.wires import (
    BYE,
    HELLO,
    Arrived,
    Away,
    LineDown,
    NoAddress,
    NobodyThere,
    NotLetIn,
    Wire,
    checked_body,
    read_answer,
    trouble_of,
)

_TOKEN_BYTES = 8
_NOTHING = b""
_TAKEN_OUT = NotLetIn(
    "this device was taken out of the mesh", hint="What it holds stays readable; it comes back with a new invitation."
)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every link of this device shares."""

    device: str
    visitor: Visitor
    handler: Handler
    own_wire: Callable[[], Wire | None]
    times: LinkTimes


class PeerLink:
    """The link to one peer, from its first dial until the peer is removed from the roster."""

    def __init__(self, around: Surroundings, peer: Peer) -> None:
        self.peer = peer
        self.removed = False
        """Set before its task is cancelled because the roster no longer has the peer."""
        self._around = around
        times = around.times.seldom() if peer.only_visited else around.times
        self._state = LinkState(caller=around.device < peer.device, waits=peer.in_browser, times=times)
        self._todo: deque[tuple[Do, Wire | None]] = deque()
        self._kick = asyncio.Event()
        self._changed = asyncio.Event()
        self._doubt = asyncio.Event()
        self._told: int | None = None
        self._out: Wire | None = None
        self._out_address = ""
        self._seen: tuple[str, ...] = ()
        self._seen_s = self._lured_s = -math.inf
        self._lures = 0
        self._patience: asyncio.Timeout | None = None
        self._token = _NOTHING
        self._heard_s: float | None = None
        self._round_trip_ms: float | None = None
        self._problem = Away("its page is not open, or not in reach") if peer.in_browser else Unreachable("")
        self._slots = asyncio.Semaphore(REQUESTS_IN_FLIGHT_PER_PEER_MAX)
        self._inbox = Inbox(peer.device, around.handler, (f"{inbox(peer.device)}.",))

    async def run(self) -> None:
        """Keep the link until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._inbox.serve())
                group.create_task(self._notify())
                group.create_task(self._look())
                await self._obey(group)
        finally:
            await self._leave()

    def feed(self, came: Input) -> None:
        """Give the rule an input; what it decides is carried out by the link's task."""
        before = self._state
        self._state, todo = step(before, came, time.monotonic(), random.random())  # noqa: S311 jitter, no secret
        wire = None
        if not self._state.out:
            wire, self._out = self._out, None
            if wire is not None and not {Do.CLOSE, Do.DROP} & set(todo):
                todo = (Do.CLOSE, *todo)
        self._todo.extend((do, wire) for do in todo)
        if todo or next_s(self._state) != next_s(before):
            self._kick.set()
        if (self._state.number, self._state.live) != (before.number, before.live):
            self._changed.set()
        if came is not Input.BYE and before.heard_s is not None and self._state.heard_s is None:
            self._give_up()  # after a bye the peer still answers what it owes

    def update(self, peer: Peer) -> None:
        """Take over a new name or new addresses."""
        moved = peer.addresses != self.peer.addresses
        self.peer = peer
        if moved:
            self.feed(Input.ADDRESSES)

    def seen_at(self, addresses: Sequence[str]) -> None:
        """Somebody looked and found this peer there: dial there first and at once, ever more rarely while in vain."""
        now_s = time.monotonic()
        anew = now_s - self._seen_s > timing.SEEN_ANEW_S or set(addresses) - set(self._seen)
        self._seen, self._seen_s = tuple(addresses[:ADDRESSES_PER_PEER_MAX]), now_s
        if anew or self._state.live:
            self._lures = 0
        again_s = min(timing.SEEN_AGAIN_S * 2.0**self._lures, timing.SEEN_AGAIN_S_MAX)
        if self._state.live or now_s - self._lured_s < again_s or self.peer.only_visited:
            return
        self._lured_s = now_s
        self._lures += 1
        if self._patience is not None:
            self._patience.reschedule(0)  # what is being dialled may be where it was before
        self.feed(Input.ADDRESSES)

    async def request(self, verb: str, body: bytes, *, timeout_s: float) -> bytes:
        """Ask the peer. Raises Unreachable, Refused."""
        checked_body(body)
        try:
            async with asyncio.timeout(timeout_s), self._slots:
                return read_answer(await self._ask(verb, body, timeout_s))
        except TimeoutError:
            message = f"{self.peer.name} did not answer within {timeout_s:g} s"
            raise Unreachable(message) from None

    async def tell(self, verb: str, body: bytes) -> None:
        """Tell the peer. Raises Unreachable without a live link."""
        checked_body(body)
        for wire in self._paths():
            await wire.tell(subject(self.peer.device, self._around.device, verb), body)
            return
        raise self._unreachable()

    async def cut_off(self) -> None:
        """The peer was removed: return when it can say nothing more over the link that we dialled."""
        wire, self._out = self._out, None
        if wire is not None:
            await wire.close()

    async def arrived(self, message: Arrived, *, on_own_server: bool) -> None:
        """Take what the peer says, on our server or over the link that we dialled."""
        if self.removed:
            return
        verb = message.subject.split(".", 3)[3]
        self._heard_s = time.monotonic()
        if verb == BYE:
            self.feed(Input.BYE if on_own_server else Input.OUT_LOST)
        elif on_own_server:
            anew = verb == HELLO and message.body not in {_NOTHING, self._token}
            self._token = message.body if anew else self._token
            self.feed(Input.GREETED_ANEW if anew else Input.HEARD)
        if verb in {HELLO, BYE}:
            await self._inbox.answer(message, _NOTHING)
        else:
            await self._inbox.take(message, verb)

    def doubt(self) -> None:
        """The peer closed a connection to our server: find out soon whether it has another one."""
        self._doubt.set()

    def status(self) -> LinkStatus:
        """How the link is, for people."""
        inward = self._state.heard_s is not None
        directions: dict[tuple[bool, bool], Direction] = {
            (True, True): "both",
            (True, False): "out",
            (False, True): "in",
            (False, False): "",
        }
        live, problem = self._state.live, _TAKEN_OUT if self.peer.only_visited else self._problem
        return LinkStatus(
            device=self.peer.device,
            connected=live,
            direction=directions[self._state.out, inward],
            address=self._out_address if self._state.out else "",
            last_heard_s=None if self._heard_s is None else time.monotonic() - self._heard_s,
            round_trip_ms=self._round_trip_ms if live else None,
            problem="" if live else str(problem),
            hint="" if live or not str(problem) else problem.hint,
            trouble="" if live else trouble_of(problem),
        )

    def _paths(self) -> list[Wire]:
        paths = [self._out] if self._state.out else []
        paths += [self._around.own_wire()] if self._state.heard_s is not None else []
        return [wire for wire in paths if wire is not None and not wire.closed.is_set()]

    def _unreachable(self) -> Unreachable:
        reason = f": {self._problem}" if str(self._problem) else ""
        return Unreachable(f"there is no link to {self.peer.name}{reason}", hint=self._problem.hint)

    async def _ask(self, verb: str, body: bytes, timeout_s: float) -> bytes:
        """Ask over the best path; another one only when it is certain that nobody heard."""
        for wire in self._paths():
            try:
                return await wire.ask(subject(self.peer.device, self._around.device, verb), body, timeout_s=timeout_s)
            except NobodyThere:
                self.feed(Input.OUT_LOST if wire is self._out else Input.IN_LOST)
        raise self._unreachable()

    async def _notify(self) -> None:
        """Tell the handler about the link, in order, one at a time; what changed meanwhile is told as one change."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._told is not None and not (self._state.live and self._told == self._state.number):
                self._told = None
                await self._around.handler.parted(self.peer.device)
            if self._told is None and self._state.live:
                self._told = self._state.number
                await self._around.handler.linked(self.peer.device)

    def _give_up(self) -> None:
        """The peer is not on our server any more: what it was asked there, it will not answer."""
        own = self._around.own_wire()
        if own is not None:
            own.give_up(subject(self.peer.device, self._around.device, ""))

    async def _look(self) -> None:
        """Whenever there is doubt, ask over our server whether the peer is still there."""
        while True:
            await self._doubt.wait()
            self._doubt.clear()
            wire = self._around.own_wire()
            if wire is not None and not await self._is_there(wire):
                self._give_up()
                self.feed(Input.IN_LOST)

    async def _is_there(self, wire: Wire) -> bool:
        for _ in range(timing.HELLOS_MISSED_MAX):
            try:
                await self._hello(wire, _NOTHING)
            except (NobodyThere, LineDown):
                return False
            except MeshError:
                continue  # it went the very moment in which we asked, or is slow: ask again
            return True
        return False

    async def _obey(self, group: asyncio.TaskGroup) -> None:
        self.feed(Input.TICK)
        while True:
            while self._todo:
                do, wire = self._todo.popleft()
                await self._do(do, wire, group)
            self._kick.clear()
            due_s = next_s(self._state)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if due_s is None else max(0.0, due_s - time.monotonic())):
                    await self._kick.wait()
            self.feed(Input.TICK)

    async def _do(self, do: Do, wire: Wire | None, group: asyncio.TaskGroup) -> None:
        match do:
            case Do.DIAL:
                self.feed(await self._dial(group))
            case Do.HELLO if self._out is not None:
                self.feed(await self._greet(self._out))
            case Do.DROP if wire is not None:
                group.create_task(self._drop(wire))
            case Do.CLOSE if wire is not None:
                await wire.close()
            case _:
                return

    async def _dial(self, group: asyncio.TaskGroup) -> Input:
        addresses = deque(self._addresses())
        if self.peer.only_visited:
            return await self._dial_as_guest(addresses)
        while addresses and not self._state.live:  # or else the peer was faster
            address = addresses.popleft()
            try:
                wire = await self._unless_seen(self._dialled(address))
            except TimeoutError:  # it was seen just now
                addresses = deque(self._addresses())
                continue
            except NotLetIn:
                return await self._visit(address)
            except Unreachable as error:
                self._problem = error
                continue
            self._out, self._out_address = wire, address
            group.create_task(self._watch(wire))
            return Input.DIALLED
        return Input.DIAL_FAILED

    async def _dial_as_guest(self, addresses: Iterable[str]) -> Input:
        for address in addresses:
            if await self._visit(address) is Input.GUEST_DONE:
                return Input.GUEST_DONE
        return Input.DIAL_FAILED

    async def _unless_seen(self, dialled: Awaitable[Wire]) -> Wire:
        """A dialled wire. Raises TimeoutError as soon as the peer is seen somewhere."""
        try:
            async with asyncio.timeout(None) as self._patience:
                return await dialled
        finally:
            self._patience = None

    def _addresses(self) -> list[str]:
        addresses = list(dict.fromkeys([*self._seen, *self.peer.addresses]))[:ADDRESSES_PER_PEER_MAX]
        if not addresses:
            self._problem = NoAddress("no address of it is known")
        return addresses

    async def _dialled(self, address: str) -> Wire:
        """A wire behind which the peer's agent itself answered."""
        wire = await self._around.visitor.call(self.peer, address)
        try:
            await wire.listen(subject(self._around.device, self.peer.device, ">"), self._arrived_out)
            await self._hello(wire, os.urandom(_TOKEN_BYTES))
        except BaseException:
            await wire.close()
            raise
        return wire

    async def _arrived_out(self, message: Arrived) -> None:
        await self.arrived(message, on_own_server=False)

    async def _hello(self, wire: Wire, token: bytes) -> None:
        asked_s = time.monotonic()
        words = subject(self.peer.device, self._around.device, HELLO)
        read_answer(await wire.ask(words, token, timeout_s=timing.HELLO_TIMEOUT_S))
        self._heard_s = time.monotonic()
        self._round_trip_ms = (self._heard_s - asked_s) * 1000

    async def _greet(self, wire: Wire) -> Input:
        try:
            await self._hello(wire, _NOTHING)
        except (NobodyThere, LineDown) as error:
            self._problem = error
            return Input.OUT_LOST if wire is self._out else Input.TICK
        except MeshError as error:
            self._problem = Unreachable(str(error))
            return Input.HELLO_MISSED
        return Input.HELLO_ANSWERED

    async def _visit(self, address: str) -> Input:
        try:
            await self._around.visitor.visit(self.peer, address, self._around.handler)
        except MeshError as error:
            self._problem = Unreachable(str(error), hint=error.hint)
            return Input.DIAL_FAILED
        hint = "It learns of this device by itself as soon as it hears a statement that admits it; see `mesh status`."
        self._problem = NotLetIn(f"{self.peer.name} does not know this device", hint=hint)
        return Input.GUEST_DONE

    async def _watch(self, wire: Wire) -> None:
        await wire.closed.wait()
        if self._out is wire:
            self._problem = LineDown(wire.problem or f"{self.peer.name} closed the connection")
            self.feed(Input.OUT_LOST)

    async def _drop(self, wire: Wire) -> None:
        """Rule 3: the peer's own link is kept, ours goes when all is answered."""
        try:
            async with asyncio.timeout(timing.DRAIN_S_MAX):
                words = subject(self.peer.device, self._around.device, BYE)
                await wire.ask(words, _NOTHING, timeout_s=timing.HELLO_TIMEOUT_S)
                await wire.quiet()
        except (TimeoutError, MeshError):
            return  # waited long enough, or it is gone already
        finally:
            await wire.close()

    async def _leave(self) -> None:
        wire, self._out = self._out, None
        self._state = replace(self._state, out=False, heard_s=None, phase=Phase.REST)
        leftovers = [wire, *(one for _, one in self._todo)]
        for left in leftovers:
            if left is not None:
                with contextlib.suppress(LineDown):
                    await left.tell(subject(self.peer.device, self._around.device, BYE), _NOTHING)
                await left.close()
        if self.removed and self._told is not None:
            self._told = None
            await self._around.handler.parted(self.peer.device)
