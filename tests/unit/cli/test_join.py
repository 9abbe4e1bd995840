"""Coming into a mesh: what is shown and asked, and that nothing happens without a yes. Founding is real."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mnemonic import Mnemonic

from mesh.cli import join, words
from mesh.node import home as homes
from mesh.node import vault
from tests.unit.cli.conftest import Ended

Mesh = Callable[..., Ended]
Pipe = Callable[[bytes], None]
TITLE = "\x1b[31mphone"


@pytest.mark.parametrize("argv", [["--new", "--request"], ["--new", "--admission", "x"], ["7-a-b-c", "--new"]])
def test_the_ways_to_join(argv: list[str], mesh: Mesh, home: Path) -> None:
    """With two at once the choices are explained."""
    code, _, err = mesh("join", *argv, "--yes")
    assert code == 2
    assert all(word in err for word in ("--new", "--request", "--admission", "CODE"))
    assert homes.state(home) == "none"


def test_founding_for_scripts(mesh: Mesh, home: Path) -> None:
    """One object with the phrase, whose words hold 256 bits and a checksum; the phrase is kept nowhere."""
    code, out, err = mesh("join", "--new", "--json", "--yes", "--name", "laptop")
    assert code == 0
    told = json.loads(out)
    assert set(told) == {"mesh", "device", "recovery_phrase"}
    assert Mnemonic("english").check(told["recovery_phrase"])
    assert len(told["recovery_phrase"].split()) == 24
    assert "not checked" in err
    assert told["recovery_phrase"] not in err
    held = vault.load(home)
    assert held is not None
    assert held.name == "laptop"
    code, out, _ = mesh("join", "--new", "--json", "--yes")
    assert code == 2
    assert "--home" in json.loads(out)["error"]["hint"]


@pytest.mark.parametrize(("answer", "code"), [("", 2), ("n\n", 3), ("\n", 3), ("yes please\n", 3)])
def test_founding_without_a_yes(answer: str, code: int, mesh: Mesh, says: Callable[[str], None], home: Path) -> None:
    """Silence, an empty line and anything but yes found nothing."""
    says(answer)
    ended, out, err = mesh("join", "--new")
    assert (ended, out) == (code, "")
    assert "Found it? [y/N]" in err
    assert homes.state(home) == "none"


def test_founding_with_a_person(mesh: Mesh, says: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """A yes, the phrase on the screen, and two of its words asked for; a slip may be corrected."""
    phrase = words.phrase(bytes(32))
    monkeypatch.setattr(words, "phrase", lambda _: phrase)
    monkeypatch.setattr("secrets.SystemRandom.sample", lambda *_: [23, 0])
    says("y\nwrong\nabandon\n art \n")
    code, out, err = mesh("join", "--new", "--name", "laptop")
    assert code == 0
    assert " 1 abandon " in out
    assert "24 art" in out
    assert "Word 1 of the phrase" in err
    assert "That is not the word" in err
    assert "Word 24 of the phrase" in err
    assert "was not right" not in err
    assert "mesh up" in err


@pytest.mark.parametrize("answer", ["y\n" + "wrong\n" * 3, "y\n"])
def test_a_phrase_that_was_not_written_down(answer: str, mesh: Mesh, says: Callable[[str], None], home: Path) -> None:
    """The mesh is founded all the same, and the person is told what to do about the phrase."""
    says(answer)
    code, _, err = mesh("join", "--new")
    assert code == 0
    assert "founded" in err
    assert homes.state(home) == "joined"


def test_one_device_lets_another_in(mesh: Mesh, says: Callable[[str], None], piped: Pipe, tmp_path: Path) -> None:
    """The whole way without a network: request, the same words on both sides, admission, joined."""
    other = str(tmp_path / "other")
    mesh("join", "--new", "--yes", "--name", "laptop")
    _, request, asks = mesh("join", "--request", "--home", other, "--name", "phone")
    assert request.startswith("mesh-request-1.")
    assert json.loads(mesh("join", "--request", "--home", other, "--json")[1]) == {"request": request.strip()}
    fingerprint = next(line for line in asks.splitlines() if line.startswith("fingerprint"))
    assert len(fingerprint.split()) == 1 + words.FINGERPRINT_WORDS

    code, out, err = mesh("admit", request.strip())
    assert (code, out) == (2, "")
    says("y\n")
    code, admission, err = mesh("admit", request.strip(), "--rank", "member")
    assert code == 0
    assert admission.startswith("mesh-admission-1.")
    assert admission.count("\n") == 1
    assert fingerprint in err
    assert "device       phone" in err
    assert "Let it in as member?" in err

    piped(admission.encode())
    says("no\n")
    assert mesh("join", "--admission", admission.strip(), "--home", other)[0] == 3
    assert homes.state(Path(other)) == "asked"
    code, out, err = mesh("join", "--admission", "-", "--home", other, "--yes", "--json")
    assert code == 0
    told = json.loads(out)
    assert set(told) == {"mesh", "device"}
    assert told["mesh"] == json.loads(mesh("status", "--json")[1])["mesh"]["id"]
    assert mesh("devices")[1].count("\n") == 3
    assert mesh("join", "--admission", admission.strip(), "--home", other, "--yes")[0] == 2


def test_a_name_with_escapes_is_shown_safely(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks chooses the name; it must not draw on the admitter's screen."""
    mesh("join", "--new", "--yes")
    monkeypatch.setattr(homes, "describe_request", lambda _: {"name": TITLE, "fingerprint": "ab" * 32, "rank": 10})
    _, _, err = mesh("admit", "mesh-request-1.x", "--yes")
    assert "\x1b" not in err
    assert "\\u001b[31mphone" in err


@pytest.mark.parametrize("text", ["", "nonsense", "mesh-request-1.AAAA", "mesh-admission-1.AAAA", "x" * 20_000])
def test_foreign_and_truncated_texts(text: str, mesh: Mesh, tmp_path: Path) -> None:
    """A request or an admission that is none is refused before anything is asked."""
    mesh("join", "--new", "--yes")
    assert mesh("admit", text, "--yes")[0] == 3
    other = str(tmp_path / "other")
    mesh("join", "--request", "--home", other)
    code, out, _ = mesh("join", "--admission", text, "--yes", "--json", "--home", other)
    assert code == 3
    assert json.loads(out)["error"]["family"] == "Refused"
    assert homes.state(Path(other)) == "asked"


def test_an_admission_without_a_request(mesh: Mesh, home: Path) -> None:
    """Nothing here could open it."""
    assert mesh("join", "--admission", "mesh-admission-1.AAAA", "--yes")[0] == 2
    assert mesh("join", "--admission", "x", "--name", "y", "--yes")[0] == 2
    assert homes.state(home) == "none"


def test_letting_in_before_joining(mesh: Mesh) -> None:
    """A device outside cannot let anybody in, and says so before it asks."""
    request = mesh("join", "--request")[1].strip()
    code, _, err = mesh("admit", request)
    assert code == 2
    assert "Let it in" not in err


def test_the_examples_are_whole() -> None:
    """Both epilogs show commands."""
    assert "mesh join --new" in join.JOIN_EXAMPLES
    assert "mesh admit" in join.ADMIT_EXAMPLES
