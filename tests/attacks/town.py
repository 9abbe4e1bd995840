"""A town for attacks: two honest admins that run and are linked, one that sleeps, and two homes that were stolen.

alder (founder) and birch (admin) are honest; elder (member) is honest and off; cedar's admin keys and dogwood's member
keys are the thief's. Everything is real: processes, nats-server, TLS, loopback. It ends only what it started.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from mesh.events.event import Lane
from mesh.events.kinds import Grant
from mesh.events.speaking import Draft
from mesh.names import Digest
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node.engine import Engine
from mesh.node.socket_client import Told
from tests.attacks.thief import Thief, stolen
from tests.conftest import Spawn
from tests.system import harness
from tests.system.harness import Device, Fleet

ADMIN, MEMBER = "cedar", "dogwood"
ROLES = {"birch": "admin", ADMIN: "admin", MEMBER: "member", "elder": "member"}
_PAGE, _PAGES_MAX = 250, 200
NARROW_AGENT = "bot"
"""An agent on dogwood whose grant covers births of notes in the space `home`, and nothing else."""


class Town:
    """The devices, and what they must show after each attack."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet, self.folder = fleet, folder
        self.alder, self.birch, self.elder = (fleet.empty(name) for name in ("alder", "birch", "elder"))
        self.digest = ""

    @property
    def honest(self) -> tuple[Device, Device]:
        """Those that run."""
        return self.alder, self.birch

    async def start(self) -> None:
        """Found it and start the honest devices."""
        await _found(self.folder)
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        for device in self.honest:
            device.start()
        self.fleet.link(self.birch, self.alder)
        self.alder.note("an honest note", "with an honest text\n")
        self.mark()

    def mark(self) -> str:
        """Wait until the honest devices agree, and take what they show for what they must go on showing."""
        self.digest = self.agreed()
        return self.digest

    def agreed(self) -> str:
        """Wait until the honest devices hold and show the same; the digest."""
        return self.fleet.wait("the honest devices agree", lambda: _same(*self.honest))

    def wait(self, what: str, condition: object) -> None:
        """Wait for something at the honest devices."""
        assert callable(condition), condition
        self.fleet.wait(what, condition)

    def unchanged(self) -> None:
        """Both show what they showed, and still take and pass on new work."""
        assert self.agreed() == self.digest, "the state of the honest devices has changed"

    def works(self) -> None:
        """A note written on one honest device arrives at the other."""
        title = f"still here {self.alder.status()['events']}"
        self.alder.note(title)
        self.fleet.wait("news still travel", lambda: title in self.birch.titles())
        self.mark()

    @asynccontextmanager
    async def thief(self, name: str = ADMIN) -> AsyncIterator[Thief]:
        """The thief in a stolen home."""
        async with stolen(self.folder / name) as thief:
            yield thief

    def admission_of(self, name: str) -> Digest:
        """The admission of a device by its name, as alder has it; a stolen home may not know it yet."""
        rows = self.alder.call("devices")["devices"]
        assert isinstance(rows, list)
        (found,) = (row["admission"] for row in rows if row["name"] == name)
        return Digest(bytes.fromhex(found))

    def standing(self, device: Device, event: Digest) -> tuple[str, str]:
        """What an event counts for at a device, and why; empty where it is not held."""
        for row in _log(device):
            if row["event"] == event.hex():
                return str(row["standing"]), str(row["reason"])
        return "", ""

    def held(self, event: Digest, standing: str, reason: str = "") -> str:
        """Wait until both honest devices hold an event and it counts for exactly this; the reason."""
        why = ""
        for device in self.honest:
            self.fleet.wait(f"{device.name} holds {event.hex()[:8]}", lambda d=device: self.standing(d, event)[0])  # type: ignore[misc]
            found, why = self.standing(device, event)
            assert found == standing, f"{device.name}: {found} ({why}), not {standing}"
            assert reason in why, why
        return why

    def nobody_holds(self, *events: Digest) -> None:
        """No honest device has any of these in its log."""
        wanted = {event.hex() for event in events}
        for device in self.honest:
            assert not wanted & {row["event"] for row in _log(device)}, f"{device.name} holds it"


def _log(device: Device) -> Iterator[Told]:
    """Every event that a device holds, the latest first."""
    before: dict[str, object] = {}
    for _ in range(_PAGES_MAX):
        page = device.call("log", limit=_PAGE, **before)
        rows = page["events"]
        assert isinstance(rows, list)
        yield from rows
        if "next" not in page:
            return
        before = {"before": page["next"]}
    raise AssertionError("more events than a town can have")


def _same(*devices: Device) -> str:
    told = [device.status() for device in devices]
    frontiers = {json.dumps(one["frontier"], sort_keys=True) for one in told}
    digests = {(str(one["state_digest"]), str(one["verdict_digest"])) for one in told}
    return next(iter(digests))[0] if len(frontiers) == len(digests) == 1 else ""


async def _found(folder: Path) -> None:
    """Alder founds a mesh, lets the others in, and gives an agent on dogwood a narrow grant."""
    await homes.found(folder / "alder", "alder")
    for name, rank in ROLES.items():
        asked = await homes.request(folder / name, name)
        async with agents.opened(folder / "alder") as agent:
            told = await agent.call("admit", {"request": asked["request"], "rank": rank})
            assert isinstance(told, dict)
            if name == MEMBER:
                await _narrowly(agent.engine)
                told = await agent.call("admit", {"request": asked["request"], "rank": rank})  # with that in it
                assert isinstance(told, dict)
        await homes.accept(folder / name, str(told["admission"]))


async def _narrowly(engine: Engine) -> None:
    (member,) = (a.digest for a in engine.replica.verdict.devices.values() if a.name == MEMBER)

    async def make(_engine: Engine) -> Sequence[Draft]:
        return (Draft(Grant(member, NARROW_AGENT, "home", ("note",), ("create",))),)

    await engine.say(Lane.CONTROL, make)


@asynccontextmanager
async def town(folder: Path, spawn: Spawn) -> AsyncIterator[Town]:
    """A town that ends with the block."""
    with harness.fleet(folder, spawn) as fleet:
        made = Town(fleet, folder)
        await made.start()
        yield made


@contextmanager
def asleep(device: Device) -> Iterator[None]:
    """While inside, a device's agent is off."""
    device.stop()
    try:
        yield
    finally:
        device.start()
