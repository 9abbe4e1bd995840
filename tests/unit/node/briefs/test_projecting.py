"""The files of a mesh: what is kept is in them, nobody's words are lost, and a crash at any step does no harm."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path

import pytest

from mesh.errors import Misuse, Refused
from mesh.node import timing, whole
from mesh.node.briefs import files, ledger, projecting
from tests.unit.node.families import ask, family
from tests.unit.node.repositories import made


def held(folder: Path) -> dict[str, bytes]:
    """All files in a folder, but for the list of what is ours."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in found
        if path.name != ".mesh-projection.json" and path.parent.parent.name != "ledger"
    }


def test_what_mesh_did_not_write_is_put_aside(tmp_path: Path) -> None:
    """A file that was there before, and one that was edited since; each keeps its content under another name."""
    (tmp_path / "a.md").write_bytes(b"a person's own")
    assert len(projecting.write(tmp_path, {"a.md": b"ours 1", "d/b.md": b"b"})) == 1
    (kept,) = tmp_path.glob("a.kept-*.md")
    assert kept.read_bytes() == b"a person's own"
    (tmp_path / "a.md").write_bytes(b"edited")
    (aside,) = projecting.write(tmp_path, {"a.md": b"ours 2", "d/b.md": b"b"})
    assert (tmp_path / aside).read_bytes() == b"edited"
    assert (tmp_path / "a.md").read_bytes() == b"ours 2"
    assert len(held(tmp_path)) == 4


def test_what_is_no_more_is_removed_where_it_is_ours(tmp_path: Path) -> None:
    """One that somebody edited stays, and so does every other file."""
    projecting.write(tmp_path, {"a.md": b"a", "b.md": b"b", "c.md": b"c"})
    (tmp_path / "b.md").write_bytes(b"edited")
    (tmp_path / "other.md").write_bytes(b"other")
    assert projecting.write(tmp_path, {"c.md": b"c"}) == []
    assert held(tmp_path) == {"b.md": b"edited", "c.md": b"c", "other.md": b"other"}


def test_a_day_of_receipts_stays(tmp_path: Path) -> None:
    """Also when lists reach back less far than that day; where somebody edited it, that is put aside as ever."""
    projecting.write(tmp_path, {"RECEIPTS/1.jsonl": b"1", "projects/a/RECEIPTS/1.jsonl": b"2", "b.md": b"b"})
    for _ in range(2):
        assert projecting.write(tmp_path, {"b.md": b"b"}) == []
        assert held(tmp_path) == {"RECEIPTS/1.jsonl": b"1", "projects/a/RECEIPTS/1.jsonl": b"2", "b.md": b"b"}
    assert projecting.write(tmp_path, {"RECEIPTS/1.jsonl": b"more", "b.md": b"b"}) == []
    assert held(tmp_path)["RECEIPTS/1.jsonl"] == b"more"


