"""Where a home and its socket are, as `mesh-hook` finds them: exactly where every other command does."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.node.paths import home_path, socket_path, spool_path
from mesh.node.places import SOCKET_PATH_BYTES_MAX, home_text, socket_text, spool_text


@pytest.mark.parametrize("named", ["/a/b", "/a//b/", "a/./b", "~/x", "./x/", "/", "/ä/ b", "/a/../b"])
def test_a_home_is_where_pathlib_would_have_it(named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the option as by the environment; relative to where the command was called."""
    monkeypatch.chdir(tmp_path)
    expected = Path(named).expanduser().absolute()
    assert home_text(named) == str(expected)
    monkeypatch.setenv("MESH_HOME", named)
    assert home_path(None) == expected
    assert home_text("/other") == "/other"


def test_the_usual_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the home folder of the person."""
    monkeypatch.delenv("MESH_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home_text(None) == str(tmp_path / ".mesh")


def test_a_socket_fits_into_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home with a long path has its socket in a short place, of its own."""
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert socket_text("/a/b") == "/a/b/agent.sock"
    long, other = "/a" * 60, "/b" * 60
    assert len(socket_text(long)) <= SOCKET_PATH_BYTES_MAX
    assert socket_text(long) != socket_text(other)
    assert socket_path(Path(long)) == Path(socket_text(long))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert socket_text(long).startswith("/run/user/7/mesh-")


def test_the_spool_is_in_the_home() -> None:
    """For both."""
    assert spool_path(Path("/a")) == Path(spool_text("/a")) == Path("/a/spool")
