"""A round trip of Markdown with two real agents: taken in, mirrored, exported, saved anew on the other side, compared.

Every comparison is of all bytes of all files. It knows no mesh but by its commands, and believes none of its counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from mesh.node.vaults import paths
from mesh.node.vaults.links import MARK
from tests.system import odd_files, saved_files
from tests.system.harness import Device, Fleet
from tests.system.markdown_trees import Trees

SAVED_BYTES_MAX = 40_000  # of a file that is saved anew: it is still a note in another encoding
LOOKS = 3
OWN = "own image.png"
"""What lies in the second folder before it is linked."""

Files = dict[str, bytes]


class RoundTrip:
    """Two devices, a folder of each, and what has to be in both."""

    def __init__(self, devices: Fleet, trees: Trees, deadline_s: float) -> None:
        """Two homes of one mesh, the folder of the first full of Markdown; nothing runs yet."""
        self.devices, self.trees, self.deadline_s = devices, trees, deadline_s
        self.one, self.two = devices.joined(2)
        self.here, self.there = (devices.folder / name for name in ("here", "there"))
        for folder in (self.here, self.there):
            folder.mkdir()
        trees.laid(self.here)
        odd_files.laid(self.here)
        (self.there / OWN).write_bytes(b"an image")
        self.raw = trees.notes | odd_files.CARRIED | {path: raw for path, (raw, _) in odd_files.LEFT.items()}
        self.files: Files = {}
        self.left: dict[str, str] = {}
        self.lacking = ""  # the one of the twins that the second folder cannot have

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def take_in(self) -> None:
        """Import on the first device; what is left alone is named, with a reason that is so, and is not expected."""
        told = self.one.done("vault", "import", self.here)
        self.left = {str(row["path"]): str(row["reason"]) for row in told["files"]}  # type: ignore[attr-defined]
        assert len(self.left) == told["left"], "all that is left alone is named"
        assert set(odd_files.LINKS) <= set(self.left)
        for path, raw in self.raw.items():
            reason = next((self.left[str(at)] for at in (Path(path), *Path(path).parents) if str(at) in self.left), "")
            if not reason:
                self.files[paths.spelled(path)] = raw
            elif path in odd_files.LEFT:
                assert odd_files.LEFT[path][1] in reason, (path, reason)
            else:
                assert "hidden" in reason or len(raw) > odd_files.NOTE_BYTES, (path, reason)
        assert {paths.spelled(path) for path in odd_files.CARRIED} <= set(self.files)
        assert not set(odd_files.LEFT) & set(self.files)
        assert (told["notes"], told["known"]) == (len(self.files), 0)

    def mirror(self) -> None:
        """Link both folders; what was imported is known already, and the second device names what it cannot show."""
        events = self.one.events
        self.one.done("vault", "link", self.here)
        assert self.one.events == events
        self.two.done("vault", "link", self.there)
        self.devices.link(self.two, self.one)
        count = len(self.files) - 1
        self.wait("the mirror is whole", lambda: self.two.call("vault.status")["files"] == count)
        rows = self.two.done("vault", "status")["behind_notes"]
        assert isinstance(rows, list), rows
        assert [all(twin in row["reason"] for twin in odd_files.TWINS) for row in rows] == [True], rows
        (self.lacking,) = set(self.files) - set(markdown_in(self.there))
        assert self.lacking in odd_files.TWINS

    def save(self, each: int) -> int:
        """Save files on the second device, so many in each way; how many were saved."""
        fit = {path: raw for path, raw in self.files.items() if len(raw) <= SAVED_BYTES_MAX and path[:4] != "odd/"}
        chosen = saved_files.spread(fit, each * len(saved_files.SAVES))
        for number, path in enumerate(chosen):
            after = saved_files.SAVES[number % len(saved_files.SAVES)](path, self.files.pop(path))
            place = self.there / path
            for new, raw in after.items():
                (self.there / new).parent.mkdir(parents=True, exist_ok=True)
                if path not in after:
                    place.rename(self.there / new)
                (self.there / new).write_bytes(raw)
            if not after:
                place.unlink()
            self.files |= after
        return len(chosen)

    def settle(self, before: Mapping[str, bytes]) -> None:
        """Wait until the first folder has what was saved."""
        new = {path: raw for path, raw in self.files.items() if before.get(path) != raw}
        gone = set(before) - set(self.files)

        def there() -> bool:
            places = {path: self.here / path for path in new}
            return not any((self.here / path).exists() for path in gone) and all(
                place.is_file() and place.read_bytes() == new[path] for path, place in places.items()
            )

        self.wait("the first folder has what was saved", there)

    def rest(self) -> None:
        """Nothing is written any more, in no folder and no log, however often everything is looked at."""
        linked = {self.one: self.here, self.two: self.there}
        self.wait("no draft is left", lambda: not any(map(drafts, linked.values())))
        self.devices.converged(*linked)
        before = {device.name: {"events": device.events, **as_they_lie(folder)} for device, folder in linked.items()}
        for _ in range(LOOKS):
            for device, folder in linked.items():
                told = device.done("vault", "link", folder)
                assert (told["problem"], told["missing"]) == ("", 0)
            for device, folder in linked.items():
                now, was = {"events": device.events, **as_they_lie(folder)}, before[device.name]
                other = {
                    path: (was.get(path), now.get(path)) for path in {*was, *now} if was.get(path) != now.get(path)
                }
                assert not other, f"{device.name} wrote: {other}"

    # ── comparing ────────────────────────────────────────────────────────────────────────────────

    def compare(self, name: str) -> int:
        """Both folders and both exports hold what they should, byte for byte; how many files were compared."""
        here = {path: raw for path, raw in markdown_in(self.here).items() if not (self.here / path).is_symlink()}
        spelled = {paths.spelled(path): raw for path, raw in here.items()}
        kept = {path: raw for path, raw in self.raw.items() if path in here and paths.spelled(path) not in self.files}
        shown = {path: raw for path, raw in self.files.items() if path != self.lacking}
        out = [exported(device, device.home.with_name(f"{name} {device.name}")) for device in (self.one, self.two)]
        pairs = (
            ({**self.files, **kept}, spelled),
            (shown, markdown_in(self.there)),
            *((self.files, files) for files in out),
        )
        for wanted, found in pairs:
            differ = sorted(path for path in {*wanted, *found} if wanted.get(path) != found.get(path))
            assert not differ, f"{len(differ)} files differ, first {differ[:9]}"
        beside = {path: (self.here / path).read_bytes() for path in self.trees.beside}
        assert beside == self.trees.beside, "attachments stay as they are"
        assert set(as_they_lie(self.there)) == {*shown, MARK, OWN}, "nothing else is there, hidden or not"
        return len(beside) + sum(len(wanted) for wanted, _ in pairs)

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait as long as so many files take."""
        self.devices.wait(what, condition, self.deadline_s)


