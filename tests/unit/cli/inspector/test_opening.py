"""Goal: the inspector opens only where there is a full screen for a person, and costs nobody else anything."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.cli import front
from mesh.cli.inspector.opening import must_fit
from mesh.cli.run import Options, Run
from mesh.errors import Misuse
from tests.unit.cli.conftest import Ended

ROOT = Path(front.__file__).resolve().parent.parent.parent


def test_without_a_terminal_it_names_the_commands_that_do_without(mesh: Callable[..., Ended]) -> None:
    """A pipe, --json and an agent are refused with what to do instead, before anything is asked or drawn."""
    code, out, err = mesh("inspect")
    assert (code, out) == (2, "")
    assert "needs a terminal" in err
    assert "`mesh conflicts`" in err
    code, out, err = mesh("inspect", "Garden", "--json")
    assert code == 2
    assert "no --json" in out
    assert "`mesh conflicts --json`" in err
    code, _, err = mesh("inspect", "--as", "scribe")
    assert code == 3
    assert "scribe is an agent" in err


@pytest.mark.parametrize("term", ["dumb", "", "unknown"])
def test_a_terminal_that_cannot_move_its_cursor_is_refused(
    term: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TERM says so; the hint has the plain command."""
    assert home.is_dir()
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("TERM", term)
    with pytest.raises(Misuse, match="cannot show a full screen") as refused:
        must_fit(Run(Options()))
    assert "`mesh conflicts` lists the same" in refused.value.hint
    monkeypatch.setenv("TERM", "vt100")
    must_fit(Run(Options()))


@pytest.mark.parametrize("argv", [["inspect"], ["conflicts"], ["--help"], ["note", "rm", "x"]], ids=" ".join)
def test_no_other_command_loads_textual(argv: list[str], home: Path) -> None:
    """Neither does the inspector itself, where it is refused."""
    script = "import sys\nfrom mesh.cli.front import ran\nran(sys.argv[1:])\nprint(*sys.modules, file=sys.stderr)"
    words = [sys.executable, "-X", "utf8", "-c", script, "--home", str(home), *argv]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    loaded = {name.partition(".")[0] for name in done.stderr.splitlines()[-1].split()}
    assert "mesh" in loaded
    assert "textual" not in loaded
