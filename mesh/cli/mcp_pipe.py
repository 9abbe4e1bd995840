"""`mesh mcp`, which a client of MCP starts: it carries bytes between its own streams and the agent.

Standard library only, and it understands no message. Only when no agent can be had it answers in the agent's place, so
that whoever set the client up reads what to do. Everything for people goes to standard error.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from mesh.cli.run import Run
from mesh.errors import MeshError
from mesh.limits import KIB
from mesh.node.socket_client import Connection

TYPE_CHECKING = False
if TYPE_CHECKING:  # it costs what no client should wait for
    from _socket import socket

INPUT, OUTPUT = 0, 1
CHUNK_BYTES = 64 * KIB
NO_AGENT = -32000  # of the codes that JSON-RPC leaves to servers


def piped(run: Run) -> None:
    """Carry everything between this process's streams and the agent until one of the two ends. Raises MeshError."""
    try:
        connection = _connected(run)
        connection.call("mcp", _arguments(run))
    except MeshError as error:
        _refuse(error)
        raise
    agent, held = connection.taken()
    _write(held)
    threading.Thread(target=_send, args=(agent,), daemon=True).start()
    while data := _received(agent):
        _write(data)


def _connected(run: Run) -> Connection:
    """A conversation with the agent, which is started when none runs."""
    connection = run.agent()
    if connection is None:
        from mesh.cli.agent import ensured

        ensured(run)
        connection = run.agent()
    if connection is None:
        from mesh.errors import Unreachable

        raise Unreachable("the agent ended just now", hint="`mesh logs` says why.")
    return connection


def _arguments(run: Run) -> dict[str, object]:
    """Who asks, and from where: clients start this in the folder that they work in."""
    try:
        folder = str(Path.cwd())
    except OSError:  # it was deleted
        folder = ""
    return {"cwd": folder, **({"as": run.principal} if run.principal else {})}


def _send(agent: socket) -> None:
    """From our input to the agent; when the input ends, so does this half."""
    try:
        while data := os.read(INPUT, CHUNK_BYTES):
            agent.sendall(data)
        agent.shutdown(1)  # SHUT_WR: what is under way may still be answered
    except OSError:  # the agent is gone; the other half sees it too
        return


def _received(agent: socket) -> bytes:
    try:
        return agent.recv(CHUNK_BYTES)
    except OSError:
        return b""


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(OUTPUT, data) :]


def _refuse(error: MeshError) -> None:
    """Answer every request with what is wrong, until the client has heard enough."""
    told = {"code": NO_AGENT, "message": f"{error} {error.hint}".strip()}
    with os.fdopen(os.dup(INPUT), "rb") as lines:
        for line in lines:
            try:
                request = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(request, dict) and "method" in request and "id" in request:
                answer = {"jsonrpc": "2.0", "id": request["id"], "error": told}
                _write(json.dumps(answer).encode() + b"\n")
