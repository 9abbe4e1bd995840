"""The agent as a service under a real `systemd --user`: it starts, comes back, ends, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mesh.node.background import service as services
from tests.conftest import Spawn
from tests.system.commands import alive, processes_in
from tests.system.harness import Fleet, wait
from tests.system.managers import Manager, machine, user_manager

pytestmark = pytest.mark.system
SECRET = {"MESH_PASSPHRASE": "violet"}


@pytest.fixture
def manager(tmp_home: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A user's systemd of this test alone."""
    with user_manager(tmp_home, spawn, monkeypatch) as made:
        yield made


def told(manager: Manager, home: Path, *words: str) -> Mapping[str, object]:
    """What a command that must succeed answers."""
    answer = manager.mesh(home, "--json", *words)
    assert answer.code == 0, (answer, manager.systemctl("status", "mesh*"))
    return answer.json


def test_the_whole_life_of_a_service(fleet: Fleet, manager: Manager) -> None:
    """Goal: taken over from `mesh up`, back after kill -9, stopped for good by `mesh down`, removed."""
    (device,) = fleet.joined(1)
    home = device.home
    by_hand = told(manager, home, "--interface", "127.0.0.1", "up")["agent"]
    assert isinstance(by_hand, dict)
    manager.mesh(home, "note", "add", "before the service")

    first = told(manager, home, "--interface", "127.0.0.1", "service", "install")
    assert (first["installed"], first["enabled"], first["running"], first["kind"]) == (True, True, True, "systemd-user")
    assert not alive(by_hand["pid"]), "the agent that was started by hand handed over"
    unit = Path(str(first["unit"]))
    assert '"--interface" "127.0.0.1"' in unit.read_text()
    assert first["lingering"] is False, "no login manager runs here, so it cannot be set, and that is told"
    again = told(manager, home, "--interface", "127.0.0.1", "service", "install")
    assert (again["pid"], again["running"]) == (first["pid"], True), "again is fine, and restarts nothing"
    device.served()

    os.kill(int(str(first["pid"])), signal.SIGKILL)

    def back() -> bool:
        now = told(manager, home, "service", "status")
        return bool(now["running"]) and now["pid"] not in {None, first["pid"]}

    wait("it comes back after kill -9", back)
    assert "before the service" in device.titles()
    server = device.served().server_pid
    pid = int(str(told(manager, home, "service", "status")["pid"]))

    down = manager.mesh(home, "--json", "down")
    assert down.code == 0, down
    assert unit.name in down.err, "it says which service was stopped"
    assert not alive(pid)
    assert not alive(server)
    assert not processes_in(home)
    assert "ExecMainStatus=0" in manager.systemctl("show", "--property", "ExecMainStatus", unit.name)
    stopped = told(manager, home, "service", "status")
    assert (stopped["enabled"], stopped["running"], stopped["problem"]) == (True, False, "")

    assert told(manager, home, "up")["agent"]["started"] is True  # type: ignore[index]
    assert told(manager, home, "service", "status")["running"] is True, "`mesh up` starts the service"

    removed = told(manager, home, "service", "remove")
    assert (removed["removed"], removed["installed"], removed["running"]) == (True, False, False)
    assert not unit.exists()
    assert not processes_in(home)
    assert told(manager, home, "service", "remove")["removed"] is False
    assert (home / "mesh.db").exists()
    assert device.titles_now() == {"before the service"}


def test_a_misuse_does_not_loop(fleet: Fleet, manager: Manager) -> None:
    """Goal: a home that cannot be opened is told once, and not tried again for ever."""
    (device,) = fleet.joined(1)
    unit = Path(str(told(manager, device.home, "--interface", "127.0.0.1", "service", "install")["unit"]))
    told(manager, device.home, "down")
    (device.home / "secrets").rename(device.home / "secrets.away")
    answer = manager.mesh(device.home, "--json", "up")
    assert answer.code == 5, answer
    assert "NRestarts=0" in manager.systemctl("show", "--property", "NRestarts", unit.name)
    status = told(manager, device.home, "service", "status")
    assert status["running"] is False
    assert "2" in str(status["problem"]), status


def test_a_sealed_home_is_refused_until_the_service_knows_its_passphrase(fleet: Fleet, manager: Manager) -> None:
    """Goal: no passphrase is ever written into a unit; a file of the person's own carries it."""
    home = fleet.empty("sealed 100% $HOME").home
    assert manager.mesh(home, "--yes", "join", "--new", **SECRET).code == 0
    refused = manager.mesh(home, "--json", "service", "install", **SECRET)
    assert refused.code == 2, refused
    hint = str(refused.error["hint"])
    secrets = services.service_of(home).secrets
    assert str(secrets) in hint
    assert not services.service_of(home).installed, "nothing was changed"
    secrets.parent.mkdir(parents=True)
    secrets.write_text("MESH_PASSPHRASE=violet\n")
    secrets.chmod(0o644)
    assert "others" in str(manager.mesh(home, "--json", "service", "install").error["message"])
    secrets.chmod(0o600)
    done = told(manager, home, "--interface", "127.0.0.1", "service", "install")
    assert done["running"] is True
    assert "violet" not in Path(str(done["unit"])).read_text()
    told(manager, home, "service", "remove")


