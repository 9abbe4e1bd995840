"""Goal: any value is shown whole and safe, a page at a time, and no slower for being long."""

from __future__ import annotations

from rich.text import Text

from mesh.cli.differences import ADDED, GONE, SAME
from mesh.cli.inspector import columns, conflicts
from mesh.cli.inspector.colours import styles
from mesh.cli.inspector.conflicts import row_of
from mesh.cli.inspector.pieces import PAGE_CHARACTERS, Lines, compared, safe
from mesh.cli.screen import columns as width_of
from tests.unit.cli.inspector.disagreement import EVIL, usual

MEGABYTE = 1_000_000


def _all(lines: Lines) -> list[str]:
    while not lines.ended:
        lines.more()
    return ["".join(text for text, _ in line) for line in lines.lines]


def test_all_of_a_value_comes_page_by_page() -> None:
    """No character is lost where pages meet, in lines, in one long line, and in one without spaces."""
    for text in ("a line of words\n" * 5000, "word " * 30_000, "x" * 100_000, "\n" * 20_000, "é\t\n" * 9000):
        lines = Lines([(safe(text), SAME)], 80)
        assert not lines.ended
        assert len(lines.lines) <= PAGE_CHARACTERS
        whole = _all(lines)
        assert all(width_of(line) <= 80 for line in whole)
        assert "".join(whole).replace(" ", "") == safe(text).replace("\n", "").replace(" ", "")
        if set(text) == {"\n"}:
            assert len(whole) in {len(text), len(text) + 1}


def test_a_megabyte_shows_its_first_page_only() -> None:
    """What nobody scrolls to is not broken into lines."""
    lines = Lines([("word " * (MEGABYTE // 5), SAME)], 40)
    assert sum(len(text) for line in lines.lines for text, _ in line) <= PAGE_CHARACTERS


def test_what_differs_is_told_by_signs_and_found_in_a_long_text() -> None:
    """Words in {+ +} and [- -]; the same for long is left out between them."""
    pieces, too_long = compared("We meet at nine.", "We meet at ten.")
    assert not too_long
    assert [piece for piece in pieces if piece[1] != SAME] == [("[-nine-]", GONE), ("{+ten+}", ADDED)]
    base = "".join(f"line {n}\n" for n in range(3000))
    pieces, too_long = compared(base, base.replace("line 1500\n", "row 1500\n"))
    shown = "".join(text for text, _ in pieces)
    assert not too_long
    assert "[-line-]{+row+} 1500" in shown
    assert "characters that are the same" in shown
    assert len(shown) < 3000
    words = "".join(f"word {n} " for n in range(9000))
    pieces, too_long = compared("other " * 9000 + "word", words)
    assert too_long
    assert pieces == [(words, SAME)]


def test_nothing_in_a_foreign_text_is_interpreted() -> None:
    """Escapes and directions are written out; what looks like markup is text."""
    pieces, _ = compared("plain", EVIL)
    lines = Lines(pieces, 200)
    drawn = lines.drawn(0, styles(plain=False))
    assert isinstance(drawn, Text)
    assert drawn.plain.isprintable()
    assert "\\u001b]0;owned\\u0007" in drawn.plain
    assert "\\u202e" in drawn.plain
    assert "[red]not red[/red]" in drawn.plain


def test_rows_fit_any_width_and_are_safe() -> None:
    """From 40 columns to 300, every row of the list is one printable line of that many columns."""
    for told in usual():
        row = row_of({**told, "title": EVIL + "漢字かな" * 50})
        for width in range(80, 300, 7):
            drawn = columns.line(conflicts.layout(width), conflicts.cells(row, width), width)
            assert drawn.isprintable()
            assert width_of(drawn) == width
