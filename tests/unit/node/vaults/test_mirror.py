"""The folder and the notes, whatever happens first: they end alike, and everything that anybody wrote is in the log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mesh.errors import Misuse
from tests.unit.node.vaults.folders import at_once, desk, inside


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch)


async def test_files_become_notes_and_notes_become_files(tmp_path: Path) -> None:
    """A note without a path gets a name by its title; nothing else is in the folder but the mark."""
    async with desk(tmp_path) as one:
        one.write("garden/Soil.md", "---\ntags: [x]\nk: v\n---\ndark\r\n")
        one.write("image.png", b"\0\1")
        await one.call("note.add", title="Buy: seeds", body="beans", tags=["later"])
        told = await one.look()
        assert (told["files"], told["left"], told["behind"], told["problem"]) == (2, 0, 0, "")
        assert (await one.note("Soil"))["tags"] == ["x"]
        made = '---\ntitle: "Buy: seeds"\ntags:\n  - later\n---\nbeans'
        assert one.files() == {
            "Buy seeds.md": made,
            "garden/Soil.md": "---\ntags: [x]\nk: v\n---\ndark\r\n",
            "image.png": "\0\1",
        }
        assert inside(one.folder) == [
            ".mesh-vault",
            "Buy seeds.md",
            "garden",
            "image.png",
        ]


async def test_both_sides_change_one_note(tmp_path: Path) -> None:
    """The file's edit stands on what the file was, so both are there."""
    async with desk(tmp_path) as one:
        one.write("a.md", "one\ntwo\nthree\n")
        await one.look()
        one.write("a.md", "one\ntwo\nTHREE\n")
        await one.edit("a", body="ONE\ntwo\nthree\n")
        await one.look()
        assert one.files() == {"a.md": "ONE\ntwo\nTHREE\n"}
        assert (await one.note("a"))["body"] == "ONE\ntwo\nTHREE\n"
        assert not (await one.note("a"))["conflicts"]


async def test_both_sides_change_one_word(tmp_path: Path) -> None:
    """That is a conflict, of which both sides stand in the text and the file."""
    async with desk(tmp_path) as one:
        one.write("a.md", "one word here\n")
        await one.look()
        one.write("a.md", "one FILE here\n")
        await one.edit("a", body="one MESH here\n")
        await one.look()
        (text,) = one.files().values()
        assert "FILE" in text
        assert "MESH" in text
        assert [conflict["kind"] for conflict in (await one.note("a"))["conflicts"]] == ["text"]
        assert list(one.files()) == ["a.md"]


async def test_looking_again_says_nothing(tmp_path: Path) -> None:
    """No loop: what the mirror wrote itself is no news."""
    async with desk(tmp_path) as one:
        one.write("a.md", "a")
        await one.call("note.add", title="b", body="b")
        await one.look()
        await one.edit("b", body="bb")
        await one.look()
        before = (await one.call("status"))["events"]
        for _ in range(3):
            await one.look()
        os.utime(one.folder / "a.md")
        await one.look()
        assert (await one.call("status"))["events"] == before


async def test_what_happened_while_it_was_off_is_found(tmp_path: Path) -> None:
    """Edited, renamed, moved with its folder, deleted, new: all by content."""
    async with desk(tmp_path) as one:
        for name in ("edited", "renamed", "d/moved", "deleted"):
            one.write(f"{name}.md", f"I was {name}\n" * 3)
        await one.look()
        documents = {name: (await one.note(name))["document"] for name in ("edited", "renamed", "moved")}
    one.write("edited.md", "other\n")
    (one.folder / "renamed.md").rename(one.folder / "called.md")
    (one.folder / "d").rename(one.folder / "e")
    (one.folder / "deleted.md").unlink()
    one.write("new.md", "new\n")
    async with desk(tmp_path) as one:
        await one.look()
        await one.look()
        assert await one.titles() == ["called", "edited", "moved", "new"]
        assert (await one.note("edited"))["body"] == "other\n"
        assert (await one.note("called"))["document"] == documents["renamed"]
        assert (await one.note("called"))["path"] == "called.md"
        assert (await one.note("moved"))["document"] == documents["moved"]
        assert (await one.note("moved"))["path"] == "e/moved.md"
        (gone,) = (await one.call("note.list", deleted=True))["notes"]
        assert gone["title"] == "deleted"


