"""What real agents go through on bad networks: each checks that nothing is lost or doubled, and tells its figures.

Tests run them once with deadlines that a busy machine keeps; `scripts/network` runs them again and prints the figures.
Figures are seconds unless their name says otherwise. Nothing here is held against a goal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from mesh.errors import MeshError
from mesh.node import agent as agents
from mesh.node.paths import database_path
from tests.system.harness import Device, Fleet
from tests.system.networks import Network

Figures = dict[str, float]

ANYWHERE = "0.0.0.0"  # noqa: S104 - in a namespace of the test's own
WRITE_EVERY_S = 0.2
LOOK_S = 1.0
NOTICED_S_MAX = 40.0  # pings of 5 s, two may be missed, a hello, and a busy machine
RETURN_S_MAX = 90.0  # a backoff of 30 s and more, on a busy machine
BODY = "a line of text\n" * 20


class Scribe(threading.Thread):
    """Writes notes on one device, some a second, through every failure; remembers which were acknowledged."""

    def __init__(self, device: Device, word: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: set[str] = set()
        self._device, self._word = device, word
        self._over = threading.Event()

    def run(self) -> None:
        """Until it is stopped."""
        number = 0
        while not self._over.wait(WRITE_EVERY_S):
            number += 1
            title = f"{self._word} {number}"
            try:
                self._device.note(title, BODY)
            except (MeshError, OSError):
                continue  # not acknowledged: it may be there or not
            self.acknowledged.add(title)

    def stop(self) -> set[str]:
        """Write no more; what was acknowledged."""
        self._over.set()
        self.join(60)
        assert not self.is_alive(), "a write takes for ever"
        assert self.acknowledged, "nothing was written"
        return self.acknowledged


def scribes(devices: Sequence[Device]) -> list[Scribe]:
    """One on each device, under way."""
    made = [Scribe(device, f"{device.name} {time.monotonic_ns()}") for device in devices]
    for scribe in made:
        scribe.start()
    return made


def stopped(made: Sequence[Scribe]) -> set[str]:
    """All that they got acknowledged, after they ended."""
    return set().union(*(scribe.stop() for scribe in made))


class Dials(threading.Thread):
    """Counts the calls of all devices at each other's addresses: in all, and in the worst second."""

    def __init__(self, devices: Sequence[Device]) -> None:
        super().__init__(daemon=True)
        self.total, self.worst = 0.0, 0.0
        self._devices = devices
        self._over = threading.Event()

    def run(self) -> None:
        """Look about once a second. What does not answer at first has not called yet."""
        seen, at = self._looked(), time.monotonic()
        while not self._over.is_set():
            self._over.wait(LOOK_S)
            found, now = self._looked(), time.monotonic()
            new = sum(count - seen.get(name, 0) for name, count in found.items())
            self.total += new
            self.worst = max(self.worst, new / max(now - at, LOOK_S))
            seen, at = {**seen, **found}, now

    def _looked(self) -> dict[str, int]:
        found = {}
        for device in self._devices:
            with contextlib.suppress(MeshError):
                found[device.name] = int(str(device.status()["dials"]))
        return found

    def stop(self) -> Dials:
        """Count no more."""
        self._over.set()
        self.join(60)
        assert not self.is_alive(), "a look takes for ever"
        return self


# ---------------------------------------------------------------- set-up


def seated(net: Network, fleet: Fleet, count: int) -> list[Device]:
    """Devices of one mesh, each in a place of its own, of one mind after they found each other."""
    devices = fleet.joined(count)
    placed(net, devices)
    started(devices)
    fleet.wait("everybody is linked to everybody", lambda: all_linked(devices), RETURN_S_MAX)
    fleet.wait("all are of one mind", lambda: one_mind(devices), RETURN_S_MAX)
    return devices


