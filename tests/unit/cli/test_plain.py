"""Both ways into a command mean the same: whatever the plain front understands, the full tree understands equally."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.cli import (
    app,
    brief,
    calls,
    conflicts,
    frequent,
    handoff,
    inspect,
    note,
    options,
    plain,
    remember,
    search,
    ship,
    task,
)
from mesh.cli.run import Options
from mesh.errors import MeshError
from tests.unit.cli import samples
from tests.unit.cli.conftest import Ended
from tests.unit.cli.fake_agent import FakeAgent, result

ANSWERS = {
    "note.add": result(**samples.SAID),
    "note.list": result(notes=[samples.LINE, {**samples.LINE, "title": samples.ESCAPE, "conflicts": 2}]),
    "note.show": result(**samples.HOSTILE),
    "conflicts": result(conflicts=[samples.CONFLICT], total=7, next=samples.CONFLICT["id"]),
    "conflicts.show": result(**samples.SHOWN),
    "search": result(hits=[{"title": samples.ESCAPE, "document": "home/note/x"}], took_ms=1),
    "receipt.list": result(receipts=[samples.RECEIPT]),
    "recall": result(hits=[samples.MEMORY]),
    "task.list": result(tasks=[], more=0),
    "handoff.list": result(handoffs=[]),
    "status": result(**samples.STATUS),
    "log": result(**samples.LOG),
    "brief": result(as_of_ms=1_762_000_000_000, since_ms=1_761_900_000_000, notes=[samples.LINE], text="# Brief"),
}
PLAIN = [
    ["status"],
    ["--json", "status"],
    ["status", "--json", "--quiet"],
    ["search", "pump"],
    ["search", "pump", "valve", "--type", "note", "--type=task", "--json", "--limit", "3", "old", "--project=x"],
    ["brief"],
    ["brief", "--json", "--project", "mesh", "--since=yesterday"],
    ["brief", "--markdown", "--budget", "300"],
    ["log"],
    ["log", "--limit", "7", "--device", "laptop", "--document=home/note/x"],
    ["note", "add", "buy seeds"],
    ["note", "add", "--title", "buy seeds", "--body", "tomatoes", "--json"],
    ["note", "add", "buy", "--tag", "a", "--tag=b", "--path", "x/y.md", "--body="],
    ["note", "add", "--body", "first line\n\nrest"],
    ["--quiet", "note", "add", "buy", "--yes", "--interface", "127.0.0.1"],
    ["note", "list"],
    ["note", "list", "--json", "--tag", "a", "--search", "b c", "--deleted", "--limit=3", "--after", "home/note/x"],
    ["note", "show", "buy seeds"],
    ["note", "show", "buy seeds", "--json"],
    ["task", "list"],
    ["task", "list", "--project", "shop", "--limit", "3", "--json"],
    ["task", "ready", "--project=shop"],
    ["handoff", "list", "--all", "--limit", "3"],
    ["conflicts", "--limit", "1"],
    ["conflicts", "--json", "--document", "x", "--kind=text", "--device", "mac", "--limit", "1", "--after", "3f"],
    ["conflicts", "show", "3f", "--whole"],
    ["conflicts", "show", "3f", "--json", "--limit", "3", "--after", "4"],
    ["shipped"],
    ["shipped", "pass keys", "--unreported", "--limit", "3", "--project", "shop"],
    ["recall", "which port", "--kind", "fact", "--kind=decision", "--json"],
]
NOT_PLAIN = [
    [],
    ["--help"],
    ["note"],
    ["note", "show"],
    ["note", "show", "a", "b"],
    ["note", "add", "--title"],
    ["note", "add", "--title", "--json"],
    ["note", "add", "--titel", "x"],
    ["note", "add", "a", "--help"],
    ["note", "add", "--", "--json"],
    ["note", "--json", "list"],
    ["note", "list", "--limit", "x"],
    ["note", "list", "--limit", "-1"],
    ["note", "list", "--tag", "a", "--tag", "b"],
    ["note", "edit", "a"],
    ["task", "list", "--mine"],
    ["handoff", "new", "x"],
    ["conflicts", "resolve", "3f", "--merge"],
    ["conflicts", "show"],
    ["log", "--follow"],
    ["search"],
    ["search", "--", "x"],
    ["search", "x", "--limit", "1", "--limit", "2"],
    ["status", "--verbose"],
    ["status", "-v"],
    ["status", "now"],
    ["up"],
]


@pytest.mark.parametrize("argv", PLAIN, ids=" ".join)
def test_both_ways_ask_and_print_the_same(
    argv: list[str],
    agent: Callable[..., FakeAgent],
    mesh: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same call with the same arguments, and the same text or object, whichever way was taken."""
    fake = agent(ANSWERS)
    assert plain.understood(argv) is not None
    quick, asked = mesh(*argv), list(fake.asked)
    fake.asked.clear()
    monkeypatch.setattr(plain, "understood", lambda _: None)
    assert mesh(*argv) == quick
    assert fake.asked == asked
    assert quick[0] == 0
    assert "\x1b" not in quick[1]
    assert "\u202e" not in quick[1]


