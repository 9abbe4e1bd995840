"""Conflicts as people see them, at several widths."""

from __future__ import annotations

import time

import pytest

from mesh.cli import view_conflicts
from mesh.cli.screen import Screen, columns
from tests.unit.cli import samples

ID = str(samples.CONFLICT["id"])
PLAIN = {**samples.SHOWN["values"][0], "value": "sow seeds", "name": "phone", "agent": "claude"}  # type: ignore[index]
TWO = {**samples.SHOWN, "values": [samples.SHOWN["values"][0], PLAIN]}  # type: ignore[index]
TEXT = {
    **TWO,
    "kind": "text",
    "field": "body",
    "context": {"before": "To do:\n", "after": "\nthen water", "merged": "sow buy many seeds"},
}

BESIDE = """\
conflict 3fa9c1d2e4b5a6973fa9c1d2e4b5a697  open
note   buy seeds  home/note/s426txu6pye2ejgxncrplddvcq
what   title: 2 values side by side
since  2025-11-01 12:26

before they parted       │ 1  laptop                │ 2  claude@phone
                         │ 2025-11-01 12:26         │ 2025-11-01 12:26
                         │ event abababababab       │ event abababababab
buy seeds                │ buy {+many +}seeds       │ [-buy-]{+sow+} seeds

settle it: `mesh conflicts resolve 3fa9c1d2e4b5 --take N`, --value VALUE or
  --edit"""

STACKED = """\
before they parted
    buy seeds
1  laptop, 2025-11-01 12:26, event abababababab
    buy {+many +}seeds
2  claude@phone, 2025-11-01 12:26, event abababababab
    [-buy-]{+sow+} seeds"""


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def text(told: dict[str, object], width: int | None, *, whole: bool = False) -> str:
    """What is shown."""
    return "\n".join(line.rstrip() for line in view_conflicts.shown(Screen(width), told, whole=whole))


def test_values_stand_beside_what_they_began_with() -> None:
    """On a terminal of 80 columns: who wrote which words."""
    assert text(TWO, 80) == BESIDE


@pytest.mark.parametrize("width", [60, None])
def test_where_it_is_too_narrow_they_stand_below_each_other(width: int | None) -> None:
    """And in a pipe, where nobody knows how wide it is."""
    assert STACKED in text(TWO, width)


def test_a_text_has_its_surroundings_and_how_it_reads_now() -> None:
    """What --merge would keep is said before somebody chooses it."""
    shown = text(TEXT, 100)
    assert "before  To do:" in shown
    assert "after   then water" in shown
    assert "now  sow buy many seeds" in shown
    assert "--merge" in shown


@pytest.mark.parametrize("width", [40, 80, 200, None])
def test_hostile_texts_stay_texts(width: int | None) -> None:
    """Whatever a value, a name or a title holds is written out, and no line is wider than the screen."""
    value = {
        **PLAIN,
        "value": f"a\n\tb {samples.ESCAPE} " + "語" * 300,
        "name": samples.ESCAPE,
        "agent": samples.ESCAPE,
    }
    told = {**TEXT, "title": samples.ESCAPE, "values": [value, {**value, "value": 7}, {**value, "value": None}]}
    told |= {"context": {"before": samples.ESCAPE, "after": samples.ESCAPE, "merged": samples.ESCAPE}}
    told |= {"settled_by": [{**value, "rule": samples.ESCAPE}], "ancestor": samples.ESCAPE, "count": 3}
    for lines in (
        view_conflicts.shown(Screen(width), told),
        view_conflicts.listed(Screen(width), {"conflicts": [told], "total": 1}),
        view_conflicts.settled(Screen(width), {"settled": [{**told, **value}]}),
    ):
        assert all(line.isprintable() for line in lines), lines
    if width and width >= 80:
        assert max(columns(line) for line in view_conflicts.shown(Screen(width), told)[5:]) <= width


def test_values_that_look_alike_are_told_apart() -> None:
    """What has no width is written out, but for what emoji are made of."""
    told = {**TWO, "values": [PLAIN, {**PLAIN, "value": "sow\u200b seeds \U0001f468\u200d\U0001f33e"}]}
    assert "\\u200b+} seeds{+ \U0001f468\u200d\U0001f33e+}" in text(told, 60)


