"""The phone's own NATS client against a real nats-server: logins, cuts, headers, limits, errors, ends.

What is asked and expected stands in web/tests/wired.ts.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh import limits
from mesh.node.transport.broker import find_server
from mesh.node.transport.broker_config import nkey_public
from tests.conftest import Spawn
from tests.system import typescript
from tests.unit.small_mesh import secret_keys

pytestmark = [pytest.mark.system, *typescript.NEEDS]

STARTED_S = 30
SUBJECTS = '["mesh.>", "_INBOX_d-me.>"]'


def config(folder: Path, nkey: str) -> str:
    """A server as an agent has it, as far as a client of its own loopback sees."""
    return f"""
server_name: alder
listen: "127.0.0.1:-1"
ports_file_dir: "{folder}"
ping_interval: "1s"
ping_max: 5
write_deadline: "5s"
max_payload: {limits.SERVER_PAYLOAD_BYTES_MAX}
max_pending: {limits.SERVER_PENDING_BYTES_MAX}
max_control_line: {limits.SERVER_CONTROL_LINE_BYTES_MAX}
authorization {{
  timeout: 2
  users: [ {{ nkey: {nkey}, permissions: {{ publish: {SUBJECTS}, subscribe: {SUBJECTS} }} }} ]
}}
websocket {{ host: "127.0.0.1", port: -1, no_tls: true, compression: false }}
"""


@pytest.fixture
def town(tmp_path: Path, spawn: Spawn) -> Iterator[str]:
    """Where a server listens, and what it bears, as the test in Node reads it."""
    keys = secret_keys("wire")
    file = tmp_path / "nats.conf"
    file.write_text(config(tmp_path, nkey_public(keys.sign_key)), "utf-8")
    server = spawn([find_server(), "-c", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ports = tmp_path / f"nats-server_{server.pid}.ports"
    deadline = time.monotonic() + STARTED_S
    while not ports.is_file():
        assert server.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    told = json.loads(ports.read_text("utf-8"))
    (tcp,), (web,) = told["nats"], told["websocket"]
    bounds = {"payload_max": limits.SERVER_PAYLOAD_BYTES_MAX, "pending_max": limits.SERVER_PENDING_BYTES_MAX}
    yield json.dumps({"tcp": port(tcp), "web": port(web), "seed": keys.sign_seed.hex(), **bounds})
    assert server.poll() is None, "no client makes it fall"


def port(url: str) -> int:
    """Of an address."""
    return int(url.rpartition(":")[2])


def test_the_wire_of_a_phone(javascript: Path, town: str) -> None:
    """All of what the protocol has that a phone meets."""
    argv = ["node", "--test", "--test-reporter=tap", str(javascript / "tests" / "wired.js")]
    done = subprocess.run(
        argv,
        cwd=typescript.WEB,
        env={**os.environ, "MESH_NATS": town},
        capture_output=True,
        text=True,
        timeout=typescript.TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (passed,) = map(int, re.findall(r"^# pass (\d+)", done.stdout, re.MULTILINE))
    written = (typescript.WEB / "tests" / "wired.ts").read_text("utf-8")
    assert passed == len(re.findall(r'^test\("', written, re.MULTILINE))
