"""What the mesh already has of a file is recognised by its content, whatever was lost; what it has not is taken in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mesh.node import timing
from mesh.node.vaults.folder import File, Folder, Stat
from mesh.node.vaults.links import table_path
from tests.unit.node.vaults.folders import Desk, at_once, closed, desk, for_all


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)


async def events(one: Desk) -> object:
    """How many events there are."""
    return (await one.call("status"))["events"]


async def test_a_lost_journal_loses_nothing(tmp_path: Path) -> None:
    """Files as they were born, edited here, edited in the mesh, without a path, and behind: each is found again."""
    async with desk(tmp_path) as one:
        for name in ("born", "here", "there", "behind"):
            one.write(f"{name}.md", f"{name}\n")
        await one.call("note.add", title="bare", body="bare")
        await one.look()
        one.write("here.md", "here, edited\n")
        await one.edit("there", body="there, edited\n")
        await one.edit("bare", body="bare, edited")
        await one.look()
    async with desk(tmp_path) as one:
        await one.edit("behind", body="behind, edited\n")
        await one.edit("there", body="there, edited twice\n")
    table_path(tmp_path / "home").unlink()
    async with desk(tmp_path) as one:
        before = await events(one)
        await one.look()
        assert await events(one) == before
        assert one.files() == {
            "bare.md": "bare, edited",
            "behind.md": "behind, edited\n",
            "born.md": "born\n",
            "here.md": "here, edited\n",
            "there.md": "there, edited twice\n",
        }
        assert len(await one.titles()) == 5


async def test_a_file_of_an_unknown_version_is_a_note_beside(tmp_path: Path) -> None:
    """Nobody can say on what it stands; so the person sees that two notes have one path."""
    async with desk(tmp_path) as one:
        one.write("a.md", "one\n")
        await one.look()
    table_path(tmp_path / "home").unlink()
    (tmp_path / "vault" / "a.md").write_text("quite another\n")
    async with desk(tmp_path) as one:
        await one.look()
        assert one.files() == {"a.md": "quite another\n"}
        assert await one.titles() == ["a", "a"]
        assert [conflict["kind"] for conflict in (await one.call("conflicts"))["conflicts"]] == ["path"]


async def test_a_copy_is_another_note(tmp_path: Path) -> None:
    """Also one that is called as the first one was."""
    async with desk(tmp_path) as one:
        one.write("a.md", "text\n")
        await one.look()
        (one.folder / "a.md").rename(one.folder / "b.md")
        await one.look()
        one.write("a.md", "text\n")
        one.write("c.md", "text\n")
        await one.look()
        assert await one.titles() == ["a", "b", "c"]
        assert len({(await one.note(name))["document"] for name in "abc"}) == 3


async def test_two_names_of_one_file_are_one_note(tmp_path: Path) -> None:
    """The second is left alone, and becomes the note's when the first goes."""
    async with desk(tmp_path) as one:
        one.write("a.md", "text\n")
        await one.look()
        os.link(one.folder / "a.md", one.folder / "b.md")
        told = await one.look()
        assert told["left_files"] == [{"path": "b.md", "reason": "it is another name of a.md"}]
        assert await one.titles() == ["a"]


async def test_a_forgotten_note_does_not_come_back_from_its_file(tmp_path: Path) -> None:
    """The file is left as it is, for its owner to keep or to delete."""
    async with desk(tmp_path) as one:
        one.write("a.md", "secret\n")
        await one.look()
        document = (await one.note("a"))["document"]
        await one.call("forget", document=document)
        await one.look()
        assert await one.titles() == []
        assert one.files() == {"a.md": "secret\n"}
    table_path(tmp_path / "home").unlink()
    async with desk(tmp_path) as one:
        told = await one.look()
        assert await one.titles() == []
        assert told["left"] == 1


async def test_who_writes_into_the_replaced_file_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that had it open goes on writing: what it wrote becomes an edit of what it had read."""
    monkeypatch.setattr(timing, "VAULT_LINGER_S", 60.0)
    async with desk(tmp_path) as one:
        one.write("a.md", "one\ntwo\n")
        await one.look()
        with (one.folder / "a.md").open("ab") as stream:
            await one.edit("a", body="ONE\ntwo\n")
            await one.look()
            assert one.files() == {"a.md": "ONE\ntwo\n"}
            stream.write(b"three\n")
        monkeypatch.setattr(timing, "VAULT_LINGER_S", 0.0)
    async with desk(tmp_path) as one:
        await one.look()
        await one.look()
        assert one.files() == {"a.md": "ONE\ntwo\nthree\n"}
        assert [name for name in os.listdir(one.folder) if name.startswith(".mesh-")] == [".mesh-vault"]  # noqa: PTH208


async def test_who_saves_while_the_mesh_writes_is_taken_in_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is not written over; then both are in it."""
    replace, saved = Folder.replace, False

    def just_before(folder: Folder, path: str, *given: str | bytes) -> tuple[Stat | None, File | None]:
        nonlocal saved
        if not saved:
            saved = True
            (folder.root / path).write_text("one\ntwo\nthree\n")
        return replace(folder, path, *given)  # type: ignore[arg-type]

    async with desk(tmp_path) as one:
        one.write("a.md", "one\ntwo\n")
        await one.look()
        monkeypatch.setattr(Folder, "replace", just_before)
        await one.edit("a", body="ONE\ntwo\n")
        await one.look()
        assert saved
        await one.look()
        assert one.files() == {"a.md": "ONE\ntwo\nthree\n"}


async def test_a_full_disk_only_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is half written, and it is done when there is room."""

    def full(*_given: object) -> Stat:
        raise OSError(28, "No space left on device")

    async with desk(tmp_path) as one:
        one.write("a.md", "one\n")
        await one.look()
        await one.edit("a", body="two\n")
        await one.call("note.add", title="b", body="b")
        with monkeypatch.context() as patch:
            patch.setattr("mesh.node.vaults.folder._written", full)
            told = await one.look()
            assert told["behind"] == 2
            assert one.files() == {"a.md": "one\n"}
        told = await one.look()
        assert told["behind"] == 0
        assert one.files() == {"a.md": "two\n", "b.md": "b"}


async def test_a_folder_that_is_closed_deletes_nothing(tmp_home: Path) -> None:
    """Its files are not seen, which is not to say that they are gone."""
    async with desk(for_all(tmp_home)) as one:
        one.write("in/a.md", "a")
        one.write("b.md", "b")
        await one.look()
        with closed(one.folder / "in"):
            for _ in range(3):
                told = await one.look()
        assert told["left_files"] == [{"path": "in", "reason": "it cannot be looked into: Permission denied"}]
        assert await one.titles() == ["a", "b"]
        (one.folder / "in/a.md").unlink()
        for _ in range(2):
            told = await one.look()
        assert await one.titles() == ["b"]
        assert (told["left"], told["missing"]) == (0, 0)


async def test_names_that_are_one_on_some_systems_are_both_named(tmp_path: Path) -> None:
    """A note whose file differs from another one only in case waits, and what is said of it says which."""
    async with desk(tmp_path) as one:
        one.write("a.md", "a")
        await one.look()
        await one.call("note.add", title="other", body="b", path="A.md")
        (behind,) = (await one.look())["behind_notes"]
        assert behind["reason"].startswith("it belongs at A.md, and another note has the file a.md")
        assert one.files() == {"a.md": "a"}
