"""Upgrading and uninstalling, with real git repositories, a real environment, and a real agent that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

import mesh
from tests.conftest import Spawn
from tests.system.checkouts import Checkout, git
from tests.system.commands import alive, processes_in
from tests.system.harness import Device, Fleet
from tests.system.managers import user_manager

pytestmark = pytest.mark.system


@pytest.fixture
def checkout(fleet: Fleet) -> Checkout:
    """A clone and its upstream."""
    return Checkout(fleet.folder / "src")


def up(checkout: Checkout, device: Device) -> Device:
    """Start the agent of a device with the code of the clone."""
    answer = checkout.mesh(device.home, "--json", "--interface", device.host, "up")
    assert answer.code == 0, answer
    device.pid = answer.json["agent"]["pid"]  # type: ignore[index]
    return device


def test_an_upgrade_keeps_data_and_links(fleet: Fleet, checkout: Checkout) -> None:
    """Goal: the agent runs the newer version afterwards, where it listened before, in step with an older device."""
    left, right = fleet.joined(2)
    left.start()
    up(checkout, right)
    fleet.link(right, left)
    right.note("before")
    fleet.converged()
    old, address = right.pid, right.served().address
    assert old is not None

    same = checkout.mesh(right.home, "--json", "upgrade")
    assert (same.code, same.json["restarted"]) == (0, False), same
    assert alive(old)

    checkout.release("0.9.8")
    checkout.release("0.9.9")
    asked = checkout.mesh(right.home, "--json", "upgrade", "--check")
    assert (asked.json["waiting"], asked.json["would_restart"], asked.json["kind"]) == (2, True, "checkout")
    assert right.call("ping")["version"] == mesh.__version__, "--check changes nothing"

    done = checkout.mesh(right.home, "--json", "upgrade")
    assert done.code == 0, done
    assert done.json["restarted"] is True
    assert done.json["after"] == f"0.9.9+g{git(checkout.upstream, 'rev-parse', '--short=10', 'HEAD')}"
    assert done.json["before"] != done.json["after"]
    assert not alive(old)
    told = right.call("ping")
    right.pid = int(str(told["pid"]))
    assert (told["version"], told["interfaces"]) == ("0.9.9", [right.host])
    assert right.served().address == address
    left.note("after")
    fleet.converged()
    assert right.titles() == left.titles() == {"before", "after"}
    assert checkout.mesh(right.home, "--json", "upgrade").json["restarted"] is False


def test_a_version_that_does_not_start(fleet: Fleet, checkout: Checkout) -> None:
    """Goal: the way back is told, works as it is told, and nothing is lost."""
    (device,) = fleet.joined(1)
    up(checkout, device).note("kept")
    (checkout.upstream / "mesh" / "node" / "agent.py").write_text("raise RuntimeError('a bad day')\n")
    checkout.release("0.9.9")
    before = checkout.commit()
    answer = checkout.mesh(device.home, "--json", "upgrade")
    assert answer.code == 5, answer
    assert "a bad day" in str(answer.error["message"])
    hint = str(answer.error["hint"])
    assert f"git -C {checkout.root} reset --keep {before[:10]}" in hint
    git(checkout.root, "reset", "--keep", before[:10])
    up(checkout, device)
    assert device.titles() == {"kept"}


def test_an_upgrade_of_a_service(
    fleet: Fleet, checkout: Checkout, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: a service runs the newer version afterwards, under its manager, with the unit of the newer version."""
    (device,) = fleet.joined(1)
    with user_manager(fleet.folder, spawn, monkeypatch) as manager:
        manager.python = str(checkout.root / ".venv" / "bin" / "python")
        installed = manager.mesh(device.home, "--json", "--interface", device.host, "service", "install")
        assert installed.code == 0, installed
        template = checkout.upstream / "deploy" / "mesh.service"
        template.write_text(template.read_text() + "# a line of the newer version\n")
        checkout.release("0.9.9")
        done = manager.mesh(device.home, "--json", "upgrade")
        assert (done.code, done.json["restarted"]) == (0, True), done
        status = manager.mesh(device.home, "--json", "service", "status").json
        told = device.call("ping")
        assert (told["version"], told["interfaces"]) == ("0.9.9", [device.host])
        assert (status["running"], status["pid"]) == (True, told["pid"])
        assert "a line of the newer version" in Path(str(status["unit"])).read_text()
        gone = manager.mesh(device.home, "--json", "--yes", "uninstall")
        assert (gone.code, gone.json["services"]) == (0, [status["unit"]]), gone
        assert not Path(str(status["unit"])).exists()
        assert not processes_in(device.home)


