"""How a command reaches an agent: the running one, one of its own, or a clear word that the home is taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import local, run
from mesh.cli.run import Options, Run
from mesh.errors import Busy, Unreachable
from mesh.node.paths import socket_path
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, Lines, result

Mesh = Callable[..., Ended]


def test_without_an_agent_the_same_is_done_here(mesh: Mesh) -> None:
    """A note is written and read with no agent at all."""
    mesh("join", "--new", "--yes")
    document = json.loads(mesh("note", "add", "buy seeds", "--body", "x\x1by", "--tag", "a", "--json")[1])["document"]
    code, out, err = mesh("note", "show", "buy seeds", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) | {"updated": None} == {
        "document": document,
        "title": "buy seeds",
        "body": "x\x1by",
        "tags": ["a"],
        "path": None,
        "deleted": False,
        "conflicts": [],
        "hidden": [],
        "updated": None,
    }
    assert "x\\u001by" in mesh("note", "show", document)[1]
    assert json.loads(mesh("status", "--json")[1])["agent"]["running"] is False
    assert mesh("verify", "--deep")[0] == 0
    assert json.loads(mesh("rebuild", "--json")[1])["same"] is True


def test_a_home_that_is_taken(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the lock is held and no socket answers we try again for a while, then say Busy."""
    tries: list[str] = []

    def taken(*_: object) -> dict[str, object]:
        tries.append("")
        message = "the home is in use"
        raise Busy(message)

    monkeypatch.setattr(local, "call_here", taken)
    monkeypatch.setattr(run, "TAKEN_S", 0.2)
    with pytest.raises(Busy):
        Run(Options()).ask("status", {})
    assert len(tries) > 1
    assert home.is_dir()


def test_an_agent_that_comes_up_meanwhile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds the lock may be an agent that starts: its socket is asked as soon as it is there."""
    fake = FakeAgent(socket_path(home), {"status": result(n=1)})

    def taken(*_: object) -> dict[str, object]:
        fake.__enter__()
        message = "the home is in use"
        raise Busy(message)

    monkeypatch.setattr(local, "call_here", taken)
    try:
        assert Run(Options()).ask("status", {}) == {"n": 1}
    finally:
        fake.__exit__(None, None, None)


def test_following_needs_an_agent(home: Path) -> None:
    """Without one nothing can come in."""
    assert home.is_dir()
    with pytest.raises(Unreachable) as caught:
        list(Run(Options()).follow("log.follow", {}))
    assert "mesh up" in caught.value.hint


def test_following_the_log(home: Path, mesh: Mesh) -> None:
    """One object or one line for each event, until the agent ends."""
    items: Lines = [{"item": {"seq": 1, "kind": "born", "name": "\x1bx"}}, {"item": {"seq": 2}}, b""]
    with FakeAgent(socket_path(home), {"log.follow": items}) as fake:
        code, out, _ = mesh("log", "--follow", "--device", "laptop", "--json")
        first, second, last = map(json.loads, out.splitlines())
        assert (first["seq"], second["seq"]) == (1, 2)
        assert code == last["error"]["exit"] == 5
        assert fake.asked == [("log.follow", {"device": "laptop"})]
        assert mesh("log", "--follow")[1].splitlines()[0] == "\\u001bx  1  born"
        assert mesh("log", "--follow", "--limit", "3")[0] == 2


@pytest.mark.parametrize(
    ("given", "variable", "expected"),
    [
        (["127.0.0.1"], "::1", ("127.0.0.1",)),
        ([], "127.0.0.1, ::1,", ("127.0.0.1", "::1")),
        ([], "", ()),
    ],
)
def test_interfaces(
    given: list[str], variable: str, expected: tuple[str, ...], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option, else the variable, else all."""
    assert home.is_dir()
    monkeypatch.setenv("MESH_INTERFACES", variable)
    options = Options()
    options.interfaces = given
    assert Run(options).interfaces == expected
