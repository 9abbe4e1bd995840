"""How commands have an act confirmed: a passphrase is piped or typed, never named; an approval is named."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from itertools import count

import pytest

from mesh.cli import confirming
from mesh.node.confirming import ALONE
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, Told, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
ROTATED = {"epoch": "ab" * 32, "readers": ["mac"], "warning": ""}
REFUSED = {"family": "Refused", "message": "a person has to confirm this", "hint": "do so", "exit": 3}
NEEDS = ({"error": {**REFUSED, "class": "NeedsPassphrase"}},)
ASKED = ({"error": {**REFUSED, "class": "NeedsApproval", "approval": "k5q2"}},)


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put text on standard input, which is no terminal."""

    def put(text: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(text))

    return put


def test_a_passphrase_that_is_piped_in(agent: Agent, mesh: Mesh, typed: Callable[[str], None]) -> None:
    """One line of it; none is Misuse, and nothing was asked."""
    fake = agent({"rotate": result(**ROTATED)})
    typed("correct horse\nmore\n")
    assert mesh("rotate", "--passphrase-stdin") == (0, "rotated  a new key, for mac\n", "")
    assert fake.asked == [("rotate", {"passphrase": "correct horse"})]
    typed("\n")
    assert mesh("rotate", "--passphrase-stdin")[0] == 2
    assert len(fake.asked) == 1


def test_where_nobody_can_type_one(agent: Agent, mesh: Mesh, typed: Callable[[str], None]) -> None:
    """The refusal stands, with its class for scripts."""
    fake = agent({"rotate": NEEDS})
    typed("")
    code, out, _ = mesh("rotate", "--json")
    assert (code, json.loads(out)["error"]["class"]) == (3, "NeedsPassphrase")
    assert len(fake.asked) == 1


def test_a_passphrase_that_is_typed(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked without echo only when the agent wants it; three times at most, each wrong one said."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    tries = count(1)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda _: f"try {next(tries)}")

    def answer(arguments: Told) -> object:
        return result(**ROTATED) if arguments.get("passphrase") == "try 3" else NEEDS

    fake = agent({"rotate": answer})
    code, out, err = mesh("rotate")
    assert (code, out) == (0, "rotated  a new key, for mac\n")
    assert err.count("error:") == 2
    assert [arguments.get("passphrase") for _, arguments in fake.asked] == [None, "try 1", "try 2", "try 3"]
    assert mesh("rotate")[0] == 3
    assert next(tries) == 7, "asked three times more"


def test_an_approval_that_is_needed(agent: Agent, mesh: Mesh) -> None:
    """It ends with 3 and the question's name; --ask asks for it, --approved names it."""
    fake = agent({"rotate": ASKED})
    code, out, _ = mesh("rotate", "--ask", "--json")
    assert (code, json.loads(out)["error"]["approval"]) == (3, "k5q2")
    mesh("rotate", "--approved", "k5q2")
    assert [arguments for _, arguments in fake.asked] == [{"ask": True}, {"approved": "k5q2"}]


def test_waiting_for_an_approval(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same act again with the question's name, until it is done; how to approve is said once."""
    monkeypatch.setattr(confirming, "WAIT_S", 0.01)
    asked = count(1)
    fake = agent({"rotate": lambda _: result(**ROTATED) if next(asked) == 4 else ASKED})
    code, out, err = mesh("rotate", "--wait")
    assert (code, out) == (0, "rotated  a new key, for mac\n")
    assert err.count("mesh approve k5q2") == 1
    assert [arguments for _, arguments in fake.asked] == [{}, *[{"approved": "k5q2"}] * 3]


def test_what_it_is_worth_is_said(agent: Agent, mesh: Mesh) -> None:
    """A device that is alone and has no passphrase warns, also with --quiet."""
    agent({"rotate": result(**{**ROTATED, "warning": ALONE})})
    assert "no passphrase is set" in mesh("rotate", "--quiet")[2]


FOR_PERSONS = ("rotate", "grant x --space y", "lost x", "approve", "join", "backup f", "down")


@pytest.mark.parametrize("line", FOR_PERSONS)
def test_what_an_agent_cannot_even_ask(agent: Agent, mesh: Mesh, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the option, before or after, and by the environment; the agent process is not asked."""
    fake, words = agent({}), line.split()
    for argv in (("--as", "claude", *words), (*words, "--as", "claude")):
        code, _, err = mesh(*argv)
        assert (code, "only a person" in err) == (3, True)
    monkeypatch.setenv("MESH_AGENT", "claude")
    assert mesh(*words)[0] == 3
    assert fake.asked == []


def test_the_name_of_an_agent_goes_with_what_it_asks(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """In plain forms and in the full tree; an empty name on the command line is the person."""
    fake = agent({"note.add": result(document="home/note/x", event="00"), "grants": result(grants=[])})
    mesh("note", "add", "x", "--as", "claude", "--space", "work", "--body", "")
    monkeypatch.setenv("MESH_AGENT", "other")
    mesh("grants", "--json")
    mesh("grants", "--as=", "--json")
    assert [arguments.get("as") for _, arguments in fake.asked] == ["claude", "other", None]
    assert fake.asked[0][1]["space"] == "work"
