"""`mesh search`: what it asks for, and how hits look."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from mesh.cli import plain, view_search
from mesh.cli.screen import Screen
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
AT = {"device": "d" * 16, "name": "alder", "agent": "claude", "at": 1_800_000_000_000, "event": "e" * 64}
HIT = {
    "document": "home/receipt/3hfdxvcqhsl6bd4jzq4vq2nmny", "type": "receipt", "title": "Login works", "project": "",
    "snippet": "…the login of the web page…", "state": "filed", "updated": AT, "verified": False,
}  # fmt: skip


@pytest.mark.parametrize("front", [True, False])
def test_all_words_and_options_are_asked_for(
    agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch, *, front: bool
) -> None:
    """By the plain front and by the full tree alike."""
    fake = agent({"search": result(hits=[HIT], took_ms=3)})
    if not front:
        monkeypatch.setattr(plain, "FORMS", {})
    code, out, _ = mesh("search", "login", "page", "--type", "receipt", "--type=note", "--project", "web", "--json")
    assert code == 0
    assert json.loads(out) == {"hits": [HIT], "took_ms": 3}
    mesh("search", "login", "--limit", "7")
    asked = [{"words": "login page", "types": ["receipt", "note"], "project": "web", "limit": 20}]
    assert [arguments for _, arguments in fake.asked] == [*asked, {"words": "login", "types": [], "limit": 7}]
    assert mesh("search")[0] == mesh("search", " ")[0] == mesh("search", "x", "--limit", "0")[0] == 2
    assert len(fake.asked) == 2


def test_hits_are_shown_with_what_they_are() -> None:
    """The title, the piece of text, the id, what became of it, and who touched it last."""
    lines = view_search.found(Screen(None), {"hits": [HIT], "took_ms": 3})
    assert lines[:2] == ["Login works", "  …the login of the web page…"]
    assert lines[2].startswith("  home/receipt/3hfdxvcqhsl6bd4jzq4vq2nmny  filed, not verified  2027-")
    assert lines[2].endswith(" claude@alder")
    assert lines[-1] == "1 found in 3 ms"
    old = {**HIT, "type": "memory", "state": "superseded", "superseded": "home/memory/x", "snippet": ""}
    del old["verified"]
    assert "superseded, superseded" in view_search.found(Screen(80), {"hits": [old], "took_ms": 3})[1]
    assert view_search.found(Screen(80), {"hits": [], "took_ms": 3}) == ["nothing has these words"]


def test_foreign_texts_are_made_safe() -> None:
    """In every part of a hit."""
    hostile = "\x1b[2J\u202e\r\n"
    hit = {key: hostile if isinstance(value, str) else value for key, value in HIT.items()}
    hit["updated"] = {"name": hostile, "agent": hostile, "at": hostile}
    hit["superseded"] = hostile
    text = "".join(view_search.found(Screen(80), {"hits": [hit, {}], "took_ms": hostile}))
    assert not any(one in text for one in "\x1b\u202e\r\n")
