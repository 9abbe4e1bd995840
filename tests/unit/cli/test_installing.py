"""Setting an agent tool up and taking it out again: what the person had comes back byte for byte, and nothing is lost.

The settings are real files in a home folder of the test; the agent only answers what it grants.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mesh.cli import installing, tool_settings
from mesh.cli.run import Options, Run
from mesh.errors import Damaged, Misuse, Refused
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, Lines, error, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]

SETTINGS = """{
    "model": "opus",
    "hooks": {
        "Stop": [{"hooks": [{"type": "command", "command": "say fertig — ü"}]}],
        "PreToolUse": []
    },
    "permissions": {"allow": ["Bash(ls:*)"]}
}"""


@pytest.fixture
def user(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's home folder."""
    folder = tmp_path / "user"
    assert folder not in home.parents, "what is in it is counted"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.delenv(name, raising=False)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    """Every file and what is in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def installed(home: Path, tool: str, wait_s: int = 30) -> list[installing.Change]:
    """Set one up."""
    changes = installing.planned(home, tool, wait_s)
    installing.install(home, tool, changes)
    return changes


def written(user: Path, content: bytes | str = SETTINGS) -> Path:
    """The settings of Claude Code."""
    path = user / ".claude" / "settings.json"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def commands(path: Path) -> dict[str, list[str]]:
    """Event -> the commands of its hooks."""
    hooks = json.loads(path.read_bytes())["hooks"]
    return {
        event: [hook["command"] for entry in entries for hook in entry["hooks"]] for event, entries in hooks.items()
    }


def test_claude(user: Path, home: Path) -> None:
    """Every event that we map gets our hook behind those that are there; everything else stays, in its order."""
    path = written(user)
    installed(home, "claude", 45)
    told = json.loads(path.read_bytes())
    assert list(told) == ["model", "hooks", "permissions"]
    found = commands(path)
    assert found["Stop"][0] == "say fertig — ü"
    assert set(found) == {*tool_settings.HOOKS["claude"], "PreToolUse"}
    words = shlex.split(found["Stop"][1])
    assert words[-4:] == ["--wait", "45", "--home", str(home)]
    assert "claude" in words
    (entry,) = told["hooks"]["PermissionRequest"]
    assert entry["hooks"][0]["timeout"] == 75, "longer than it waits, in seconds"
    assert told["hooks"]["PostToolUse"][0]["matcher"] == "Bash|Edit|MultiEdit|Write|NotebookEdit"
    assert "\n    " in path.read_text(), "the indentation that the file had"
    server = json.loads((user / ".claude.json").read_bytes())["mcpServers"]["mesh"]
    assert server["args"][-5:] == ["mcp", "--as", "claude", "--home", str(home)]
    assert tool_settings.INSTRUCTIONS in (user / ".claude" / "CLAUDE.md").read_text()


def test_gemini(user: Path, home: Path) -> None:
    """One file for hooks and server; times are milliseconds there."""
    installed(home, "gemini")
    told = json.loads((user / ".gemini" / "settings.json").read_bytes())
    assert set(told["hooks"]) == set(tool_settings.HOOKS["gemini"])
    assert told["hooks"]["AfterTool"][0]["hooks"][0]["timeout"] == 30_000
    assert "mcp" in told["mcpServers"]["mesh"]["args"]
    assert (user / ".gemini" / "GEMINI.md").exists()


def test_codex(user: Path, home: Path) -> None:
    """A server in its TOML file, what stands there included."""
    path = user / ".codex" / "config.toml"
    path.parent.mkdir()
    path.write_text('model = "o5" # mine\n')
    installed(home, "codex")
    told = tomllib.loads(path.read_text())
    assert told["model"] == "o5"
    assert told["mcp_servers"]["mesh"]["args"][-1] == str(home)
    assert path.read_text().startswith('model = "o5" # mine\n')


@pytest.mark.parametrize("tool", installing.TOOLS)
@pytest.mark.parametrize("before", [{}, {"with": "files"}])
def test_all_comes_back_byte_for_byte(user: Path, home: Path, tool: str, before: dict[str, str]) -> None:
    """Files that were there as they were, strange forms included; those that were not are gone."""
    if before:
        for name, content in {
            ".claude/settings.json": SETTINGS.replace("\n", "\r\n").encode(),
            ".claude.json": b'{"a":1,\t"b" : [1.50, 1e3]}',
            ".claude/CLAUDE.md": "no end of line ü".encode(),
            ".gemini/settings.json": b"{}",
            ".gemini/GEMINI.md": b"",
            ".codex/config.toml": b"a=1\r\n\r\n[b]",
            ".codex/AGENTS.md": b"two lines\n\n",
        }.items():
            path = user / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            path.chmod(0o640)
    was = tree(user)
    changes = installed(home, tool)
    assert all(change.path.read_bytes() == change.after for change in changes)
    assert tree(user) != was
    assert {path.stat().st_mode & 0o777 for path in user.rglob("*") if path.is_file()} <= {0o640, 0o600}
    assert installing.installed(home, tool)
    installing.put_back(home, tool)
    assert tree(user) == was
    assert not installing.installed(home, tool)
    assert not list((home / "installed").iterdir())


def test_what_was_edited_since_stays(user: Path, home: Path) -> None:
    """Only what is ours goes; what somebody added beside it, or behind our lines, stays."""
    path = written(user)
    (user / ".claude" / "CLAUDE.md").write_text("mine\n")
    installed(home, "claude")
    told = json.loads(path.read_bytes())
    told["theme"] = "dark"
    told["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "another"}]})
    told["hooks"]["PreCompact"][0]["hooks"].append({"type": "command", "command": "beside ours"})
    path.write_text(json.dumps(told))
    with (user / ".claude" / "CLAUDE.md").open("a") as file:
        file.write("later\n")
    installing.put_back(home, "claude")
    left = json.loads(path.read_bytes())
    assert left["theme"] == "dark"
    assert commands(path) == {
        "Stop": ["say fertig — ü", "another"],
        "PreCompact": ["beside ours"],
        "PreToolUse": [],
    }
    assert (user / ".claude" / "CLAUDE.md").read_text() == "mine\n\nlater\n"


def test_twice_is_once(user: Path, home: Path) -> None:
    """Installing again takes the first one out; what was before both comes back."""
    path = written(user)
    was = tree(user)
    installed(home, "claude", 10)
    installed(home, "claude", 20)
    assert all(len(found) == 1 for event, found in commands(path).items() if event not in {"Stop", "PreToolUse"})
    assert "--wait 20" in path.read_text()
    installing.put_back(home, "claude")
    assert tree(user) == was


def test_a_crash_between_writing_it_down_and_doing_it(user: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was done until then can be taken back."""
    written(user)
    was = tree(user)
    write = installing._write  # noqa: SLF001 - where a crash would hit
    done: list[Path] = []

    def crash(path: Path, content: bytes | None) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(path)
        write(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(installing, "_write", crash)
        with pytest.raises(KeyboardInterrupt):
            installed(home, "claude")
    assert tree(user) != was
    installing.put_back(home, "claude")
    assert tree(user) == was


def test_a_link_is_followed(user: Path, home: Path) -> None:
    """Many keep such files in a folder of their own: the file there changes, the link stays one."""
    real = user / "dotfiles.json"
    real.write_text(SETTINGS)
    path = user / ".claude" / "settings.json"
    path.parent.mkdir()
    path.symlink_to(real)
    installed(home, "claude")
    assert path.is_symlink()
    assert "SessionEnd" in json.loads(real.read_bytes())["hooks"]
    installing.put_back(home, "claude")
    assert path.is_symlink()
    assert real.read_text() == SETTINGS


@pytest.mark.parametrize(
    "content",
    [
        b'{"hooks": [] }',
        b'{"hooks": {"Stop": {}}}',
        b"[]",
        b'{"a": 1} // a comment',
        b'\xff{"a": 1}',
    ],
)
def test_what_is_not_understood_is_not_touched(user: Path, home: Path, content: bytes) -> None:
    """The sentence names the file; no other file was changed either."""
    path = written(user, content)
    was = tree(user)
    with pytest.raises(Refused, match=r"settings\.json"):
        installing.planned(home, "claude", 30)
    assert tree(user) == was
    assert path.read_bytes() == content


def test_a_server_of_that_name_is_somebody_elses(user: Path, home: Path) -> None:
    """It is never replaced."""
    (user / ".claude.json").write_text('{"mcpServers": {"mesh": {"command": "other"}}}')
    with pytest.raises(Refused, match="'mesh' already"):
        installing.planned(home, "claude", 30)


def test_an_unknown_tool(user: Path, home: Path) -> None:
    """With those that there are."""
    with pytest.raises(Misuse, match="vim") as caught:
        installing.planned(home, "vim", 30)
    assert "codex" in caught.value.hint
    assert not tree(user)


def test_a_manifest_that_cannot_be_read(user: Path, home: Path) -> None:
    """Nothing is guessed: the copies beside it are named."""
    installed(home, "gemini")
    (home / "installed" / "gemini.json").write_text("{")
    was = tree(user)
    with pytest.raises(Damaged):
        installing.put_back(home, "gemini")
    assert tree(user) == was


# ── the commands ─────────────────────────────────────────────────────────────────────────────────

NARROW = {"space": "home", "types": ["note"], "verbs": ["create", "edit", "read"]}
WIDE = {"space": "home", "types": ["*"], "verbs": ["*"]}


def answers(*grants: Mapping[str, object], add: Lines | None = None) -> dict[str, object]:
    """An agent that has granted these to claude."""
    listed = [{"agent": "claude", "self": True, "grants": list(grants)}] if grants else []
    add = add or result(grant=WIDE, warning=None)
    return {"agents.list": result(agents=listed), "agents.add": add, "agents.remove": result(ended=[], warning=None)}


def test_install_grants_what_is_missing(user: Path, home: Path, agent: Agent, mesh: Mesh) -> None:
    """A grant over records of the home, unless one covers it; the files follow only then."""
    fake = agent(answers(NARROW))
    code, out, _ = mesh("agents", "install", "claude", "--json")
    assert code == 0
    told = json.loads(out)
    assert [one["did"] for one in told["files"]] == ["created"] * 3
    (given,) = [told for call, told in fake.asked if call == "agents.add"]
    assert given["space"] == "home"
    types = given["types"]
    assert isinstance(types, list)
    assert {"handoff", "receipt", "session"} <= {*types}
    assert given["verbs"] == ["create", "edit", "read"]
    assert (user / ".claude" / "settings.json").exists()
    assert installing.installed(home, "claude")


def test_install_asks_for_no_second_grant(user: Path, agent: Agent, mesh: Mesh) -> None:
    """Where one covers it all."""
    fake = agent(answers(WIDE))
    code, _, _ = mesh("agents", "install", "claude")
    assert code == 0
    assert [call for call, _ in fake.asked] == ["agents.list"]
    assert tree(user)


def test_a_refused_grant_changes_no_file(user: Path, agent: Agent, mesh: Mesh) -> None:
    """The person said no."""
    agent(answers(add=error("Refused", "Refused", 3)))
    code, _, _ = mesh("agents", "install", "claude")
    assert code == 3
    assert not tree(user)


def test_dry_run_shows_each_line(user: Path, agent: Agent, mesh: Mesh) -> None:
    """And changes nothing, here and in the mesh."""
    written(user)
    was = tree(user)
    fake = agent(answers())
    code, out, _ = mesh("agents", "install", "claude", "--dry-run")
    assert code == 0
    assert "+" in out
    assert "mesh-hook" in out or "mesh.cli.hook" in out
    assert "grant" in out
    assert tree(user) == was
    assert [call for call, _ in fake.asked] == ["agents.list"]


def test_remove_puts_back_and_ends_grants(user: Path, agent: Agent, mesh: Mesh) -> None:
    """Both; for a tool without grants only the files."""
    path = written(user)
    fake = agent(answers(WIDE))
    mesh("agents", "install", "claude")
    code, out, _ = mesh("agents", "remove", "claude", "--json")
    assert code == 0
    assert path.read_text() == SETTINGS
    assert {one["did"] for one in json.loads(out)["files"]} == {"changed", "removed"}
    assert "agents.remove" in [call for call, _ in fake.asked]
    agent_calls = len(fake.asked)
    mesh("agents", "remove", "scribe")
    assert [call for call, _ in fake.asked[agent_calls:]] == ["agents.remove"]


def test_the_hook_is_found_wherever_the_tool_stands(user: Path, home: Path) -> None:
    """By its whole path."""
    (change, *_) = installing.planned(home, "claude", 30)
    hook = shlex.split(change.ours.hook)[0]
    assert Path(hook).is_absolute()
    assert Path(hook).parent == Path(sys.executable).parent
    assert not tree(user)


def test_the_hook_imports_nothing_of_a_project(user: Path, home: Path, tmp_path: Path) -> None:
    """Though it is started in its folder, where a module may have any name."""
    (tmp_path / "mesh").mkdir()
    for name in ("mesh/__init__.py", "json.py", "os.py", "_socket.py"):
        (tmp_path / name).write_text("open('imported', 'w').close()\n")
    (change, *_) = installing.planned(home, "claude", 30)
    words = ["sh", "-c", change.ours.hook]
    done = subprocess.run(words, cwd=tmp_path, input=b'{"a": 1}', capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (tmp_path / "imported").exists()
    assert (home / "spool").is_dir(), "it ran"
    assert not tree(user)


def test_leaving_puts_every_tool_back(user: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that cannot be is told of, and does not hold up the others."""
    was = tree(user)
    run = Run(Options())
    installed(home, "gemini")
    installed(home, "claude")
    (home / "installed" / "claude.json").write_text("{")
    installing.put_all_back(run)
    err = capsys.readouterr().err
    assert "The settings of gemini are what they were." in err
    assert "The settings of claude still name mesh" in err
    assert {name.split("/")[0] for name in tree(user).keys() - was.keys()} == {".claude", ".claude.json"}
