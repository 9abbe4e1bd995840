"""The doctor on real homes: without anything, with what a crash leaves, with what is damaged, locked or full."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from mesh.node.paths import database_path, server_path, socket_path
from tests.conftest import Spawn
from tests.system.commands import alive, processes_in
from tests.system.harness import Device, Fleet, wait
from tests.system.test_versions import of_version

pytestmark = pytest.mark.system
SECRET = {"MESH_PASSPHRASE": "violet"}


def examined(device: Device, code: int, *words: str, **env: str) -> Mapping[str, Mapping[str, object]]:
    """The doctor's checks by name; it ends with this code, and each that is wrong says what to do."""
    answer = device.mesh("--json", "--interface", device.host, "doctor", *words, **env)
    assert answer.code == code, answer
    checks = answer.json["checks"]
    assert isinstance(checks, list)
    assert answer.json["ok"] is (code == 0)
    for check in checks:
        assert check["ok"] is not False or check["fix"], check
        assert "fault of mesh" not in check["fix"], check
    return {check["name"]: check for check in checks}


def test_without_anything(fleet: Fleet) -> None:
    """Goal: on a machine without a mesh nothing is wrong, nothing is made, and the next step is told."""
    device = fleet.empty("none")
    found = examined(device, 0)
    assert "mesh join" in str(found["home"]["fix"])
    assert not device.home.exists()
    shown = device.mesh("doctor")
    assert shown.code == 0
    assert "✓" in shown.out
    assert "\x1b" not in shown.out, "no colours but on a terminal"


def test_two_devices_that_are_well(fleet: Fleet) -> None:
    """Goal: with everything up and in step, no check is wrong, and those about peers are right."""
    left, right = fleet.linked(2)
    left.note("one")
    fleet.converged()
    for device in (left, right):
        found = examined(device, 0)
        for name in ("agent", "version", "port", "peers", "events", "alarms", "database", "home", "nats-server"):
            assert found[name]["ok"] is True, found[name]
    assert left.home.stat().st_mode & 0o077 == 0