async def test_renamed_and_edited_at_once_is_the_same_note(tmp_path: Path) -> None:
    """By its place on the disk and most of its lines; with other lines it is another note."""
    async with desk(tmp_path) as one:
        one.write("a.md", "one\ntwo\nthree\nfour\n")
        one.write("b.md", "one\ntwo\nthree\nfive\n")
        await one.look()
        documents = {name: (await one.note(name))["document"] for name in "ab"}
        for name, text in (("a", "one\ntwo\nthree\nFOUR\n"), ("b", "quite\nother\n")):
            (one.folder / f"{name}.md").rename(one.folder / f"{name}2.md")
            one.write(f"{name}2.md", text)
        await one.look()
        await one.look()
        assert (await one.note("a2"))["document"] == documents["a"]
        assert (await one.note("b2"))["document"] != documents["b"]
        assert await one.titles() == ["a2", "b2"]


async def test_deleted_there_and_edited_here(tmp_path: Path) -> None:
    """The file stays until somebody settles it, and says what was written."""
    async with desk(tmp_path) as one:
        one.write("a.md", "one\n")
        await one.look()
        document = (await one.note("a"))["document"]
        one.write("a.md", "one\ntwo\n")
        await one.call("note.rm", document=document)
        await one.look()
        assert one.files() == {"a.md": "one\ntwo\n"}
        (conflict,) = (await one.call("conflicts"))["conflicts"]
        assert conflict["kind"] == "deleted"


async def test_edited_there_and_deleted_here(tmp_path: Path) -> None:
    """The same the other way; no file comes back by itself."""
    async with desk(tmp_path) as one:
        one.write("a.md", "one\n")
        await one.look()
        (one.folder / "a.md").unlink()
        await one.edit("a", body="one\ntwo\n")
        await one.look()
        await one.look()
        (conflict,) = (await one.call("conflicts"))["conflicts"]
        assert conflict["kind"] == "deleted"
        assert one.files() == {}
        await one.call("conflicts.resolve", id=conflict["id"], take=2)
        await one.look()
        assert one.files() == {"a.md": "one\ntwo\n"}


async def test_deleted_in_the_mesh_and_back(tmp_path: Path) -> None:
    """The file goes, its empty folder too; and it comes back with the note, or the note with it."""
    async with desk(tmp_path) as one:
        one.write("d/a.md", "one\n")
        await one.look()
        document = (await one.note("a"))["document"]
        await one.call("note.rm", document=document)
        await one.look()
        await one.look()
        assert one.files() == {}
        assert not (one.folder / "d").exists()
        one.write("d/a.md", "one\n")
        await one.look()
        assert (await one.note("a"))["document"] == document
        assert not (await one.note("a"))["deleted"]
        assert one.files() == {"d/a.md": "one\n"}


async def test_a_note_renamed_in_the_mesh_moves_its_file(tmp_path: Path) -> None:
    """Also where only the case differs; and never over another file."""
    async with desk(tmp_path) as one:
        for name in ("a", "b"):
            one.write(f"{name}.md", name)
        await one.look()
        await one.edit("a", path="deep/er/c.md")
        await one.look()
        assert one.files() == {"b.md": "b", "deep/er/c.md": "---\ntitle: a\n---\na"}
        one.write("taken.md", b"\0")
        await one.edit("a", path="taken.md")
        told = await one.look()
        assert told["behind_notes"][0]["reason"] == "another file is called taken.md"
        assert one.files()["deep/er/c.md"] == "---\ntitle: a\n---\na"
        await one.edit("a", path="deep/er/C.md")
        assert (await one.look())["behind"] == 0
        assert "deep/er/C.md" in one.files()


