"""The morning view as people see it: what waits first, each thing with what to type, nothing wider than the screen."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.cli import view_brief
from mesh.cli.screen import Screen, columns
from tests.unit.cli import samples

NOW = int(time.mktime((2026, 11, 27, 7, 30, 0, 0, 0, -1)) * 1000)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def by(name: str, ago: int, agent: str = "") -> dict[str, object]:
    """Who wrote something, so long ago."""
    return {"name": name, "agent": agent, "at": NOW - ago, "device": "a" * 16}


def entry(name: str, title: str, author: dict[str, object], **more: object) -> dict[str, object]:
    """A record as a brief tells it."""
    return {
        "document": f"home/x/{name}txu6pye2ejgxncrplddv",
        "title": title,
        "created": author,
        "updated": author,
        **more,
    }


TOLD: dict[str, object] = {
    "as_of_ms": NOW,
    "since_ms": NOW - 31 * HOUR - 30 * MINUTE,
    "project_name": "",
    "devices": [
        {"name": "mini", "self": True},
        {"name": "air", "connected": True, "in_sync": True, "heard_ms": NOW},
        {"name": "pixel", "connected": False, "heard_ms": NOW - 5 * DAY},
    ],
    "questions": [
        entry("ask1", "May claude run the migration on the production database?", by("air", 78 * MINUTE, "claude"),
              options=["allow", "deny"], default="deny", expires_ms=NOW + 12 * MINUTE),
    ],
    "conflicts": {"count": 2, "items": [{"title": "seeds"}, {"title": "plan"}]},
    "memories_pending": [entry("mem1", "", by("air", HOUR, "claude"), text="deploys go through CI")],
    "unreported": [entry("rcp2", "Unreported: 3 files changed (a.py, b.py, c.py)", by("air", 9 * HOUR, "claude"))],
    "lost_claims": [
        entry("tsk9", "measure the importer", by("mini", HOUR), by={"agent": "gemini", "device_name": "air", "end": ""})
    ],
    "handoffs": [
        entry("hof1", "finish the streaming importer", by("air", 2 * HOUR, "claude"), reason="rate_limit", state="open",
              remaining=[{"document": "home/task/a", "title": "bound its memory", "state": "open"},
                         {"document": "home/task/b", "title": "read lazily", "state": "done"}]),
        entry("hof2", "write the user guide", by("air", DAY, "claude"), reason="done_for_now", state="claimed",
              claim={"agent": "gemini", "device_name": "mini"}, remaining=[]),
    ],
    "tasks": [
        entry("tsk1", "call the notary", by("pixel", 12 * HOUR), priority=0, due_ms=NOW + 4 * HOUR),
        {**entry("tsk2", "bound its memory", by("air", HOUR), priority=1), "document": "home/task/a"},
    ],
    "notes": [entry("not1", "buy seeds", by("pixel", 13 * HOUR), late=True)],
    "tasks_changed": [entry("tsk1", "call the notary", by("pixel", 12 * HOUR), state="open")],
    "receipts": [entry("rcp1", "the importer reads lazily", by("air", 3 * HOUR, "claude"), verified=1, asserted=2)],
    "sessions": [entry("ses1", "", by("air", 2 * HOUR, "claude"), agent="claude", goal="stream the importer",
                       state="rate_limited")],
    "at_work": [
        {"agent": "gemini", "name": "mini", "project": "mesh", "state": "working", "since_ms": NOW - 10 * MINUTE},
    ],
    "problems": [{"what": "air holds the same events and does not show the same", "hint": "`mesh verify --deep`"}],
}  # fmt: skip

EXPECTED = """\
Friday 27 November, 07:30  since yesterday 00:00, on mini
air in sync; pixel last in touch Sun 07:30

Waits for you (5)
  ? May claude run the migration on the production database?
    claude on air, 06:12, [allow, deny], until 07:42, else deny
    mesh answer ask1txu6 …
  ! 2 conflicts
    in seeds, plan                                                  mesh inspect
  ~ remember: deploys go through CI
    claude on air, 06:30                            mesh memory approve mem1txu6
  ~ Unreported: 3 files changed (a.py, b.py, c.py)
    claude on air, yesterday 22:30                    mesh receipt show rcp2txu6
  ! measure the importer is with gemini on air
    this device had claimed it too

Hand-offs
  » finish the streaming importer
    claude on air, 05:30, rate limit                        mesh pickup hof1txu6
    left: bound its memory
  · write the user guide
    claude on air, yesterday 07:30, done for now; gemini on mini has it

Ready to do  mesh task claim ID
  0  call the notary    due 11:30  tsk1txu6

What happened
  air
    04:30            receipt  the importer reads lazily  1 verified, 2 asserted
    05:30            claude   stream the importer        rate limited
  pixel
    yesterday 18:30  note     buy seeds                  came late
    yesterday 19:30  task     call the notary

At work now
  gemini at mini on mesh: working for 10 min

