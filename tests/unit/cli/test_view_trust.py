"""What the commands about trust print: foreign texts do no harm, and what is missing is shown as not known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh.cli import view_trust
from mesh.cli.screen import Screen, columns
from tests.unit.cli.samples import DOCUMENT, ESCAPE, EVENT

TIME_MS = 1_762_000_000_000
STATEMENT = {"event": EVENT, "kind": "close", "device": "a" * 16, "name": ESCAPE, "time_ms": TIME_MS}
GRANT = {
    "id": EVENT, "device": "a" * 16, "name": "laptop", "agent": "claude", "space": "work", "types": ["note", ESCAPE],
    "verbs": ["edit", "read"], "until_ms": TIME_MS, "state": "ended", "by": STATEMENT, "ended": STATEMENT,
}  # fmt: skip
WHY = {
    "event": EVENT, "lane": "data", "device": "a" * 16, "name": ESCAPE, "live": False, "kind": "born", "verb": "create",
    "agent": "claude", "document": DOCUMENT, "time_ms": TIME_MS, "standing": "void", "reason": f"because {ESCAPE}",
    "adopted": False, "grant": GRANT, "by": STATEMENT, "says": f"says {ESCAPE}", "to_do": "do this",
}  # fmt: skip
GROUP = {
    "document": DOCUMENT, "title": ESCAPE, "device": "a" * 16, "name": ESCAPE, "reason": "why", "count": 5,
    "last_ms": TIME_MS, "by": STATEMENT, "events": [EVENT] * 5,
}  # fmt: skip
CONTENT = {
    "event": EVENT, "device": "a" * 16, "name": ESCAPE, "agent": "claude", "document": DOCUMENT, "kind": "changed",
    "time_ms": TIME_MS, "reason": "why", "says": None, "registers": {"title": ESCAPE, ESCAPE: 1}, "removed": [ESCAPE],
    "inserted": f"one\n{ESCAPE}\n", "deleted": 3,
}  # fmt: skip
QUESTION = {
    "id": "k5q2", "device": "a" * 16, "name": ESCAPE, "act": "agents-add", "target": ESCAPE,
    "says": [ESCAPE, "close x"], "digest": EVENT, "until_ms": TIME_MS,
}  # fmt: skip
PRINTED: dict[str, Callable[[Screen], list[str]]] = {
    "grants": lambda screen: view_trust.grants(screen, {"grants": [GRANT]}),
    "granted": lambda screen: view_trust.granted(screen, GRANT),
    "ended": lambda screen: view_trust.ended(screen, {"ended": [GRANT]}),
    "agents": lambda screen: view_trust.agents(screen, {"agents": [{**GRANT, "grants": [GRANT, GRANT]}]}),
    "void": lambda screen: view_trust.void(
        screen, {"void": [GROUP], "statements": [{**STATEMENT, "says": ESCAPE, "reason": "x"}], "discarded": 2}
    ),
    "content": lambda screen: view_trust.void_content(screen, {"events": [CONTENT, CONTENT], "more": 7}),
    "approvals": lambda screen: view_trust.approvals(screen, {"approvals": [QUESTION, QUESTION]}),
}
EMPTY = {
    "grants": view_trust.grants, "granted": view_trust.granted, "ended": view_trust.ended, "agents": view_trust.agents,
    "void": view_trust.void, "content": view_trust.void_content,
    "approvals": view_trust.approvals, "closing": view_trust.closing,
}  # fmt: skip


@pytest.mark.parametrize("name", PRINTED)
def test_nothing_that_a_terminal_obeys(name: str) -> None:
    """Names, titles and texts of others are data."""
    lines = PRINTED[name](Screen(100))
    assert lines
    assert all(line.isprintable() for line in lines)
    assert any("laptop" in line or "\\u001b" in line for line in lines)


@pytest.mark.parametrize("told", [{}, {"grants": 1, "ended": [1], "void": "x", "events": [None], "falls": {}}])
@pytest.mark.parametrize("name", EMPTY)
def test_an_answer_of_another_version(name: str, told: dict[str, object]) -> None:
    """What is missing or of another type breaks nothing."""
    assert isinstance(EMPTY[name](Screen(80), told), list)


def test_all_for_everything() -> None:
    """A star is told in words."""
    star = {**GRANT, "types": ["*"], "verbs": ["*"], "space": "*", "until_ms": None}
    assert "claude@laptop: every verb of every type in every space" in view_trust.granted(Screen(100), star)[0]


def test_a_table_fits_the_screen() -> None:
    """However long a name is."""
    lines = view_trust.grants(Screen(80), {"grants": [{**GRANT, "name": "n" * 500, "types": ["note"]}]})
    assert max(columns(line) for line in lines) <= 80
