"""Codes and frames of a pairing: one spelling, bounded lengths, and a sentence for each refusal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import Malformed, Refused, TooLarge
from mesh.events import cbor
from mesh.limits import PAIRING_CLEAR_BYTES_MAX, PAIRING_TRIES_MAX
from mesh.sync.pairing_frames import LENGTH_BYTES, Code, Reason, frame_length, framed, read, refusal, transcript


def test_a_code_is_written_in_one_way() -> None:
    """What is shown is what is read, and the words do not get into a repr."""
    code = Code.parse("7-orbit-velvet-canoe")
    assert (code.nameplate, code.words, str(code)) == (7, "orbit-velvet-canoe", "7-orbit-velvet-canoe")
    assert "orbit" not in repr(code)
    assert Code.parse("999-a-b-c").nameplate == 999


@pytest.mark.parametrize(
    "text",
    ["", "7", "7-a-b", "7-a-b-c-d", "0-a-b-c", "07-a-b-c", "1000-a-b-c", "7-A-b-c", "7-a--c", "7 a b c", "7-a-b-c\n"],
)
def test_other_codes_are_refused(text: str) -> None:
    """Also another spelling of the same."""
    with pytest.raises(Malformed):
        Code.parse(text)


@given(st.binary(max_size=300))
def test_frames_and_their_lengths(frame: bytes) -> None:
    """A frame follows its length; one over the bound is refused before any of it is read."""
    wire = framed(frame)
    prefix = wire[:LENGTH_BYTES]
    assert wire[LENGTH_BYTES:] == frame
    if len(frame) > PAIRING_CLEAR_BYTES_MAX:
        with pytest.raises(TooLarge):
            frame_length(prefix, PAIRING_CLEAR_BYTES_MAX)
    else:
        assert frame_length(prefix, PAIRING_CLEAR_BYTES_MAX) == len(frame)


@given(st.binary(max_size=300))
def test_no_bytes_make_a_frame_of_it(raw: bytes) -> None:
    """Whatever comes is refused as what it is, and nothing else is raised."""
    with pytest.raises(Refused):
        read(raw, "exchange", (int, int, bytes))


@given(st.one_of(st.integers(), st.text(), st.lists(st.one_of(st.integers(0, 9), st.text(max_size=9)))))
def test_no_value_of_another_form_is_taken(value: object) -> None:
    """Canonical CBOR of the wrong kind is refused as well."""
    with pytest.raises(Refused):
        read(cbor.encode(value), "proof", (bytes,))


def test_a_frame_is_read_as_its_values() -> None:
    """The kind that is expected, with fields of exactly their types."""
    assert read(cbor.encode(["exchange", 1, 7, b"x"]), "exchange", (int, int, bytes)) == [1, 7, b"x"]
    for wrong in (["exchange", True, 7, b"x"], ["exchange", 1, 7], ["proof", 1, 7, b"x"], ["exchange", 1, 7, b"x", 0]):
        with pytest.raises(Malformed):
            read(cbor.encode(wrong), "exchange", (int, int, bytes))


@pytest.mark.parametrize("left", range(PAIRING_TRIES_MAX + 1))
@pytest.mark.parametrize("reason", [*(each.value for each in Reason), "moon", ""])
def test_each_refusal_is_a_sentence_with_a_hint(reason: str, left: int) -> None:
    """Also one that a later version may bring; a reason of theirs is never printed."""
    error = refusal(reason, left)
    assert type(error) is Refused
    assert str(error)
    assert error.hint
    assert "moon" not in str(error)
    assert (f"{left} tr" in error.hint) is (reason == "wrong" and left > 0)


def test_the_transcript_holds_both_frames_apart() -> None:
    """Moving a byte from one to the other gives another one."""
    assert (
        len({transcript(b"ab", b"c"), transcript(b"a", b"bc"), transcript(b"abc", b""), transcript(b"c", b"ab")}) == 4
    )
