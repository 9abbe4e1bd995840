"""Who of several doors tells the name of the page on the local network, so that it always leads to one that is open.

The most senior device whose door is open holds the name, and names a deputy: browsers keep an answer for a minute, so
the second address of it must be good already when the first one falls silent. What a door tells its peers about itself
comes over their links; nobody else's address is ever told. It proves nothing: that, the certificate does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mesh.errors import MeshError
from mesh.events.verdict import Admission
from mesh.names import Digest, device_text
from mesh.node import timing
from mesh.node.gateway import homes
from mesh.node.nearby import whereabouts
from mesh.node.nearby.addresses import on_link
from mesh.node.ports import Sign, Signpost
from mesh.node.transport.broker_config import address_text
from mesh.node.transport.visits import split_address

if TYPE_CHECKING:
    from mesh.node.agent import Agent

VERB = "door"
"""Told between devices: the addresses at which one's door is open, and that none is."""


@dataclass(frozen=True, slots=True, order=True)
class Candidate:
    """A device whose door is open; the smaller one holds the name."""

    rank: int
    admission: Digest
    hosts: tuple[str, ...] = ()


class Election:
    """When to take the name, and when to leave it: at once for a better one; slowly, when all better ones are gone."""

    def __init__(self, own: tuple[int, Digest]) -> None:
        """By rank, then by admission."""
        self._own = own
        self._misses = 0

    def deputies(self, others: Sequence[Candidate]) -> Sequence[Candidate] | None:
        """None: somebody else holds the name. Else who could take over from this device, the next one first."""
        better = [one for one in others if (one.rank, one.admission) < self._own]
        self._misses = 0 if better else self._misses + 1
        return None if self._misses < timing.DOOR_NAME_MISSES else sorted(others)

    def anew(self) -> None:
        """This device was away, or its door shut: it looks around before it takes the name again."""
        self._misses = 0


class Name:
    """The name of one agent's door. `run` tells it while the door is open."""

    def __init__(self, agent: Agent, name: str, port: int, is_open: Callable[[], bool], signpost: Signpost) -> None:
        """`signpost` tells the local network."""
        self._agent, self._name, self._port, self._is_open, self._signpost = agent, name, port, is_open, signpost
        self._told: dict[str, tuple[str, ...]] = {}
        self._telling: tuple[str, ...] = ()
        self._told_s = 0.0
        self.held = False
        """Whether this device tells the name now."""

    async def told(self, device: str, body: bytes) -> bytes:
        """A peer told where its door is open. Raises Refused."""
        hosts = [split_address(one) for one in whereabouts.decode(body)]
        # Another port would be another page: no phone could find its data there.
        self._told[device] = tuple(host for host, port in hosts if port == self._port)
        return b""

    async def run(self) -> None:
        """Tell, and look, until cancelled."""
        own = self._agent.engine.own.admission
        async with asyncio.TaskGroup() as group:
            group.create_task(self._signpost.run())
            election = Election((self._agent.engine.replica.own_rank, own))
            try:
                while True:
                    await self._once(election)
                    await asyncio.sleep(timing.DOOR_NAME_LOOK_S)
            finally:
                self.held = False
                self._signpost.show(None)

    async def _once(self, election: Election) -> None:
        mine = await homes.at_home(self._agent) if self._is_open() else ()
        await self._tell(mine)
        if not mine:
            election.anew()
        deputies = election.deputies(self._others()) if mine else None
        sign = None
        if deputies is not None:
            near = (host for one in deputies for host in one.hosts if on_link(host))
            # Of two addresses browsers try both at once; of three with two dead ones they give up.
            sign = Sign(self._name, self._port, mine[0], tuple(dict.fromkeys((mine[0], *list(near)[:1]))))
        if (sign is not None) != self.held:
            self.held = sign is not None
            self._agent.log("door.name", held=self.held)
        self._signpost.show(sign)

    def _others(self) -> list[Candidate]:
        """Whose door is open, as far as one is linked to them now."""
        links = self._agent.bus.links() if self._agent.bus is not None else ()
        linked = {link.device for link in links if link.connected}
        self._told = {device: hosts for device, hosts in self._told.items() if device in linked}
        serving = self._serving()
        open_now = [(serving[device], hosts) for device, hosts in self._told.items() if hosts and device in serving]
        return [Candidate(one.rank, one.digest, hosts) for one, hosts in open_now]

    def _serving(self) -> dict[str, Admission]:
        """The live devices that may have a door, by their 16 characters; others are not heard."""
        live = self._agent.engine.replica.verdict.live.items()
        return {device_text(digest): one for digest, one in live if not one.in_browser and not one.is_relay}

    async def _tell(self, hosts: tuple[str, ...]) -> None:
        """Tell the peers where this door is open, on change and from time to time: a word may be lost."""
        now_s = time.monotonic()
        bus = self._agent.bus
        if bus is None or (hosts == self._telling and now_s - self._told_s < timing.DOOR_TELL_S):
            return
        self._telling, self._told_s = hosts, now_s
        body = whereabouts.encode([address_text(host, self._port) for host in hosts])
        serving = self._serving()
        for link in bus.links():
            if link.connected and link.device in serving:
                try:
                    await bus.tell(link.device, VERB, body)
                except MeshError:  # it is told again, over the next link
                    continue