def placed(net: Network, devices: Sequence[Device], *, delay_s: float = 0.0, loss: float = 0.0) -> None:
    """Give each a place on the switch."""
    for device in devices:
        device.within, device.host = net.place(delay_s=delay_s, loss=loss)
        device.interface = ANYWHERE


def started(devices: Sequence[Device]) -> None:
    """Start all agents at once, with their beacons on."""
    with ThreadPoolExecutor(len(devices)) as pool:
        list(pool.map(lambda device: device.start(MESH_BEACON="on").served(), devices))


def all_linked(devices: Sequence[Device]) -> bool:
    """Whether every two of them are linked."""
    return all(len(device.linked()) >= len(devices) - 1 for device in devices)


def links(*devices: Device) -> set[int]:
    """How many links these have."""
    return {len(device.linked()) for device in devices}


def one_mind(devices: Sequence[Device]) -> bool:
    """Whether all hold and show the same, and know that of each other."""
    views = set()
    for device in devices:
        told = device.status()
        views.add((str(told["frontier"]), str(told["state_digest"])))
        if not told["in_sync"] or len(views) > 1:
            return False
    return True


def until(fleet: Fleet, what: str, condition: Callable[[], bool], limit_s: float = RETURN_S_MAX) -> float:
    """How long it takes until a condition holds."""
    began = time.monotonic()
    fleet.wait(what, condition, limit_s)
    return time.monotonic() - began


def sound(fleet: Fleet, devices: Sequence[Device], kept: set[str]) -> None:
    """All are of one mind; what was acknowledged is on each, once; no event is in a log twice, no chain forked."""
    fleet.wait("all are of one mind", lambda: one_mind(devices), RETURN_S_MAX)
    for device in devices:
        counts = Counter(device.all_titles())
        assert not kept - counts.keys(), f"{device.name} lost {len(kept - counts.keys())}"
        assert max(counts.values(), default=0) <= 1, f"twice on {device.name}: {counts.most_common(3)}"
        told = device.call("verify", deep=True)
        assert told["ok"], told
        frontier = device.status()["frontier"]
        assert isinstance(frontier, dict)
        assert all(len(tips) == 1 for tips in frontier.values()), f"a fork on {device.name}: {frontier}"
        with closing(sqlite3.connect(f"file:{database_path(device.home)}?mode=ro", uri=True)) as db:
            twice = db.execute("SELECT count(*) - count(DISTINCT digest) FROM event").fetchone()[0]
        assert twice == 0, f"{twice} events are twice in the log of {device.name}"


# ---------------------------------------------------------------- trials


def finding(net: Network, fleet: Fleet, count: int) -> Figures:
    """From the start of all agents at once until every two are linked."""
    devices = fleet.joined(count)
    placed(net, devices)
    began = time.monotonic()
    started(devices)
    up = time.monotonic()
    fleet.wait("everybody is linked to everybody", lambda: all_linked(devices), RETURN_S_MAX)
    now = time.monotonic()
    sound(fleet, devices, set())
    return {f"{count} devices, from their start until linked": now - began, f"{count} devices, all up": now - up}


def cut_and_asleep(net: Network, fleet: Fleet, for_s: float) -> Figures:
    """One of three is cut off without a word and one stands still, for as long; two write all the time."""
    stays, cut, sleeper = devices = seated(net, fleet, 3)
    asleep = [sleeper.server_pid, sleeper.pid]
    net.silence(cut.host)
    for pid in asleep:
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    writing = scribes([stays, cut])
    try:
        noticed_s = until(fleet, "both notice", lambda: not stays.linked() and not cut.linked(), NOTICED_S_MAX)
        time.sleep(max(0.0, began + for_s - time.monotonic()))  # so long is the cut
        kept = stopped(writing)
        net.unsilence(cut.host)
        healed_s = until(fleet, "the two agree", lambda: one_mind([stays, cut]))
    finally:
        for pid in asleep:
            assert pid is not None
            os.kill(pid, signal.SIGCONT)
    woke_s = until(fleet, "all three agree", lambda: one_mind(devices) and all_linked(devices))
    sound(fleet, devices, kept)
    return {
        "a silent cut, until noticed on both sides": noticed_s,
        f"heal of a cut of {for_s:g} s, until converged": healed_s,
        f"wake after {for_s:g} s asleep, until converged and linked to all": woke_s,
    }


