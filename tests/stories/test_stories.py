"""Stories: small worlds in which something happens, as transcripts that people review.

MESH_REWRITE_STORIES=1 writes them anew; then read the difference. The devices are the true replicas of `tests/world`.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.clocks.chain import Head
from mesh.events.event import Lane
from mesh.limits import RANK_MEMBER
from mesh.names import Digest
from tests.world import acts, checks
from tests.world.devices import Device
from tests.world.wire import Temper
from tests.world.world import World

FOLDER = Path(__file__).parent
REWRITE = os.environ.get("MESH_REWRITE_STORIES") == "1"
TALK = re.compile(r"(\w+) hears (?:Have|Want|Push).* from (.*)")
KEEPS = re.compile(r"(\w+) (says|keeps) (\w+/\w+)/(\d+) [0-9a-f]{8}")
CHAIN = re.compile(r"[0-9a-f]{64}")


def readable(lines: list[str]) -> list[str]:
    """What happened, without times and hashes, and without the talk that brought nothing."""
    told: list[tuple[str, list[str]]] = []
    source: dict[str, str] = {}
    for line in (line.split(maxsplit=1)[1] for line in lines):
        if talk := TALK.fullmatch(line):
            source[talk[1]] = f" from {talk[2]}"
        elif keeps := KEEPS.fullmatch(line):
            what = f"{keeps[1]} {keeps[2]} {keeps[3]}/{{}}{source.get(keeps[1], '') if keeps[2] == 'keeps' else ''}"
            if told and told[-1][0] == what:
                told[-1][1].append(keeps[4])
            else:
                told.append((what, [keeps[4]]))
        else:
            told.append((CHAIN.sub("a chain", line).replace("{", "("), []))
    return ["  " + what.format("-".join(dict.fromkeys((seqs[0], seqs[-1]))) if seqs else "") for what, seqs in told]


class Story:
    """A small calm world, and what the teller says between."""

    def __init__(self, *names: str) -> None:
        """Begin with one device, the first of these."""
        self.world = World(1, real=True, transcript=True, temper=Temper(), names=names)
        self.lines: list[str] = []
        self._told = len(self.world.lines or [])

    def __getitem__(self, name: str) -> Device:
        """A device by its name."""
        return self.world.devices[name]

    def tell(self, line: str) -> None:
        """Say what comes now."""
        self.happened()
        self.lines += ["", f"# {line}"]

    def happened(self) -> None:
        """Write down what happened since, without the talk that leads to it."""
        new = (self.world.lines or [])[self._told :]
        self._told += len(new)
        self.lines += readable(new)

    def wait(self, seconds: int = 15) -> None:
        """Let time pass."""
        self.world.wire.run_until(self.world.wire.now_ms + seconds * 1000)

    def admit(self, by: str, rank: int = RANK_MEMBER) -> Device:
        """Let the next device in."""
        device = self.world.admit(self[by], rank)
        assert device, by
        return device

    def note(self, name: str) -> None:
        """Somebody writes a note."""
        said = self.world.write(self[name], (self.world.birth(self[name]),))
        assert said, name

    def part(self, name: str, *others: str) -> None:
        """Cut a device off from others, or from all."""
        for other in others or tuple(self.world.devices):
            self.world.wire.cut |= {(name, other), (other, name)}

    def join(self) -> None:
        """All ways are open again."""
        self.world.wire.cut.clear()

    def end(self) -> str:
        """Everybody comes to hold the same; the transcript."""
        self.tell("In the end all hold the same, and it counts the same everywhere.")
        acts.until_same(self.world)
        self.world.wire.run_until(self.world.wire.now_ms + 6000)
        self.happened()
        checks.everything(self.world)
        for device in self.world.devices.values():
            data = sum(placed.lane is Lane.DATA for placed in device.disk.log.values())
            counted = len(device.meaning.readings) - len(device.meaning.unsettled())
            self.lines.append(f"  {device.name} holds {data} data events, {counted} count")
        return "\n".join(self.lines).strip() + "\n"


def a_note_written_offline_arrives() -> str:
    """The phone writes in flight mode; a day later it is on the Mac."""
    story = Story("mac", "phone")
    story.tell("The Mac lets the phone in.")
    story.admit("mac")
    story.wait()
    story.tell("The phone is in flight mode, and somebody writes on it.")
    story.part("phone")
    story.note("phone")
    story.wait(60)
    story.tell("It lands.")
    story.join()
    story.wait()
    return story.end()


def a_restored_home_forks_and_blocks_nobody() -> str:
    """The laptop is restored from a backup and does not notice: two branches, both count, everybody goes on."""
    story = Story("mac", "laptop", "phone")
    story.tell("The Mac lets a laptop and a phone in.")
    story.admit("mac", 2)
    story.admit("mac")
    story.note("laptop")
    story.wait()
    story.tell("A backup of the laptop is made; then it writes once more, which the Mac hears.")
    acts.back_up(story.world, story["laptop"])
    story.note("laptop")
    story.wait()
    story.tell("The laptop is offline, its backup is put back, and it goes on writing where the backup ends.")
    story.part("laptop")
    story.world.restore(story["laptop"], noticed=False)
    story.note("laptop")
    story.tell("It comes online. Everybody sees the fork, and nobody waits because of it.")
    story.join()
    story.wait()
    story.note("phone")
    story.note("mac")
    story.wait()
    story.tell("The laptop goes on in a new chain.")
    story.note("laptop")
    story.wait()
    return story.end()


def a_guest_brings_its_own_admission() -> str:
    """The server does not know the phone; the phone itself brings the statement that lets it in."""
    story = Story("mac", "server", "phone")
    story.tell("The Mac lets a server in. They lose each other.")
    story.admit("mac")
    story.wait()
    story.part("mac", "server")
    story.tell("The Mac lets a phone in, and then is switched off.")
    story.admit("mac")
    story["mac"].crash(power=False)
    story.note("phone")
    story.tell("The phone calls the server, as a guest, for the server has never heard of it.")
    story.wait()
    story.tell("The Mac comes back.")
    story.join()
    story.world.back(story["mac"])
    story.wait()
    return story.end()


def two_who_never_meet_catch_up_through_a_third() -> str:
    """The laptop travels between home and office and carries what both write."""
    story = Story("mac", "laptop", "office")
    story.tell("The Mac lets a laptop and a computer at the office in. Home and office never see each other again.")
    story.admit("mac", 2)
    story.admit("mac")
    story.wait()
    story.part("mac", "office")
    story.tell("The laptop is at home; the office writes.")
    story.part("laptop", "office")
    story.note("office")
    story.note("mac")
    story.wait()
    story.tell("The laptop is at the office.")
    story.join()
    story.part("mac")
    story.wait()
    story.tell("The laptop is at home again.")
    story.join()
    story.part("office")
    story.wait()
    acts_end = story["mac"].disk.log.keys() == story["office"].disk.log.keys()
    assert acts_end, "home and office hold the same without having met"
    story.join()
    return story.end()


def a_stolen_key_stops_nobody() -> str:
    """Somebody copied the phone's key and writes in its name: an alarm, and everybody goes on."""
    story = Story("mac", "phone", "laptop")
    story.tell("The Mac lets a phone and a laptop in, and the phone writes.")
    story.admit("mac")
    story.admit("mac")
    story.note("phone")
    story.wait()
    story.tell("Somebody copies the phone's key and log; the phone goes on.")
    acts.steal(story.world, story["phone"])
    story.note("phone")
    story.wait()
    story.tell("The thief tells the laptop something in the phone's name, on another branch.")
    victim, pen = story.world.pens[0]
    pen.chain, pen.head, pen.lamport = _first(victim)
    story.world.hear_stray(story["laptop"], victim, pen.run(1))
    story.wait()
    story.tell("Everybody goes on, the phone in a new chain.")
    story.note("phone")
    story.note("laptop")
    story.wait()
    return story.end()


def _first(victim: Device) -> tuple[Digest, Head, int]:
    placed = next(p for p in victim.disk.log.values() if p.lane is Lane.DATA and p.seq == 1)
    return placed.chain, placed.head, placed.header.lamport


STORIES = (
    a_note_written_offline_arrives,
    a_restored_home_forks_and_blocks_nobody,
    a_guest_brings_its_own_admission,
    two_who_never_meet_catch_up_through_a_third,
    a_stolen_key_stops_nobody,
)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_story_is_as_it_was_told(story: Callable[[], str]) -> None:
    """What happens is exactly what the transcript tells."""
    path = FOLDER / f"{story.__name__}.txt"
    told = f"{(story.__doc__ or '').strip()}\n\n{story()}"
    if REWRITE:
        path.write_text(told, "utf-8")
    assert path.read_text("utf-8") == told
