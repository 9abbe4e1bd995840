"""What one text adds to another and leaves out, and how that is broken into lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mesh.cli.differences import ADDED, GONE, SAME, broken, inked, marked, signed
from mesh.cli.screen import Screen, columns


def text_of(old: str, new: str) -> str:
    """The new text with its signs."""
    return "".join(part for part, _ in signed(marked(old, new)))


def test_words_with_their_signs() -> None:
    """What is added and what is left out can be read without any colour."""
    assert text_of("Buy seeds.", "Buy carrot seeds.") == "Buy{+ carrot+} seeds."
    assert text_of("Buy seeds.", "Buy soil.") == "Buy [-seeds-]{+soil+}."
    assert text_of("Buy seeds.", "Buy seeds.") == "Buy seeds."


def test_two_texts_with_no_word_in_common() -> None:
    """Signs around the whole of it would say nothing."""
    assert marked("Garden", "Kitchen") == [("Kitchen", SAME)]
    assert marked("a. b", "c. d") == [("c. d", SAME)]
    assert marked("", "new") == [("new", SAME)]
    assert marked("old", "") == []


WORDS = st.lists(st.sampled_from(["a", "b", "c", " ", "\n", ".", "é", "語"]), max_size=30).map("".join)


@given(WORDS, WORDS)
def test_both_texts_are_in_the_pieces(old: str, new: str) -> None:
    """Without what is left out the pieces are the new text, without what is added the old one."""
    pieces = marked(old, new)
    assert "".join(part for part, what in pieces if what != GONE) == new
    if any(what != SAME for _, what in pieces):
        assert "".join(part for part, what in pieces if what != ADDED) == old


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])), st.integers(2, 30))
def test_no_line_is_wider_than_asked(text: str, width: int) -> None:
    """However long a word is; and nothing but spaces at the ends of lines is lost."""
    lines = broken([(text, SAME)], width)
    assert all(columns("".join(part for part, _ in line)) <= width for line in lines)
    joined = "".join(part for line in lines for part, _ in line)
    assert "".join(joined.split()) == "".join(text.split())


def test_colours_stand_once_around_what_belongs_together() -> None:
    """Pieces of one kind share their colour; without colours there is none."""
    line = [("a", SAME), ("{+b", ADDED), (" c+}", ADDED), ("[-d-]", GONE)]
    assert inked(Screen(80), line) == "a{+b c+}[-d-]"
    assert inked(Screen(80, colours=True), line) == "a\x1b[4;94m{+b c+}\x1b[0m\x1b[38;5;208m[-d-]\x1b[0m"