def test_writing_the_same_again_touches_nothing(tmp_path: Path) -> None:
    """No loop with whoever watches the folder."""
    projecting.write(tmp_path, {"a.md": b"a"})
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert projecting.write(tmp_path, {"a.md": b"a"}) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("seed", range(30))
def test_a_crash_at_any_step_loses_and_litters_nothing(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off between any two writes, again and again; in the end the folder holds what is wanted, and edits."""
    lots = random.Random(seed)
    left = 0

    def breaking(path: Path, content: bytes) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Refused("crash")
        write(path, content)

    write = whole.write
    monkeypatch.setattr(whole, "write", breaking)
    edits: set[bytes] = set()
    wanted: dict[str, bytes] = {}
    for step in range(12):
        wanted = {f"{name}.md": f"{name} {lots.randint(0, 3)}".encode() for name in "abc" if lots.random() < 0.8}
        left = lots.randint(0, 6)
        try:
            projecting.write(tmp_path, wanted)
        except Refused:
            continue
        if lots.random() < 0.3 and wanted:
            edit = f"a person's words {step}".encode()
            edits.add(edit)
            (tmp_path / lots.choice(sorted(wanted))).write_bytes(edit)
    left = 1000
    projecting.write(tmp_path, wanted)
    projecting.write(tmp_path, wanted)
    found = held(tmp_path)
    assert {path: found[path] for path in wanted} == wanted
    assert set(found.values()) >= edits
    assert set(found.values()) <= edits | set(wanted.values())


async def test_what_is_kept_is_in_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hand-offs, tasks, memories and receipts, of all and of each project; anew by itself when something changes."""
    monkeypatch.setattr(timing, "PROJECTION_CALM_S", 0.01)
    site, folder = made(tmp_path / "site"), tmp_path / "Mesh"
    async with family(tmp_path / "homes") as (alder,):
        await ask(alder, "handoff.new", goal="finish the streaming importer", remaining=["bound its memory"],
                  verify=["pytest -q"], rejected=["mmap is slower"], cwd=str(site))  # fmt: skip
        await ask(alder, "task.add", title="call the notary")
        await ask(alder, "memory.add", text="deploys go through CI", kind="fact", scope="project", cwd=str(site))
        await ask(alder, "receipt.new", summary="the importer reads lazily", claims=[{"text": "tests pass"}])
        told = await ask(alder, "projection.set", folder=str(folder))
        found = {path: content.decode() for path, content in held(folder).items()}
        assert told["files"] == len(found) == 10
        assert "call the notary" in found["TASKS.md"]
        assert "bound its memory" in found["projects/site/TASKS.md"]
        assert "bound its memory" not in found["TASKS.md"]
        assert "- fact: deploys go through CI" in found["projects/site/MEMORY.md"]
        assert "the importer reads lazily (alder, " in found["SHIPLOG.md"]
        assert "  - asserted: tests pass" in found["SHIPLOG.md"]
        (name,) = [path for path in found if "HANDOFFS/HO-" in path]
        assert name.startswith("projects/site/HANDOFFS/HO-2")
        assert "finish-the-streaming-importer" in name
        for line in ("- [ ] bound its memory", "- pytest -q", "- mmap is slower"):
            assert line in found[name].splitlines()
        assert found["CONTINUITY.md"].count("finish the streaming importer") >= 2
        (day,) = [path for path in found if path.startswith("RECEIPTS/")]
        (receipt,) = map(json.loads, found[day].splitlines())
        assert (receipt["title"], receipt["state"]) == ("the importer reads lazily", "filed")
        assert [(one["text"], one["status"]) for one in receipt["claims"]] == [("tests pass", "asserted")]
        again = await files.of(alder)
        assert {**again, "ledger/README.md": ledger.README} == found
        work = asyncio.get_running_loop().create_task(projecting.run(alder))
        await ask(alder, "task.add", title="water the beans")
        for _ in range(1000):
            if "water the beans" in (folder / "TASKS.md").read_text():
                break
            await asyncio.sleep(0.02)
        work.cancel()
        await asyncio.wait([work])
        assert "water the beans" in (folder / "TASKS.md").read_text()
        assert [path for path in held(folder) if "kept-" in path] == []
        off = await ask(alder, "projection.set", folder="")
        assert off["folder"] is None
        assert (folder / "TASKS.md").exists()


async def test_folders_that_cannot_be_are_refused(tmp_path: Path) -> None:
    """The home is no place for it, nor is what is no folder."""
    async with family(tmp_path / "homes") as (alder,):
        (tmp_path / "file").write_text("x")
        for wrong in ("Mesh", str(alder.home), str(alder.home / "x"), str(alder.home.parent), str(tmp_path / "file")):
            with pytest.raises(Misuse):
                await ask(alder, "projection.set", folder=wrong)
        assert (await ask(alder, "projection.status"))["folder"] is None


def test_names_of_files_are_names_on_every_system() -> None:
    """Whatever a goal or a project is called."""
    assert files.slug("Fix: the ../importer? now!") == "fix-the-..-importer-now"
    assert files.slug("...") == files.slug("/") == "untitled"
    assert len(files.slug("x" * 500)) == 40
    assert files.slug("My Site", keep_case=True) == "My-Site"
