"""Pairing on the command line: what is shown and asked on both sides, and that nothing happens without a yes.

The agent that answers is a table; the pairing itself is under test in tests/unit/node and tests/system.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mesh.cli import pair, words
from mesh.errors import Unreachable
from mesh.node import home as homes
from mesh.node.ports import Sighting
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, error, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
CODE = "7-orbit-velvet-canoe"
WHERE = "127.0.0.1:40123"
OPENED = {"item": {"opened": {"addresses": [WHERE], "seconds": 300}}}
FINGERPRINT = "00" * 32
ASKING = {"item": {"asking": {"name": "\x1b[31mphone\u202e", "rank": "member", "fingerprint": FINGERPRINT}}}
WHO = {"device": "abcdabcdabcdabcd", "name": "\x1b[31mphone", "rank": 10, "fingerprint": FINGERPRINT}
ADMITTED = {"item": {"admitted": WHO}}
PONG = result(pid=1, version="0.1.0")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> str:
    """The code that is drawn."""
    monkeypatch.setattr(words, "new_code", lambda: CODE)
    return CODE


@pytest.fixture
def inviting(agent: Agent, drawn: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeAgent]:
    """An agent whose invitation goes as the lines say."""
    monkeypatch.setattr("mesh.cli.local.state_of", lambda _: "joined")
    assert drawn == CODE

    def start(*lines: object) -> FakeAgent:
        return agent({"ping": PONG, "invite": lines, "invite.answer": result(**WHO)})

    return start


@pytest.fixture
def sees(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What is announced on the local network."""

    def see(*sightings: Sighting) -> None:
        async def look_around(_interfaces: Sequence[str], _seconds: float) -> tuple[Sighting, ...]:
            return sightings

        monkeypatch.setenv("MESH_BEACON", "on")
        monkeypatch.setattr("mesh.node.nearby.beacon.look_around", look_around)

    return see


def invitation(*addresses: str, number: bytes = b"7", version: bytes = b"1") -> Sighting:
    """An open invitation in sight."""
    return Sighting("invitation", addresses or (WHERE,), {"v": version, "i": number})


DEVICE = Sighting("device", ("127.0.0.1:4222",), {"n": b"x", "t": b"y"})


# ---------------------------------------------------------------- inviting


def test_inviting_for_scripts(inviting: Callable[..., FakeAgent], mesh: Mesh) -> None:
    """Two objects: the code, and who was admitted; the answer is given by --yes."""
    fake = inviting(OPENED, ASKING, ADMITTED)
    code, out, err = mesh("invite", "--json", "--yes")
    assert code == 0
    first, second = map(json.loads, out.splitlines())
    assert first == {"code": CODE, "addresses": [WHERE], "text": f"{CODE}@{WHERE}"}
    assert second == {"admitted": WHO}
    assert fake.asked == [
        ("ping", {}),
        ("invite", {"code": CODE, "member": False}),
        ("invite.answer", {"yes": True}),
    ]
    assert "\x1b" not in err
    assert "abandon abandon abandon abandon" in err


def test_inviting_with_a_person(inviting: Callable[..., FakeAgent], mesh: Mesh, says: Callable[[str], None]) -> None:
    """The code alone is the result; who asks, its words and the question stand beside it, safely."""
    fake = inviting(OPENED, {"item": {"wrong": {"tries_left": 2}}}, {"item": {"moon": 1}}, ASKING, ADMITTED)
    says("y\n")
    code, out, err = mesh("invite", "--member")
    assert code == 0
    assert out.splitlines() == [CODE, "admitted  \\u001b[31mphone as member"]
    assert f"mesh join {CODE}\n" in err
    assert f"mesh join {CODE}@{WHERE}\n" in err
    assert "2 times more" in err
    assert "device       \\u001b[31mphone\\u202e" in err
    assert "Let it in as member? [y/N]" in err
    assert ("invite", {"code": CODE, "member": True}) in fake.asked


@pytest.mark.parametrize(("answer", "code"), [("n\n", 3), ("\n", 3), ("", 2)])
def test_inviting_without_a_yes(
    answer: str, code: int, inviting: Callable[..., FakeAgent], mesh: Mesh, says: Callable[[str], None]
) -> None:
    """No yes is sent; the command ends, and with it the invitation."""
    fake = inviting(OPENED, ASKING, ADMITTED)
    says(answer)
    ended, out, _ = mesh("invite")
    assert (ended, out) == (code, f"{CODE}\n")
    assert [name for name, _ in fake.asked] == ["ping", "invite"]