def test_what_a_crash_leaves_is_named_and_mended(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: stale socket, drafts, a server without its agent, open rights: each named, all gone after --fix."""
    (device,) = fleet.joined(1)
    device.start()
    device.served()
    configuration = server_path(device.home) / "nats.conf"
    device.kill()
    wait("its server ends with it", lambda: not processes_in(device.home))
    assert socket_path(device.home).is_socket(), "kill -9 leaves the socket"
    # A server whose agent was ended where the kernel tells no child of it: started as the agent starts it.
    server = spawn([Path(sys.executable).parent / "nats-server", "-c", configuration], stderr=subprocess.DEVNULL)
    wait("it wrote its pid", (server_path(device.home) / "nats.pid").exists)
    (server_path(device.home) / "nats.conf.checked").write_text("half a conf")
    (device.home / ".secrets.0a1b2c3d").write_text("half a vault")
    device.home.chmod(0o755)
    found = examined(device, 3)
    for word in ("agent.sock", "nats.conf.checked", ".secrets.0a1b2c3d", str(server.pid)):
        assert word in str(found["leftovers"]["detail"]), found["leftovers"]
    assert found["home"]["ok"] is False
    assert found["agent"]["fixable"] is True

    answer = device.mesh("--json", "--interface", device.host, "doctor", "--fix")
    assert answer.code == 0, answer
    pid = device.call("ping")["pid"]
    assert isinstance(pid, int)
    device.pid = pid
    server.wait(10)
    assert not (device.home / ".secrets.0a1b2c3d").exists()
    assert device.home.stat().st_mode & 0o077 == 0
    assert any("nats-server" in str(line) for line in answer.json["fixed"])  # type: ignore[attr-defined]
    device.served()


def test_a_server_of_somebody_else_is_left_alone(fleet: Fleet, spawn: Spawn) -> None:
    """Goal: a pid file that names another program's process ends nobody."""
    (device,) = fleet.joined(1)
    other = spawn(["sleep", "300"])
    server_path(device.home).mkdir(mode=0o700, exist_ok=True)
    (server_path(device.home) / "nats.pid").write_text(str(other.pid))
    assert examined(device, 5)["leftovers"]["ok"] is True
    device.mesh("--interface", device.host, "doctor", "--fix")
    device.pid = int(str(device.call("ping")["pid"]))
    assert other.poll() is None


def test_damaged_and_lost_databases(fleet: Fleet) -> None:
    """Goal: a database that is no database, or is gone, is damage: exit 4, and the other checks still run."""
    (device,) = fleet.joined(1)
    path = database_path(device.home)
    whole = path.read_bytes()
    path.write_bytes(b"no database at all" * 1000)
    found = examined(device, 4)
    assert found["database"]["ok"] is False
    assert found["home"]["ok"] is True
    path.write_bytes(whole[:16384] + os.urandom(16384) + whole[32768:])
    assert examined(device, 4)["database"]["ok"] is False
    path.unlink()
    assert examined(device, 4)["database"]["ok"] is False
    (device.home / "secrets").write_bytes(b"nothing that mesh wrote")
    assert examined(device, 4)["keys"]["ok"] is False
    assert not path.exists(), "looking makes nothing"


def test_a_database_of_a_later_version(fleet: Fleet) -> None:
    """Goal: it is said which side is too old, and what to do."""
    (device,) = fleet.joined(1)
    with sqlite3.connect(database_path(device.home)) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert "mesh upgrade" in str(examined(device, 3)["database"]["fix"])


def test_a_locked_home(fleet: Fleet) -> None:
    """Goal: without its passphrase a home is looked at all the same, and nothing asks for it."""
    device = fleet.empty("sealed")
    assert device.mesh("--yes", "join", "--new", **SECRET).code == 0
    found = examined(device, 5)
    assert found["keys"]["ok"] is True
    assert "not set here" in str(found["keys"]["detail"])
    assert "MESH_PASSPHRASE" in str(found["agent"]["fix"])
    assert found["database"]["ok"] is True


def test_a_home_of_another_machine(fleet: Fleet) -> None:
    """Goal: a copied home is named, with both answers that there are; nothing starts it meanwhile."""
    (device,) = fleet.joined(1)
    assert examined(device, 5)["machine"]["ok"] is True
    device.done("note", "add", "here")
    found = examined(device, 3, MESH_MACHINE="another one")
    assert "mesh moved" in str(found["machine"]["fix"])
    answer = device.mesh("--json", "doctor", "--fix", MESH_MACHINE="another one")
    assert answer.code == 3, answer
    assert not processes_in(device.home)


def test_a_port_that_another_program_has(fleet: Fleet) -> None:
    """Goal: with and without an agent, the doctor says who cannot have the port."""
    (device,) = fleet.joined(1)
    device.start()
    number = int(device.served().address.rpartition(":")[2])
    device.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((device.host, number))
        other.listen()
        assert str(number) in str(examined(device, 5)["port"]["detail"])
        assert examined(device, 5)["port"]["ok"] is False
        device.start()
        wait("its server cannot start", lambda: bool(device.status()["server"]["problem"]))  # type: ignore[index]
        assert "another program" in str(examined(device, 5)["port"]["detail"])


def test_an_agent_of_another_version_is_restarted_when_the_person_says_so(fleet: Fleet) -> None:
    """Goal: --fix asks before it ends an agent; with --yes the new one is of this version."""
    (device,) = fleet.joined(1)
    device.start(PYTHONPATH=of_version(fleet.folder / "old", "0.0.7", "rebuild"))
    device.served()
    assert examined(device, 2)["version"]["ok"] is False
    old = device.pid
    assert old is not None
    assert device.mesh("--json", "doctor", "--fix").code == 2, "nobody answers here"
    assert alive(old)
    answer = device.mesh("--json", "--interface", device.host, "--yes", "doctor", "--fix")
    assert answer.code == 0, answer
    assert device.ended() == 0
    device.pid = int(str(device.call("ping")["pid"]))


def test_an_agent_that_hangs(fleet: Fleet) -> None:
    """Goal: an agent that does not answer is a diagnosis, after a bounded time."""
    (device,) = fleet.joined(1)
    device.start()
    device.signal(signal.SIGSTOP)
    try:
        found = examined(device, 5)
    finally:
        device.signal(signal.SIGCONT)
    assert found["agent"]["ok"] is False
    assert "does not answer" in str(found["agent"]["detail"])
