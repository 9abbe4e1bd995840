"""An agent that is opened: what the environment asks of it. As a whole it is under test in tests/system."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh.errors import Misuse
from mesh.node import home as homes
from mesh.node.agent import opened


async def test_the_port_that_a_firewall_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MESH_PORT goes before what was chosen once; what is no port is refused and changes nothing."""
    await homes.found(tmp_path, "mac")
    async with opened(tmp_path) as agent:
        await agent.engine.remember("server/port", b"4111")
    for said, port in (("", 4111), ("4222", 4222)):
        monkeypatch.setenv("MESH_PORT", said)
        async with opened(tmp_path) as agent:
            assert agent.port == port
    for said in ("65536", "-1", "port", "4222 ", "٤٢"):
        monkeypatch.setenv("MESH_PORT", said)
        with pytest.raises(Misuse, match="is no port"):
            async with opened(tmp_path):
                pass
