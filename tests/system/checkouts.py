"""A checkout of mesh with an upstream and an environment of its own, made from the files of this one.

The environment borrows the libraries of the one that runs the tests: nothing is fetched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.system.commands import Answer

ROOT = Path(__file__).resolve().parents[2]
_PARTS = ("mesh", "deploy", "scripts", "requirements.lock", "pyproject.toml")


class Checkout:
    """A clone; `upstream` is where its newer versions come from."""

    def __init__(self, folder: Path) -> None:
        self.upstream, self.root = folder / "upstream", folder / "clone"
        self.upstream.mkdir(parents=True)
        for part in _PARTS:
            place = ROOT / part
            if place.is_dir():
                shutil.copytree(place, self.upstream / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(place, self.upstream / part)
        (self.upstream / ".gitignore").write_text(".venv*\n__pycache__\n")
        git(self.upstream, "init", "--quiet", "--initial-branch=main")
        self.say("first")
        git(folder, "clone", "--quiet", str(self.upstream), str(self.root))
        self._make_environment()

    def say(self, message: str) -> None:
        """Commit at the upstream what was changed there."""
        git(self.upstream, "add", "--all")
        git(self.upstream, "commit", "--quiet", "--message", message)

    def release(self, version: str) -> None:
        """A newer version at the upstream."""
        path = self.upstream / "mesh" / "__init__.py"
        lines = path.read_text().splitlines()
        path.write_text(
            "\n".join(f'__version__ = "{version}"' if "__version__ =" in one else one for one in lines) + "\n"
        )
        self.say(f"version {version}")

    def commit(self) -> str:
        """The commit that the clone is at."""
        return git(self.root, "rev-parse", "HEAD")

    def mesh(self, home: Path, *argv: str, **env: str) -> Answer:
        """The command line of this checkout."""
        done = subprocess.run(
            [self.root / ".venv/bin/python", "-I", "-X", "utf8", "-m", "mesh.cli.front", "--home", home, *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, **env},
            timeout=180,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))

    def _make_environment(self) -> None:
        venv = self.root / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
        site = next(venv.glob("lib/python*/site-packages"))
        (site / "a-checkout.pth").write_text(f"{self.root}\n")
        (site / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
        (venv / "bin" / "nats-server").symlink_to(Path(sys.executable).parent / "nats-server")
        # What scripts/_venv.sh leaves when it has installed what the lock lists.
        with (self.root / "requirements.lock").open("rb") as lock:
            sum_and_size = subprocess.run(
                ["cksum"], stdin=lock, capture_output=True, text=True, check=True
            ).stdout.strip()
        (venv / ".made-runtime").write_text(f"1 {sum_and_size} {self.root}\n")


def git(folder: Path, *words: str) -> str:
    """What git says in a folder, as nobody in particular."""
    named = ["-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()
