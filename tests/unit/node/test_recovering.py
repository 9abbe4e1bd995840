"""The shell of a recovery without a network: what is durable when, and what it goes on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import DiskFull, Misuse, Stranger
from mesh.events.seal import Keyring
from mesh.node import home as homes
from mesh.node import recovering, vault
from mesh.node.agent import opened
from mesh.node.booting import replica_of
from mesh.node.storage.store import open_store
from mesh.node.storage.store_port import Boot
from mesh.sync.replica import Own

ADDRESS = "192.0.2.7:4222"


async def booted(home: Path) -> Boot:
    """What a home holds."""
    store = await open_store(home)
    try:
        return await store.boot()
    finally:
        await store.close()


async def lost(tmp_path: Path) -> tuple[bytes, recovering.Survey]:
    """The entropy of a mesh whose founder is gone, and what a survivor would tell of it."""
    made = await homes.found(tmp_path / "mac", "mac")
    entropy = made["recovery_phrase_entropy"]
    assert isinstance(entropy, bytes)
    boot = await booted(tmp_path / "mac")
    held = vault.load(tmp_path / "mac")
    assert held is not None
    replica = replica_of(Own(held.mesh, held.mesh, recovering.keys_of(entropy)), Keyring(), boot)
    return entropy, recovering.Survey(replica, boot.control, ADDRESS, held.admission)


def new_home(tmp_path: Path) -> Path:
    """A home with keys and no mesh, as a survey leaves it."""
    home = tmp_path / "new"
    vault.save(home, homes.beginning(home, "new"))
    return home


async def test_the_first_commit_is_kept_with_all_keys(tmp_path: Path) -> None:
    """The home is of the mesh, holds the key of its epoch, knows where the survivor is, owes the second commit."""
    entropy, survey = await lost(tmp_path)
    home = new_home(tmp_path)
    admission = await recovering.take_over(home, entropy, survey)
    held, old = vault.load(home), vault.load(tmp_path / "mac")
    assert held is not None
    assert old is not None
    assert (held.mesh, held.admission, held.transport, dict(held.epochs)) == (
        old.mesh, admission, old.transport, dict(old.epochs),
    )  # fmt: skip
    recovering.must_be_owed(home)
    assert [one.name for one in await recovering.owed(home, "", entropy)] == ["mac"]
    async with opened(home) as agent:
        assert agent.known_at(next(iter(agent.addresses))) == (ADDRESS,)
        status = await agent.call("status", {})
    assert isinstance(status, dict)
    assert (status["device"]["rank"], status["keys_missing"]) == (1, [])
    assert "the recovery that made this device is not finished" in str(status["problems"])


async def test_a_first_commit_that_nobody_heard_of_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off between database and vault: the next try lets in one machine, not two."""
    entropy, survey = await lost(tmp_path)
    home = new_home(tmp_path)

    def full(_home: Path, _held: vault.Secrets) -> None:
        message = "no room"
        raise DiskFull(message)

    with monkeypatch.context() as patched:
        patched.setattr(vault, "save", full)
        with pytest.raises(DiskFull):
            await recovering.take_over(home, entropy, survey)
    assert homes.state(home) == "asked"
    admission = await recovering.take_over(home, entropy, survey)
    held = vault.load(home)
    assert held is not None
    replica = replica_of(Own(held.mesh, held.admission, held.keys), Keyring(), await booted(home))
    assert {one.name for one in replica.verdict.devices.values()} == {"mac", "new"}
    assert [name for name, one in replica.verdict.devices.items() if one.name == "new"] == [admission]


async def test_what_going_on_refuses(tmp_path: Path) -> None:
    """Other words, another name, and a home in which nothing was cut off."""
    entropy, survey = await lost(tmp_path)
    with pytest.raises(Misuse, match="no recovery of it is under way"):
        recovering.must_be_owed(tmp_path / "mac")
    home = new_home(tmp_path)
    await recovering.take_over(home, entropy, survey)
    with pytest.raises(Stranger, match="not the words of this mesh"):
        await recovering.owed(home, "", bytes(32))
    with pytest.raises(Misuse, match="under the name"):
        await recovering.owed(home, "another", entropy)
    assert await recovering.owed(home, "new", entropy)
