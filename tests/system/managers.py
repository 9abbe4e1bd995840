"""A real systemd for a test, a user's or a machine's, in namespaces and a cgroup of its own, whatever was booted.

It ends the manager that it started, and nothing else; of the machine's own files it changes none.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Spawn
from tests.system.commands import Answer
from tests.system.harness import wait

ROOT = Path(__file__).resolve().parents[2]
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


# A machine's systemd is process 1 of a namespace. What it and `useradd` write lands in overlays of a temporary disk,
# and nothing that a machine starts at boot is there to be started. Python, mesh and its libraries lie where every user
# may look: those of a test often lie in root's home.
MACHINE = f"""
set -eu
mount -t tmpfs none /run
mkdir -p /run/systemd/system /run/lock
for part in etc var usr/lib/systemd opt; do
    mkdir -p "/run/over/$part/upper" "/run/over/$part/work"
    mount -t overlay none -o "lowerdir=/$part,upperdir=/run/over/$part/upper,workdir=/run/over/$part/work" "/$part"
done
rm -rf /usr/lib/systemd/system/*.wants /etc/systemd/system/*.wants /usr/lib/systemd/system-generators/*
umount -l /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
mount -t proc none /proc
mkdir -p /opt/python /opt/libraries /opt/mesh
mount --bind "$BASE" /opt/python
mount --bind "$LIBRARIES" /opt/libraries
echo /opt/python/lib > /etc/ld.so.conf.d/mesh-test.conf
ldconfig
cp -r "$ROOT/mesh" "$ROOT/deploy" /opt/mesh/
/opt/python/bin/python3 -m venv --without-pip /opt/mesh/.venv
printf '/opt/mesh\n/opt/libraries\n' > "$(echo /opt/mesh/.venv/lib/python*/site-packages)/mesh.pth"
cp "$SERVER" /opt/mesh/.venv/bin/nats-server
chmod -R go+rX /opt/mesh
printf '[Unit]\nDefaultDependencies=no\n' > /run/systemd/system/mesh-test.target
export container=mesh-test
exec {SYSTEMD} --system --unit=mesh-test.target --log-level=info --log-target=console
"""
OUTSIDE = """
set -eu
umount -l /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
group=/sys/fs/cgroup/mesh-test-$$
mkdir "$group"
trap '' TERM
sh -c 'echo $$ > "$1/cgroup.procs"; exec unshare --pid --fork --kill-child --cgroup --uts --ipc --mount sh -c "$2"' \
    sh "$group" "$MACHINE" || true
for _ in 1 2 3 4 5 6 7 8 9 10; do
    find "$group" -depth -type d -exec rmdir {} ';' 2>/dev/null || true
    [ -d "$group" ] || break
    sleep 0.2
done
"""
_GROUPS = {"nobody": "nogroup"}
MESH = "/opt/mesh/.venv/bin/python"


class Manager:
    """A systemd, and commands run where it is."""

    def __init__(self, process: subprocess.Popen[bytes], *, user: bool) -> None:
        self.process, self.user = process, user
        self.pid = process.pid
        self.python = sys.executable if user else MESH

    @property
    def within(self) -> list[str]:
        """What a command is started with, to be in the manager's namespace."""
        spaces = ["--mount"] if self.user else ["--mount", "--pid", "--cgroup"]
        return ["nsenter", *spaces, "--target", str(self.pid), "--"]

    def systemctl(self, *words: str) -> str:
        """What systemctl says."""
        return self.said("systemctl", "--user" if self.user else "--system", "--no-pager", *words)

    def said(self, *argv: str) -> str:
        """All that a command where the manager is says."""
        done = subprocess.run([*self.within, *argv], check=False, capture_output=True, text=True, timeout=60)
        return done.stdout + done.stderr

    def mesh(self, home: Path | None, *argv: str | Path, user: str = "", **env: str) -> Answer:
        """The real command line, where the manager is, as root or as another user."""
        named = ["--home", str(home)] if home else []
        become = (
            ["setpriv", f"--reuid={user}", f"--regid={_GROUPS.get(user, user)}", "--clear-groups", "--"] if user else []
        )
        done = subprocess.run(
            [*self.within, *become, self.python, "-I", "-X", "utf8", "-m", "mesh.cli.front", *named, *argv],
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
    _must_be_possible()
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    with (folder / "systemd.out").open("wb") as output:
        process = spawn(
            ["unshare", "--mount", "sh", "-c", INSIDE], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    made = Manager(process, user=True)
    try:
        wait("systemd --user is up", lambda: _up(made, folder, runtime / "systemd" / "private"))
        yield made
    finally:
        made.systemctl("exit")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


@contextlib.contextmanager
def machine(folder: Path, spawn: Spawn) -> Iterator[Manager]:
    """A systemd that is process 1, with mesh in /opt/mesh; what it said stands in `folder`/systemd.out."""
    _must_be_possible()
    given = {
        "MACHINE": MACHINE,
        "ROOT": str(ROOT),
        "BASE": sys.base_prefix,
        "LIBRARIES": sysconfig.get_path("purelib"),
        "SERVER": str(Path(sys.executable).parent / "nats-server"),
    }
    with (folder / "systemd.out").open("wb") as output:
        argv = ["unshare", "--mount", "sh", "-c", OUTSIDE]
        process = spawn(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env={**os.environ, **given})
    made = Manager(process, user=False)
    try:
        made.pid = wait("process 1 is there", lambda: _first(process, folder))
        wait("systemd is up", lambda: _up(made, folder, None))
        yield made
    finally:
        if made.pid != process.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(made.pid, signal.SIGKILL)  # the end of a namespace's first process ends all in it
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)


def _must_be_possible() -> None:
    if os.getuid() != 0 or not Path(SYSTEMD).exists() or shutil.which("systemctl") is None:
        pytest.skip("a systemd of its own needs root, systemd's programs, and Linux")


def _first(process: subprocess.Popen[bytes], folder: Path) -> int:
    """The pid, as we see it, of what is process 1 in the namespace: our shell's child's child."""
    pid = process.pid
    for _ in range(2):
        assert process.poll() is None, (folder / "systemd.out").read_text()
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return 0
        if len(children) != 1:
            return 0
        pid = int(children[0])
    # The shell that prepares everything becomes systemd in the end.
    return pid if "systemd" in Path(f"/proc/{pid}/comm").read_text() else 0


def _up(manager: Manager, folder: Path, private: Path | None) -> bool:
    assert manager.process.poll() is None, (folder / "systemd.out").read_text()
    if private is not None and not private.exists():
        time.sleep(0.05)
        return False
    target = "basic.target" if manager.user else "mesh-test.target"
    return "ActiveState=active" in manager.systemctl("show", "--property", "ActiveState", target)
