"""The real command line as a process of its own, what it answered, and which processes run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mesh.node.socket_client import Told
from tests.system.sizes import sized

COMMAND_S = sized(120, 600)  # after which a command hangs


@dataclass(frozen=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Told:
        """The one object on standard output."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"not exactly one line: {self.out!r} {self.err!r}"
        told = json.loads(lines[0])
        assert isinstance(told, dict), told
        return told

    @property
    def error(self) -> Mapping[str, object]:
        """The error that `--json` printed; it is one sentence with a hint, and no trace of Python."""
        told = self.json["error"]
        assert isinstance(told, dict), told
        assert "Traceback" not in self.err, self.err
        assert told["exit"] == self.code, told
        message = str(told["message"])
        assert message, "an error says what is wrong"
        assert "\n" not in message, message
        return told


def mesh(home: Path, *argv: str | Path, stdin: str | bytes | None = None, **env: str) -> Answer:
    """Run the real command line, with its standard input closed unless something is given."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [*command(home), *map(str, argv)],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        check=False,
        env={**os.environ, **env},
        timeout=COMMAND_S,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode(errors="replace"))


def command(home: Path) -> list[str]:
    """How this checkout's `mesh` is called for a home."""
    return [sys.executable, "-X", "utf8", "-m", "mesh.cli.front", "--home", str(home)]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def processes_in(folder: Path) -> dict[int, str]:
    """Processes whose command line names this folder, which only those of one test do."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words and alive(int(entry.name)):
            found[int(entry.name)] = words
    return found
