"""Names: printed and read back, one spelling each, and nothing from outside reaches a terminal raw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Malformed
from mesh.names import (
    ZERO,
    DocumentId,
    device_text,
    is_word,
    short,
    shown,
)

WORDS = st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True)
NAMES = st.binary(min_size=16, max_size=16)
DOCUMENT = DocumentId("home", "note", bytes(range(16)))


def test_short_forms() -> None:
    """A header names 16 bytes of a digest, a subject 16 characters of an admission."""
    digest = bytes(range(32))
    assert short(digest) == digest[:16]
    assert device_text(digest) == "aaaqeayeaudaocaj"
    assert bytes(32) == ZERO


@pytest.mark.parametrize("word", ["a", "0", "note", "a-b", "x" * 32])
def test_words(word: str) -> None:
    """Lower-case letters, digits and hyphens name a space or a type."""
    assert is_word(word)


@pytest.mark.parametrize("text", ["", "-a", "A", "a b", "a/b", "ä", "x" * 33, "a\n", "*", "a_b"])
def test_what_is_no_word(text: str) -> None:
    """Anything else does not, a word with a newline behind it neither."""
    assert not is_word(text)


@given(WORDS, WORDS, NAMES)
def test_a_document_id_is_read_back(space: str, kind: str, name: bytes) -> None:
    """What str writes of an id, parse reads."""
    document = DocumentId(space, kind, name)
    assert DocumentId.parse(str(document)) == document


@pytest.mark.parametrize(
    "text",
    [
        "",
        "home",
        "home/note",
        "home/note/",
        "home/note/aaaa",
        "home/note/!!!!",
        "home/note/" + "ß" * 13,
        str(DOCUMENT).upper(),
        str(DOCUMENT)[:-1] + "b",
        str(DOCUMENT) + "/",
        "HOME" + str(DOCUMENT)[4:],
    ],
)
def test_attack_a_second_spelling_of_a_document_id(text: str) -> None:
    """One id has one text: capitals, other padding bits and further parts are refused."""
    with pytest.raises(Malformed):
        DocumentId.parse(text)


@pytest.mark.parametrize(
    ("space", "kind", "name"),
    [
        (1, "note", bytes(16)),
        ("home", None, bytes(16)),
        ("home", "note", "x" * 16),
        ("home", "note", bytes(15)),
        ("home", "note", bytes(17)),
        ("Home", "note", bytes(16)),
        ("home", "no te", bytes(16)),
    ],
)
def test_decoded_ids_are_checked(space: object, kind: object, name: object) -> None:
    """Each part of a decoded id must be of its type, form and length."""
    with pytest.raises(Malformed):
        DocumentId.checked(space, kind, name)


def test_ids_sort_by_space_type_name() -> None:
    """Ids have an order, so lists of them are the same everywhere."""
    assert min([DocumentId("b", "a", bytes(16)), DOCUMENT, DocumentId("home", "a", bytes(16))]).space == "b"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain\nlines", "plain\nlines"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("a\rb\x7f", "a\\u000db\\u007f"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u061c\u2066\u200f", "\\u061c\\u2066\\u200f"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ue000", "\\ue000"),
        ("Grüße 👋", "Grüße 👋"),
    ],
)
def test_attack_escape_sequences_in_a_name(text: str, safe: str) -> None:
    """Control, direction, line-separator and private characters are shown as numbers."""
    assert shown(text) == safe


def test_a_long_text_is_cut() -> None:
    """What is shown has a bound, and says that it was cut."""
    assert shown("x" * 11, 10) == "x" * 10 + "…"
    assert shown("x" * 10, 10) == "x" * 10
