"""Text for terminals: nothing foreign reaches one unescaped, and columns stay columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.cli import screen
from mesh.cli.screen import Screen
from mesh.names import shown
from tests.unit.cli.samples import ESCAPE

HARMFUL = set(map(chr, [*range(32), *range(0x7F, 0xA0)])) | set("\u200e\u202a\u202e\u2066\u2069")


@given(st.text())
def test_safe_is_shown_of_names(text: str) -> None:
    """The short way for harmless texts gives what `names.shown` gives."""
    assert screen.safe(text) == shown(text, screen.SHOWN_CHARACTERS_MAX)


@given(st.text())
def test_nothing_harmful_is_left(text: str) -> None:
    """Control and direction characters are gone from lines; a body keeps its lines and tabs."""
    assert not set(screen.one_line(text + ESCAPE)) & HARMFUL
    lines = screen.lines_of(text + ESCAPE)
    assert not set("".join(lines)) & (HARMFUL - {"\t"})


def test_a_body_is_shown_whole() -> None:
    """A long line of a body is not cut."""
    assert screen.lines_of("x" * 5000 + "\r\n\ty\n") == ["x" * 5000, "\ty", ""]


def test_a_table_gives_way_in_its_flexible_column() -> None:
    """On a narrow screen only the flexible column is cut; where the width is unknown nothing is."""
    row = ("a very long title that does not fit", "12", "id")
    narrow = Screen(30).table(("TITLE", ">N", "ID"), [row])
    assert narrow == ["TITLE                    N  ID", "a very long title that…  12  id"[:21] + narrow[1][21:]]
    assert all(screen.columns(line) <= 30 for line in narrow)
    assert "…" in narrow[1]
    assert Screen(None).table(("TITLE", ">N", "ID"), [row])[1].startswith(row[0])


def test_wide_characters_take_two_columns() -> None:
    """East Asian characters and emoji keep the table straight."""
    lines = Screen(None).table(("TITLE", "ID"), [("日本", "x"), ("abcd", "y"), ("e\u0301e", "z")])
    assert lines[1] == "日本   x"
    assert lines[2] == "abcd   y"
    assert lines[3] == "e\u0301e     z"
    assert screen.fitted("日本語", 4) == "日…"


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR and a dumb terminal have none."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert screen.of_stream(1, terminal=True).colours
    monkeypatch.setenv("NO_COLOR", "1")
    assert not screen.of_stream(1, terminal=True).colours
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not screen.of_stream(1, terminal=True).colours
    assert not screen.of_stream(1, terminal=False).colours
    assert Screen(80).ink("x", "red") == "x"
    assert Screen(80, colours=True).ink("x", "red") == "\x1b[31mx\x1b[0m"


@pytest.mark.parametrize(("columns", "width"), [("120", 120), ("10", 40), ("x", 80), ("", 80), ("0", 80)])
def test_the_width_comes_from_the_environment(columns: str, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS counts where it is a number; no screen is taken for narrower than 40 columns."""
    monkeypatch.setenv("COLUMNS", columns)
    assert screen.of_stream(-1, terminal=True).width == width


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (61, "1 min"), (7200, "2 h"), (90_000, "1 d"), (None, "-")]
)
def test_durations(seconds: object, text: str) -> None:
    """A length of time is told in its largest unit."""
    assert screen.duration(seconds) == text


def test_times_of_a_wrong_clock_are_no_error() -> None:
    """A foreign time may be anything."""
    assert screen.moment(10**30) == "?"
    assert screen.moment("now") == ""
    assert screen.moment(0).startswith("19")


def test_sentences_are_broken_at_spaces() -> None:
    """Nothing is lost where a hint is broken, and no line is too long."""
    text = "one two three four five six seven eight nine ten eleven twelve"
    lines = Screen(40).wrapped(text, "! ", "  ")
    assert " ".join(line[2:] for line in lines) == text
    assert all(len(line) <= 40 for line in lines)
    assert Screen(None).wrapped(text, "! ") == ["! " + text]


def test_counts() -> None:
    """One thing is not two."""
    assert screen.counted(1, "event") == "1 event"
    assert screen.counted(1200, "event") == "1,200 events"
    assert screen.counted(None, "event") == "- events"
