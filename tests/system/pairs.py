"""Pairing with real processes: an invitation that stays open, a device that joins meanwhile, and a line between them.

The line carries frames and can hold one back, so that a test can end either side at exactly that moment.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

from mesh.node.socket_client import Told
from mesh.sync.pairing_frames import LENGTH_BYTES
from tests.conftest import Spawn
from tests.system.commands import Answer, command
from tests.system.harness import DEADLINE_S, HOST, Device

Frame = tuple[str, int]
"""Who says it, and which of its frames it is, from 0."""


class Command:
    """A `mesh` command that runs beside the test."""

    def __init__(self, spawn: Spawn, device: Device, *words: str, **env: str) -> None:
        interface = device.interface or device.host
        self.process: subprocess.Popen[bytes] = spawn(
            [*device.within, *command(device.home), "--interface", interface, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **env},
        )
        self._read = b""

    def line(self) -> str:
        """The next line of its standard output."""
        out = self.process.stdout
        assert out is not None, "it was asked for"
        until = time.monotonic() + DEADLINE_S
        while b"\n" not in self._read:
            ready, _, _ = select.select([out], [], [], max(until - time.monotonic(), 0))
            part = os.read(out.fileno(), 65536) if ready else b""
            if not part:
                self.process.kill()
                _, err = self.process.communicate()
                message = f"no line came: {self._read!r} {err.decode()}"
                raise AssertionError(message)
            self._read += part
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def told(self) -> Told:
        """The next object."""
        told = json.loads(self.line())
        assert isinstance(told, dict), told
        return told

    def says(self, text: str) -> None:
        """Answer what it asks."""
        assert self.process.stdin is not None, "it was asked for"
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def ended(self) -> Answer:
        """Wait for its end; what it printed that was not read yet."""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return Answer(self.process.returncode, (self._read + out).decode(), err.decode(errors="replace"))

    def interrupt(self) -> Answer:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.communicate(timeout=DEADLINE_S)


class Line:
    """A wire between a joiner and an inviter that holds back one frame, and all behind it."""

    def __init__(self, address: str, held: Frame | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._towards = (host, int(port))
        self._held = held
        self._ends: list[socket.socket] = []
        self._listener = socket.create_server((HOST, 0))
        self.address = f"{HOST}:{self._listener.getsockname()[1]}"
        self.holding = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        """Cut it."""
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            joiner, _ = self._listener.accept()
            inviter = socket.create_connection(self._towards)
            self._ends = [joiner, inviter]
            threading.Thread(target=self._carry, args=("inviter", inviter, joiner), daemon=True).start()
            self._carry("joiner", joiner, inviter)

    def _carry(self, who: str, source: socket.socket, target: socket.socket) -> None:
        number = 0
        with contextlib.suppress(OSError, EOFError):
            while True:
                prefix = _exactly(source, LENGTH_BYTES)
                frame = prefix + _exactly(source, int.from_bytes(prefix, "big"))
                if (who, number) == self._held:
                    self.holding.set()
                    return
                target.sendall(frame)
                number += 1
        with contextlib.suppress(OSError):  # an end is told at once, as on a real line
            target.shutdown(socket.SHUT_WR)


def _exactly(source: socket.socket, count: int) -> bytes:
    raw = b""
    while len(raw) < count:
        part = source.recv(count - len(raw))
        if not part:
            raise EOFError
        raw += part
    return raw


@contextlib.contextmanager
def line(address: str, held: Frame | None = None) -> Iterator[Line]:
    """A wire for as long as the block lasts."""
    made = Line(address, held)
    try:
        yield made
    finally:
        made.close()
