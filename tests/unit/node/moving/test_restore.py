"""A home out of a backup: tried before it counts, and nothing where it does not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from mesh.errors import Damaged, Malformed, Misuse
from mesh.events.event import Lane
from mesh.node import home as homes
from mesh.node import vault, voices
from mesh.node.agent import opened
from mesh.node.moving import archive, backup, restore
from mesh.node.storage.connection import copy_store
from mesh.node.storage.store import open_store


def silent(_what: str, _done: int, _of: int) -> None:
    """Nobody looks."""


async def backed_up(folder: Path, *, passphrase: str = "") -> Path:
    """A backup of a home with a few notes."""
    home, file = folder / "home", folder / "file"
    await homes.found(home, "mac")
    async with opened(home) as agent:
        for number in range(5):
            await agent.call("note.add", {"title": f"note {number}", "body": ""})
        await backup.back_up(home, file, passphrase, silent)
    return file


async def test_a_restored_home_is_the_device(tmp_path: Path) -> None:
    """Same keys, same notes, same digest; in a folder where a broken start left a database, too."""
    file = await backed_up(tmp_path)
    again = tmp_path / "again"
    again.mkdir()
    (again / "mesh.db").write_text("left")
    (again / "mesh.db-wal").write_text("left")
    told = await restore.restore(again, file, "", silent)
    assert (told["name"], told["events"], told["documents"], told["same_digest"]) == ("mac", 11, 5, True)
    assert vault.load(again) == vault.load(tmp_path / "home")
    store = await open_store(again)
    assert voices.read((await store.boot()).settings) == ({}, dict.fromkeys(Lane, voices.RESTORED))
    await store.close()
    assert sorted(path.name for path in again.iterdir() if path.name != "machine") == ["lock", "mesh.db", "secrets"]


async def test_a_state_that_is_another_one_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is worked out anew from the log, and not taken from the backup."""
    with monkeypatch.context() as patch:
        measured = backup._Measured  # noqa: SLF001 - what the backup says is falsified
        patch.setattr(backup, "_Measured", lambda events, documents, _: measured(events, documents, "0" * 64))
        file = await backed_up(tmp_path)
    told = await restore.restore(tmp_path / "again", file, "", silent)
    assert told["same_digest"] is False
    assert told["state_digest"] != "0" * 64


async def test_keys_of_another_device_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the manifest says and what the keys are must be one device."""
    plain = archive.Manifest
    with monkeypatch.context() as patch:
        patch.setattr(archive, "Manifest", lambda **told: dataclasses.replace(plain(**told), device="somebody"))
        file = await backed_up(tmp_path)
    with pytest.raises(Malformed, match="keys"):
        await restore.restore(tmp_path / "again", file, "", silent)
    assert not (tmp_path / "again").exists()


async def test_events_that_were_altered_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever forges a clear backup with right digests still cannot forge an event."""

    async def forged(home: Path, to: Path, told: object) -> None:
        await copy_store(home, to, told)  # type: ignore[arg-type]
        store = await open_store(to)
        await store._writer.run(lambda db: db.execute("UPDATE event SET body = zeroblob(length(body)) WHERE id = 8"))  # noqa: SLF001
        await store.close()

    with monkeypatch.context() as patch:
        patch.setattr(backup, "copy_store", forged)
        file = await backed_up(tmp_path)
    with pytest.raises(Damaged):
        await restore.restore(tmp_path / "again", file, "", silent)
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["secrets", "thesis.txt", "nats"])
async def test_nothing_is_restored_over_anything(tmp_path: Path, name: str) -> None:
    """Keys, other files, a file in the place of a folder."""
    home = tmp_path / "home"
    home.mkdir()
    (home / name).write_text("mine")
    with pytest.raises(Misuse):
        restore.check_empty(home)
    with pytest.raises(Misuse):
        restore.check_empty(home / name)
    restore.check_empty(tmp_path / "nothing")
