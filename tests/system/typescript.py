"""The phone's TypeScript for tests: its types checked, then as JavaScript in a folder of its own, run by Node.

It compares nothing.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
TIMEOUT_S = 300
TSC = "node_modules/typescript/bin/tsc"

NEEDS = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not (WEB / "node_modules").is_dir(), reason="run `npm ci` in web"),
]


def run(*argv: str, said: str = "") -> str:
    """What a program of Node prints, started in `web`."""
    done = subprocess.run(
        ["node", *argv], cwd=WEB, input=said, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def built() -> Iterator[Path]:
    """The engine and its tests as JavaScript, in a folder that no other run of tests has."""
    run(TSC, "--noEmit", "-p", ".")
    (WEB / "build").mkdir(exist_ok=True)
    with TemporaryDirectory(dir=WEB / "build") as folder:
        run(TSC, "-p", "tests", "--outDir", folder)
        yield Path(folder)
