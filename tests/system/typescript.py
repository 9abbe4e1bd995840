"""The phone's TypeScript for tests: its types checked, then as JavaScript in a folder of its own, run by Node.

It compares nothing.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.system.sharing import shared

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


def built(of_run: Path) -> AbstractContextManager[Path]:
    """The engine and its tests as JavaScript, in a folder that no other run of tests has; made once in each."""
    return shared(of_run / "javascript", WEB / "build" / f"tests-{of_run.name}", _build)


def _build(folder: Path) -> None:
    run(TSC, "--noEmit", "-p", ".")
    run(TSC, "-p", "tests", "--outDir", str(folder))
