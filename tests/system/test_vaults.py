"""Linked folders with real agents: real documentation byte for byte on two devices, edits both ways, kills."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh.node.vaults import paths
from tests.conftest import Spawn
from tests.system import markdown_trees
from tests.system.harness import DEADLINE_S, Device, Fleet, fleet
from tests.system.round_trips import RoundTrip, as_they_lie
from tests.system.sizes import LONG, sized

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
NOTES_MIN = 200
SAVED_EACH = sized(3, 40)  # files that each way of saving is tried on
ROUND_S = sized(4, 20) * DEADLINE_S


@pytest.fixture
def devices(tmp_path: Path, spawn: Spawn) -> Iterator[Fleet]:
    """Devices that end with the test."""
    with fleet(tmp_path, spawn) as made:
        yield made


def files_in(folder: Path) -> dict[str, bytes]:
    """All visible Markdown files below, by path."""
    places = (place for place in folder.rglob("*") if place.is_file() and paths.is_markdown(place.name))
    return {str(place.relative_to(folder)): place.read_bytes() for place in places}


def link(device: Device, folder: Path) -> None:
    """Link a folder there."""
    folder.mkdir(exist_ok=True)
    told = device.done("vault", "link", folder)
    assert told["problem"] == "", told


def shows(devices: Fleet, folder: Path, wanted: dict[str, bytes], deadline_s: float = DEADLINE_S) -> None:
    """Wait until a folder has exactly these files."""

    def same() -> bool:
        found = files_in(folder)
        return found == wanted

    devices.wait(f"{folder.name} shows what it should", same, deadline_s)


def test_real_markdown_makes_the_round_trip(devices: Fleet, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Goal: imported, mirrored, exported by both, saved anew on the other side: everywhere the same bytes.

    What is not carried was refused by name. In `scripts/long vaults` it goes over thousands of files.
    """
    trees, lacks = markdown_trees.fetched(tmp_path) if LONG else (markdown_trees.installed(), "")
    assert len(trees.notes) >= NOTES_MIN, f"only {len(trees.notes)} files in {markdown_trees.INSTALLED}"
    trip = RoundTrip(devices, trees, ROUND_S)
    trip.one.start()
    trip.two.start()
    before = as_they_lie(trip.here)
    trip.take_in()
    trip.mirror()
    compared = trip.compare("first")
    assert before.items() <= as_they_lie(trip.here).items(), "nothing was written where it came from"
    shown = dict(trip.files)
    saved = trip.save(SAVED_EACH)
    trip.settle(shown)
    trip.rest()
    compared += trip.compare("second")
    told = f"{len(trees.notes):,} files of packages, {trees.distinct:,} distinct, {len(trees.beside)} images; "
    told += f"{len(trip.left)} left alone, {saved} saved anew, {compared:,} comparisons, no difference"
    with capsys.disabled():
        print(f"\n{lacks}\n{told}" if lacks else f"\n{told}")  # noqa: T201 - a campaign says how large it was


def test_edits_go_both_ways_and_nothing_is_written_over(devices: Fleet, tmp_path: Path) -> None:
    """Saved here, it is there; renamed and deleted too; two edits of one file at once are both in it."""
    one, two = devices.linked(2)
    here, there = tmp_path / "here", tmp_path / "there"
    link(one, here)
    link(two, there)
    (here / "a.md").write_text("one\ntwo\nthree\n")
    shows(devices, there, {"a.md": b"one\ntwo\nthree\n"})
    (there / "a.md").write_text("one\ntwo\nTHREE\n")
    shows(devices, here, {"a.md": b"one\ntwo\nTHREE\n"})
    two.stop()
    (here / "a.md").write_text("ONE\ntwo\nTHREE\n")
    (there / "a.md").write_text("one\ntwo\nTHREE\nfour\n")
    devices.wait("the edit is said", lambda: "ONE" in str(one.call("note.show", document="a")["body"]))
    two.start()
    devices.link(two, one)
    both = {"a.md": b"ONE\ntwo\nTHREE\nfour\n"}
    shows(devices, here, both)
    shows(devices, there, both)
    (there / "d").mkdir()
    (there / "a.md").rename(there / "d" / "b.md")
    shows(devices, here, {"d/b.md": both["a.md"]})
    (here / "d" / "b.md").unlink()
    shows(devices, there, {})
    assert one.titles() == set()


