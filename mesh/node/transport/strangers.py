"""Addresses that the person typed: looks whose they are, and calls as a guest where the owner is unknown.

It dials nobody as ourselves; once the owner is known, the link to it gets the address.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mesh.errors import MeshError
from mesh.node import timing
from mesh.node.ports import Handler, LinkStatus, Peer
from mesh.node.transport.links import LinkTimes, backoff_s
from mesh.node.transport.peer_link import PeerLink
from mesh.node.transport.visits import Visitor

_TIMES = LinkTimes()


@dataclass(slots=True)
class _Look:
    """What looking at one address came to."""

    task: asyncio.Task[None]
    again: asyncio.Event = field(default_factory=asyncio.Event)
    found: bool = False
    problem: str = "nobody looked yet"
    hint: str = ""


class Strangers:
    """One task for each typed address."""

    def __init__(
        self,
        device: str,
        visitor: Visitor,
        handler: Handler,
        find: Callable[[bytes], PeerLink | None],
        group: asyncio.TaskGroup,
    ) -> None:
        self._device = device
        self._visitor = visitor
        self._handler = handler
        self._find = find
        self._group = group
        self._looks: dict[str, _Look] = {}

    def look_for(self, addresses: Sequence[str]) -> None:
        """Look at exactly these addresses; at those known before once more, since the roster may be another."""
        for address in self._looks.keys() - set(addresses):
            self._looks.pop(address).task.cancel()
        for address in addresses:
            if address in self._looks:
                self._looks[address].again.set()
            else:
                self._looks[address] = _Look(self._group.create_task(self._keep_looking(address)))

    def statuses(self) -> tuple[LinkStatus, ...]:
        """The addresses that led to no known device."""
        return tuple(
            LinkStatus("", connected=False, direction="", address=address, last_heard_s=None,
                       round_trip_ms=None, problem=look.problem, hint=look.hint)
            for address, look in self._looks.items()
            if not look.found
        )  # fmt: skip

    async def _keep_looking(self, address: str) -> None:
        fails = 0
        while True:
            look = self._looks[address]
            look.again.clear()
            try:
                look.found = await self._looked(address, look)
                fails = 0 if look.found else fails + 1
            except MeshError as error:
                look.found, look.problem, look.hint = False, str(error), error.hint
                fails += 1
            jitter = random.random()  # noqa: S311 jitter, no secret
            wait_s = timing.STRANGE_AGAIN_S if look.found else backoff_s(_TIMES, fails, jitter)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await look.again.wait()

    async def _looked(self, address: str, look: _Look) -> bool:
        """Whether a device of the roster sits there; else try to make ourselves known."""
        found = await self._visitor.look_at(address)
        link = self._find(found.tls_key)
        if link is not None:
            link.seen_at((address,))
            return True
        if found.device == self._device:
            look.problem, look.hint = "that is an address of this device", "Give the other device's address."
            return False
        stranger = Peer(found.device, address, b"", found.tls_key, (address,))
        await self._visitor.visit(stranger, address, self._handler, known=False)
        look.problem = "the device there is not in the roster yet"
        look.hint = "It appears as soon as a statement that admits it arrives; see `mesh devices`."
        return False