def unplugged(net: Network, fleet: Fleet) -> Figures:
    """The cable of one of two is pulled, which it sees; both write, and it is put in again."""
    one, other = devices = seated(net, fleet, 2)
    net.unplug(other.host)
    writing = scribes(devices)
    noticed_s = until(fleet, "both notice", lambda: not one.linked() and not other.linked(), NOTICED_S_MAX)
    kept = stopped(writing)
    net.plug(other.host)
    healed_s = until(fleet, "they agree", lambda: one_mind(devices))
    sound(fleet, devices, kept)
    return {"cable out, until noticed on both sides": noticed_s, "cable in, until converged": healed_s}


def slow_line(net: Network, fleet: Fleet, notes: int, delay_s: float, loss: float) -> Figures:
    """One of two sits behind a slow line that loses frames, and catches up notes; then both write."""
    near, far = devices = fleet.joined(2)
    placed(net, [near])
    placed(net, [far], delay_s=delay_s, loss=loss)
    titles = [f"note {number}" for number in range(notes)]
    asyncio.run(_filled(near, titles))
    started(devices)
    linked_s = until(fleet, "they are linked", lambda: all_linked(devices))
    caught_s = until(fleet, "the far one caught up", lambda: one_mind(devices))
    writing = scribes(devices)
    fleet.wait("both wrote", lambda: all(len(scribe.acknowledged) > 20 for scribe in writing))
    kept = stopped(writing)
    followed_s = until(fleet, "both have what both wrote", lambda: one_mind(devices))
    sound(fleet, devices, kept | set(titles))
    line = f"over {delay_s * 1000:g} ms and {loss:.0%} loss"
    return {
        f"{line}, until linked": linked_s,
        f"{line}, then until {notes} notes are caught up": caught_s,
        f"{line}, after the last of some live notes": followed_s,
    }


async def _filled(device: Device, titles: Sequence[str]) -> None:
    async with agents.opened(device.home) as agent:
        await asyncio.gather(*(agent.call("note.add", {"title": title, "body": BODY}) for title in titles))


def isolated(net: Network, fleet: Fleet) -> Figures:
    """Two hear nothing of each other any more, and a third hears both: what they write gets through."""
    one, other, between = devices = seated(net, fleet, 3)
    net.isolate([one.host, other.host])
    one.note("from one")
    through_s = until(fleet, "it came through the third", lambda: "from one" in other.titles())
    writing = scribes(devices)
    fleet.wait("the two miss each other", lambda: links(one, other) == {1}, NOTICED_S_MAX)
    kept = stopped(writing)
    agreed_s = until(fleet, "all agree", lambda: one_mind(devices))
    assert links(one, other) == {1}, "they cannot be linked"
    assert links(between) == {2}
    sound(fleet, devices, kept | {"from one"})
    return {"a note through a third device": through_s, "isolated, after the last write": agreed_s}


def kills(net: Network, fleet: Fleet, count: int) -> Figures:
    """Every process of every device is killed in turn while all write; how long until it is back with all."""
    devices = seated(net, fleet, count)
    writing = scribes(devices)
    figures: Figures = {"kill -9 of a nats-server, until back": 0.0, "kill -9 of an agent, until back": 0.0}
    for device in devices:
        server = device.server_pid
        os.kill(server, signal.SIGKILL)
        back_s = until(fleet, f"{device.name} is back", lambda d=device, s=server: _back(d, s, devices))  # type: ignore[misc]
        name = "kill -9 of a nats-server, until back"
        figures[name] = max(figures[name], back_s)
    for device in devices:
        server = device.server_pid
        began = time.monotonic()
        device.kill()
        started([device])
        until(fleet, f"{device.name} is back", lambda d=device, s=server: _back(d, s, devices))  # type: ignore[misc]
        name = "kill -9 of an agent, until back"
        figures[name] = max(figures[name], time.monotonic() - began)
    kept = stopped(writing)
    figures["after the last write, until converged"] = until(fleet, "all agree", lambda: one_mind(devices))
    sound(fleet, devices, kept)
    return figures