Health
  ! air holds the same events and does not show the same
    `mesh verify --deep`
  ! pixel was not in touch for 5 d"""


def test_the_screen() -> None:
    """What only the person does comes first, then what can be begun, then what happened, then what is wrong."""
    assert "\n".join(view_brief.lines(Screen(80), TOLD)) == EXPECTED


def test_nothing_takes_no_line() -> None:
    """A quiet morning is two lines."""
    told = {"as_of_ms": NOW, "since_ms": NOW - DAY, "devices": [{"name": "mini", "self": True}]}
    assert view_brief.lines(Screen(80), told)[1:] == ["", "Nothing waits, and nothing happened since."]


@pytest.mark.parametrize("width", [72, 80, 120])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    """However long the titles are."""
    long = dict(TOLD)
    for key, value in TOLD.items():
        if isinstance(value, list):
            long[key] = [{**one, "title": str(one.get("title")) + " and so on" * 20} for one in value]
    for told in (TOLD, long):
        assert [line for line in view_brief.lines(Screen(width), told) if columns(line) > width] == []


def test_what_nobody_verified_is_marked() -> None:
    """In amber, where there are colours; what is verified alone is not."""
    screen = Screen(80, colours=True)
    line = next(line for line in view_brief.lines(screen, TOLD) if "asserted" in line)
    assert line.endswith("\x1b[33m1 verified, 2 asserted\x1b[0m")
    sure = {**TOLD, "receipts": [entry("r", "done", by("air", HOUR), verified=2)]}
    assert "\x1b[33m2 verified" not in "\n".join(view_brief.lines(screen, sure))


def test_many_rows_of_one_device_are_counted() -> None:
    """The latest are shown, and how many there are besides."""
    notes = [entry(f"n{n}", f"note {n}", by("air", n * MINUTE)) for n in range(40)]
    out = "\n".join(view_brief.lines(Screen(80), {**TOLD, "notes": notes, "receipts": [], "sessions": []}))
    assert "… 28 earlier: mesh log --device air" in out
    assert "note 0" in out
    assert "note 39" not in out


def test_a_heap_of_anything_is_counted() -> None:
    """The screen stays one that is read in the morning."""
    many = {
        "handoffs": [entry(f"h{n}", f"hand-off {n}", by("air", HOUR), state="open", remaining=[]) for n in range(30)],
        "memories_pending": [entry(f"m{n}", "", by("air", HOUR), text=f"fact {n}") for n in range(30)],
        "unreported": [entry(f"u{n}", f"draft {n}", by("air", HOUR)) for n in range(30)],
        "at_work": [{"agent": "claude", "name": "air", "state": "working", "since_ms": NOW - HOUR}] * 30,
    }
    lines = view_brief.lines(Screen(80), {**TOLD, **many})
    assert len(lines) < 110
    out = "\n".join(lines)
    for words in ("22 more: mesh handoff list", "22 more to remember", "22 more unreported", "for 1 h, 30 sessions"):
        assert words in out


def test_no_foreign_text_draws_on_the_terminal() -> None:
    """Titles, names and words come from other devices and from agents."""
    hostile, author = dict(TOLD), {**by(samples.ESCAPE, HOUR), "agent": samples.ESCAPE}
    for key, value in TOLD.items():
        if isinstance(value, list):
            texts = [{word: samples.ESCAPE for word, held in one.items() if isinstance(held, str)} for one in value]
            hostile[key] = [{**one, **text, "created": author} for one, text in zip(value, texts, strict=True)]
    out = "\n".join(view_brief.lines(Screen(80), hostile))
    assert "\x1b" not in out
    assert "\u202e" not in out


LEAVES = st.one_of(st.text(max_size=60), st.integers(-(2**70), 2**70), st.none(), st.booleans())
KEYS = st.sampled_from(
    sorted({key for value in TOLD.values() if isinstance(value, list) for one in value for key in one})
)
ANYTHING = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=8))


@given(told=st.dictionaries(st.sampled_from(sorted(TOLD)), ANYTHING, max_size=12))
def test_whatever_an_agent_answers_is_shown(told: dict[str, object]) -> None:
    """An agent of another version, or one that is none."""
    for line in view_brief.lines(Screen(80), told):
        assert not [character for character in line if character < " "]


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (0, "07:30"), (7 * HOUR, "00:30"), (8 * HOUR, "yesterday 23:30"), (3 * DAY, "Tue 07:30"),
        (30 * DAY, "2026-10-28"), (-DAY, "Sat 07:30"),
    ],
)  # fmt: skip
def test_when(ago: int, said: str) -> None:
    """As people say it near to it."""
    assert view_brief.when(NOW - ago, NOW) == said
    assert view_brief.when(2**80, NOW) == view_brief.when(0, NOW) == "?"


def test_what_was_said_anew_waits_for_itself_or_was_taken_by_nobody_is_told_with_what_to_do() -> None:
    """Each under what waits, or among the hand-offs, with its command."""
    lost = entry("hof1", "rotate the keys", by("air", HOUR), by=None, superseded_by="home/handoff/hof2txu6abc")
    ring = {"tasks": [{"title": "dig"}, {"title": "sow"}], "break": "mesh task edit a --unneeds b"}
    late = entry("hof3", "paint the fence", by("air", DAY), state="expired", expires_ms=NOW - HOUR, remaining=[])
    told = {"as_of_ms": NOW, "since_ms": NOW - DAY, "lost_claims": [lost], "rings": [ring], "handoffs": [late]}
    text = " ".join(" ".join(view_brief.lines(Screen(120), told)).split())
    assert "rotate the keys was handed off anew this device had claimed it too mesh handoff show hof2txu6" in text
    assert "wait for each other: dig, sow none of them can begin mesh task edit a --unneeds b" in text
    assert "nobody took it until 06:30 mesh pickup hof3txu6" in text
