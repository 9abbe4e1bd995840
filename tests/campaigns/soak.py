"""A long day of real devices: agents as processes that write, edit, fall over and come back, drawn from a seed.

Now and then a device is put back to a copy of its home from the hour before, without noticing, and writes: its chain
forks. After each hour of the day all devices must agree, hold every acknowledged note, verify, and rebuild to the
same. The seed draws the acts, not the machine's timing, so a failure names the seed and shows what the devices said
last.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mesh.errors import MeshError
from mesh.node import agent as agents
from tests.system import harness
from tests.system.harness import Device, Fleet

ACTS_AN_HOUR = 60
COPIED_AN_HOUR = 0.5  # how often a home is copied
DEVICES = 3
MINUTES = 5.0


@dataclass
class Day:
    """The devices, what they acknowledged, and what was done."""

    lots: random.Random
    fleet: Fleet
    devices: list[Device]
    notes: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    copied: tuple[Device, Path] | None = None

    def act(self) -> None:
        """One thing happens to one device."""
        device = self.lots.choice(self.devices)
        acts: dict[Callable[[Device], None], float] = {
            self.add: 8, self.retitle: 8, self.reword: 6, self.retag: 3, self.remove: 1,
            self.burst: 1, self.kill: 1, self.kill_server: 1, self.stop: 1, self.start: 3,
        }  # fmt: skip
        act = self.lots.choices(list(acts), list(acts.values()))[0]
        self.counts[act.__name__] = self.counts.get(act.__name__, 0) + 1
        act(device)

    def add(self, device: Device) -> None:
        """A new note."""
        body = "\n".join(f"line {self.lots.random()} 🌱" for _ in range(self.lots.choice((0, 1, 5, 50))))
        made = self._said(device, "note.add", title=f"note {self.lots.random()}", body=body)
        if made:
            self.notes.append(str(made["document"]))

    def retitle(self, device: Device) -> None:
        """Another title."""
        self._edit(device, title=f"title {self.lots.random()}")

    def reword(self, device: Device) -> None:
        """Other lines in the text."""
        self._edit(device, body="\n".join(f"word {self.lots.randrange(5)}" for _ in range(self.lots.randrange(8))))

    def retag(self, device: Device) -> None:
        """A tag more, one less."""
        self._edit(device, add_tags=[f"t{self.lots.randrange(4)}"], remove_tags=[f"t{self.lots.randrange(4)}"])

    def remove(self, device: Device) -> None:
        """A note is removed."""
        if self.notes:
            self._said(device, "note.rm", document=self.lots.choice(self.notes))

    def burst(self, device: Device) -> None:
        """Many at once."""
        for _ in range(40):
            self.lots.choice((self.add, self.retitle, self.reword))(device)

    def kill(self, device: Device) -> None:
        """The agent dies."""
        if device.pid:
            device.kill()

    def kill_server(self, device: Device) -> None:
        """Its nats-server dies."""
        if device.pid:
            with suppress(MeshError):
                subprocess.run(["kill", "-9", str(device.server_pid)], check=False)

    def stop(self, device: Device) -> None:
        """The agent ends in order."""
        if device.pid:
            device.stop()

    def start(self, device: Device) -> None:
        """The agent comes back."""
        if not device.pid:
            device.start()

    def copy(self) -> None:
        """Somebody copies the home of a device, as a backup program does."""
        device = self.lots.choice(self.devices)
        self.stop(device)
        place = device.home.with_name(f"{device.name}-copy")
        shutil.copytree(device.home, place)
        self.copied = (device, place)

    def put_back(self) -> None:
        """The home of the hour before takes the place of today's, and writes before it hears from anybody."""
        if self.copied is None:
            return
        (device, place), self.copied = self.copied, None
        self.stop(device)
        shutil.rmtree(device.home)
        place.rename(device.home)
        for _ in range(5):
            self.lots.choice((self.add, self.retitle, self.reword))(device)
        self.counts["put_back"] = self.counts.get("put_back", 0) + 1

    def _edit(self, device: Device, **values: object) -> None:
        if self.notes:
            self._said(device, "note.edit", document=self.lots.choice(self.notes), **values)

    def _said(self, device: Device, name: str, **values: object) -> dict[str, object]:
        """Ask the agent, or one in this process where none runs. What it does not know yet is no fault."""
        try:
            return device.call(name, **values) if device.pid else asyncio.run(_here(device.home, name, values))
        except MeshError as error:
            if error.exit_code not in {2, 3}:
                raise
            return {}

    def ends(self) -> None:
        """Everybody is up again: all agree, nothing is lost, every log is whole and gives the same state anew."""
        for device in self.devices:
            self.start(device)
        for device in self.devices[1:]:
            self.fleet.link(device, self.devices[0])
        digest = self.fleet.converged(*self.devices)
        for device in self.devices:
            status = device.status()
            assert not status["waiting"], (device.name, status["problems"])
            assert not status["void"], (device.name, status["problems"])
            shown = {d for d in self.notes if device.call("note.show", document=d)}
            assert shown == set(self.notes), (device.name, set(self.notes) - shown)
            checked = device.call("verify", deep=True)
            assert checked["ok"], (device.name, checked)
            rebuilt = device.call("rebuild")
            assert rebuilt["same"], (device.name, rebuilt)
            assert rebuilt["state_digest"] == digest, (device.name, rebuilt, digest)
        self.same_views()

    def same_views(self) -> None:
        """What people see is the same everywhere, conflicts included."""
        for document in self.notes:
            views = [_view(device.call("note.show", document=document)) for device in self.devices]
            assert all(view == views[0] for view in views), views


def _view(told: dict[str, object]) -> str:
    return json.dumps(told, sort_keys=True)


async def _here(home: Path, name: str, values: dict[str, object]) -> dict[str, object]:
    async with agents.opened(home) as agent:
        result = await agent.call(name, values)
        assert isinstance(result, dict), result
        return result


def played(seed: int, minutes: float, devices: int) -> dict[str, object]:
    """Hours of acts until the time is over; the figures. Raises AssertionError with what went wrong."""
    until = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory(prefix="s-") as place:
        harness.TEMPLATES.append(Path(place) / "templates")
        with harness.fleet(Path(place), _spawned) as fleet:
            day = Day(random.Random(seed), fleet, fleet.joined(devices))
            hours = 0
            while not hours or time.monotonic() < until:
                day.put_back()
                if day.lots.random() < COPIED_AN_HOUR:
                    day.copy()
                for _ in range(ACTS_AN_HOUR):
                    day.act()
                day.ends()
                hours += 1
                _say(f"seed {seed}: hour {hours}, {len(day.notes)} notes, all agree")
            events = day.devices[0].events
    return {"seed": seed, "hours": hours, "notes": len(day.notes), "events": events, "acts": day.counts}


def _spawned(argv: list[str], **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([str(part) for part in argv], start_new_session=True, **options)  # type: ignore[call-overload,no-any-return]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> int:
    """Play one seed; 1 when it failed, with the seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"how long ({MINUTES:g})")
    parser.add_argument("--seed", type=int, default=None, help="what is drawn; a new one unless given")
    parser.add_argument("--devices", type=int, default=DEVICES, choices=range(2, len(harness.NAMES) + 1))
    parser.add_argument("--json", action="store_true", help="one object on standard output")
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    _say(f"seed {seed}")
    try:
        figures = played(seed, given.minutes, given.devices)
    except BaseException:
        _say(f"FAILED: scripts/soak --seed {seed} --devices {given.devices}")
        raise
    lines = [json.dumps(figures)] if given.json else [f"{key}: {value}" for key, value in figures.items()]
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
