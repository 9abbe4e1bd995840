"""The tools as clients see them: ten, cheap, honest about what they do, and none that only a person may use."""

from __future__ import annotations

import json

import pytest

from mesh.errors import Misuse
from mesh.limits import SCHEMAS_TOKENS_MAX
from mesh.node.mcp.schemas import BY_NAME, TOOLS, tokens

PERSONS = ("grant", "revoke", "resolve", "approve", "verify", "close", "lost", "remove", "delete", "answer")


def test_there_are_ten_in_one_order_that_cost_little() -> None:
    """Whoever starts a client pays for all of them."""
    names = ["continuity", "pickup", "handoff", "receipt", "remember", "recall", "note", "tasks", "task", "ask"]
    assert [tool.name for tool in TOOLS] == names
    assert tokens() <= SCHEMAS_TOKENS_MAX


def test_none_does_what_only_a_person_does() -> None:
    """No tool grants, closes, resolves, approves or verifies."""
    for tool in TOOLS:
        assert not any(word in tool.name for word in PERSONS), tool.name


def test_what_reads_says_so_and_what_writes_destroys_nothing() -> None:
    """Annotations are what a client shows to its person before it lets a tool be called."""
    reading = {tool.name for tool in TOOLS if tool.annotations.get("readOnlyHint")}
    assert reading == {"continuity", "recall", "tasks"}
    assert all(tool.annotations["destructiveHint"] is False for tool in TOOLS if tool.name not in reading)


def test_a_schema_is_closed_and_names_what_it_needs() -> None:
    """So that a model's slip is told, and not silently left out."""
    for tool in TOOLS:
        schema = tool.schema
        assert schema["additionalProperties"] is False
        assert set(tool.required) <= set(tool.properties)
        assert json.loads(json.dumps(schema)) == schema


GOOD = {
    "handoff": {"goal": "carry the login over", "remaining": ["write the test"]},
    "receipt": {"summary": "done", "changed": [], "claims": [{"text": "tests pass", "evidence": "pytest"}]},
    "note": {"text": "seeds"},
    "task": {"claim": True, "status": "done"},
    "tasks": {"limit": 3, "filter": "mine"},
}


@pytest.mark.parametrize(("name", "given"), GOOD.items())
def test_what_fits_passes(name: str, given: dict[str, object]) -> None:
    """One of each kind of value."""
    BY_NAME[name].check(given)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("handoff", {"goal": "x"}, "needs remaining"),
        ("handoff", {"goal": "", "remaining": []}, "needs goal"),
        ("handoff", {"goal": "x", "remaining": "write"}, "no list of texts"),
        ("handoff", {"goal": "x", "remaining": [1]}, "no list of texts"),
        ("handoff", {"goal": "x", "remaining": [], "reason": "tired"}, "none of done_for_now"),
        ("receipt", {"summary": "x", "changed": [], "claims": ["it works"]}, "objects with text"),
        ("receipt", {"summary": "x", "changed": [], "claims": [{"text": ""}]}, "objects with text"),
        ("note", {"text": 3}, "no text"),
        ("task", {"claim": "yes"}, "neither true nor false"),
        ("tasks", {"limit": True}, "no whole number"),
        ("tasks", {"limits": 3}, "takes no 'limits'"),
    ],
)
def test_what_does_not_fit_is_told_in_words(name: str, given: dict[str, object], words: str) -> None:
    """A model reads the sentence and does better."""
    with pytest.raises(Misuse, match=words):
        BY_NAME[name].check(given)
