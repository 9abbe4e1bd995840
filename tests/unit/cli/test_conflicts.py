"""The commands about conflicts, against an agent that answers as a table says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.cli import conflict_drafts
from tests.unit.cli import samples
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, error, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
ID = str(samples.CONFLICT["id"])
DONE = result(id=ID, document=samples.DOCUMENT, events=[samples.EVENT], opened=[])
CONTEXT = {"before": "To do:\n", "after": "\nthen water", "merged": "# sow\nseeds\n"}
TEXT = {**samples.SHOWN, "kind": "text", "field": "body", "context": CONTEXT}


def test_a_list_goes_on_until_the_limit(agent: Agent, mesh: Mesh) -> None:
    """A page of the agent may be shorter than what was asked for."""
    pages = {None: (2, "b"), "b": (3, "c")}

    def page(arguments: dict[str, object]) -> list[dict[str, object]]:
        count, following = pages[arguments.get("after")]  # type: ignore[index]
        return [{"result": {"conflicts": [samples.CONFLICT] * count, "total": 9, "next": following}}]

    fake = agent({"conflicts": page})
    code, out, _ = mesh("conflicts", "--json", "--limit", "5", "--kind", "text")
    told = json.loads(out)
    assert (code, len(told["conflicts"]), told["total"], told["next"]) == (0, 5, 9, "c")
    assert fake.asked == [
        ("conflicts", {"kind": "text", "limit": 5}),
        ("conflicts", {"kind": "text", "limit": 3, "after": "b"}),
    ]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("--take", "2"), {"take": 2}),
        (("--value", "x"), {"value": "x"}),
        (("--value", ""), {"value": ""}),
        (("--merge",), {"merge": True}),
    ],
)
def test_settling(words: tuple[str, ...], asked: dict[str, object], agent: Agent, mesh: Mesh) -> None:
    """What was chosen is asked for, and nothing else."""
    fake = agent({"conflicts.resolve": DONE})
    assert mesh("conflicts", "resolve", ID, *words) == (0, f"settled  {ID[:12]}\n", "")
    assert fake.asked == [("conflicts.resolve", {"id": ID, **asked})]


@pytest.mark.parametrize("words", [(), ("--take", "1", "--merge"), ("--edit", "--value", "x"), ("--take", "0")])
def test_one_way_to_settle_it(words: tuple[str, ...], agent: Agent, mesh: Mesh) -> None:
    """None, or two of them, make no sense; the agent is not asked."""
    fake = agent({})
    assert mesh("conflicts", "resolve", ID, *words)[0] == 2
    assert not fake.asked


def test_a_value_from_standard_input(agent: Agent, mesh: Mesh, piped: Callable[[bytes], None]) -> None:
    """As a note's text."""
    fake = agent({"conflicts.resolve": DONE})
    piped("é\n".encode())
    assert mesh("conflicts", "resolve", ID, "--value", "-")[0] == 0
    assert fake.asked[0][1]["value"] == "é\n"


def test_taking_back_and_what_was_settled(agent: Agent, mesh: Mesh) -> None:
    """The other two commands."""
    fake = agent({"conflicts.undo": DONE, "conflicts.settled": result(settled=[])})
    assert mesh("conflicts", "undo", ID) == (0, f"taken back  {ID[:12]}\n", "")
    assert mesh("conflicts", "settled", "--limit", "3", "--document", "x")[1] == "nothing was settled\n"
    assert fake.asked[1] == ("conflicts.settled", {"document": "x", "limit": 3})


@pytest.fixture
def writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Set $EDITOR to a script with this body; $1 is the draft. What it saw is in the file `seen`."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("VISUAL", raising=False)

    def write(body: str) -> Path:
        script = tmp_path / "editor.sh"
        script.write_text(f'#!/bin/sh\ncp "$1" "{tmp_path}/seen"\n{body}\n')
        script.chmod(0o700)
        monkeypatch.setenv("EDITOR", str(script))
        return tmp_path / "seen"

    return write