def places_in(folder: Path) -> list[Path]:
    """All files and links below, hidden or not; a folder may go meanwhile."""
    return [Path(at) / name for at, _, names in os.walk(folder) for name in names]


def markdown_in(folder: Path) -> Files:
    """All Markdown files below, hidden ones too, by path."""
    places = (place for place in places_in(folder) if paths.is_markdown(place.name) and place.is_file())
    return {str(place.relative_to(folder)): place.read_bytes() for place in places}


def exported(device: Device, folder: Path) -> Files:
    """What `mesh export` writes of all notes, by the path that each has."""
    told = device.done("export", folder)
    lines = [json.loads(line) for line in (folder / "notes.jsonl").read_text("utf-8").split("\n")[:-1]]
    out = {line["path"]: (folder / line["file"]).read_bytes() for line in lines}
    assert len(out) == len(lines) == told["notes"]
    assert {f"notes/{path}" for path in markdown_in(folder / "notes")} == {line["file"] for line in lines}
    assert {line["path"] for line in lines if line["file"] != f"notes/{line['path']}"} <= set(odd_files.TWINS)
    return out


def as_they_lie(folder: Path) -> dict[str, tuple[int, int, int]]:
    """All that is in a folder, hidden or not, and what tells a file that was written anew."""
    found = {str(place.relative_to(folder)): place.lstat() for place in places_in(folder)}
    return {path: (stat.st_ino, stat.st_mtime_ns, stat.st_size) for path, stat in found.items()}


def drafts(folder: Path) -> list[Path]:
    """What the mirror keeps for a moment of what it replaced."""
    return [place for place in places_in(folder) if place.name.startswith(".mesh-") and place.name != MARK]