@pytest.fixture
def booted(tmp_home: Path, spawn: Spawn) -> Iterator[Manager]:
    """A machine's systemd of this test alone."""
    with machine(tmp_home, spawn) as made:
        yield made


def test_a_service_of_the_machine(booted: Manager) -> None:
    """Goal: an own user, whose files and socket nobody else reaches; back after kill -9; removed but for its home."""
    home = services.SYSTEM_HOME
    refused = booted.mesh(None, "--json", "service", "install", "--system", user="nobody")
    assert (refused.code, "sudo" in str(refused.error["hint"])) == (3, True), refused
    made = booted.mesh(None, "--json", "service", "install", "--system")
    assert (made.code, made.json["running"], made.json["enabled"]) == (0, False, True), made
    assert "in no mesh yet" in made.err
    assert booted.mesh(home, "--yes", "join", "--new", user="mesh").code == 0
    answer = booted.mesh(None, "--json", "--interface", "127.0.0.1", "service", "install", "--system")
    assert answer.code == 0, (answer, booted.systemctl("status", "mesh"), booted.said("cat", "/run/over/var/upper/log"))
    first = answer.json
    assert (first["kind"], first["running"], first["enabled"]) == ("systemd-system", True, True), first
    assert booted.said("ps", "-o", "user=", "-p", str(first["pid"])).strip() == "mesh"
    assert booted.mesh(home, "note", "add", "by root, over the socket").code == 0

    for words in (["cat", f"{home}/secrets"], ["ls", str(home)], ["ls", f"{home}/agent.sock"]):
        said = booted.said("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--", *words)
        assert "Permission denied" in said, said
    assert booted.mesh(home, "--json", "status", user="nobody").code != 0
    inside = ["nsenter", "--mount", "--target", str(first["pid"]), "--"]
    said = booted.said(*inside, "touch", "/etc/mesh-was-here")
    assert "Read-only file system" in said, "the system is read-only to the agent"
    assert booted.said(*inside, "ls", "/root").strip() == "", "it sees no home"

    booted.said("kill", "-9", str(first["pid"]))

    def back() -> bool:
        now = booted.mesh(None, "--json", "service", "status", "--system").json
        return bool(now["running"]) and now["pid"] not in {None, first["pid"]}

    wait("it comes back after kill -9", back)
    down = booted.mesh(home, "--json", "down")
    assert (down.code, "mesh.service was stopped" in down.err) == (0, True), down
    assert "nats-server" not in booted.said("ps", "-eo", "args")
    assert "ExecMainStatus=0" in booted.systemctl("show", "--property", "ExecMainStatus", "mesh.service")
    assert booted.mesh(home, "up").code == 0
    removed = booted.mesh(None, "--json", "service", "remove", "--system")
    assert (removed.code, removed.json["running"], removed.json["installed"]) == (0, False, False), removed
    titles = booted.mesh(home, "--json", "note", "list", user="mesh").json["notes"]
    assert [note["title"] for note in titles] == ["by root, over the socket"]  # type: ignore[attr-defined]


def test_where_no_manager_works(fleet: Fleet, manager: Manager) -> None:
    """Goal: one sentence and another way, where systemd is installed and does not run."""
    (device,) = fleet.joined(1)
    told(manager, device.home, "--interface", "127.0.0.1", "service", "install")
    outside = device.mesh("--json", "service", "install", XDG_RUNTIME_DIR=str(fleet.folder / "none"))
    assert outside.code == 5
    assert "mesh up" in str(outside.error["hint"])
    told(manager, device.home, "service", "remove")


def test_the_units_are_what_systemd_takes(fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Goal: systemd itself finds nothing wrong with either unit, whatever the path of the home."""
    monkeypatch.setenv("MESH_NATS_URL", "tls://100%.example:4222")
    for system in (False, True):
        service = services.service_of(fleet.folder / 'a "strange" home with 100% of $it', system=system)
        unit = tmp_path / f"verify-{system}.service"
        content = services.text(service, ["127.0.0.1", "::1"]).decode()
        unit.write_text(content.replace("User=mesh", "User=root").replace("Group=mesh", "Group=root"))
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", unit], check=False, capture_output=True, text=True, timeout=60
        )
        about_ours = [line for line in done.stderr.splitlines() if unit.name in line]
        assert about_ours == [], done.stderr
