"""Numbers as words that people can compare and write down: the list of BIP39, by the library `mnemonic`."""

from __future__ import annotations

import secrets
from functools import cache

from mnemonic import Mnemonic

from mesh.cli.prompts import answered
from mesh.cli.run import Run
from mesh.cli.screen import Screen

FINGERPRINT_WORDS = 4  # 44 bits: whoever reads them out cannot be given another device that fits
WORD_BITS = 11
CHECKED_WORDS = 2
TRIES_MAX = 3
WORDS_A_LINE = 4


@cache
def _list() -> Mnemonic:
    return Mnemonic("english")


def phrase(entropy: bytes) -> str:
    """The recovery phrase: 24 words for 32 bytes, the last one with a checksum."""
    return str(_list().to_mnemonic(entropy))


def fingerprint_words(digest_hex: str) -> str:
    """The first bits of a digest as words, to be compared by eye or read out."""
    bits = int(digest_hex[: 2 * 8], 16)
    width = 8 * 8
    places = [(bits >> (width - WORD_BITS * (n + 1))) & (2**WORD_BITS - 1) for n in range(FINGERPRINT_WORDS)]
    return " ".join(_list().wordlist[place] for place in places)


def phrase_lines(screen: Screen, text: str) -> list[str]:
    """The phrase with its numbers, to be written down."""
    words = text.split()
    lines = []
    for start in range(0, len(words), WORDS_A_LINE):
        row = [f"{start + n + 1:2} {word:<9}" for n, word in enumerate(words[start : start + WORDS_A_LINE])]
        lines.append("  " + screen.ink("  ".join(row).rstrip(), "bold"))
    return lines


def check_written(run: Run, text: str) -> bool:
    """Ask for two of the words; whether both were right in the end."""
    words = text.split()
    for place in sorted(secrets.SystemRandom().sample(range(len(words)), CHECKED_WORDS)):
        for _ in range(TRIES_MAX):
            if answered(f"Word {place + 1} of the phrase: ").lower() == words[place]:
                break
            run.out.warn("That is not the word; look at what you wrote down.")
        else:
            return False
    return True
