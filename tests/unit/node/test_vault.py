"""Secrets at rest: whole or not at all, readable by the user alone, and never in a repr."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from mesh.errors import Damaged, Refused
from mesh.events import cbor
from mesh.events.keys import derive
from mesh.names import Digest, Short
from mesh.node import vault
from mesh.node.paths import secrets_path

EPOCHS = {Short(b"e" * 16): b"k" * 32}


def a_home(tmp_path: Path) -> Path:
    """An empty home."""
    home = tmp_path / "home"
    vault.make_home(home)
    return home


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """Keys, name, mesh, epochs and transport secret come back exactly."""
    home = a_home(tmp_path)
    held = vault.Secrets.fresh("mac").admitted(Digest(b"m" * 32), Digest(b"a" * 32), b"t" * 32, EPOCHS)
    vault.save(home, held)
    assert vault.load(home) == held


@pytest.mark.parametrize("joined", [True, False])
def test_what_the_release_before_wrote_is_loaded(tmp_path: Path, *, joined: bool) -> None:
    """Its vault has no transport secret: that followed from the key of the one epoch."""
    home = a_home(tmp_path)
    held = vault.Secrets.fresh("mac")
    if joined:
        held = held.admitted(Digest(b"m" * 32), Digest(b"a" * 32), derive(b"k" * 32, "mesh/transport/1"), EPOCHS)
    seeds = [held.sign_seed, held.kem_seed, held.nkey_seed, held.tls_seed]
    epochs = [[epoch, key] for epoch, key in held.epochs.items()]
    old = cbor.encode([*seeds, held.name, held.mesh, held.admission, epochs])
    secrets_path(home).write_bytes(b"mesh-secrets-1-clear\n" + old)
    assert vault.load(home) == held
    vault.save(home, held)
    assert vault.load(home) == held


def test_a_new_home_has_no_secrets(tmp_path: Path) -> None:
    """Nothing is made up where nothing was saved."""
    assert vault.load(a_home(tmp_path)) is None


def test_only_the_user_may_read_it(tmp_path: Path) -> None:
    """Home 0700, secrets 0600."""
    home = a_home(tmp_path)
    vault.save(home, vault.Secrets.fresh("mac"))
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE(secrets_path(home).stat().st_mode) == 0o600


def test_a_passphrase_seals_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a passphrase no key stands in the file, and neither none nor a wrong one opens it."""
    home = a_home(tmp_path)
    held = vault.Secrets.fresh("mac")
    monkeypatch.setenv(vault.PASSPHRASE_VARIABLE, "correct horse")
    vault.save(home, held)
    raw = secrets_path(home).read_bytes()
    assert held.sign_seed not in raw
    assert vault.is_sealed(home)
    assert vault.load(home) == held
    monkeypatch.setenv(vault.PASSPHRASE_VARIABLE, "wrong")
    with pytest.raises(Refused):
        vault.load(home)
    monkeypatch.delenv(vault.PASSPHRASE_VARIABLE)
    with pytest.raises(Refused):
        vault.load(home)


@pytest.mark.parametrize("content", [b"", b"garbage", b"mesh-secrets-1-clear\n", b"mesh-secrets-1-clear\n\x81\x00"])
def test_a_file_that_mesh_did_not_write_is_damage(tmp_path: Path, content: bytes) -> None:
    """Garbage or a cut file is named as damage, with a hint, and is not overwritten."""
    home = a_home(tmp_path)
    secrets_path(home).write_bytes(content)
    with pytest.raises(Damaged) as told:
        vault.load(home)
    assert told.value.hint
    assert secrets_path(home).read_bytes() == content


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash or a full disk in the middle of saving leaves the old secrets, and no litter."""
    home = a_home(tmp_path)
    old = vault.Secrets.fresh("old")
    vault.save(home, old)

    def fails(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mesh.node.vault.os.fsync", fails)
    with pytest.raises(Exception, match="cannot be written"):
        vault.save(home, vault.Secrets.fresh("new"))
    assert vault.load(home) == old
    assert [path.name for path in home.iterdir()] == ["secrets"]


def test_secrets_show_no_secret() -> None:
    """A repr, as it ends up in logs and tracebacks, names no key."""
    held = vault.Secrets.fresh("mac")
    shown = repr(held)
    for secret in (held.sign_seed, held.kem_seed, held.nkey_seed, held.tls_seed):
        assert repr(secret) not in shown
        assert secret.hex() not in shown
