"""Numbers as words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mnemonic import Mnemonic

from mesh.cli import words
from mesh.cli.screen import Screen
from mesh.errors import Malformed
from mesh.sync.pairing_frames import Code


def test_a_phrase_holds_its_entropy() -> None:
    """The words of BIP39, with its own test vector."""
    assert words.phrase(bytes(32)).split() == ["abandon"] * 23 + ["art"]
    assert Mnemonic("english").to_entropy(words.phrase(bytes(range(32)))) == bytearray(range(32))


def test_fingerprints_are_read_bit_by_bit() -> None:
    """Four words of eleven bits each, from the beginning of the digest."""
    assert words.fingerprint_words("00" * 32) == "abandon abandon abandon abandon"
    assert words.fingerprint_words("ff" * 32) == "zoo zoo zoo zoo"
    assert words.fingerprint_words("0020" + "00" * 30) == "ability abandon abandon abandon"
    assert words.fingerprint_words("00000000001" + "0" * 53) == "abandon abandon abandon ability"


def test_the_lines_to_write_down() -> None:
    """Six lines of four numbered words."""
    lines = words.phrase_lines(Screen(80), words.phrase(bytes(32)))
    assert len(lines) == 6
    assert lines[0].split()[:4] == ["1", "abandon", "2", "abandon"]
    assert lines[5].endswith("24 art")


def test_codes_are_drawn_from_the_whole_list() -> None:
    """A number and three words, read as they are shown, and not the same twice."""
    codes = {words.new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(str(Code.parse(words.read_code(code))) == code for code in codes)
    assert len({Code.parse(code).nameplate for code in codes}) > 50
    assert len({word for code in codes for word in code.split("-")[1:]}) > 300


@pytest.mark.parametrize(
    "typed",
    [
        "7-orbit-velvet-canoe",
        " 7 Orbit VELVET canoe\n",
        "7-orbi-velv-cano",
        "7_orbit - velvet  canoe",
        "007-orbit-velvet-canoe",
    ],
)
def test_typing_a_code_is_forgiving(typed: str) -> None:
    """Capitals, spaces, hyphens, and words cut short."""
    assert words.read_code(typed) == "7-orbit-velvet-canoe"


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("7-orbit-velvet-canoo", "canoe"),
        ("7-orb-velvet-canoe", "orbit"),
        ("7-orbits-velvet-canoe", "orbit"),
        ("7-\x1b[31m-velvet-canoe", ""),
        ("orbit-velvet-canoe", "7-orbit-velvet-canoe"),
        ("7-orbit-velvet", "7-orbit-velvet-canoe"),
        ("7-orbit-velvet-canoe-zoo", "7-orbit-velvet-canoe"),
        ("0-orbit-velvet-canoe", "7-orbit-velvet-canoe"),
        ("1000-orbit-velvet-canoe", "7-orbit-velvet-canoe"),
        ("", "7-orbit-velvet-canoe"),
        ("\u0667-orbit-velvet-canoe", "7-orbit-velvet-canoe"),
        ("7" * 5000, "7-orbit-velvet-canoe"),
        ("7-" + "a" * 5000 + "-velvet-canoe", ""),
    ],
)
def test_what_cannot_be_a_code_costs_no_try(typed: str, hint: str) -> None:
    """The nearest word, or what a code looks like; nothing that could draw on the terminal, and not for long."""
    with pytest.raises(Malformed) as told:
        words.read_code(typed)
    assert hint in told.value.hint
    assert "No try was spent." in told.value.hint
    assert "\x1b" not in str(told.value)
    assert len(str(told.value)) < 200


def test_four_letters_are_enough() -> None:
    """No two words of the list begin with the same four; a word that begins another one is still itself."""
    every = Mnemonic("english").wordlist
    assert len({word[: words.PREFIX_LETTERS_MIN] for word in every}) == len(every)
    assert words.read_code("1-act-actress-actor") == "1-act-actress-actor"


def test_a_phrase_is_read_as_people_type_it() -> None:
    """Capitals, numbers, line breaks, words cut short: the same 32 bytes."""
    entropy = bytes(range(32))
    listed = words.phrase(entropy).split()
    numbered = "\n".join(f"{place}. {word.upper()}" for place, word in enumerate(listed, 1))
    short = " ".join(word[:4] for word in listed)
    for typed in (" ".join(listed), numbered, short, f"  {'  '.join(listed)}\r\n"):
        assert words.entropy_of(typed) == entropy


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda listed: listed[:23], "has 24 words; these are 23"),
        (lambda listed: [*listed, "zoo"], "these are 25"),
        (lambda listed: [*listed[:6], "secretive", *listed[7:]], "word 7 is none"),
        (lambda listed: [*listed[:6], "ab", *listed[7:]], "word 7 is none"),
        (lambda listed: [*listed[:22], listed[23], listed[22]], "belong together"),
    ],
)
def test_attack_a_phrase_that_is_none(change: Callable[[list[str]], list[str]], problem: str) -> None:
    """Refused with the place of the word, and never with a word of it: it may be right but for one letter."""
    listed = change(words.phrase(bytes(range(32))).split())
    with pytest.raises(Malformed) as refused:
        words.entropy_of(" ".join(listed))
    told = f"{refused.value} {refused.value.hint}"
    assert problem in told
    assert not set(listed) - {"word"} & set(told.replace(".", " ").replace(",", " ").split()) - {"one", "another"}
