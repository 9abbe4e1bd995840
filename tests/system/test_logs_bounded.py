"""All that an agent and its nats-server write about themselves stays within bounds, with real ones and small bounds."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from mesh.node.paths import log_path, output_path, server_path
from tests.system.harness import Fleet, wait

pytestmark = pytest.mark.system

SMALL_BYTES = 20_000
KNOCKS = 1_000  # a line of 150 bytes each: more than all files together may hold


def of_small_logs(folder: Path) -> str:
    """A PYTHONPATH under which log files are small, and looked at often."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"import mesh.limits\nmesh.limits.LOG_FILE_BYTES_MAX = {SMALL_BYTES}\n"
        "import mesh.node.timing\nmesh.node.timing.OUTPUT_LOOK_S = 0.05\n"
    )
    return str(folder)


def sizes(folder: Path, pattern: str) -> list[int]:
    """How large the files are that are there now; nats-server renames them meanwhile."""
    found = []
    for path in folder.glob(pattern):
        try:
            found.append(path.stat().st_size)
        except FileNotFoundError:
            continue
    return found


def knock(address: str) -> None:
    """Connect, and be no nats client: the server writes a line about it."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(b"\x16\x03\x01\x00\x05hello")  # the frame of a handshake, and none in it
        sock.recv(1)


def test_every_log_is_bounded(fleet: Fleet) -> None:
    """Goal: nats-server's log, the agent's, and what the agent says on its streams are each cut at their bound."""
    (device,) = fleet.joined(1)
    path = of_small_logs(fleet.folder / "small")
    answer = device.mesh("--json", "--interface", device.host, "up", PYTHONPATH=path)
    assert answer.code == 0, answer
    device.pid = answer.json["agent"]["pid"]  # type: ignore[index]

    with output_path(device.home).open("ab") as said:
        said.write(b"a line of a library that complains\n" * 2_000)
    wait("what it says is begun anew", lambda: output_path(device.home).stat().st_size == 0, (device,))

    address, folder = device.served().address, server_path(device.home)
    for _ in range(KNOCKS):
        knock(address)
    rotated = sizes(folder, "nats.log*")
    assert 3 <= len(rotated) <= 4, rotated
    assert sum(rotated) <= 4 * SMALL_BYTES, rotated

    device.signal(signal.SIGTERM)
    device.ended()
    for _ in range(3):  # each start and end writes two lines; what is there already stands for earlier ones
        with log_path(device.home).open("ab") as log:
            log.write(b'{"what": "an earlier line"}\n' * (SMALL_BYTES // 28))
        device.start(PYTHONPATH=f"{path}{os.pathsep}{Path(__file__).with_name('told_tasks')}")
        device.stop()
    kept = sizes(log_path(device.home).parent, "agent.jsonl*")
    assert len(kept) == 3, kept
    assert sum(kept) <= 4 * SMALL_BYTES, kept