def test_in_the_editor(agent: Agent, mesh: Mesh, writes: Callable[[str], Path], tmp_path: Path) -> None:
    """All sides and what they began with stand below, hostile ones written out; what is above is sent."""
    fake = agent({"conflicts.show": result(**TEXT), "conflicts.resolve": DONE})
    seen = writes("sed -i '1s/sow/sow all/' \"$1\"")
    assert mesh("conflicts", "resolve", ID[:6], "--edit")[0] == 0
    draft = seen.read_text()
    assert draft.startswith("# sow\nseeds\n# ---- conflict ")
    for part in ("#   buy seeds", "#   buy many seeds", "# before this place", "#   then water", "\\u001b[31mred"):
        assert part in draft, draft
    assert "\x1b" not in draft
    assert fake.asked[1] == ("conflicts.resolve", {"id": ID, "value": "# sow all\nseeds\n"})
    assert not list(tmp_path.glob("mesh-conflict-*"))


def test_a_title_in_the_editor(agent: Agent, mesh: Mesh, writes: Callable[[str], Path]) -> None:
    """One line stays one line."""
    fake = agent({"conflicts.show": result(**samples.SHOWN), "conflicts.resolve": DONE})
    writes("sed -i -e '1s/.*/all seeds/' -e '1a\\\\' \"$1\"")
    assert mesh("conflicts", "resolve", ID, "--edit")[0] == 0
    assert fake.asked[1][1]["value"] == "all seeds"


def test_nothing_changed_settles_nothing(agent: Agent, mesh: Mesh, writes: Callable[[str], Path]) -> None:
    """Whoever only looked at it has settled nothing, and is told."""
    fake = agent({"conflicts.show": result(**TEXT)})
    writes("")
    code, out, err = mesh("conflicts", "resolve", ID, "--edit", "--json")
    assert (code, json.loads(out)["events"]) == (0, [])
    assert "nothing was changed" in err
    assert len(fake.asked) == 1


@pytest.mark.parametrize(
    ("body", "answer", "code"),
    [
        ('sed -i 1s/sow/x/ "$1"', error("Refused", "Refused", 3, "it changed meanwhile", "Look again."), 3),
        ('sed -i 1s/sow/x/ "$1"', (), 5),
        ('echo text > "$1"', (), 3),
        ('echo text >> "$1"; exit 1', (), 3),
    ],
)
def test_what_was_typed_is_kept(
    body: str, answer: object, code: int, agent: Agent, mesh: Mesh, writes: Callable[[str], Path], tmp_path: Path
) -> None:
    """Whatever goes wrong: the draft is there, and its place is told."""
    agent({"conflicts.show": result(**TEXT), "conflicts.resolve": answer})
    writes(body)
    ended, out, err = mesh("conflicts", "resolve", ID, "--edit")
    assert (ended, out) == (code, "")
    (draft,) = tmp_path.glob("mesh-conflict-*/value.md")
    assert f"Your draft is kept in {draft}" in err


def test_nothing_to_edit(agent: Agent, mesh: Mesh, writes: Callable[[str], Path]) -> None:
    """A deletion has no text; one that is settled says so before anybody types."""
    settled = error("Refused", "Refused", 3, "it is settled by mac")
    fake = agent({"conflicts.show": result(**{**samples.SHOWN, "kind": "deleted"}), "conflicts.resolve": settled})
    seen = writes("")
    assert mesh("conflicts", "resolve", ID, "--edit")[0] == 2
    fake.answers["conflicts.show"] = result(**{**TEXT, "open": False})
    code, _, err = mesh("conflicts", "resolve", ID, "--edit")
    assert code == 3
    assert "settled by mac" in err
    assert not seen.exists()


@given(st.text().filter(lambda text: "\r" not in text), st.text())
def test_a_draft_reads_back_as_it_was(merged: str, hostile: str) -> None:
    """Whatever is above the line and below it, with line ends of either kind."""
    told = {**TEXT, "context": {**CONTEXT, "merged": merged, "before": hostile}, "ancestor": hostile}
    written = conflict_drafts.written_as(told)
    ended = merged.endswith("\n")
    assert conflict_drafts.read_back(written, ID, ended=ended) == merged
    assert conflict_drafts.read_back(written.replace("\n", "\r\n"), ID, ended=ended) == merged