def test_a_huge_value_is_cut_where_it_differs() -> None:
    """What is the same in all of them is left out but for a little, and it is said how to see all."""
    same = "word " * 20_000
    values = [{**PLAIN, "value": f"{same}{middle}{same}"} for middle in ("one thing ", "another ")]
    told = {**TWO, "values": values, "ancestor": same + same}
    shown = text(told, 80)
    assert len(shown) < 5_000
    assert "one" in shown
    assert "another" in shown
    long = {**TWO, "values": [PLAIN, {**PLAIN, "value": "\n".join(map(str, range(10_000)))}]}
    assert f"`mesh conflicts show {ID[:12]} --whole` shows all" in text(long, 80)
    assert "9999" not in text(long, 80)
    assert "9999" in text(long, 80, whole=True)


def test_a_thousand_values_are_paged() -> None:
    """It says which of how many these are, and how to go on."""
    told = {**TWO, "values": [PLAIN] * 20, "count": 1000, "offset": 40}
    shown = text(told, 80)
    assert "41  claude@phone" in shown
    assert "values 41 to 60 of 1,000; more: --after 60" in shown


def test_a_settled_one_says_by_whom() -> None:
    """And how to take that back; a rule is named."""
    by = {"event": samples.EVENT, "device": "x", "name": "mac", "agent": "", "at": 1_762_000_000_000, "rule": ""}
    shown = text({**TWO, "open": False, "settled_by": [{**by, "undone_by": "ef" * 32}, {**by, "rule": "prefix"}]}, None)
    assert shown.splitlines()[0].endswith("settled")
    assert "settled by mac, 2025-11-01 12:26, event abababababab; taken back by event efefefefefef" in shown
    assert "by the rule prefix" in shown
    assert f"`mesh conflicts undo {ID[:12]}` takes that back." in shown
    back = text({**TWO, "open": False, "settled_by": [{**by, "undone_by": "ef" * 32}]}, None)
    assert back.endswith("That was taken back: `mesh conflicts` shows what is open now.")


def test_notes_at_one_path() -> None:
    """Their titles and ids, and where they are; of what is settled only that there were several."""
    two = [{**PLAIN, "document": samples.DOCUMENT, "title": title} for title in ("one", samples.ESCAPE)]
    told: dict[str, object] = {**TWO, "kind": "path", "field": "path", "path": "a/plan.md", "values": two}
    shown = text({**told, "ancestor": None}, None)
    assert "what   2 notes at one path: a/plan.md" in shown
    assert f"    one\n    {samples.DOCUMENT}" in shown
    assert "before they parted" not in shown
    gone = text({**told, "path": None, "values": [], "count": 0, "open": False}, 60)
    assert "several notes were at one path" in gone


def test_a_list_fits_the_screen() -> None:
    """Long titles give way; ids are shortened on a terminal and whole in a pipe."""
    rows = [{**samples.CONFLICT, "title": "t" * 300}, {**samples.CONFLICT, "kind": "deleted"}]
    told: dict[str, object] = {"conflicts": rows, "total": 10_000, "next": ID}
    lines = view_conflicts.listed(Screen(80), told)
    assert all(columns(line) <= 80 for line in lines)
    assert "deleted/edited" in lines[2]
    assert lines[2].endswith(ID[:12])
    assert lines[3] == f"2 of 10,000 shown; more: --after {ID}"
    assert view_conflicts.listed(Screen(None), told)[2].endswith(ID)
    assert view_conflicts.listed(Screen(80), {"conflicts": []}) == ["no conflicts"]


@pytest.mark.parametrize(
    "told", [{}, {"conflicts": 1, "values": [1, {}], "ancestor": 7}, {"values": "x", "context": 3}]
)
def test_an_answer_of_another_version(told: dict[str, object]) -> None:
    """What is missing or of another type is shown as not known."""
    for kind in (None, "text", "path", "deleted"):
        assert view_conflicts.shown(Screen(80), {**told, "kind": kind})
    assert view_conflicts.listed(Screen(80), told)
    assert view_conflicts.settled(Screen(80), told)
    assert view_conflicts.resolved(Screen(80), told)


def test_what_is_open_still_is_said() -> None:
    """Whoever settled one conflict learns of the next."""
    lines = view_conflicts.resolved(Screen(80), {"id": ID, "opened": ["cd" * 16]})
    assert lines == [f"settled  {ID[:12]}", "open in this note  cdcdcdcdcdcd"]
