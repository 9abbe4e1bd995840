"""Numbers as words."""

from __future__ import annotations

from mnemonic import Mnemonic

from mesh.cli import words
from mesh.cli.screen import Screen


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
