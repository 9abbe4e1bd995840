"""Files taken apart: whatever a file holds, it comes back byte for byte, or is left alone."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mesh.errors import Refused, TooLarge
from mesh.limits import BODY_PLAIN_BYTES_MAX, LIST_REGISTER_BYTES_MAX
from mesh.node.vaults.reading import FALLBACK, USUAL, Sheet, divided, parsed

FRONT = "---\r\ntitle: x\r\nlist:\r\n- a\r\n  # c\r\n\r\n---\r\n"
PIECES = [
    "---\n",
    "---\r\n",
    "...\n",
    "title: a\n",
    "tags:\r\n  - x\n",
    "\n",
    "\r",
    "# heading\n",
    "é🌱",
    "\ufeff",
    "a",
]
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5))).map("".join)
CODECS = ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp1252"]


@given(st.binary(max_size=80))
@example(b"")
@example(b"\x81\x8d")
@example(codecs.BOM_UTF16_LE + b"\x00\xd8")
@example(codecs.BOM_UTF32_LE + b"a\0\0\0")
def test_any_bytes_come_back_or_are_refused(raw: bytes) -> None:
    """Nothing in between."""
    try:
        assert parsed(raw).raw() == raw
    except Refused:
        assert raw


@given(TEXTS, st.sampled_from(CODECS))
def test_any_text_comes_back(text: str, codec: str) -> None:
    """In each encoding, with each line end and half a front matter."""
    try:
        raw = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}.get(codec, b"") + text.encode(codec)
    except UnicodeEncodeError:
        return
    if "\0" in text or (codec == "cp1252" and not text.isprintable()):
        return
    assert parsed(raw).raw() == raw


@given(TEXTS)
def test_front_matter_and_text_are_the_whole(whole: str) -> None:
    """And the front matter alone is front matter again."""
    front, text = divided(whole)
    assert front + text == whole
    assert divided(front) == (front, "")


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (b"plain", USUAL),
        ("é🌱".encode(), USUAL),
        ("é".encode("latin-1"), FALLBACK),
        ("“".encode("cp1252"), FALLBACK),
        ("é".encode("utf-8-sig"), "utf-8-bom"),
        (codecs.BOM_UTF16_LE + "é".encode("utf-16-le"), "utf-16-le"),
        (codecs.BOM_UTF16_BE + "é".encode("utf-16-be"), "utf-16-be"),
    ],
)
def test_encodings_are_told_apart(raw: bytes, encoding: str) -> None:
    """By their mark, or by what they can be."""
    assert parsed(raw).encoding == encoding


@pytest.mark.parametrize(
    "raw", [b"a\0b", b"\xff\xfea", b"\x80\x81", b"\xe9\x00", b"caf\xe9 \x07", b"\x89PNG\r\n\x1a\n\x00"]
)
def test_what_is_no_text_is_left_alone(raw: bytes) -> None:
    """With a reason."""
    with pytest.raises(Refused, match="no text"):
        parsed(raw)


def test_what_is_too_long_is_left_alone() -> None:
    """A note holds so much."""
    assert parsed(b"a" * BODY_PLAIN_BYTES_MAX).text
    with pytest.raises(TooLarge):
        parsed(b"a" * (BODY_PLAIN_BYTES_MAX + 1))


@pytest.mark.parametrize("end", ["---\n", "...\n", "---", "--- \r\n"])
def test_front_matter_ends_at_its_fence(end: str) -> None:
    """And no earlier."""
    front = FRONT.removesuffix("---\r\n") + end
    text = "" if end == "---" else "text\n---\n"
    assert divided(front + text) == (front, text)


@pytest.mark.parametrize(
    "whole",
    [
        "---\n\nprose between rules\n\n---\n",
        "---\ntitle: never closed\n",
        "text\n---\ntitle: x\n---\n",
        " ---\ntitle: x\n---\n",
        "---\ntitle: " + "x" * LIST_REGISTER_BYTES_MAX + "\n---\n",
    ],
)
def test_what_only_looks_like_front_matter_is_text(whole: str) -> None:
    """Rules are drawn with the same three dashes."""
    assert divided(whole) == ("", whole)


def test_letters_that_an_encoding_has_not_make_it_utf_8() -> None:
    """Rather than losing them."""
    assert Sheet(FALLBACK, "", "é🌱").raw() == "é🌱".encode()
    assert Sheet("some-day", "", "é").raw() == "é".encode()
