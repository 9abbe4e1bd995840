"""The command tree as a whole: every command is documented, has its examples, and takes the common options anywhere."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import typer.main

import mesh as package
from mesh.cli import app, plain
from tests.unit.cli import samples
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

Mesh = Callable[..., Ended]
Agent = Callable[..., FakeAgent]
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "CLI.md"
COMMON = {"--json", "--home", "--yes", "--interface", "--quiet", "--as"}
ROOT = typer.main.get_command(app.app)


def commands(command: click.Command = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command with its words."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    if path and command.invoke_without_command:  # it does something by itself
        yield " ".join(path), command
    for name, child in command.commands.items():
        yield from commands(child, (*path, name))


COMMANDS = dict(commands())


def test_the_list_of_commands() -> None:
    """Exactly what was asked for."""
    named = (
        "join invite admit up down agent status devices logs log verify rebuild bench demo doctor upgrade uninstall mcp"
    )
    notes = ["note add", "note list", "note show", "note edit", "note rm"]
    peers = ["peer add", "peer list", "peer remove"]
    services = ["service install", "service remove", "service status"]
    homes = ["backup", "restore", "moved", "leave", "recover", "export", "import"]
    acts = [
        "grant",
        "ungrant",
        "grants",
        "why",
        "trace",
        "lost",
        "remove",
        "rank",
        "rotate",
        "forget",
        "passphrase",
        "approve",
    ]
    groups = {"agents": ("add", "install", "list", "remove"), "void": ("list", "show", "adopt", "discard")}
    acts += [f"{group} {name}" for group, names in groups.items() for name in names]
    forks = ["forks", "forks verify", "forks ack"]
    forks += ["conflicts", *(f"conflicts {name}" for name in ("show", "resolve", "undo", "settled"))]
    vault = ["vault link", "vault import", "vault unlink", "vault status"]
    past = ["history", "undo", "inspect", "search"]
    files = ["drop", *(f"drop {name}" for name in ("add", "list", "get", "status", "folder", "rm"))]
    past += ["brief", "session list", "session show", "session resume", "notify on", "notify off", "notify status"]
    past += ["session transcript", "session transcripts"]
    past += ["projection on", "projection off", "projection status"]
    work = ["pickup", *(f"handoff {name}" for name in ("new", "list", "show", "decline", "done"))]
    states = ("ready", "claim", "done", "block", "open", "drop")
    work += [f"task {name}" for name in ("add", "list", "show", "edit", *states)]
    words = ["ship", "shipped", "receipt show", "receipt dispute", "remember", "recall", "answer"]
    words += [f"memory {name}" for name in ("list", "approve", "reject", "supersede")]
    words += [f"ask {name}" for name in ("new", "list", "show")]
    phones = [f"phone {name}" for name in ("add", "list", "remove", "token", "serve")]
    phones += [f"phone home {name}" for name in ("on", "off", "list")]
    here = (phones, peers, services, homes, acts, forks, vault, files)
    everything = {*named.split(), *notes, *past, *work, *words, *(one for each in here for one in each)}
    assert set(COMMANDS) == everything


def test_every_command_is_documented() -> None:
    """docs/CLI.md has a part for each command, and none for what is not there."""
    text = DOCUMENT.read_text()
    assert set(re.findall(r"^### `mesh ([a-z ]+)`$", text, re.MULTILINE)) == set(COMMANDS)
    parts = dict(re.findall(r"^### `mesh ([a-z ]+)`\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    for name, command in COMMANDS.items():
        assert "eys" in parts[name] or "One object" in parts[name], f"{name} names no keys"
        for parameter in command.params:
            options = [word for word in parameter.opts if word.startswith("--")]
            if options and not COMMON & set(options) and options != ["--help"]:
                assert options[0] in parts[name], f"{name} says nothing of {options[0]}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help(name: str, mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has a sentence, the common options and examples that parse."""
    code, out, _ = mesh(*name.split(), "--help")
    assert code == 0
    assert all(option in out for option in COMMON)
    assert "Examples" in out
    assert COMMANDS[name].help
    examples = re.findall(r"^\s*\$ (?:.*\| )?(mesh .*?)\s*$", out, re.MULTILINE)
    assert any(line.startswith(f"mesh {name}") for line in examples)
    for line in examples:
        words = shlex.split(line.split(" < ")[0].split(" > ")[0].split(" | ")[0])[1:]
        depth = next(depth for depth in (3, 2, 1) if " ".join(words[:depth]) in COMMANDS)
        COMMANDS[" ".join(words[:depth])].make_context("mesh", words[depth:])
    capsys.readouterr()


