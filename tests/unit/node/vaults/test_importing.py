"""A folder taken in: every file that can be a note is one, once, and the others are named with the reason."""

from __future__ import annotations

from pathlib import Path

from mesh.events.bodies import document_of, encode_body
from mesh.limits import BODY_PLAIN_BYTES_MAX, STORE_ROWS_TOGETHER, VAULT_GROUP_NOTES
from mesh.node.vaults import importing
from mesh.node.vaults.folder import Folder
from mesh.state import notes
from tests.unit.node.vaults.folders import desk


async def test_a_folder_of_several_commits_comes_whole_and_once(tmp_path: Path) -> None:
    """More files than one commit takes, and a number that divides by nothing; all are found by their words."""
    count = VAULT_GROUP_NOTES + STORE_ROWS_TOGETHER + 7
    async with desk(tmp_path) as one:
        for number in range(count):
            one.write(f"{number % 3}/{number}.md", f"---\ntags: [t{number % 2}]\n---\nword{number} everywhere\n")
        told = await one.call("vault.import", folder=str(one.folder))
        assert (told["notes"], told["known"], told["left"]) == (count, 0, 0)
        hits = (await one.call("search", words="everywhere", limit=1000))["hits"]
        assert len(hits) == len({hit["document"] for hit in hits}) > 0
        for number in (0, VAULT_GROUP_NOTES, count - 1):
            (found,) = (await one.call("search", words=f"word{number}", limit=5))["hits"][:1]
            assert found["title"] == str(number)
        again = await one.call("vault.import", folder=str(one.folder))
        assert (again["notes"], again["known"]) == (0, count)
        assert (await one.call("status"))["documents"] == count


async def test_what_only_its_front_matter_makes_too_long_is_left_alone(tmp_path: Path) -> None:
    """Title and path stand beside it in the note, so a file that is just short enough may be too long as a note."""
    front = "---\nabout: " + "t" * 1000 + "\n---\n"
    async with desk(tmp_path) as one:
        one.write("long.md", front + "x" * (BODY_PLAIN_BYTES_MAX - len(front)))
        one.write("short.md", "short\n")
        told = await one.call("vault.import", folder=str(one.folder))
        assert (told["notes"], told["left"]) == (1, 1)
        assert told["files"] == [{"path": "long.md", "reason": "it is longer than a note can be"}]
        assert await one.titles() == ["short"]


def test_a_file_is_said_as_it_was_named(tmp_path: Path) -> None:
    """The bytes that go into the event are those that the document is named after."""
    (tmp_path / "a.md").write_bytes(b"---\ntags: [b, a]\nx: 1\n---\ntext\n")
    new = importing.new_of(Folder(tmp_path), "a.md", "home")
    assert new.draft.plain == encode_body(new.birth)
    assert new.draft.document == new.document == document_of("home", notes.KIND, new.birth)
