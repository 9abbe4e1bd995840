"""Setting an agent tool up for the mesh, and putting back what it was: files of the person, with a copy of each before.

What was edited is written down in the home before it is done, so it can be taken back after a crash as well. A file
that nobody touched since comes back byte for byte; of one that was edited since only what is ours goes. It asks no
agent; `mesh.cli.tool_settings` knows what belongs into which file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mesh.cli import tool_settings as settings
from mesh.cli.run import Run
from mesh.cli.tool_settings import Ours
from mesh.errors import Damaged, MeshError, Misuse, Refused
from mesh.limits import MIB

TOOLS = ("claude", "gemini", "codex")
_FILE_BYTES_MAX = 16 * MIB  # settings of a tool; Claude Code keeps its history in one of them
_FOLDER = "installed"

Edit = Callable[[str, Ours], str]
_EDITS: Mapping[str, tuple[Edit, Edit]] = {
    "json": (settings.json_with, settings.json_without),
    "text": (settings.text_with, settings.text_without),
    "toml": (settings.toml_with, settings.toml_without),
}
"""Kind of file -> how ours gets in, and out again."""


@dataclass(frozen=True)
class Change:
    """One file: what it was (None: not there), and what it becomes."""

    path: Path
    kind: str
    ours: Ours
    before: bytes | None
    after: bytes | None
    """None: it goes."""

    @property
    def did(self) -> str:
        """In one word."""
        if self.before == self.after:
            return "unchanged"
        return "created" if self.before is None else "removed" if self.after is None else "changed"


# ── what is to be done ───────────────────────────────────────────────────────────────────────────


def planned(home: Path, tool: str, wait_s: int) -> list[Change]:
    """What installing changes. Raises Refused when a file is not what the tool would write, Misuse for no such tool."""
    known = {Path(str(told["path"])): told for told in _manifest(home, tool)}
    changes = []
    for path, kind, ours in _files(home, tool, wait_s):
        now = _read(path)
        base = _undone(home, known[path], now) if path in known else now
        changes.append(Change(path, kind, ours, base, _edited(path, kind, base, ours)))
    return changes


def installed(home: Path, tool: str) -> bool:
    """Whether a tool was set up from this home."""
    return _manifest_path(home, tool).exists()


def install(home: Path, tool: str, changes: Sequence[Change]) -> None:
    """Do it: what every file was is kept first. Raises Refused or DiskFull."""
    from mesh.node import whole

    folder = _manifest_path(home, tool).parent
    folder.mkdir(mode=0o700, exist_ok=True)
    told = []
    for number, change in enumerate(changes):
        copy = folder / f"{tool}-{number}.before"
        if change.before is not None:
            whole.write(copy, change.before)
        told.append(
            {
                "path": str(change.path),
                "kind": change.kind,
                "ours": asdict(change.ours),
                "before": copy.name if change.before is not None else None,
                "after": _digest(change.after),
            }
        )
    whole.write(_manifest_path(home, tool), json.dumps({"version": 1, "files": told}).encode())
    for change in changes:
        _write(change.path, change.after)


def put_back(home: Path, tool: str) -> list[Change]:
    """Take out what is ours, and forget that it was there. Raises Refused; then no file was changed."""
    changes = []
    for told in _manifest(home, tool):
        path, now = Path(str(told["path"])), _read(Path(str(told["path"])))
        changes.append(Change(path, str(told["kind"]), _ours(told), now, _undone(home, told, now)))
    for change in changes:
        _write(change.path, change.after)
    path = _manifest_path(home, tool)
    for copy in path.parent.glob(f"{tool}-*.before"):
        copy.unlink()
    path.unlink(missing_ok=True)
    return changes


def put_all_back(run: Run) -> None:
    """Before this home goes: put every tool back, and tell of each. One that cannot be is told of, and stays."""
    for tool in (one for one in TOOLS if installed(run.home, one)):
        try:
            put_back(run.home, tool)
            run.out.notice(f"The settings of {tool} are what they were.")
        except MeshError as error:
            run.out.warn(f"The settings of {tool} still name mesh: {error}")


def _undone(home: Path, told: Mapping[str, object], now: bytes | None) -> bytes | None:
    """What a file that we edited is without that: as it was, where nobody edited it since."""
    if now is None:
        return None
    if _digest(now) == told["after"]:
        copy = told["before"]
        return _read(home / _FOLDER / copy) if isinstance(copy, str) else None
    path, kind = Path(str(told["path"])), str(told["kind"])
    return _edited(path, kind, now, _ours(told), out=True)


def _edited(path: Path, kind: str, content: bytes | None, ours: Ours, *, out: bool = False) -> bytes:
    """A file with ours in it, or out of it. Raises Refused, naming the file."""
    into, out_of = _EDITS[kind]
    try:
        text = (content or b"").decode()
        windows = "\r\n" in text
        text = (out_of if out else into)(text.replace("\r\n", "\n") if windows else text, ours)
        return (text.replace("\n", "\r\n") if windows else text).encode()
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not text in UTF-8", hint="Nothing was changed.") from error
    except Refused as error:
        raise Refused(f"{path} stays as it is: {error}", hint=error.hint) from error


# ── which files ──────────────────────────────────────────────────────────────────────────────────


def _files(home: Path, tool: str, wait_s: int) -> list[tuple[Path, str, Ours]]:
    """The files of a tool, as its own environment has them. Raises Misuse for a tool that we do not know."""
    user, elsewhere = Path.home(), _elsewhere(home)
    server = (*_script("mesh", "mesh.cli.front"), "mcp", "--as", tool, *elsewhere)
    hook = shlex.join([*_script("mesh-hook", "mesh.cli.hook"), tool, "--wait", str(wait_s), *elsewhere])
    if tool == "claude":
        named = os.environ.get("CLAUDE_CONFIG_DIR")
        folder = Path(named).expanduser() if named else user / ".claude"
        return [
            (folder / "settings.json", "json", Ours(tool, hook=hook, wait_s=wait_s)),
            ((folder if named else user) / ".claude.json", "json", Ours(tool, server=server)),
            (folder / "CLAUDE.md", "text", Ours(tool)),
        ]
    if tool == "gemini":
        folder = user / ".gemini"
        return [
            (folder / "settings.json", "json", Ours(tool, hook=hook, wait_s=wait_s, server=server)),
            (folder / "GEMINI.md", "text", Ours(tool)),
        ]
    if tool == "codex":
        folder = Path(os.environ.get("CODEX_HOME") or user / ".codex").expanduser()
        return [
            (folder / "config.toml", "toml", Ours(tool, server=server)),
            (folder / "AGENTS.md", "text", Ours(tool)),
        ]
    raise Misuse(f"mesh cannot set up {tool!r}", hint=f"It knows {', '.join(TOOLS)}; others: `mesh agents add NAME`.")


def _script(name: str, module: str) -> tuple[str, ...]:
    """How a command of ours is started, wherever the tool stands: the script beside this Python, or this Python.

    Isolated: it stands in the folders of projects, and must not import what lies there.
    """
    script = Path(sys.executable).with_name(name)
    return (str(script),) if script.exists() else (sys.executable, "-I", "-m", module)


def _elsewhere(home: Path) -> tuple[str, ...]:
    from mesh.node.paths import home_path

    return ("--home", str(home)) if home != home_path("~/.mesh") else ()


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def _read(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > _FILE_BYTES_MAX:
            raise Refused(f"{path} has more than {_FILE_BYTES_MAX // MIB} MiB", hint="Nothing was changed.")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}", hint="Nothing was changed.") from error


def _write(path: Path, content: bytes | None) -> None:
    """Replace a file as a whole, where its links lead, with the mode that it had; None: it goes."""
    from mesh.node import whole

    if _read(path) == content:
        return
    real = path.resolve()
    if content is None:
        real.unlink(missing_ok=True)
        return
    mode = stat.S_IMODE(real.stat().st_mode) if real.exists() else 0o600
    real.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole.write(real, content, mode=mode)


def _manifest_path(home: Path, tool: str) -> Path:
    return home / _FOLDER / f"{tool}.json"


def _manifest(home: Path, tool: str) -> list[dict[str, object]]:
    raw = _read(_manifest_path(home, tool))
    if raw is None:
        return []
    try:
        files = [dict(told) for told in json.loads(raw)["files"]]
        for told in files:
            _ours(told)
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(
            f"{_manifest_path(home, tool)} cannot be read", hint=f"The files beside it are what was before: {error!r}"
        ) from error
    return files


def _ours(told: Mapping[str, object]) -> Ours:
    held = told["ours"]
    if not isinstance(held, dict):
        raise TypeError("ours")
    return Ours(**{**held, "server": tuple(held["server"])})


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()
