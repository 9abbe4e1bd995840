"""Which machine a home is on: recorded where every copy takes it along; where nothing is known nothing is claimed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.errors import Elsewhere
from mesh.node import home as homes
from mesh.node import vault
from mesh.node.agent import opened
from mesh.node.moving import machine
from mesh.node.paths import machine_path


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A machine that has only the name it is given."""
    monkeypatch.setattr(machine, "_FILES", (tmp_path / "machine-id", tmp_path / "second-id"))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv(machine.VARIABLE, raising=False)
    return monkeypatch


def test_a_machine_is_its_number_or_what_it_is_called(named: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The variable wins; the files count when a number is in them; never the number itself is told."""
    assert machine.identity() == ""
    for empty in ("", "uninitialized\n", "short"):
        (tmp_path / "machine-id").write_text(empty)
        assert machine.identity() == ""
    (tmp_path / "second-id").write_text("0123456789abcdef0123456789abcdef\n")
    by_number = machine.identity()
    named.setenv(machine.VARIABLE, "box")
    assert len({by_number, machine.identity(), ""}) == 3
    assert "0123456789abcdef" not in by_number


def test_the_mac_is_asked_for_its_uuid(named: pytest.MonkeyPatch) -> None:
    """As ioreg prints it; where it says nothing, or is not there, nothing is known."""
    said = '  "IOPlatformUUID" = "12345678-ABCD-1234-ABCD-1234567890AB"\n'
    named.setattr(sys, "platform", "darwin")
    named.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, said, ""))
    assert machine.identity()
    named.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 1, "", ""))
    assert machine.identity() == ""


async def test_a_copy_on_another_machine_does_nothing(named: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not even with the passphrase missing: the question comes before everything else."""
    named.setenv(machine.VARIABLE, "old")
    named.setenv(vault.PASSPHRASE_VARIABLE, "words")
    await homes.found(tmp_path / "a", "mac")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    named.setenv(machine.VARIABLE, "new")
    named.delenv(vault.PASSPHRASE_VARIABLE)
    assert machine.elsewhere(tmp_path / "b")
    with pytest.raises(Elsewhere):
        async with opened(tmp_path / "b"):
            pass
    for asked in (homes.request, homes.found):
        with pytest.raises(Elsewhere):
            await asked(tmp_path / "b", "x")
    with pytest.raises(Elsewhere):
        await homes.accept(tmp_path / "b", "x")


async def test_a_home_without_a_machine_takes_the_first_one_it_wakes_on(
    named: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As homes of earlier builds, and of machines that had no number; where there is none, no check is made."""
    await homes.found(tmp_path, "mac")
    assert not machine_path(tmp_path).exists()
    async with opened(tmp_path):
        assert not machine_path(tmp_path).exists()
    named.setenv(machine.VARIABLE, "new")
    async with opened(tmp_path):
        assert machine.recorded(tmp_path) == machine.identity()
    named.delenv(machine.VARIABLE)
    async with opened(tmp_path):
        assert machine.recorded(tmp_path)


def test_a_home_without_keys_belongs_to_no_machine(named: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is nobody who could have moved."""
    named.setenv(machine.VARIABLE, "old")
    machine.record(tmp_path)
    named.setenv(machine.VARIABLE, "new")
    machine.must_be_here(tmp_path)
    vault.save(tmp_path, vault.Secrets.fresh("x"))
    with pytest.raises(Elsewhere):
        machine.must_be_here(tmp_path)
    machine.record(tmp_path)
    machine.must_be_here(tmp_path)
