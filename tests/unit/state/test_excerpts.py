"""An excerpt shows the word that was found, is never longer than it may be, and is a piece of the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.state.excerpts import excerpt

TEXT = "The pump in the old garden dripped for weeks, until Ümit closed the valve; nobody knows the gasket's size."


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("dripped", "…garden dripped for weeks, until Ümit clo…"),
        ("DRIP", "…garden dripped for weeks, until Ümit clo…"),
        ("umit", "…until Ümit closed the valve; nobody know…"),
        ("size valve", "…the valve; nobody knows the gasket's siz…"),
        ("rip", "The pump in the old garden dripped for w…"),
        ("nothing", "The pump in the old garden dripped for w…"),
        ("", "The pump in the old garden dripped for w…"),
        ("*** (", "The pump in the old garden dripped for w…"),
        ("pump", "The pump in the old garden dripped for w…"),
    ],
)
def test_the_word_is_in_it(words: str, shown: str) -> None:
    """By its beginning, without case and accents; the beginning of the text when it does not stand there."""
    assert excerpt(TEXT, words, 40) == shown


def test_it_is_one_line() -> None:
    """Whatever white space the text has; nothing is marked as cut where only white space was."""
    assert excerpt("\n\n one\n\ttwo  three\n \n", "two", 40) == "one two three"
    assert excerpt("", "x", 40) == ""


@given(st.text(max_size=300), st.text(max_size=20), st.integers(1, 50))
def test_it_is_a_piece_of_the_text(text: str, words: str, most: int) -> None:
    """Of any text, for whatever was typed."""
    shown = excerpt(text, words, most)
    piece = shown.removeprefix("…").removesuffix("…") if "…" not in text else ""
    assert len(shown) <= most + 2
    assert piece.strip() in " ".join(text.split())


@given(st.text("abc äÖ\n.", max_size=200))
def test_a_word_that_stands_there_is_shown(around: str) -> None:
    """Wherever it stands."""
    assert "Zebra" in excerpt(f"{around} Zebra {around}", "zeb", 12)
