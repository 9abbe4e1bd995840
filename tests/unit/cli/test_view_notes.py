"""Notes as people see them."""

from __future__ import annotations

from mesh.cli import view_notes
from mesh.cli.screen import Screen, columns
from tests.unit.cli import samples


def test_a_note_with_all_its_values() -> None:
    """Where devices disagree both values are shown, and who gave them."""
    lines = view_notes.shown(Screen(80), samples.NOTE)
    assert lines[:3] == ["buy seeds", f"document  {samples.DOCUMENT}", "tags      garden, [bold]spring[/bold]"]
    assert lines[4:7] == ["", "tomatoes", "and more"]
    assert lines[8] == "conflict in title:"
    assert lines[9] == "  buy seeds  from 7ri5dhxcs7j44tlb"
    assert lines[10].startswith("  sell \\u001b[31mred")


def test_a_conflict_says_how_to_look_at_it() -> None:
    """Its id, as it can be typed, and who wrote each value by name."""
    lines = view_notes.shown(Screen(80), {**samples.NOTE, "conflicts": [samples.CONFLICT]})
    assert lines[8] == "conflict in title, `mesh conflicts show 3fa9c1d2e4b5`:"
    assert lines[9] == "  buy many seeds  from laptop"


def test_hostile_texts_stay_texts() -> None:
    """No escape sequence of a title, tag, path or body reaches the terminal; colours are only ours."""
    plain = view_notes.shown(Screen(80), samples.HOSTILE)
    assert all(line.isprintable() for line in plain)
    coloured = "\n".join(view_notes.shown(Screen(80, colours=True), samples.HOSTILE))
    assert "\x1b[31mred" not in coloured
    assert "\x1b]0;" not in coloured


def test_a_list_fits_the_screen() -> None:
    """On a terminal ids are shortened to a unique beginning; in a pipe they are whole."""
    notes = {"notes": [{**samples.LINE, "title": "t" * 300, "conflicts": 1}, samples.LINE], "next": "home/note/x"}
    lines = view_notes.listed(Screen(80), notes)
    assert all(columns(line) <= 80 for line in lines)
    assert lines[1].startswith("! ttt")
    assert lines[1].endswith("home/note/s426txu6py")
    assert lines[-1] == "more: --after home/note/x"
    assert view_notes.listed(Screen(None), notes)[2].endswith(samples.DOCUMENT)
    assert view_notes.listed(Screen(80), {"notes": []}) == ["no notes"]


def test_what_is_hidden_is_said_by_who_wrote_it() -> None:
    """A person learns how much of whose work is not seen; a hostile name stays text."""
    hidden = [
        {"device": "7ri5dhxcs7j44tlb", "name": "phone", "events": [samples.EVENT]},
        {"device": "aaaaaaaaaaaaaaaa", "name": samples.ESCAPE, "events": [samples.EVENT] * 3},
    ]
    lines = view_notes.shown(Screen(80), {**samples.NOTE, "hidden": hidden})
    assert lines[-2] == "1 change of phone hidden here"
    assert lines[-1].startswith("3 changes of")
    assert lines[-1].isprintable()


def test_a_removed_note_says_so() -> None:
    """A note that is gone from the lists is told from one that is not."""
    assert view_notes.shown(Screen(80), {**samples.NOTE, "deleted": True})[0] == "buy seeds  (removed)"