def test_the_end_of_an_invitation_is_an_error(inviting: Callable[..., FakeAgent], mesh: Mesh) -> None:
    """As the agent tells it, in the family and with the code that it has."""
    inviting(OPENED, *error("Refused", "Refused", 3, "nobody came within five minutes", "mesh invite"))
    code, out, _ = mesh("invite", "--json", "--yes")
    assert code == 3
    assert json.loads(out.splitlines()[1])["error"]["message"] == "nobody came within five minutes"


def test_a_device_that_went_away_while_the_person_thought(
    agent: Agent, drawn: str, mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The yes finds nobody; what the person reads is why."""
    monkeypatch.setattr("mesh.cli.local.state_of", lambda _: "joined")
    gone = error("Dropped", "Unreachable", 5, "the other device went away before it was let in")
    late = error("Misuse", "Misuse", 2, "no invitation is open")
    agent({"ping": PONG, "invite": (OPENED, ASKING, *gone), "invite.answer": late})
    code, out, _ = mesh("invite", "--json", "--yes")
    assert json.loads(out.splitlines()[0])["code"] == drawn
    assert (code, json.loads(out.splitlines()[1])["error"]["family"]) == (5, "Unreachable")


def test_inviting_before_joining(mesh: Mesh) -> None:
    """A device outside invites nobody, and no agent is started for it."""
    code, out, err = mesh("invite")
    assert (code, out) == (2, "")
    assert "belongs to no mesh" in err


# ---------------------------------------------------------------- joining


def test_a_wrong_word_is_told_before_anything_happens(mesh: Mesh, home: Path) -> None:
    """With the nearest word, and without a try."""
    code, out, _ = mesh("join", "7-orbit-velvet-canoo", "--json", "--yes")
    told = json.loads(out)["error"]
    assert (code, told["family"]) == (3, "Refused")
    assert "canoe" in told["hint"]
    assert "No try was spent" in told["hint"]
    assert homes.state(home) == "none"


def test_nobody_in_sight(mesh: Mesh, sees: Callable[..., None]) -> None:
    """Other numbers, other versions and devices are nobody; the form with an address is named."""
    sees(DEVICE, invitation(number=b"8"), invitation(version=b"2"), Sighting("invitation", (WHERE,), {"i": b"7"}))
    code, out, err = mesh("join", CODE, "--json")
    assert code == 5
    assert "begins with 7" in json.loads(out)["error"]["message"]
    assert "CODE@HOST:PORT" in err


def test_a_beacon_that_is_off_looks_for_nobody(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the agent: nothing is sent, and the longer form is named at once."""
    monkeypatch.setenv("MESH_BEACON", "off")
    monkeypatch.setattr("mesh.node.nearby.beacon.look_around", pytest.fail)
    code, _, err = mesh("join", CODE)
    assert code == 5
    assert "CODE@HOST:PORT" in err


def free_port() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("typed", [[CODE], ["7", "ORBIT", "velv", "canoe"], [f" {CODE} "]])
def test_each_device_in_sight_is_called(typed: list[str], mesh: Mesh, sees: Callable[..., None]) -> None:
    """Whatever way the code is typed; the own words are shown before."""
    port = free_port()
    sees(DEVICE, invitation(f"127.0.0.1:{port}"))
    code, _, err = mesh("join", *typed)
    assert code == 5
    assert f"nobody invites at 127.0.0.1:{port}" in err
    assert len(next(line for line in err.splitlines() if line.startswith("fingerprint")).split()) == 5


def test_addresses_typed_by_hand_need_no_beacon(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text behind the QR: nobody is looked for."""
    monkeypatch.setattr(pair, "sightings", pytest.fail)
    port = free_port()
    code, _, err = mesh("join", f"{CODE}@127.0.0.1:{port},[::1]:{port}")
    assert code == 5
    assert "nobody invites" in err
    for wrong in ("@", "@nonsense", "@127.0.0.1:0", "@,", "@a b:1"):
        assert mesh("join", f"{CODE}{wrong}")[0] == 2, wrong


def test_sightings_of_one_device_are_called_once() -> None:
    """A device that was sighted with some of its addresses and with all is one; another at the same number is not."""
    some, more, other = invitation("a:1"), invitation("a:1", "b:1"), invitation("c:1")

    class Told:
        @staticmethod
        def notice(_text: str) -> None:
            """Nothing."""

    class Running:
        out = Told()

    found = pair._inviters  # noqa: SLF001 - the grouping shows from outside only by timing
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair, "sightings", lambda _: (some, more, other))
        assert [list(each) for each in found(Running(), 7)] == [["a:1", "b:1"], ["c:1"]]  # type: ignore[arg-type]


def test_looking_around(mesh: Mesh, sees: Callable[..., None], says: Callable[[str], None], home: Path) -> None:
    """What is in reach is told; an empty answer leads to the question whether to found, and silence to nothing."""
    for sightings, words_ in [
        ((), "No other device of mesh is in reach."),
        ((DEVICE,), "1 device of some mesh is in reach."),
        ((DEVICE, DEVICE, invitation()), "2 devices of some mesh and 1 open invitation are in reach."),
    ]:
        sees(*sightings)
        says("\nno\n")
        code, out, err = mesh("join")
        assert (code, out) == (3, "")
        assert words_ in err
        assert "Found a new mesh with this device as its first? [y/N]" in err
    says("")
    code, _, err = mesh("join")
    assert code == 2
    assert "mesh join CODE" in err
    assert homes.state(home) == "none"


def test_looking_around_with_a_code(mesh: Mesh, sees: Callable[..., None], says: Callable[[str], None]) -> None:
    """The answer is taken like an argument."""
    sees()
    says(f"{CODE}@127.0.0.1:{free_port()}\n")
    code, _, err = mesh("join")
    assert code == 5
    assert "nobody invites" in err


def test_founding_after_a_look_around(
    mesh: Mesh, sees: Callable[..., None], says: Callable[[str], None], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A yes founds, shows and checks the phrase, and starts the agent unless --no-up says otherwise."""
    started: list[object] = []
    monkeypatch.setattr(pair, "ensured", started.append)
    monkeypatch.setattr(words, "phrase", lambda _: " ".join(["abandon"] * 24))
    sees(DEVICE)
    says("\ny\nabandon\nabandon\n")
    code, out, err = mesh("join", "--name", "laptop")
    assert code == 0
    assert "24 abandon" in out
    assert "mesh invite" in err
    assert len(started) == 1
    assert homes.state(home) == "joined"


def test_founding_for_scripts_after_a_look_around(
    mesh: Mesh, sees: Callable[..., None], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--yes founds, one object, with a notice about what was in sight; --no-up starts nothing."""
    monkeypatch.setattr(pair, "ensured", pytest.fail)
    sees(invitation())
    code, out, err = mesh("join", "--json", "--yes", "--no-up")
    assert code == 0
    assert set(json.loads(out)) == {"mesh", "device", "recovery_phrase"}
    assert "1 open invitation is in reach" in err
    assert "not checked" in err
    assert homes.state(home) == "joined"
    assert mesh("join", CODE)[0] == 2


def test_an_agent_that_does_not_start_is_told_beside_the_result(
    mesh: Mesh, sees: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The device is in all the same."""

    def fails(_run: object) -> None:
        message = "no port"
        raise Unreachable(message)

    monkeypatch.setattr(pair, "ensured", fails)
    sees()
    code, _, err = mesh("join", "--yes", "--json")
    assert code == 0
    assert "does not start: no port" in err


@pytest.mark.parametrize(
    "argv",
    [[CODE, "--new"], [CODE, "--request"], [CODE, "--admission", "x"], ["--new", "--member"], ["--new", "--no-up"]],
)
def test_ways_that_do_not_go_together(argv: list[str], mesh: Mesh, home: Path) -> None:
    """A code excludes the other ways, and its options go with it."""
    assert mesh("join", *argv, "--yes")[0] == 2
    assert homes.state(home) == "none"


def test_a_founder_is_no_member(mesh: Mesh, sees: Callable[..., None], home: Path) -> None:
    """Somebody must be the admin."""
    sees()
    assert mesh("join", "--member", "--yes")[0] == 2
    assert homes.state(home) == "none"
