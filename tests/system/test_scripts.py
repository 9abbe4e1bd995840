"""Every script says what it is: on --help, without doing anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
COMMAND = "mesh"  # sets up what it needs first; its --help has tests of its own
SCRIPTS = sorted(p.name for p in (ROOT / "scripts").iterdir() if p.is_file() and p.name[0] != "_" and p.name != COMMAND)
HELP_S = 120


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_says_what_it_is(name: str, tmp_path: Path) -> None:
    """It ends well, on standard output, and leaves nothing at home."""
    path = ROOT / "scripts" / name
    argv = [sys.executable, str(path)] if path.suffix == ".py" else [str(path)]
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [*argv, "--help"], env=environment, capture_output=True, text=True, timeout=HELP_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 1
    assert not list(tmp_path.iterdir())
