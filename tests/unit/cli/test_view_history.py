"""The past of a note as people see it: signs beside colours, nothing foreign that draws, lines that fit."""

from __future__ import annotations

import pytest

from mesh.cli import view_history
from mesh.cli.screen import Screen, columns
from tests.unit.cli import samples

EVENT, OTHER = "3ac91f0e" * 8, "b7" * 32
ENTRY = {
    "event": EVENT, "device": "x" * 16, "name": "mac", "agent": "claude", "at": 1_762_000_000_000, "kind": "changed",
    "summary": 'title "soil"', "standing": "honoured", "settles": None, "undoes": None, "undone_by": None,
}  # fmt: skip
DIFFERENCE = {
    "at": EVENT, "to": None,
    "registers": {"title": {"was": "seeds", "is": "soil"}, "tag/x": {"was": True, "is": None}},
    "lines": [
        {"sign": "@", "parts": [["12", False]]},
        {"sign": " ", "parts": [["one", False]]},
        {"sign": "-", "parts": [["two ", False], ["three", True]]},
        {"sign": "+", "parts": [["two ", False], ["3", True]]},
        {"sign": "+", "parts": [["four", True]]},
    ],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


def test_a_history_is_a_table_that_says_what_became_of_each() -> None:
    """Who, and through which agent; what does not count or was taken back says so before anything is cut off."""
    entries = [ENTRY, {**ENTRY, "agent": "", "undone_by": OTHER}, {**ENTRY, "standing": "void"}]
    lines = view_history.listed(Screen(80), {"title": "soil", "entries": entries, "next": EVENT})
    assert lines[0] == "soil"
    assert lines[2].split(None, 4)[:1] == [EVENT[:12]]
    assert 'claude@mac  title "soil"' in lines[2]
    assert f"mac         [taken back by {OTHER[:12]}]" in lines[3]
    assert "[void] title" in lines[4]
    assert lines[5] == f"more: --before {EVENT[:12]}"
    long = {**ENTRY, "summary": "s" * 240}
    assert all(columns(line) <= 80 for line in view_history.listed(Screen(80), {"title": "t", "entries": [long]}))
    assert view_history.listed(Screen(80), {"title": "t", "entries": []}) == ["nothing of t is here"]


def test_what_is_different_has_signs_without_any_colour() -> None:
    """Registers first, then lines, with signs around what is different in a line that stays."""
    lines = view_history.difference(Screen(80), DIFFERENCE)
    assert lines == [
        f"- event {EVENT[:12]}    + now",
        "- title: seeds",
        "+ title: soil",
        "- tag/x: yes",
        "",
        "  … 12 lines that are the same …",
        "  one",
        "- two [-three-]",
        "+ two {+3+}",
        "+ four",
    ]
    assert view_history.difference(Screen(80), {"at": 0, "lines": [], "registers": {}})[-1] == "nothing is different"


def test_colours_are_blue_and_orange() -> None:
    """Never red beside green; and the signs stay."""
    coloured = "\n".join(view_history.difference(Screen(80, colours=True), DIFFERENCE))
    assert "\x1b[38;5;208m" in coloured
    assert "\x1b[4;94m" in coloured
    assert "\x1b[31m" not in coloured
    assert "\x1b[32m" not in coloured
    assert "[-three-]" in coloured


def test_hostile_texts_stay_texts() -> None:
    """In a title, a summary, a name, a register, a line: nothing of it reaches the terminal as it is."""
    bad = samples.ESCAPE + "\n\r\t\u202e"
    names = ("title", "next", "at", "to", "events", "undoes", "event", "document")
    told: dict[str, object] = {
        **dict.fromkeys(names, bad),
        "entries": [{**ENTRY, **dict.fromkeys(("summary", "name", "agent", "standing", "undone_by"), bad)}],
        "conflicts": [bad],
        "registers": {bad: {"was": bad, "is": bad}},
        "lines": [{"sign": sign, "parts": [[bad, True], [bad, False]]} for sign in (*"-+ @", bad)],
    }
    views = (
        view_history.listed, view_history.past, view_history.difference, view_history.taken_back,
        view_history.brought_back,
    )  # fmt: skip
    for view in views:
        for line in view(Screen(80), told):
            assert line.replace("\t", "").isprintable(), (view, line)
    wrong = {"entries": 1, "lines": [1, {"sign": "+", "parts": [1, []]}], "registers": {"a": 1}, "conflicts": 2}
    for view in views:
        list(view(Screen(80), wrong))


def test_registers_of_other_documents_are_shown() -> None:
    """What a task or a receipt said then; what every note has stands above; hostile texts are safe."""
    said = {
        "title": "x",
        "path": "p",
        "deleted": False,
        "tag/a": True,
        "state": "open",
        "priority": 3,
        "\x1b": "\x1b[2J",
    }
    lines = view_history.registers(Screen(80), {"registers": said})
    assert [line.split() for line in lines[1:3]] == [["state", "open"], ["priority", "3"]]
    assert len(lines) == 4
    assert "\x1b" not in "".join(lines)
    assert view_history.registers(Screen(80), {"registers": {"title": "x"}}) == []
    assert view_history.registers(Screen(80), {}) == []
