"""nats-server for the contenders: plain, on loopback, with or without JetStream, one process each."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mesh.errors import Unreachable
from mesh.node.transport.broker import find_server, free_port

HOST = "127.0.0.1"
START_S = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs."""

    url: str
    pid: int
    leaf_port: int


@contextmanager
def server(folder: Path, *, domain: str = "", hub: Server | None = None, sync_always: bool = False) -> Iterator[Server]:
    """A nats-server, ended with the block. With a domain it has JetStream on disk; `hub` is whom it joins as a leaf."""
    folder.mkdir(parents=True, exist_ok=True)
    port, leaf_port = free_port([HOST]), free_port([HOST])
    lines = [f'listen: "{HOST}:{port}"', f'ports_file_dir: "{folder}"', "max_payload: 1MB"]
    if domain:
        sync = "always" if sync_always else "2m"
        lines.append(f'jetstream {{ store_dir: "{folder}/js", domain: {domain}, sync_interval: {sync} }}')
        remote = f', remotes: [ {{ url: "nats://{HOST}:{hub.leaf_port}" }} ]' if hub else ""
        lines.append(f'leafnodes {{ listen: "{HOST}:{leaf_port}"{remote} }}')
    path = folder / "server.conf"
    path.write_text("\n".join(lines), "utf-8")
    with (folder / "server.out").open("wb") as out:
        process = subprocess.Popen([find_server(), "-c", path], stdin=subprocess.DEVNULL, stdout=out, stderr=out)  # noqa: S603 - ours
    try:
        _wait_until_ready(process, folder)
        yield Server(f"nats://{HOST}:{port}", process.pid, leaf_port)
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + START_S
    while not list(folder.glob("*.ports")):
        if time.monotonic() > until or process.poll() is not None:
            said = (folder / "server.out").read_text("utf-8", errors="replace")[-500:]
            raise Unreachable("the nats-server of a contender did not start", hint=said)
        time.sleep(0.01)