@pytest.mark.parametrize("path", ["../out.md", "/out.md", ".hidden/a.md", "a.sh", "d/../../out.md"])
async def test_a_path_of_the_mesh_never_leads_out(path: str, tmp_path: Path) -> None:
    """It is named, and nothing is written anywhere."""
    async with desk(tmp_path) as one:
        await one.call("note.add", title="a", body="a", path=path)
        told = await one.look()
        assert told["behind"] == 1
        assert one.files() == {}
        assert inside(tmp_path) == ["home", "vault"]


async def test_links_are_not_followed(tmp_path: Path) -> None:
    """Neither to read nor to write."""
    async with desk(tmp_path) as one:
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "secret.md").write_text("secret")
        (one.folder / "link").symlink_to(outside)
        (one.folder / "link.md").symlink_to(outside / "secret.md")
        await one.call("note.add", title="a", body="a", path="link/a.md")
        await one.call("note.add", title="b", body="b", path="link.md")
        told = await one.look()
        assert told["behind"] == 2
        assert await one.titles() == ["a", "b"]
        assert {path.name: path.read_text() for path in outside.iterdir()} == {"secret.md": "secret"}


async def test_two_notes_with_one_path(tmp_path: Path) -> None:
    """The folder shows the one that it has, and names the other; once they are apart it shows both."""
    async with desk(tmp_path) as one:
        one.write("a.md", "mine")
        await one.look()
        other = (await one.call("note.add", title="theirs", body="theirs", path="A.md"))["document"]
        told = await one.look()
        assert [row["document"] for row in told["behind_notes"]] == [other]
        assert one.files() == {"a.md": "mine"}
        await one.edit("theirs", path="b.md")
        await one.look()
        assert one.files() == {"a.md": "mine", "b.md": "---\ntitle: theirs\n---\ntheirs"}


async def test_a_read_only_file_is_left_alone(tmp_path: Path) -> None:
    """Until it may be written."""
    async with desk(tmp_path) as one:
        one.write("a.md", "one")
        (one.folder / "a.md").chmod(0o444)
        await one.look()
        await one.edit("a", body="two")
        told = await one.look()
        assert told["behind_notes"][0]["reason"] == "the file is read-only"
        assert one.files() == {"a.md": "one"}
        (one.folder / "a.md").chmod(0o640)
        await one.look()
        assert one.files() == {"a.md": "two"}
        assert (one.folder / "a.md").stat().st_mode & 0o777 == 0o640


async def test_what_is_no_note_is_left_alone_and_nothing_is_written_over_it(tmp_path: Path) -> None:
    """Also when it was one before."""
    async with desk(tmp_path) as one:
        one.write("a.md", "one")
        one.write("b.md", b"\0\1\2")
        one.write("c.md", b"x" * 200_000)
        told = await one.look()
        assert {row["path"] for row in told["left_files"]} == {"b.md", "c.md"}
        one.write("a.md", b"\0\0")
        await one.edit("a", body="two")
        told = await one.look()
        assert {row["path"] for row in told["left_files"]} == {"a.md", "b.md", "c.md"}
        assert one.files()["a.md"] == "\0\0"
        one.write("a.md", "one\nmore")
        told = await one.look()
        assert told["left"] == 2
        assert "more" in one.files()["a.md"]
        assert "two" in one.files()["a.md"]


async def test_a_large_edit_is_taken_in_several_steps(tmp_path: Path) -> None:
    """A change holds so much; the text ends as it was written."""
    async with desk(tmp_path) as one:
        one.write("a.md", "a" * 12_000)
        await one.look()
        one.write("a.md", "b" * 12_000)
        told = await one.look()
        assert told["left"] == 0
        assert (await one.note("a"))["body"] == "b" * 12_000
        await one.edit("a", body="b" * 12_000 + "!")
        one.write("a.md", "c" * 10_000)
        await one.look()
        assert one.files()["a.md"].strip("!") == "c" * 10_000


