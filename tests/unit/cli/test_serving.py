"""The agent in the foreground: started without the command tree, and by a person only."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from mesh.cli import app, plain, serving
from mesh.cli.run import Options, Run
from mesh.errors import NotGranted
from tests.unit.cli.conftest import Ended

Mesh = Callable[..., Ended]
NETWORK = {"nats", "mesh.node.talk", "mesh.node.networking", "mesh.node.transport.bus", "mesh.node.mcp.clients"}
TREE = {"typer", "rich", "click", "mesh.cli.app"}
CORE = {"automerge", "cryptography", "mesh.events.kinds", "mesh.node.agent", "mesh.node.storage.store"}


def loaded(*modules: str) -> set[str]:
    """What a process that imports these has loaded."""
    words = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    said = subprocess.run([sys.executable, "-X", "utf8", "-c", words], check=True, capture_output=True, text=True)
    return set(said.stdout.split())


def test_an_agent_does_not_load_the_command_tree() -> None:
    """Goal: an agent that runs for months holds no libraries that only draw on terminals."""
    assert plain.understood(["--json", "--home", "h", "--interface", "::1", "agent"]) is not None
    assert not loaded("mesh.cli.front", "mesh.cli.serving", "mesh.node.agent", "mesh.node.parts") & TREE


def test_a_single_command_does_not_load_the_network() -> None:
    """Goal: whoever opens an agent for one call does not wait for what it never uses; an agent at work has it."""
    assert not loaded("mesh.node.agent") & NETWORK
    assert loaded("mesh.node.networking", "mesh.node.parts", "mesh.node.mcp.clients") >= NETWORK


def test_an_agent_that_serves_no_phone_has_no_web_server() -> None:
    """Goal: nats-py takes aiohttp where it is installed, and no agent dials by WebSocket; the page's door has it."""
    at_work = ("mesh.node.networking", "mesh.node.parts", "mesh.node.mcp.clients")
    assert "aiohttp" not in loaded(*at_work)
    assert "aiohttp" in loaded(*at_work, "mesh.node.gateway.door")


def test_a_command_that_asks_the_agent_does_not_load_one() -> None:
    """Goal: nobody waits for what the agent has loaded already. Only a backup opens the home itself."""
    modules = sorted({f"mesh.cli.{place}" for place in app.PLACES.values()} - {"mesh.cli.backup"})
    assert not loaded(*modules) & CORE
    assert loaded("mesh.node.agent") >= CORE


def test_only_a_person_starts_it(mesh: Mesh) -> None:
    """Goal: both ways in refuse whoever says that it is an agent, before anything is looked at."""
    options = Options()
    options.principal = "claude"
    with pytest.raises(NotGranted):
        serving.served(Run(options))
    assert mesh("--as", "claude", "agent")[0] == NotGranted.exit_code
    assert mesh("agent", "--as", "claude")[0] == NotGranted.exit_code
