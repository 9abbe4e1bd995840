"""Causes and ways as text: safe whatever others named, short, and whole where a version of later adds something."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import view_why
from mesh.cli.screen import Screen, columns
from mesh.node.why.causes import CAUSES, HERE, Place, cause, in_order, state_of
from tests.unit.cli.test_app import COMMANDS

ESCAPE = "\x1b[31mred\u202e\nnext"
EVENT = "3ac91f0e1c22" + "0" * 52
TIME_MS = 1_762_000_000_000
WORDS = {
    "event": "3ac91f0e", "by": "77aa", "who": "birch", "conflict": "c0ffee", "fork": "f0f0",
    "document": "home/note/k5q2",
}  # fmt: skip
CAUSE = {
    "code": "never-sent", "what": "never sent there", "where": ESCAPE, "device": "b" * 16, "since": TIME_MS,
    "evidence": [f"1 event: {ESCAPE}"], "fix": f"`mesh why x` {ESCAPE}",
}  # fmt: skip
STATEMENT = {"event": EVENT, "kind": "close", "device": "a" * 16, "name": ESCAPE, "time_ms": TIME_MS}
GRANT = {
    "id": EVENT, "device": "a" * 16, "name": ESCAPE, "agent": "claude", "space": "work", "types": ["note"],
    "verbs": ["edit"], "until_ms": None, "by": STATEMENT, "ended": STATEMENT,
}  # fmt: skip
OF_EVENT = {
    "subject": {"kind": "event", "id": EVENT, "name": EVENT[:12]}, "state": "void", "causes": [CAUSE, CAUSE],
    "event": EVENT, "lane": "data", "device": "a" * 16, "name": ESCAPE, "live": False, "kind": ESCAPE,
    "agent": "claude", "document": "home/note/x", "time_ms": TIME_MS, "standing": "void", "reason": ESCAPE,
    "adopted": True, "grant": GRANT, "by": STATEMENT, "says": ESCAPE, "to_do": ESCAPE,
}  # fmt: skip
OF_DOCUMENT = {
    "subject": {"kind": "document", "id": "home/note/abc", "name": ESCAPE}, "state": "underway", "causes": [CAUSE],
    "events": 5, "waiting": 1,
}  # fmt: skip
OF_DEVICE = {
    "subject": {"kind": "device", "id": "b" * 16, "name": ESCAPE}, "state": "in sync", "causes": [], "linked": True,
    "touched_ms": None, "touched_exactly": True, "in_sync_ms": TIME_MS,
}  # fmt: skip
STEP = {
    "step": "arrived", "where": ESCAPE, "device": "b" * 16, "at": TIME_MS, "state": "no",
    "evidence": [ESCAPE, "x" * 500],
}  # fmt: skip
WAY = {"event": EVENT, "document": "home/note/abc", "steps": [STEP, {**STEP, "state": "yes", "at": None}]}
PRINTED: dict[str, Callable[[Screen], list[str]]] = {
    "event": lambda screen: view_why.why(screen, OF_EVENT),
    "document": lambda screen: view_why.why(screen, OF_DOCUMENT),
    "device": lambda screen: view_why.why(screen, OF_DEVICE),
    "trace": lambda screen: view_why.trace(screen, WAY),
}


@pytest.mark.parametrize("name", PRINTED)
def test_nothing_that_a_terminal_obeys(name: str) -> None:
    """Names, titles and reasons of others are data."""
    lines = PRINTED[name](Screen(100))
    assert lines
    assert all(line.isprintable() for line in lines)
    assert any("\\u001b" in line for line in lines)


@pytest.mark.parametrize(
    "told", [{}, {"causes": 1, "steps": [1], "subject": "x"}, {"causes": [{}], "steps": [{}], "state": 4}]
)
def test_an_answer_of_another_version(told: dict[str, object]) -> None:
    """What is missing or of another type breaks nothing."""
    assert isinstance(view_why.why(Screen(80), told), list)
    assert isinstance(view_why.trace(Screen(80), told), list)


def test_a_cause_on_the_screen() -> None:
    """The state in one line; of a cause what, where, since when, evidence and fix, within the screen."""
    told = {
        **CAUSE,
        "where": "phone",
        "evidence": ["2 events: a, b, of 5", "in touch last " + "long " * 30],
        "fix": "`mesh why x`",
    }
    lines = view_why.why(
        Screen(80), {**OF_DOCUMENT, "causes": [told], "subject": {"kind": "document", "name": "Seeds"}}
    )
    assert lines[0].rstrip() == "document “Seeds”: here, and not on every device yet"
    assert "! never-sent  never sent there" in lines
    assert any(line.startswith("  at phone, since 2025-11-01") for line in lines)
    assert "  - 2 events: a, b, of 5" in lines
    assert lines[-1] == "  > `mesh why x`"
    assert max(columns(line) for line in lines) <= 80
    assert "  here" in view_why.why(Screen(80), {"causes": [{**told, "where": "here", "since": None}]})
    assert view_why.why(Screen(80), {"state": "everywhere"})[-1] == "nothing blocks it"


# ── the table of causes ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", CAUSES)
def test_each_fix_is_a_command_that_there_is_or_nothing_to_do(code: str) -> None:
    """Every command that a fix names is in the tree, with its options; a fix without one says when it ends."""
    fix = cause(code, Place("b" * 16, "birch"), None, (), **WORDS).fix
    assert "{" not in fix
    assert fix.endswith(".")
    named = re.findall(r"`mesh ([^`]*)`", fix)
    assert named or fix.startswith("Nothing to do"), fix
    assert fix.count("`") == 2 * len(named), "in code is what can be typed"
    for words in named:
        fitting = [name for name in COMMANDS if f"{words} ".startswith(f"{name} ")]
        assert fitting, f"`mesh {words}` is no command"
        command = COMMANDS[max(fitting, key=len)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", words)) <= options, words


def test_each_code_is_documented() -> None:
    """The table in docs/CLI.md is that of the code."""
    text = (Path(__file__).resolve().parents[3] / "docs" / "CLI.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", text.split("### `mesh why`")[1].split("\n### ")[0], re.MULTILINE)
    assert rows == [(code, sort.what) for code, sort in CAUSES.items()]


def test_the_worst_comes_first() -> None:
    """In the order of the table, each once; the state is that of the worst that has one."""
    here, there = Place("a" * 16, HERE), Place("b" * 16, "birch")
    sent, gap = cause("never-sent", there, 5, ("x", "")), cause("gap", here, None, (), **WORDS)
    assert in_order([sent, gap, sent]) == [gap, sent]
    assert sent.evidence == ("x",)
    assert (state_of([sent, gap]), state_of([sent]), state_of([])) == ("waits", "underway", "everywhere")
    assert state_of([cause("agent-stopped", here, None, ())]) == "everywhere"
