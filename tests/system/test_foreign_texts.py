"""Requests and admissions cut off, altered, for somebody else or from elsewhere: refused, and nothing changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.system.commands import Answer
from tests.system.harness import Device, Fleet

pytestmark = pytest.mark.system


def traces(home: Path) -> dict[str, str]:
    """What a home holds: the digest of each file but logs and locks."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.iterdir())
        if path.is_file() and path.name not in {"lock", "mesh.db-shm", "mesh.db-wal"}
    }


def refused(answer: Answer, code: int = 3) -> str:
    """The sentence of a refusal."""
    assert answer.code == code, answer
    assert answer.error["hint"], answer
    return str(answer.error["message"])


def asking(fleet: Fleet, name: str) -> tuple[Device, str]:
    """A device that asked, and its request."""
    device = fleet.empty(name)
    return device, str(device.done("join", "--request", "--name", name)["request"])


def altered(text: str, at: float) -> str:
    """The text with one character changed."""
    place = text.index(".") + 1 + int((len(text) - text.index(".") - 2) * at)
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def test_an_altered_or_foreign_request_lets_nobody_in(fleet: Fleet) -> None:
    """Goal: whatever is wrong with a request: exit 3, one sentence, and the mesh has no new device."""
    (founder,) = fleet.joined(1)
    _, request = asking(fleet, "laptop")
    before = founder.done("status")["events"]
    wrong = {
        "empty": ".",
        "cut": request[: len(request) // 2],
        "start": altered(request, 0.0),
        "middle": altered(request, 0.5),
        "end": altered(request, 0.9),
        "doubled": request + request,
        "nonsense": "mesh-request-1.!!!!",
        "other": "mesh-admission-1." + request.partition(".")[2],
    }
    for what, text in wrong.items():
        assert refused(founder.mesh("--json", "admit", text, "--yes")), what
    assert founder.done("status")["events"] == before
    assert len(founder.done("devices")["devices"]) == 1  # type: ignore[arg-type]


def test_only_the_right_admission_lets_a_device_in_and_only_once(fleet: Fleet) -> None:
    """Goal: cut, altered, somebody else's and from two meshes: each is refused with a sentence; the right one works."""
    founder, other = fleet.joined(1)[0], fleet.joined(1, "other-")[0]
    laptop, request = asking(fleet, "laptop")
    phone, phones_request = asking(fleet, "phone")
    admission = str(founder.done("admit", request, "--yes")["admission"])
    phones = str(other.done("admit", "-", "--yes", stdin=phones_request)["admission"])
    before = traces(laptop.home)
    wrong = {
        "empty": "mesh-admission-1.",
        "cut": admission[: len(admission) // 2],
        "cut by little": admission[:-5],
        "start": altered(admission, 0.0),
        "middle": altered(admission, 0.5),
        "end": altered(admission, 0.99),
        "a request": request,
        "somebody else's, of another mesh": phones,
    }
    for what, text in wrong.items():
        assert refused(laptop.mesh("--json", "join", "--admission", "-", "--yes", stdin=text)), what
        assert traces(laptop.home) == before, what
    assert laptop.mesh("--json", "join", "--admission", admission).code == 2  # nobody said yes
    laptop.done("join", "--admission", "-", "--yes", stdin=admission)
    joined = traces(laptop.home)
    assert "mesh already" in refused(laptop.mesh("--json", "join", "--admission", admission, "--yes"), 2)
    assert traces(laptop.home)["secrets"] == joined["secrets"]
    assert phone.done("join", "--admission", phones, "--yes")["mesh"] == other.done("status")["mesh"]["id"]  # type: ignore[index]
    assert laptop.done("status")["mesh"]["id"] == founder.done("status")["mesh"]["id"]  # type: ignore[index]


def test_admitting_twice_gives_the_same_device(fleet: Fleet) -> None:
    """Goal: an admission that got lost is printed again; the mesh does not get the device a second time."""
    (founder,) = fleet.joined(1)
    laptop, request = asking(fleet, "laptop")
    first = founder.done("admit", request, "--yes")
    again = founder.done("admit", request, "--yes")
    assert first["device"] == again["device"]
    assert len(founder.done("devices")["devices"]) == 2  # type: ignore[arg-type]
    laptop.done("join", "--admission", str(again["admission"]), "--yes")


def test_a_device_is_let_in_as_what_the_command_says(fleet: Fleet) -> None:
    """Goal: the rank that `admit` names in its question is the one that the device gets."""
    (founder,) = fleet.joined(1)
    for rank in ("admin", "member", None):
        named = [] if rank is None else ["--rank", rank]
        _, request = asking(fleet, f"device-{rank}")
        founder.done("admit", request, "--yes", *named)
        help_text = founder.mesh("admit", "--help").out
        wanted = rank or ("member" if "member unless given" in " ".join(help_text.split()) else "admin")
        devices = founder.done("devices")["devices"]
        assert isinstance(devices, list)
        assert [one["role"] for one in devices if one["name"] == f"device-{rank}"] == [wanted]
