"""Dropped files as people see them."""

from __future__ import annotations

from mesh.cli import view_drops
from mesh.cli.screen import Screen, columns
from mesh.cli.view_drops import amount
from mesh.limits import KIB, MIB
from tests.unit.cli.samples import DOCUMENT

HOSTILE = "\x1b[31mred\x1b]0;x\x07\u202egpj.exe"
DROP: dict[str, object] = {
    "document": DOCUMENT, "title": HOSTILE, "size": 5 * MIB, "here_bytes": MIB, "state": "fetching", "mime": HOSTILE,
    "from": {"device": "a", "name": HOSTILE}, "to": {"device": "b", "name": "desk"}, "at_ms": 0, "digest": "00",
    "got": [{"device": "a", "name": HOSTILE, "at_ms": 1}], "problem": HOSTILE, "hint": "wait", "path": HOSTILE,
}  # fmt: skip


def test_hostile_texts_stay_texts() -> None:
    """No escape sequence of a name, type, device or problem reaches the terminal, and no direction is turned."""
    screen = Screen(100)
    for lines in (
        view_drops.shown(screen, DROP),
        view_drops.listed(screen, {"drops": [DROP]}),
        view_drops.dropped(screen, DROP),
        view_drops.put_down(screen, DROP),
        view_drops.removed(screen, DROP),
        view_drops.folder(screen, {**DROP, "folder": HOSTILE}),
        [view_drops.problem(DROP)],
    ):
        assert lines
        assert all(line.isprintable() for line in lines)


def test_a_list_fits_the_screen_and_says_how_far_each_is() -> None:
    """On a terminal ids are shortened; what is on its way shows its share."""
    lines = view_drops.listed(Screen(100), {"drops": [{**DROP, "title": "t" * 300}, {**DROP, "state": "here"}]})
    assert all(columns(line) <= 100 for line in lines)
    assert " 20 % " in lines[1]
    assert " here " in lines[2]
    assert view_drops.listed(Screen(100), {"drops": []}) == ["nothing was dropped"]


def test_one_drop_is_shown_whole() -> None:
    """How far it is, what is wrong, and what helps; nothing of a problem where there is none."""
    lines = "\n".join(view_drops.shown(Screen(None), DROP))
    assert "fetching, 20 %" in lines
    assert "5.0 MiB (5,242,880 bytes)" in lines
    assert "what helps" in lines
    assert "problem" not in "\n".join(view_drops.shown(Screen(None), {**DROP, "problem": "", "hint": ""}))


def test_amounts_are_in_the_largest_unit() -> None:
    """Bytes are whole, and what is no number is none."""
    found = [amount(size) for size in (0, KIB - 1, KIB, 1536 * KIB, 3 * 1024 * MIB, None, True)]
    assert found == ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "3.0 GiB", "0 B", "0 B"]
