"""A real `systemd --user` for a test, in a mount namespace and a cgroup of its own, on machines booted with anything.

It ends the manager that it started, and nothing else.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.system.commands import Answer
from tests.system.harness import wait

SYSTEMD = "/lib/systemd/systemd"
# systemd runs only where it finds its folder in /run, and in a cgroup (v2) that is its own. Both are made in a
# namespace, so that nobody else sees them; the cgroup is taken away again at the end.
INSIDE = f"""
set -eu
mount -t tmpfs none /run
mkdir -p /run/systemd/system
umount -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
group=/sys/fs/cgroup/mesh-test-$$
mkdir -p "$group/init.scope"
echo $$ > "$group/init.scope/cgroup.procs"
{SYSTEMD} --user --unit=basic.target --log-level=info --log-target=console || true
echo $$ > "$own/cgroup.procs"
find "$group" -depth -type d -exec rmdir {{}} ';'
"""


class Manager:
    """A user's systemd, and commands run where it is."""

    def __init__(self, process: subprocess.Popen[bytes], runtime: Path) -> None:
        self.process, self.runtime = process, runtime

    @property
    def within(self) -> list[str]:
        """What a command is started with, to be in the manager's namespace."""
        return ["nsenter", "--mount", "--target", str(self.process.pid), "--"]

    def systemctl(self, *words: str) -> str:
        """What `systemctl --user` says."""
        argv = [*self.within, "systemctl", "--user", "--no-pager", *words]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    def mesh(self, home: Path, *argv: str | Path, **env: str) -> Answer:
        """The real command line, where the manager is."""
        done = subprocess.run(
            [*self.within, sys.executable, "-I", "-X", "utf8", "-m", "mesh.cli.front", "--home", home, *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, **env},
            timeout=180,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))


@contextlib.contextmanager
def user_manager(folder: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """A manager that ends with the block; what it said stands in `folder`/systemd.out."""
    if os.getuid() != 0 or not Path(SYSTEMD).exists() or shutil.which("systemctl") is None:
        pytest.skip("a systemd of its own needs root, systemd's programs, and Linux")
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    with (folder / "systemd.out").open("wb") as output:
        process = spawn(
            ["unshare", "--mount", "sh", "-c", INSIDE], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    made = Manager(process, runtime)
    try:
        wait("systemd --user is up", lambda: _up(made, folder))
        yield made
    finally:
        made.systemctl("exit")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


def _up(manager: Manager, folder: Path) -> bool:
    assert manager.process.poll() is None, (folder / "systemd.out").read_text()
    if not (manager.runtime / "systemd" / "private").exists():
        time.sleep(0.05)
        return False
    return "ActiveState=active" in manager.systemctl("show", "--property", "ActiveState", "basic.target")
