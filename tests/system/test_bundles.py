"""Two devices that no network joins: a stick between them, and an export that needs no mesh."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.commands import command
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system

NOTES = 300
KILLS_S = (0.4, 0.6, 0.8, 1.0)  # after which a command that takes in is killed


def written(device: Device, count: int, words: str) -> None:
    """Some notes."""
    for number in range(count):
        device.note(f"{words} {number}", f"{words} " * 20)


def digest(device: Device) -> object:
    """What a device holds and shows, by a command."""
    return device.done("status")["state_digest"]


def test_a_stick_is_enough(fleet: Fleet) -> None:
    """Goal: both write with no network, each carries the other's bundle home, and both show the same."""
    one, other = fleet.joined(2)
    for device in (one, other):
        device.start(MESH_BEACON="off")
        written(device, 20, device.name)
    first, second = fleet.folder / "one.meshbundle", fleet.folder / "other.meshbundle"
    told = one.done("export", first)
    assert told["events"] == one.events
    other.done("import", first)
    other.done("export", second)
    assert one.done("import", second)["new"] == 20 + 1  # and the opening
    assert digest(one) == digest(other)
    assert len(one.titles()) == 40
    answer = one.mesh("export", first)
    assert answer.code == 2
    assert "--force" in answer.err


def test_an_import_that_is_killed_goes_on_where_it_was(fleet: Fleet) -> None:
    """Goal: kill -9 at any moment loses nothing; the next one brings the rest."""
    one, other = fleet.joined(2)
    one.start(MESH_BEACON="off")
    written(one, NOTES, "words")
    path = fleet.folder / "all.meshbundle"
    one.done("export", path)
    for seconds in KILLS_S:
        process = subprocess.Popen([*command(other.home), "import", str(path)], stderr=subprocess.DEVNULL)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    told = other.done("import", path)
    assert (told["refused"], told["gaps"]) == (0, 0)
    assert digest(one) == digest(other)
    assert other.done("verify", "--deep")["ok"] is True


def test_an_export_is_read_and_verified_without_a_mesh(fleet: Fleet, tmp_path: Path) -> None:
    """Goal: files that say what the notes say, and one script that finds a changed byte."""
    (one,) = fleet.joined(1)
    one.start(MESH_BEACON="off")
    one.done("note", "add", "Garden", "--body", "Buy seeds.\n", "--tag", "spring", "--path", "home/garden.md")
    gone = one.note("Old")
    one.done("note", "rm", gone)
    folder = tmp_path / "out"
    told = one.done("export", folder)
    assert (told["notes"], told["deleted"]) == (1, 1)
    text = (folder / "notes" / "home" / "garden.md").read_text()
    assert text.endswith("---\nBuy seeds.\n")
    assert "title: Garden\n" in text
    assert "spring" in text
    (line,) = map(json.loads, (folder / "notes.jsonl").read_text().splitlines())
    assert (line["title"], line["tags"], line["file"]) == ("Garden", ["spring"], "notes/home/garden.md")
    assert json.loads((folder / "about.json").read_text())["state_digest"] == digest(one)
    bundle, verifier = folder / "ledger.meshbundle", folder / "verify_mesh.py"
    # In a folder of its own, so that no mesh can be imported.
    script = [sys.executable, "-I", str(verifier), str(bundle), "--json"]
    found = json.loads(subprocess.run(script, check=True, capture_output=True, cwd=folder).stdout)
    assert (found["sound"], found["events"]) == (True, told["events"])
    raw = bytearray(bundle.read_bytes())
    raw[len(raw) // 2] ^= 1
    bundle.write_bytes(raw)
    assert subprocess.run(script, check=False, capture_output=True, cwd=folder).returncode in {2, 4}
    assert one.mesh("export", folder).code == 2


def test_files_come_out_byte_for_byte_and_foreign_paths_stay_inside(fleet: Fleet, tmp_path: Path) -> None:
    """Goal: what an import took in comes out as it was, and a path that leads elsewhere leads nowhere."""
    files = {
        "a/plain.md": b"no end of line",
        "a/Plain.md": b"another one\r\nwith other ends\r\n",
        "front.md": b"---\ntitle:  Spaced   # kept\nodd: [1, 2]\n---\nText\n",
        "bom.md": b"\xef\xbb\xbfwith a mark\n",
        "utf16.md": "in sixteen bits \N{GRINNING FACE}\n".encode("utf-16"),
    }
    source = tmp_path / "source"
    for name, raw in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes(raw)
    (one,) = fleet.joined(1)
    one.start(MESH_BEACON="off")
    assert one.done("vault", "import", source)["notes"] == len(files)
    one.done("note", "add", "Evil", "--path", "../../evil.md")
    folder = tmp_path / "out"
    one.done("export", folder)
    lines = [json.loads(line) for line in (folder / "notes.jsonl").read_text().splitlines()]
    out = {line["path"]: (folder / line["file"]).read_bytes() for line in lines}
    assert {path: raw for path, raw in out.items() if path in files} == files
    assert len(out) == len(files) + 1
    assert {"evil.md"} & {path.name for path in (tmp_path, tmp_path.parent) for path in path.iterdir()} == set()
    assert all((folder / line["file"]).resolve().is_relative_to(folder / "notes") for line in lines)