@pytest.mark.parametrize("argv", NOT_PLAIN, ids=" ".join)
def test_what_is_not_plain_goes_to_the_full_tree(argv: list[str]) -> None:
    """One word that is not understood leaves the whole line to the full tree."""
    assert plain.understood(argv) is None


# A value after a space, a value after =, flags, what is not there, and what no option takes.
WORDS = st.sampled_from(
    [
        "--json",
        "--yes",
        "--quiet",
        "--home",
        "--home=/h",
        "--interface",
        "--interface=::1",
        "--title",
        "--title=",
        "--title=t",
        "--body",
        "--body=-",
        "--file",
        "--tag",
        "--tag=a",
        "--path",
        "--limit",
        "--limit=3",
        "--limit=x",
        "--after",
        "--search",
        "--deleted",
        "--device",
        "--document",
        "--follow",
        "--help",
        "--version",
        "--",
        "-",
        "-x",
        "a",
        "3",
        "-1",
        "--json=1",
        "--deleted=1",
        "--all",
        "--unreported",
        "--mine",
        "--project",
        "--project=p",
        "--kind=text",
        "--type=note",
        "--type",
        "--whole",
        "--markdown",
        "--since=x",
        "--project=y",
        "--budget=9",
        "show",
        "note",
        "list",
    ]
)
COMMANDS = st.sampled_from(
    [
        ["note", "add"],
        ["note", "list"],
        ["note", "show"],
        ["conflicts"],
        ["conflicts", "show"],
        ["status"],
        ["brief"],
        ["search"],
        ["search", "x"],
        ["log"],
        ["task", "list"],
        ["task", "ready"],
        ["handoff", "list"],
        ["shipped"],
        ["recall"],
        ["note"],
        [],
    ]
)
BEFORE = st.lists(st.sampled_from(["--json", "--home=/a", "--home", "/b", "--interface", "::1", "--quiet"]), max_size=2)
AFTER = st.lists(WORDS, max_size=5)
_WORK = ("task_list", "task_ready", "handoff_list")
LINES = st.builds(lambda before, command, after: [*before, *command, *after], BEFORE, COMMANDS, AFTER)


@settings(max_examples=1500)
@given(words=LINES)
def test_no_line_means_two_things(words: list[str]) -> None:
    """Random lines: what the plain front takes from one is what the full tree takes from it."""
    known = plain.understood(words)
    if known is None:
        return
    expected = [(known.does.__name__, _whole(known.does.__name__, known.values), known.options.values())]
    assert _meant(words) == expected


def _meant(words: list[str]) -> list[object]:
    """What the full tree would do."""
    taken: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        for module in (note, inspect, conflicts, brief, task, handoff, ship, remember, search):
            patch.setattr(module, "running", _options_of)
        names = ("note_add", "note_list", "note_show", "conflicts", "conflicts_show", "status", "log", "brief")
        for name in (*names, "search", "shipped", "recall", *_WORK):
            patch.setattr(frequent, name, _taker(name, taken))
        try:
            app.run(words)
        except MeshError as error:
            taken.append(str(error))
    return taken


def _options_of(context: object) -> Options:
    return options._options(context)  # type: ignore[arg-type]  # noqa: SLF001 - there is no other place to see them


def _taker(name: str, taken: list[object]) -> Callable[..., None]:
    def take(options: Options, **values: object) -> None:
        taken.append((name, _whole(name, values), options.values()))

    return take


def _whole(name: str, values: dict[str, object]) -> dict[str, object]:
    """The values with what is taken where nothing is given."""
    usual: dict[str, dict[str, object]] = {"note_add": {"path": "", "tags": ()}, "note_list": {"deleted": False}}
    usual["search"] = {"types": ()}
    usual |= {"conflicts_show": {"whole": False}, "task_list": {"wanted": "open"}, "handoff_list": {"every": False}}
    usual |= {"brief": {"markdown": False}, "shipped": {"words": "", "unreported": False}, "recall": {"kinds": ()}}
    held = {**usual.get(name, {}), **values}
    return {key: value for key, value in held.items() if value is not None}


def test_every_call_of_a_plain_form_comes_from_the_one_table() -> None:
    """Nobody builds a call beside `mesh.cli.calls`."""
    for form in plain.FORMS.values():
        assert hasattr(calls, form.does.__name__)