def test_what_an_upgrade_refuses(fleet: Fleet, checkout: Checkout) -> None:
    """Goal: local changes, no upstream, and two histories are each told, with what to do; nothing is changed."""
    home = fleet.empty("none").home
    checkout.release("0.9.9")
    before = checkout.commit()
    changed = checkout.root / "pyproject.toml"
    whole = changed.read_text()
    changed.write_text(whole + "# mine\n")
    answer = checkout.mesh(home, "--json", "upgrade")
    assert (answer.code, "pyproject.toml" in str(answer.error["message"])) == (3, True), answer
    assert "stash" in str(answer.error["hint"])
    git(checkout.root, "commit", "--all", "--quiet", "--message", "mine")
    answer = checkout.mesh(home, "--json", "upgrade")
    assert answer.code == 3, answer
    assert "went apart" in str(answer.error["message"])
    git(checkout.root, "reset", "--quiet", "--hard", before)
    git(checkout.root, "branch", "--unset-upstream")
    answer = checkout.mesh(home, "--json", "upgrade")
    assert answer.code == 2, answer
    assert "set-upstream-to" in str(answer.error["hint"])
    assert checkout.commit() == before
    git(checkout.root, "branch", "--set-upstream-to=origin/main")
    git(checkout.root, "remote", "set-url", "origin", str(checkout.root / "nowhere"))
    assert checkout.mesh(home, "--json", "upgrade").code == 5


def test_uninstalling_leaves_what_was_written(fleet: Fleet, checkout: Checkout) -> None:
    """Goal: it asks; then agent and environment are gone, the homes are named and whole, and a device reads on."""
    (device,) = fleet.joined(1)
    up(checkout, device).note("stays")
    asked = checkout.mesh(device.home, "--json", "uninstall")
    assert asked.code == 2, asked
    assert device.call("ping")["pid"] == device.pid, "nothing was done without a yes"
    answer = checkout.mesh(device.home, "--json", "--yes", "uninstall")
    assert answer.code == 0, answer
    assert answer.json["environment"] == str(checkout.root / ".venv")
    assert str(device.home) in answer.json["homes"]  # type: ignore[operator]
    assert not (checkout.root / ".venv").exists()
    assert not processes_in(device.home)
    assert device.titles_now() == {"stays"}


def test_purging_forgets_the_home_too(fleet: Fleet, checkout: Checkout) -> None:
    """Goal: with --purge exactly what mesh made goes, and only where another device holds it, or by force."""
    (device,) = fleet.joined(1)
    up(checkout, device).note("only here")
    (device.home / "mine.txt").write_text("mine")
    refused = checkout.mesh(device.home, "--json", "--yes", "uninstall", "--purge")
    assert (refused.code, "--force" in str(refused.error["hint"])) == (3, True), refused
    assert device.titles() == {"only here"}
    assert (checkout.root / ".venv").exists()
    answer = checkout.mesh(device.home, "--json", "--yes", "uninstall", "--purge", "--force")
    assert answer.code == 0, answer
    assert [path.name for path in device.home.iterdir()] == ["mine.txt"]
    assert not processes_in(device.home)


def test_an_environment_of_somebody_else_is_kept(fleet: Fleet, checkout: Checkout) -> None:
    """Goal: what was not plainly made by our script is never removed."""
    (checkout.root / ".venv" / ".made-runtime").write_text("1 0 0 /somewhere/else\n")
    answer = checkout.mesh(fleet.empty("none").home, "--yes", "uninstall")
    assert answer.code == 0, answer
    assert "nothing was installed" in answer.out
    assert (checkout.root / ".venv" / "bin" / "python").exists()