def _back(device: Device, server: int, devices: Sequence[Device]) -> bool:
    """Whether a device has another server than before, every two are linked, and all hear it."""
    if device.server_pid == server or not all_linked(devices):
        return False
    title = f"from {device.name} with server {device.server_pid}"
    if title not in device.all_titles():
        device.note(title)
    return all(title in other.titles() for other in devices)


def many(net: Network, fleet: Fleet, count: int, *, star_s: float) -> Figures:
    """Ten in a full mesh whose servers are all killed at once, then in a star whose leaves cannot hear each other."""
    devices = fleet.joined(count)
    placed(net, devices)
    mesh = Dials(devices)
    mesh.start()
    began = time.monotonic()
    started(devices)
    until(fleet, "all are linked", lambda: all_linked(devices))
    linked_s = time.monotonic() - began
    kept = {f"{device.name} in the mesh" for device in devices}
    for device in devices:
        device.note(f"{device.name} in the mesh")
    agreed_s = until(fleet, "all agree", lambda: one_mind(devices))
    mesh.stop()
    storm = Dials(devices)
    storm.start()
    servers = {device: device.server_pid for device in devices}
    killed = time.monotonic()
    for server in servers.values():
        os.kill(server, signal.SIGKILL)
    fleet.wait("all servers are new", lambda: all(one.server_pid != server for one, server in servers.items()))
    until(fleet, "all are linked again", lambda: all_linked(devices))
    back_s = time.monotonic() - killed
    storm.stop()
    sound(fleet, devices, kept)
    star = _star(net, fleet, devices, kept, star_s)
    return {
        f"{count} devices, full mesh, from their start until linked": linked_s,
        f"{count} devices, full mesh, a note of each until converged": agreed_s,
        f"{count} devices, full mesh, dials": mesh.total,
        f"{count} devices, full mesh, dials in the worst second": mesh.worst,
        f"{count} devices, all servers killed, until linked": back_s,
        f"{count} devices, all servers killed, dials": storm.total,
        f"{count} devices, all servers killed, dials in the worst second": storm.worst,
        **star,
    }


def _star(net: Network, fleet: Fleet, devices: Sequence[Device], kept: set[str], for_s: float) -> Figures:
    hub, *leaves = devices
    net.isolate([leaf.host for leaf in leaves])
    star = Dials(devices)
    star.start()
    fleet.wait("the leaves miss each other", lambda: links(*leaves) == {1}, NOTICED_S_MAX)
    apart = star.total
    assert links(hub) == {len(leaves)}
    for device in devices:
        device.note(f"{device.name} in the star")
        kept.add(f"{device.name} in the star")
    agreed_s = until(fleet, "all agree", lambda: one_mind(devices))
    time.sleep(for_s / 2)  # so long dials are counted
    half = star.total
    time.sleep(for_s / 2)
    star.stop()
    sound(fleet, devices, kept)
    count = len(devices)
    return {
        f"{count} devices, star, a note of each until converged": agreed_s,
        f"{count} devices, star, dials until all leaves miss each other": apart,
        f"{count} devices, star, dials in the next {for_s / 2:g} s": half - apart,
        f"{count} devices, star, dials in the {for_s / 2:g} s after those": star.total - half,
        f"{count} devices, star, dials in the worst second": star.worst,
    }