@pytest.mark.parametrize(
    "argv",
    [
        ["--json", "devices"],
        ["devices", "--json"],
        ["--json", "peer", "list"],
        ["peer", "--json", "list"],
        ["peer", "list", "--json"],
        ["--json", "--quiet", "devices", "--json", "--yes"],
    ],
    ids=" ".join,
)
def test_common_options_stand_anywhere(argv: list[str], agent: Agent, mesh: Mesh) -> None:
    """Before, between or after the words of a command."""
    agent({"devices": result(devices=[]), "peer.list": result(addresses=[], devices=[])})
    code, out, _ = mesh(*argv)
    assert code == 0
    assert isinstance(json.loads(out), dict)


def test_the_last_home_counts(tmp_home: Path, agent: Agent, mesh: Mesh, home: Path) -> None:
    """A home after the command counts before one that stands in front of it."""
    agent({"devices": result(devices=[])})
    assert mesh("--home", str(tmp_home / "none"), "devices", "--home", str(home))[0] == 0
    assert mesh("--home", str(home), "devices", "--home", str(tmp_home / "none"))[0] == 2


def test_bare(mesh: Mesh) -> None:
    """`mesh` alone helps; a group alone is misuse."""
    code, out, _ = mesh()
    assert code == 0
    assert "Commands" in out
    assert mesh("note")[0] == 2
    assert mesh("--json")[0] == 2


def test_version(mesh: Mesh) -> None:
    """The version, both ways."""
    assert mesh("--version")[1] == f"mesh {package.__version__}\n"
    assert json.loads(mesh("--version", "--json")[1]) == {"version": package.__version__}
    assert mesh("--version", "--quiet")[1] == f"mesh {package.__version__}\n"


def test_results_of_the_other_commands(agent: Agent, mesh: Mesh) -> None:
    """What the agent answers is printed as it is with --json, and for people line by line."""
    answers: dict[str, dict[str, object]] = {
        "devices": {"devices": [{"id": "a" * 16, "name": samples.ESCAPE, "rank": 1, "self": True}]},
        "peer.list": {"addresses": [samples.ESCAPE], "devices": []},
        "verify": {"events": 7, "chains": 2, "ok": False, "faults": [samples.ESCAPE]},
        "rebuild": {"events": 7, "documents": 1, "state_digest": "0f" * 32, "same": False},
    }
    agent({name: result(**told) for name, told in answers.items()})
    for name, told in answers.items():
        words = name.split(".")
        code, out, _ = mesh(*words, "--json")
        assert json.loads(out) == told
        assert code == (4 if name == "verify" else 0)
        assert "\x1b" not in mesh(*words)[1]


def test_a_deep_check_says_so(agent: Agent, mesh: Mesh) -> None:
    """--deep reaches the agent."""
    fake = agent({"verify": result(events=1, chains=1, ok=True, faults=[])})
    assert mesh("verify", "--deep") == (0, "ok  1 event in 1 chain\n", "")
    assert fake.asked == [("verify", {"deep": True})]


def test_no_bench_of_that_name(mesh: Mesh) -> None:
    """The names are told."""
    code, _, err = mesh("bench", "nothing")
    assert code == 2
    assert "ingest" in err


def test_frequent_commands_are_in_the_tree() -> None:
    """The plain front knows no command that the tree does not have, and no option either."""
    for words, form in plain.FORMS.items():
        known = {option for parameter in COMMANDS[" ".join(words)].params for option in parameter.opts}
        assert {*form.options, *form.flags, *form.many, *form.numbers} <= known
