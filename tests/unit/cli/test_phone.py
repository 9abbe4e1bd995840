"""Phones on the command line: what is shown at each step and asked, and that nothing happens without a yes.

The agent that answers is a table; what it does is under test in tests/unit/node/gateway and tests/system.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import view_phone
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, error, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
OFFER = {
    "url": "https://mesh-k3q7x2.local:8443/#p=AAECAwQFBgcICQoLDA0ODw&d=abcdabcdabcdabcd",
    "token": "AAECAwQFBgcICQoLDA0ODw",
    "typed": "aaaq-eaye-auda-ocaj-bifq-ydio-b4",
    "device": "abcdabcdabcdabcd",
    "seconds": 600,
    "name": "mesh-k3q7x2.local",
    "origin": "https://mesh-k3q7x2.local:8443",
    "trust": ["http://192.168.1.7:8444/trust"],
    "certificate": "AB CD",
    "home_problem": "",
}
OPENED = {"item": {"opened": OFFER}}
TRUSTED, PAGE = ({"item": {"passed": {"step": step}}} for step in ("trust", "page"))
ASKED = {"name": "\x1b[31mphone\u202e", "digits": "012345", "fingerprint": "00" * 32}
ASKING = {"item": {"asking": ASKED}}
WHO = {"device": "bcdebcdebcdebcde", "name": "\x1b[31mphone", "rank": 10, "fingerprint": "00" * 32}
ADMITTED = {"item": {"admitted": WHO}}
PONG = result(pid=1, version="0.1.0")
HELD = {
    "served": True, "name": "mesh-k3q7x2.local", "origin": "https://mesh-k3q7x2.local:8443", "certificate": "AB CD",
    "since_ms": 1, "holders": ["mac", "laptop"], "trust": ["http://192.168.1.7:8444/trust"], "push": False,
    "host": "", "problem": "",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh.cli.local.state_of", lambda _: "joined")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))


@pytest.fixture
def adding(agent: Agent) -> Callable[..., FakeAgent]:
    """An agent whose offer goes as the lines say."""
    return lambda *lines: agent({"ping": PONG, "phone.add": lines, "phone.answer": result(**WHO)})


def test_adding_for_scripts(adding: Callable[..., FakeAgent], mesh: Mesh) -> None:
    """Objects one a line: the offer, each step, who asks, and who was admitted; the answer is given by --yes."""
    fake = adding(OPENED, TRUSTED, PAGE, ASKING, ADMITTED)
    code, out, err = mesh("phone", "add", "--json", "--yes")
    assert code == 0
    told = [json.loads(line) for line in out.splitlines()]
    assert told == [OFFER, TRUSTED["item"], PAGE["item"], {"asking": ASKED}, {"admitted": WHO}]
    assert [name for name, _ in fake.asked] == ["ping", "phone.add", "phone.answer"]
    assert "\x1b" not in err


def test_adding_with_a_person(adding: Callable[..., FakeAgent], mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal all steps are shown at once, each once; digits and question stand beside the result."""
    fake = adding(
        OPENED, {"item": {"moon": 1}}, {"item": {"wrong": {"tries_left": 4}}}, TRUSTED, PAGE, ASKING, ADMITTED
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, out, err = mesh("phone", "add")
    assert code == 0
    assert out.splitlines() == [OFFER["typed"], "admitted  \\u001b[31mphone as member"]
    for number in range(1, 5):
        assert err.count(f"Step {number} ") == 1
    assert "http://192.168.1.7:8444/trust" in err
    assert "SHA-256: AB CD" in err
    assert "4 times more" in err
    assert "A phone fetched the certificate.\n" in err
    assert "digits  012 345" in err
    assert "phone   \\u001b[31mphone\\u202e" in err
    assert ("phone.answer", {"yes": True, "fingerprint": ASKED["fingerprint"]}) in fake.asked


def test_steps_come_one_after_the_other() -> None:
    """Who has fetched the certificate is shown the page; who has the page, the rest; each with what it scans."""
    first, second, third, fourth = view_phone.steps(OFFER)
    assert (first.qr, second.qr) == ("http://192.168.1.7:8444/trust", "https://mesh-k3q7x2.local:8443/")
    assert (third.qr, fourth.qr) == ("", OFFER["url"])
    assert any(str(OFFER["typed"]) in line for line in fourth.lines)
    assert [view_phone.next_of(step) for step in ("trust", "page", "moon")] == [1, 3, 3]
    assert not view_phone.steps({**OFFER, "trust": []})[0].qr
    away = view_phone.steps({**OFFER, "home_problem": "the router does not answer"})[1]
    assert "mesh phone home on" in away.lines[-1]
    assert len(second.lines) == 2


def test_a_no_lets_nobody_in(adding: Callable[..., FakeAgent], mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """And so does no answer at all; the stream is closed, which declines."""
    fake = adding(OPENED, ASKING)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert mesh("phone", "add")[0] == 3
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert mesh("phone", "add")[0] == 2
    assert not [name for name, _ in fake.asked if name == "phone.answer"]


def test_an_error_of_the_offer(adding: Callable[..., FakeAgent], mesh: Mesh) -> None:
    """It is the end, with its family."""
    adding(OPENED, *error("Refused", "Refused", 3, "no phone came within ten minutes"))
    code, _, err = mesh("phone", "add")
    assert code == 3
    assert "ten minutes" in err


def test_the_list(agent: Agent, mesh: Mesh) -> None:
    """Phones with what is theirs, the page, and what there is to do; nothing draws on the terminal."""
    token = {"id": "1f0c0000", "name": "Send", "phone": "b" * 16, "made_ms": 1, "used_ms": None}
    phone = {"id": "b" * 16, "name": "\x1b[31miphone", "connected": True, "last_seen_ms": 1, "woken": True}
    phone |= {"wake_problem": "no internet", "tokens": [token]}
    problem = {"what": "trust the new one", "hint": "look there"}
    agent({"phone.list": result(phones=[phone], page=HELD, problems=[problem])})
    code, out, _ = mesh("phone", "list")
    assert code == 0
    for part in ("\\u001b[31miphone", "now", "1f0c0000", "no internet", "AB CD", "mac, laptop", "trust the new one"):
        assert part in out
    assert "\x1b" not in out


def test_no_phones(agent: Agent, mesh: Mesh) -> None:
    """Then it says how one comes in."""
    agent({"phone.list": result(phones=[], page={"served": False, "certificate": None}, problems=[])})
    assert "mesh phone add" in mesh("phone", "list")[1]


def test_tokens(agent: Agent, mesh: Mesh) -> None:
    """One is shown once, and one is ended by its id."""
    shown = {"token": "mesh-drop-x", "id": "1f0c0000", "name": "n", "url": "https://mesh-k3q7x2.local:8443/api/drop"}
    fake = agent({"phone.token": result(**shown)})
    code, out, err = mesh("phone", "token", "iphone", "--name", "n")
    assert code == 0
    assert "mesh-drop-x" in out
    assert "this once" in err
    assert fake.asked == [("phone.token", {"device": "iphone", "name": "n"})]


def test_an_ended_token(agent: Agent, mesh: Mesh) -> None:
    """It says which."""
    fake = agent({"phone.token": result(revoked={"id": "1f0c0000", "name": "Send"})})
    code, out, _ = mesh("phone", "token", "--revoke", "1f0c0000")
    assert code == 0
    assert out == "revoked  Send\n"
    assert fake.asked == [("phone.token", {"revoke": "1f0c0000"})]


def test_serving(agent: Agent, mesh: Mesh, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The files of a certificate are those of `tailscale cert` here, or as named; a certificate has a key."""
    fake = agent({"ping": PONG, "phone.serve": result(**HELD)})
    monkeypatch.chdir(tmp_path)
    assert mesh("phone", "serve", "--tailscale", "mac.ts.net", "--push")[0] == 0
    assert mesh("phone", "serve", "--tailscale", "mac.ts.net", "--certificate", "/a", "--key", "/b")[0] == 0
    assert mesh("phone", "serve", "--off")[0] == 0
    assert mesh("phone", "serve", "--certificate", "/a")[0] == 2
    given = [arguments for name, arguments in fake.asked if name == "phone.serve"]
    files = {"host": "mac.ts.net", "certificate": f"{tmp_path}/mac.ts.net.crt", "key": f"{tmp_path}/mac.ts.net.key"}
    assert given == [
        {"off": False, "push": True, **files},
        {"off": False, "push": None, "host": "mac.ts.net", "certificate": "/a", "key": "/b"},
        {"off": True, "push": None},
    ]


def test_home(agent: Agent, mesh: Mesh) -> None:
    """Marking, unmarking and listing networks are one call."""
    networks = [{"id": "3f2a1100", "name": "192.168.1.0/24", "here": True}]
    fake = agent({"phone.home": result(networks=networks)})
    for argv in (["on"], ["off"], ["off", "3f2a"], ["list"]):
        code, out, _ = mesh("phone", "home", *argv)
        assert code == 0
        assert "192.168.1.0/24" in out
    given = [arguments for _, arguments in fake.asked]
    assert given == [{"set": True}, {"set": False}, {"set": False, "network": "3f2a"}, {}]


def test_removing_is_closing(agent: Agent, mesh: Mesh) -> None:
    """It shows, asks, and does what `mesh remove` does, by its own call."""
    device = {"id": "b" * 16, "name": "iphone", "rank": 10, "role": "member"}
    planned: dict[str, object] = {
        "device": device,
        "reason": "removed",
        "since_ms": None,
        "marks": 1,
        "falls": [],
        "falls_more": 0,
    }
    done = {**planned, "event": "00", "epoch": "00", "hidden": 0, "to_do": [], "warning": "", "tokens_ended": 1}
    could: dict[str, object] = {"last_touch_ms": None, "exact": True, "spaces": [], "epochs": []}
    fake = agent({"phone.remove": result(**done, could_read=could)})
    assert mesh("phone", "remove", "iphone")[0] == 2
    assert mesh("phone", "remove", "iphone", "--yes")[0] == 0
    assert fake.asked[-1] == ("phone.remove", {"device": "iphone", "drop": []})
    assert [arguments.get("look") for _, arguments in fake.asked] == [True, True, None]
