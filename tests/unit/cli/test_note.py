"""The commands about notes that are not among the frequent ones."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, error, result
from tests.unit.cli.samples import DOCUMENT, EVENT, LINE, NOTE, SAID

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]


def test_all_pages_of_a_list(agent: Agent, mesh: Mesh) -> None:
    """Without a limit every note comes, in one object; with one a page and where the next begins."""
    pages = {None: ([LINE], "b"), "b": ([LINE, LINE], None)}

    def page(arguments: dict[str, object]) -> list[dict[str, object]]:
        notes, following = pages[arguments.get("after")]  # type: ignore[index]
        return [{"result": {"notes": notes} | ({"next": following} if following else {})}]

    agent({"note.list": page})
    code, out, _ = mesh("note", "list", "--json")
    assert code == 0
    assert json.loads(out) == {"notes": [LINE] * 3}
    _, out, _ = mesh("note", "list", "--json", "--limit", "1")
    assert json.loads(out) == {"notes": [LINE], "next": "b"}
    _, out, _ = mesh("note", "list", "--limit", "1")
    assert out.endswith("more: --after b\n")


def test_an_agent_that_always_has_more(agent: Agent, mesh: Mesh) -> None:
    """A page that leads to itself ends the list instead of the memory."""
    fake = agent({"note.list": result(notes=[LINE], next="a")})
    assert mesh("note", "list")[0] == 0
    assert len(fake.asked) == 2


def test_removing(agent: Agent, mesh: Mesh) -> None:
    """The note is named by its whole id when it is removed."""
    fake = agent({"note.show": result(**NOTE), "note.rm": result(**SAID)})
    assert mesh("note", "rm", "buy seeds") == (0, f"removed  {DOCUMENT}\n", "")
    assert fake.asked[1] == ("note.rm", {"document": DOCUMENT})


def test_quiet_leaves_only_results(agent: Agent, mesh: Mesh) -> None:
    """An acknowledgement is no result; what was asked to be seen is; --json is not silenced."""
    agent({"note.add": result(**SAID), "note.show": result(**NOTE)})
    assert mesh("note", "add", "x", "--quiet") == (0, "", "")
    assert mesh("note", "show", "x", "--quiet")[1].startswith("buy seeds\n")
    assert json.loads(mesh("note", "add", "x", "--quiet", "--json")[1]) == {"document": DOCUMENT, "event": EVENT}


def test_no_such_note(agent: Agent, mesh: Mesh) -> None:
    """The agent's sentence reaches the person, and nothing is removed."""
    fake = agent({"note.show": error("Misuse", "Misuse", 2, "there is no note 'x'")})
    assert mesh("note", "rm", "x")[0] == 2
    assert len(fake.asked) == 1
