"""W4: what an agent and its nats-server cost while nothing happens, with three peers, for five minutes.

Four devices on this machine, linked with each other over loopback, finding switched on as it is for everybody. Each is
looked at from outside, by what the system accounts to its processes: processor time, resident memory, its share of
memory that processes have in common (PSS), and how often one of its threads went to sleep by itself. Beside them, idle
in the same minutes: a nats-server alone, and a client of nats-py with one subscription on it, with the pings that our
links have. Figures are of one device; the spread is over the devices of all rounds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import nats

from mesh.cli.benches import pair, servers
from mesh.cli.benches.children import Child, Told, obey
from mesh.cli.benches.measure import Series, folder_on_disk, memory_mb, processor_s, report, sleeps
from mesh.node import agent as agents
from mesh.node import home as homes
from mesh.node import timing

DEVICES = 4
SECONDS, SECONDS_QUICK = 300, 5
SETTLE_S, SETTLE_S_QUICK = 30.0, 2.0
"""Before the measured time: what the start and the first links left to do is over by then."""
NOTES = 100


def run(*, quick: bool, count: int | None, rounds: int) -> dict[str, object]:
    """Shares of one processor, in per cent, and MiB."""
    seconds = count or (SECONDS_QUICK if quick else SECONDS)
    ours = Series("mesh", f"agent and nats-server of a device with {DEVICES - 1} linked peers")
    server = Series("nats-server", "alone, with one client that says nothing")
    client = Series("nats-py", "a client with one subscription, in an interpreter of its own")
    with folder_on_disk() as folder:
        for number in range(rounds):
            with ExitStack() as stack:
                devices = _devices(folder / str(number), stack)
                served = stack.enter_context(servers.server(folder / f"alone{number}"))
                child = stack.enter_context(Child("idle", served.url))
                time.sleep(SETTLE_S_QUICK if quick else SETTLE_S)
                pids = [(device.pid, _server_pid(device)) for device in devices]
                before = [[_account(pid) for pid in both] for both in (*pids, (child.pid, served.pid))]
                began = time.monotonic()
                time.sleep(seconds)
                took_s = time.monotonic() - began
                *own, (plain, alone) = [[_account(pid) for pid in both] for both in (*pids, (child.pid, served.pid))]
                for (agent_then, server_then), (agent_now, server_now) in zip(before, own, strict=False):
                    mine = _figures(agent_then, agent_now, took_s), _figures(server_then, server_now, took_s)
                    ours.add(**_both(*mine), **_named("agent", mine[0]), **_named("server", mine[1]))
                server.add(**_figures(before[-1][1], alone, took_s))
                client.add(**_figures(before[-1][0], plain, took_s))
                pair.until_linked(*devices)
    ratios: dict[str, object] = {"goal for cpu_percent": "at most 0.1", "goal for rss_mb": "at most 75"}
    ratios |= _ratio("agent", ours, client, "nats-py") | _ratio("server", ours, server, "nats-server alone")
    return report("w4", ours, [server, client], ratios, f"mesh bench w4 --seconds {seconds} --rounds {rounds}")


async def _homes(folder: Path) -> list[Path]:
    places = [folder / f"device{number}" for number in range(DEVICES)]
    await homes.found(places[0], places[0].name)
    async with agents.opened(places[0]) as agent:
        await pair.filled(agent, range(NOTES))
    for place in places[1:]:
        await pair.joined(places[0], place, place.name)
    return places


def _devices(folder: Path, stack: ExitStack) -> list[pair.Device]:
    """All linked with each other, and of one mind."""
    devices = [stack.enter_context(pair.Device(place)) for place in asyncio.run(_homes(folder))]
    for number, device in enumerate(devices):
        for other in devices[:number]:
            device.meet(other)
    until = time.monotonic() + pair.START_S
    while any(sum(peer["connected"] for peer in _peers(device)) < DEVICES - 1 for device in devices):
        if time.monotonic() > until:
            message = f"the devices are not linked after {pair.START_S} s"
            raise TimeoutError(message)
        time.sleep(0.05)
    pair.until_linked(*devices)
    return devices


def _peers(device: pair.Device) -> list[dict[str, bool]]:
    peers = device.call("status")["peers"]
    assert isinstance(peers, list)
    return peers


def _server_pid(device: pair.Device) -> int:
    return int(str(device.server()["pid"]))


def _account(pid: int) -> dict[str, float | None]:
    """What the system accounts to a process so far, and what it holds now."""
    return {"cpu": processor_s(pid), "sleeps": sleeps(pid), **memory_mb(pid)}


def _figures(then: dict[str, float | None], now: dict[str, float | None], took_s: float) -> dict[str, float | None]:
    def grown(what: str) -> float | None:
        before, after = then[what], now[what]
        return None if before is None or after is None else (after - before) / took_s

    cpu = grown("cpu")
    return {"cpu_percent": None if cpu is None else 100 * cpu, "wakeups_per_s": grown("sleeps"),
            "rss_mb": now["rss_mb"], "pss_mb": now["pss_mb"]}  # fmt: skip


def _both(agent: dict[str, float | None], server: dict[str, float | None]) -> dict[str, float | None]:
    sums: dict[str, float | None] = {}
    for name, mine in agent.items():
        theirs = server[name]
        sums[name] = None if mine is None or theirs is None else mine + theirs
    return sums


def _named(what: str, figures: dict[str, float | None]) -> dict[str, float | None]:
    return {f"{what}_{name}": value for name, value in figures.items()}


def _ratio(part: str, ours: Series, other: Series, name: str) -> dict[str, float | None]:
    """One part of ours over a contender, of medians: there are four devices in a round and one contender."""
    found: dict[str, float | None] = {}
    for figure in ("cpu_percent", "rss_mb"):
        mine, theirs = ours.told().get(f"{part}_{figure}"), other.told().get(figure)
        usable = isinstance(mine, float) and isinstance(theirs, float) and theirs > 0
        found[f"{part} {figure} over {name}"] = round(mine / theirs, 3) if usable else None  # type: ignore[operator]
    return found


async def main(url: str) -> None:
    """The idle client."""
    wire = await nats.connect(url, ping_interval=timing.PING_INTERVAL_S)

    async def ignore(_message: object) -> None:
        return

    await wire.subscribe("idle", cb=ignore)

    async def do(_told: Told) -> Told:
        return {"done": True}

    await obey(do)
    await wire.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
