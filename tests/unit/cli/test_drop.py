"""`mesh drop`: files and commands are told apart, paths are whole, and waiting ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.node import timing
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, error, result
from tests.unit.cli.samples import DOCUMENT

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
DROP = {
    "document": DOCUMENT, "title": "plan.pdf", "size": 3 * 1024 * 1024, "state": "here", "to": None,
    "from": {"device": "abcd", "name": "mac"}, "got": [], "here_bytes": 0, "problem": "", "hint": "", "at_ms": 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are given in this folder."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "given"),
    [
        (("drop", "plan.pdf"), [{"path": "plan.pdf"}]),
        (("drop", "add", "plan.pdf"), [{"path": "plan.pdf"}]),
        (("drop", "--to", "desk", "a b", "list"), [{"to": "desk", "path": "a b"}, {"to": "desk", "path": "list"}]),
        (("drop", "./list", "--to", "desk"), [{"to": "desk", "path": "list"}]),
        (("--quiet", "drop", "x", "--project", "p"), [{"project": "p", "path": "x"}]),
    ],
    ids=str,
)
def test_a_word_that_is_no_command_is_a_file(
    words: tuple[str, ...], given: list[dict[str, object]], agent: Agent, mesh: Mesh, tmp_path: Path
) -> None:
    """Options may stand before it, and every path is absolute."""
    fake = agent({"drop.add": result(**DROP)})
    assert mesh(*words)[0] == 0
    assert fake.asked == [("drop.add", {**one, "path": str(tmp_path / str(one["path"]))}) for one in given]


def test_the_commands_are_commands(agent: Agent, mesh: Mesh) -> None:
    """A list is asked for and no file of that name; what is said is said to people and to scripts."""
    fake = agent({"drop.list": result(drops=[DROP]), "drop.add": result(**DROP), "drop.rm": result(**DROP)})
    assert "plan.pdf" in mesh("drop", "list")[1]
    assert fake.asked[0] == ("drop.list", {"limit": 100, "what": "files"})
    assert "3.0 MiB" in mesh("drop", "--quiet", "list")[1]
    assert json.loads(mesh("drop", "list", "--json")[1]) == {"drops": [DROP]}
    assert json.loads(mesh("drop", "a", "b", "--json")[1]) == {"drops": [DROP, DROP]}
    assert mesh("drop", "a", "b")[1].count("dropped  plan.pdf (3.0 MiB)") == 2
    assert mesh("drop", "rm", "plan.pdf")[1] == "taken away  plan.pdf\n"
    assert {name for name, _ in fake.asked} == {"drop.list", "drop.add", "drop.rm"}


def test_the_first_file_that_fails_ends_it(agent: Agent, mesh: Mesh) -> None:
    """What was dropped before is said, and the fault is."""
    answers = [result(**DROP), error("Misuse", "Misuse", 2, "b cannot be read"), result(**DROP)]
    agent({"drop.add": lambda _: answers.pop(0)})
    code, out, err = mesh("drop", "a", "b", "c")
    assert (code, out.count("dropped")) == (2, 1)
    assert "b cannot be read" in err
    assert len(answers) == 1


def test_getting_waits_until_it_is_there(
    agent: Agent, mesh: Mesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as something comes; then the path is said."""
    monkeypatch.setattr(timing, "DROP_TELL_S", 0.0)
    steps = [{**DROP, "path": "", "here_bytes": 0}, {**DROP, "path": "", "here_bytes": 9}, {**DROP, "path": "/x/y"}]
    fake = agent({"drop.get": lambda _: result(**steps.pop(0))})
    assert mesh("drop", "get", "plan.pdf", "--into", "sub")[:2] == (0, "put down  /x/y\n")
    assert fake.asked == [("drop.get", {"id": "plan.pdf", "into": str(tmp_path / "sub")})] * 3


def test_getting_ends_when_nothing_comes(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what the agent says is wrong, and that it goes on."""
    monkeypatch.setattr(timing, "DROP_TELL_S", 0.0)
    monkeypatch.setattr(timing, "DROP_STILL_S", 0.05)
    agent({"drop.get": result(**{**DROP, "path": "", "problem": "nobody has it"})})
    code, _, err = mesh("drop", "get", "plan.pdf")
    assert code == 5
    assert "nobody has it" in err
    assert "goes on by itself" in err


@pytest.mark.parametrize("words", [("drop",), ("drop", ""), ("drop", "-"), ("drop", *map(str, range(101)))], ids=len)
def test_what_is_no_file_is_misuse(words: tuple[str, ...], agent: Agent, mesh: Mesh) -> None:
    """Nothing is asked of the agent."""
    fake = agent({})
    assert mesh(*words)[0] == 2
    assert fake.asked == []


def test_the_drop_folder(agent: Agent, mesh: Mesh, tmp_path: Path) -> None:
    """Shown, chosen by its whole path, and let go; both at once is misuse, and nothing is asked."""
    told = {"folder": str(tmp_path), "since_ms": 0, "put_down": 2, "problem": "", "hint": ""}
    fake = agent({"drop.folder": result(**told)})
    assert str(tmp_path) in mesh("drop", "folder")[1]
    assert json.loads(mesh("drop", "folder", "in", "--json")[1]) == told
    assert mesh("drop", "folder", "--off")[0] == 0
    assert mesh("drop", "folder", "in", "--off")[0] == 2
    assert mesh("drop", "list", "--what", "all")[0] == 5, "the fake has no answer for it"
    given = [arguments for _, arguments in fake.asked]
    assert given == [{}, {"folder": str(tmp_path / "in")}, {"folder": ""}, {"limit": 100, "what": "all"}]