async def test_a_register_in_conflict_is_not_settled_by_a_file(tmp_path: Path) -> None:
    """The file waits, as it was written, until a person has settled it."""
    async with desk(tmp_path) as one:
        one.write("a.md", "---\ntitle: t\n---\ntext")
        await one.look()
        one.write("a.md", "---\ntitle: file\n---\ntext")
        await one.edit("t", title="mesh")
        await one.look()
        (conflict,) = [c for c in (await one.call("conflicts"))["conflicts"] if c["field"] == "title"]
        one.write("a.md", "---\ntitle: more\n---\ntext")
        told = await one.look()
        assert told["left"] == 1
        assert one.files() == {"a.md": "---\ntitle: more\n---\ntext"}
        await one.call("conflicts.resolve", id=conflict["id"], value="mesh")
        rest = (await one.call("conflicts"))["conflicts"]
        for other in rest:
            shown = await one.call("conflicts.show", id=other["id"])
            await one.call("conflicts.resolve", id=other["id"], value=shown["values"][0]["value"])
        one.write("a.md", "---\ntitle: more\n---\ntext ")
        assert (await one.look())["left"] in {0, 1}


async def test_most_files_gone_at_once_deletes_nothing(tmp_path: Path) -> None:
    """It is rather a mistake; a person says when it is not."""
    async with desk(tmp_path) as one:
        for number in range(20):
            one.write(f"{number}.md", f"{number}")
        await one.look()
        for number in range(15):
            (one.folder / f"{number}.md").unlink()
        await one.look()
        told = await one.look()
        assert "15 of 20" in told["problem"]
        assert len(await one.titles()) == 20
        await one.look(gone=True)
        assert len(await one.titles()) == 5


async def test_a_folder_that_is_not_there_deletes_nothing(tmp_path: Path) -> None:
    """A disk may be away: the place is there, and empty."""
    async with desk(tmp_path) as one:
        one.write("a.md", "a")
        await one.look()
        one.folder.rename(tmp_path / "away")
        one.folder.mkdir()
        await one.mirror.look()
        assert "not the one that was linked" in str((await one.call("vault.status"))["problem"])
        assert await one.titles() == ["a"]
        one.folder.rmdir()
        (tmp_path / "away").rename(one.folder)
        await one.mirror.look()
        assert (await one.call("vault.status"))["problem"] == ""


async def test_unlinking_changes_nothing(tmp_path: Path) -> None:
    """And linking again finds everything as it is, also after changes on both sides."""
    async with desk(tmp_path) as one:
        one.write("a.md", "a")
        one.write("b.md", "b")
        await one.call("note.add", title="c", body="c")
        await one.look()
        await one.call("vault.unlink")
        before = one.files()
        assert await one.call("vault.status") == {"linked": False}
        assert not (one.folder / ".mesh-vault").exists()
        await one.edit("a", body="aa")
        assert one.files() == before
        await one.look()
        assert one.files() == {**before, "a.md": "aa"}
        assert await one.titles() == ["a", "b", "c"]
        (tmp_path / "other").mkdir()
        with pytest.raises(Misuse, match="already"):
            await one.call("vault.link", folder=str(tmp_path / "other"))


async def test_folders_that_cannot_be_linked(tmp_path: Path) -> None:
    """None, a file, and one with this device's mesh in it."""
    async with desk(tmp_path) as one:
        for folder in ("missing", "home", "home/log", "."):
            with pytest.raises(Misuse):
                await one.call("vault.link", folder=str(tmp_path / folder))
        with pytest.raises(Misuse, match="whole path"):
            await one.call("vault.link", folder="vault")
        with pytest.raises(Misuse, match="no vault"):
            await one.call("vault.unlink")


async def test_an_import_reads_once_and_makes_nothing_twice(tmp_path: Path) -> None:
    """Also after edits in the mesh; the files are not touched, and linking them later doubles nothing."""
    async with desk(tmp_path) as one:
        for number in range(5):
            one.write(f"d/{number}.md", f"{number}")
        one.write("x.md", b"\0")
        told = await one.call("vault.import", folder=str(one.folder))
        assert (told["notes"], told["known"], told["left"]) == (5, 0, 1)
        await one.edit("3", body="three")
        told = await one.call("vault.import", folder=str(one.folder))
        assert (told["notes"], told["known"]) == (0, 5)
        assert one.files()["d/3.md"] == "3"
        await one.look()
        assert one.files()["d/3.md"] == "three"
        assert len(await one.titles()) == 5