def test_the_same_folder_on_two_devices_does_not_double(devices: Fleet, tmp_path: Path) -> None:
    """Linked before they met, with an older copy of one file on the second: one note each, the newer text."""
    one, two = devices.joined(2)
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        for number in range(20):
            (folder / f"{number}.md").write_text(f"---\ntags: [x]\n---\nnote {number}\n")
    one.start()
    two.start()
    link(one, here)
    (here / "7.md").write_text("---\ntags: [x]\n---\nnote 7, edited\n")
    link(one, here)
    link(two, there)
    devices.link(two, one)
    devices.converged(one, two)
    shows(devices, there, files_in(here))
    assert sorted(one.all_titles()) == sorted(str(number) for number in range(20))
    assert b"edited" in files_in(there)["7.md"]
    assert one.call("conflicts")["conflicts"] == []


def test_two_versions_of_one_path_stay_apart(devices: Fleet, tmp_path: Path) -> None:
    """Each device keeps its own file, and the person sees a conflict of the path."""
    one, two = devices.joined(2)
    here, there = tmp_path / "here", tmp_path / "there"
    for device, folder, text in ((one, here, "mine"), (two, there, "theirs")):
        folder.mkdir()
        (folder / "a.md").write_text(text)
        device.start()
        link(device, folder)
    devices.link(two, one)
    devices.converged(one, two)
    devices.wait("it is a conflict", lambda: [c["kind"] for c in one.call("conflicts")["conflicts"]] == ["path"])  # type: ignore[attr-defined]
    assert files_in(here) == {"a.md": b"mine"}
    assert files_in(there) == {"a.md": b"theirs"}
    assert two.call("vault.status")["behind"] == 1


def test_kills_while_both_sides_are_written(devices: Fleet, tmp_path: Path) -> None:
    """Kill -9 of either agent again and again; in the end every line is in both folders, and once."""
    one, two = devices.linked(2)
    folders = {one: tmp_path / "here", two: tmp_path / "there"}
    for device, folder in folders.items():
        link(device, folder)
    (folders[one] / "a.md").write_text("top\nmiddle\nbottom\n")
    shows(devices, folders[two], {"a.md": b"top\nmiddle\nbottom\n"})
    for number in range(6):
        for device, folder in folders.items():
            place = folder / "a.md"
            text = place.read_text()
            mark = "middle\n"
            line = f"{device.name} {number}\n"
            place.write_text(line + text if device is one else text.replace(mark, mark + line))
            (folder / f"{device.name}-{number}.md").write_text(line)
        victim = (one, two)[number % 2]
        time.sleep(0.25 * number)  # each time at another moment of what the mirror does
        victim.kill()
        victim.start()
        devices.link(two, one)
    lines = [f"{device.name} {number}" for device in folders for number in range(6)]

    def complete() -> bool:
        texts = [(folder / "a.md").read_text() for folder in folders.values()]
        alike = files_in(folders[one]) == files_in(folders[two])
        return alike and all(text.splitlines().count(line) >= 1 for text in texts for line in lines)

    devices.wait("every line is everywhere", complete, 2 * DEADLINE_S)
    assert sorted((folders[one] / "a.md").read_text().splitlines()) == sorted([*lines, "top", "middle", "bottom"])
    assert len(files_in(folders[one])) == 13
    assert [place.name for place in folders[one].iterdir() if place.name.startswith(".mesh-new-")] == []


def test_an_agent_has_no_say_in_it(devices: Fleet, tmp_path: Path) -> None:
    """Which folder is linked is for a person."""
    (one,) = devices.joined(1)
    answer = one.mesh("--json", "--as", "claude", "vault", "link", tmp_path)
    assert answer.error["class"] == "NotGranted"
    assert one.done("vault", "import", str(ROOT / "docs"))["notes"] > 0  # type: ignore[operator]
    assert one.mesh("vault", "status").out.startswith("no folder is linked")
