"""A note in the person's own editor: a true script edits it, and no draft is ever lost."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.cli import editor
from mesh.errors import Malformed
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, error, result
from tests.unit.cli.samples import DOCUMENT, NOTE, SAID

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
PLAIN = {**NOTE, "tags": ["garden", "spring"], "conflicts": []}


@pytest.fixture
def writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Set $EDITOR to a script with this body; $1 is the draft. What it saw is in the file `seen`."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv("VISUAL", raising=False)

    def write(body: str) -> Path:
        script = tmp_path / "an editor.sh"
        script.write_text(f'#!/bin/sh\ncp -p "$1" "{tmp_path}/seen"\n{body}\n')
        script.chmod(0o700)
        monkeypatch.setenv("EDITOR", f"'{script}'")
        return tmp_path / "seen"

    return write


def drafts(folder: Path) -> list[Path]:
    """The drafts that are left."""
    return list(folder.glob("mesh-note-*/note.md"))


def test_an_edit(agent: Agent, mesh: Mesh, writes: Callable[[str], Path], tmp_path: Path) -> None:
    """What the person changed is sent, with the text it was changed from; nothing stays behind."""
    fake = agent({"note.show": result(**PLAIN), "note.edit": result(**SAID)})
    seen = writes("sed -i -e 's/^title: .*/title: sow/' -e 's/garden, //' -e 's/more/less/' \"$1\"")
    assert mesh("note", "edit", "buy seeds")[0] == 0
    assert seen.read_text() == "title: buy seeds\ntags: garden, spring\n\ntomatoes\nand more\n"
    assert stat.S_IMODE(seen.stat().st_mode) == 0o600
    assert fake.asked == [
        ("note.show", {"document": "buy seeds"}),
        (
            "note.edit",
            {
                "document": DOCUMENT,
                "title": "sow",
                "body": "tomatoes\nand less",
                "base_body": "tomatoes\nand more",
                "remove_tags": ["garden"],
            },
        ),
    ]
    assert not drafts(tmp_path)


def test_nothing_changed(agent: Agent, mesh: Mesh, writes: Callable[[str], Path], tmp_path: Path) -> None:
    """Closing the editor without a change asks the agent nothing."""
    fake = agent({"note.show": result(**PLAIN)})
    writes("")
    code, out, err = mesh("note", "edit", "x", "--json")
    assert (code, out) == (0, f'{{"document": "{DOCUMENT}", "event": null}}\n')
    assert "nothing was changed" in err
    assert [name for name, _ in fake.asked] == ["note.show"]
    assert not drafts(tmp_path)


@pytest.mark.parametrize(
    ("body", "answer", "code"),
    [
        ('echo more >> "$1"', error("Refused", "Refused", 3, "the note changed meanwhile", "Edit again."), 3),
        ('echo more >> "$1"', error("DiskFull", "Unreachable", 5), 5),
        ('echo more >> "$1"', (), 5),
        ('echo more >> "$1"; exit 7', (), 3),
        ('echo more > "$1"', (), 3),
        ("printf '\\377' >> \"$1\"", (), 3),
        ('head -c 300000 /dev/zero >> "$1"', (), 3),
        ("sed -i 's/^title: .*/title: /' \"$1\"", (), 2),
    ],
)
def test_a_draft_is_kept(
    body: str, answer: object, code: int, agent: Agent, mesh: Mesh, writes: Callable[[str], Path], tmp_path: Path
) -> None:
    """Whatever goes wrong after the person wrote something: it is still there, and its place is told."""
    agent({"note.show": result(**PLAIN), "note.edit": answer})
    writes(body)
    ended, out, err = mesh("note", "edit", "x")
    assert (ended, out) == (code, "")
    (draft,) = drafts(tmp_path)
    assert f"Your draft is kept in {draft}" in err
    assert stat.S_IMODE(draft.stat().st_mode) == 0o600
    assert stat.S_IMODE(draft.parent.stat().st_mode) == 0o700


def test_an_editor_that_failed_without_a_change(
    agent: Agent, mesh: Mesh, writes: Callable[[str], Path], tmp_path: Path
) -> None:
    """There is no draft worth keeping."""
    agent({"note.show": result(**PLAIN)})
    writes("exit 1")
    assert mesh("note", "edit", "x")[0] == 3
    assert not drafts(tmp_path)


@pytest.mark.parametrize("named", ["/no/such/editor", "'", ""])
def test_no_editor(named: str, agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that is not there or not named is the caller's to set."""
    agent({"note.show": result(**PLAIN)})
    monkeypatch.setenv("EDITOR", named)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    code, _, err = mesh("note", "edit", "x")
    assert code == 2
    assert "EDITOR" in err


def test_visual_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """As everywhere else; it may carry options."""
    monkeypatch.setenv("VISUAL", "code --wait")
    monkeypatch.setenv("EDITOR", "ed")
    assert editor.editor() == ["code", "--wait"]


def test_options_instead_of_an_editor(agent: Agent, mesh: Mesh) -> None:
    """Options change what they name, and nothing else."""
    fake = agent({"note.show": result(**PLAIN), "note.edit": result(**SAID)})
    assert mesh("note", "edit", "x", "--title", "t", "--tag", "a", "--untag", "b", "--body", "")[0] == 0
    assert fake.asked[1] == (
        "note.edit",
        {"document": DOCUMENT, "title": "t", "body": "", "add_tags": ["a"], "remove_tags": ["b"]},
    )


TAGS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip), unique=True)


@given(st.text(), TAGS, st.text().filter(lambda text: "\r" not in text))
def test_a_draft_reads_back_as_it_was(title: str, tags: list[str], body: str) -> None:
    """Whatever a note says, an untouched draft changes nothing, and an added line end does not either."""
    written = editor.written_as(title, tuple(tags), body)
    ended = body.endswith("\n")
    assert editor.read_back(written, body_ended=ended) == (title, tuple(tags), body)
    assert len(re.findall("\n", written)) >= 3


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("a, b", ("a", "b")),
        ("a,,b,", ("a", "b")),
        ("", ()),
        ('a, "b, c"', ("a", "b, c")),
        ("a, a", ("a",)),
        ("é ü", ("é ü",)),
    ],
)
def test_tags_as_people_write_them(line: str, tags: tuple[str, ...]) -> None:
    """Commas part tags; quotes keep a comma."""
    assert editor.read_back(f"Title: x\nTags: {line}\n\nbody\n", body_ended=False) == ("x", tags, "body")


@pytest.mark.parametrize(
    "text", ["", "body only\n", "title: x\n\nbody", 'title: x\ntags: "a\n\nbody', "tags: a\ntitle: x\n"]
)
def test_a_draft_without_its_head(text: str) -> None:
    """A draft whose first lines are gone is refused, not guessed at."""
    with pytest.raises(Malformed):
        editor.read_back(text, body_ended=False)
