"""Units and plists as texts: names, quoting, what systemd answers; and that no passphrase is ever in them."""

from __future__ import annotations

import os
import plistlib
import shlex
import socket
import sys
from pathlib import Path

import pytest

from mesh.errors import Misuse, Refused, Unreachable
from mesh.node.background import service as services
from mesh.node.background import service_manager as manager
from mesh.node.background.service import Service

ODD = '/srv/o d$d/100%/"q"/b\\s'


@pytest.fixture(autouse=True)
def linux(tmp_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, on a system with systemctl."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return tmp_home


def daemon(home: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The service on macOS."""
    monkeypatch.setattr(sys, "platform", "darwin")
    return services.service_of(home)


def test_the_usual_home_has_the_plain_name(tmp_home: Path) -> None:
    """Others carry their name and a hash, so several homes live side by side."""
    assert services.service_of(tmp_home / ".mesh").unit == "mesh.service"
    first, second = (services.service_of(tmp_home / part / "work mesh") for part in ("a", "b"))
    assert first.unit != second.unit
    for one in (first, second):
        assert one.unit.startswith("mesh-work-mesh-")
        assert one.path.parent == tmp_home / ".config" / "systemd" / "user"
    assert services.service_of(tmp_home, system=True).path == Path("/etc/systemd/system/mesh.service")


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain", '"plain"'),
        ("with space", '"with space"'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ('say "x"', '"say \\"x\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("ünï", '"ünï"'),
    ],
)
def test_words_of_a_command_line(word: str, written: str) -> None:
    """Each character of a path stands for itself."""
    assert services.argument(word) == written


@pytest.mark.parametrize("home", ["/a\nExecStart=/bin/false", "/a\x1b[31m", "/a\u202eb"])
def test_a_path_that_could_write_lines(home: str) -> None:
    """A home's name cannot add directives."""
    with pytest.raises(Misuse):
        services.text(services.service_of(Path(home)), [])


def test_what_a_unit_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """This interpreter, the home, the addresses; the two variables that choose a server, and never a passphrase."""
    monkeypatch.setenv("MESH_PASSPHRASE", "violet")
    monkeypatch.setenv("MESH_NATS_URL", "tls://h$o%st:4222")
    service = services.service_of(Path(ODD))
    text = services.text(service, ["10.0.0.1", "::1"]).decode()
    assert "violet" not in text
    assert 'Environment="MESH_NATS_URL=tls://h$o%%st:4222"' in text
    assert not [line for line in text.splitlines() if line.startswith("@")]
    line = next(one for one in text.splitlines() if one.startswith("ExecStart=")).removeprefix("ExecStart=")
    words = shlex.split(line.replace("%%", "%").replace("$$", "$"))
    assert words == services.agent_argv(Path(ODD), ["10.0.0.1", "::1"])
    assert words[0] == sys.executable
    service.path.parent.mkdir(parents=True)
    service.path.write_text(text)
    assert services.homes_served() == [Path(ODD)]
    assert services.interfaces_of(service) == ("10.0.0.1", "::1")
    assert services.installed_for(Path(ODD)) == service


def test_misuse_does_not_loop() -> None:
    """Every code of a fault that stays is one that systemd does not start again."""
    for system in (False, True):
        text = services.text(services.service_of(Path("/srv/mesh"), system=system), []).decode()
        assert "Restart=on-failure" in text
        assert "RestartPreventExitStatus=2 3 4" in text


def test_a_daemon_of_macos(tmp_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that runs as the home's owner, comes back after a crash, and not after `mesh down`."""
    service = daemon(tmp_home, monkeypatch)
    told = plistlib.loads(services.text(service, ["10.0.0.1"]))
    assert service.path.parent == Path("/Library/LaunchDaemons")
    assert told["Label"] == service.unit
    assert told["UserName"] == service.user
    assert told["ProgramArguments"] == services.agent_argv(tmp_home, ["10.0.0.1"])
    assert told["KeepAlive"] == {"SuccessfulExit": False}
    assert told["RunAtLoad"] is True
    assert told["Umask"] == 0o077


def test_without_any_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence, and another way."""
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(Unreachable) as raised:
        services.service_of(Path("/srv/mesh"))
    assert "cron" in raised.value.hint
    assert services.installed_for(Path("/srv/mesh")) is None


@pytest.mark.parametrize("system", [True, False])
def test_only_root_writes_for_the_machine(tmp_home: Path, monkeypatch: pytest.MonkeyPatch, *, system: bool) -> None:
    """Others are told the whole command."""
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    service = services.service_of(tmp_home, system=True) if system else daemon(tmp_home, monkeypatch)
    with pytest.raises(Refused) as raised:
        manager.install(service, [])
    assert raised.value.hint.startswith("sudo ")
    assert not service.path.exists()


SHOWN = [
    ("enabled", "active", "running", 42, "", (True, True, True, 42, "")),
    ("enabled", "inactive", "dead", 0, "", (True, False, False, None, "")),
    ("enabled", "failed", "failed", 0, "exit-code", (True, False, False, None, "the agent ended with exit-code 2")),
    ("enabled", "activating", "auto-restart", 0, "", (True, False, True, None, "ended with code 2")),
    ("disabled", "active", "running", 42, "", (False, True, True, 42, "does not start at boot")),
]


@pytest.mark.parametrize(
    ("file", "active", "sub", "pid", "result", "found"), SHOWN, ids=[f"{s[0]} {s[2]}" for s in SHOWN]
)
def test_what_systemd_answers(
    file: str, active: str, sub: str, pid: int, result: str, found: tuple[object, ...]
) -> None:
    """Its words become ours; what is wrong has a hint."""
    service = services.service_of(Path("/srv/mesh"))
    service.path.parent.mkdir(parents=True)
    service.path.touch()
    shown = (
        f"LoadState=loaded\nUnitFileState={file}\nActiveState={active}\nSubState={sub}\n"
        f"MainPID={pid}\nResult={result}\nExecMainStatus=2\n"
    )
    told = manager.parsed(shown, service)
    assert (told.enabled, told.running, told.at_work, told.pid) == found[:4]
    assert str(found[4]) in told.problem
    assert bool(told.problem) == bool(found[4])
    assert not told.problem or told.hint


def test_what_others_may_not_pass(tmp_path: Path) -> None:
    """A folder that is closed to others keeps a service of another user from what lies in it."""
    tmp_path.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "program"
    program.touch(0o755)
    assert services.hidden_from_others(program) in {closed, *closed.parents}


def test_notices_reach_the_manager_and_nobody_else(tmp_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once; what we start does not inherit the way to tell."""
    path = tmp_home / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        manager.notify("READY=1")
        assert listening.recv(100) == b"READY=1"
    assert "NOTIFY_SOCKET" not in os.environ
    manager.notify("READY=1")  # nobody asked: nothing happens


def test_the_unit_of_a_relay_is_the_one_that_is_run_by_tests() -> None:
    """The copy for people to take by hand confines as much, ends the same way, and names the port."""
    run, by_hand = (
        (services.templates() / name).read_text("utf-8").splitlines()
        for name in ("mesh-system.service", "relay/mesh-relay.service")
    )
    differ = {line for line in run if line not in by_hand}
    assert {line for line in differ if "@" not in line and not line.startswith(("#", "Description="))} == set()
    assert "Environment=MESH_PORT=4222" in by_hand
    begin = run.index("KillMode=mixed")
    assert [line for line in by_hand[by_hand.index("KillMode=mixed") :] if line[:1] != "#"] == [
        line for line in run[begin:] if line[:1] != "#"
    ]
