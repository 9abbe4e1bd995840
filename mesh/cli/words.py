"""Numbers as words that people can compare and write down: the list of BIP39, by the library `mnemonic`."""

from __future__ import annotations

import difflib
import re
import secrets
from functools import cache

from mnemonic import Mnemonic

from mesh.cli.prompts import answered
from mesh.cli.run import Run
from mesh.cli.screen import Screen, one_line
from mesh.errors import Malformed
from mesh.limits import CODE_WORDS, ECHO_CHARACTERS_MAX, NAMEPLATE_MAX

FINGERPRINT_WORDS = 4  # 44 bits: whoever reads them out cannot be given another device that fits
WORD_BITS = 11
CHECKED_WORDS = 2
TRIES_MAX = 3
WORDS_A_LINE = 4
PREFIX_LETTERS_MIN = 4  # no two words of the list begin with the same four
PHRASE_WORDS = 24
_PAPER = "Compare each word with what is on paper. Nothing was changed."


@cache
def _list() -> Mnemonic:
    return Mnemonic("english")


def phrase(entropy: bytes) -> str:
    """The recovery phrase: 24 words for 32 bytes, the last one with a checksum."""
    return str(_list().to_mnemonic(entropy))


def entropy_of(typed: str) -> bytes:
    """The 32 bytes behind a recovery phrase as a person typed it. Raises Malformed; what was typed is never repeated.

    Capitals, line breaks, numbers before the words, and words cut short after four letters are fine.
    """
    written = [part for part in re.split(r"[\s.,:;_-]+", typed.strip().lower()) if part and not part.isdecimal()]
    if len(written) != PHRASE_WORDS:
        message = f"a recovery phrase has {PHRASE_WORDS} words; these are {len(written)}"
        raise Malformed(message, hint=_PAPER)
    whole = []
    for place, part in enumerate(written, 1):
        fit = _begun(part)
        if len(fit) != 1:
            message = f"word {place} is none of the list that recovery phrases are made of"
            raise Malformed(message, hint=_PAPER)
        whole += fit
    try:
        return bytes(_list().to_entropy(whole))
    except ValueError as error:
        message = "these words do not belong together: one is another one, or two changed places"
        raise Malformed(message, hint=_PAPER) from error


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


def new_code() -> str:
    """A code that nobody can know: a number and three words, 33 bits."""
    number = 1 + secrets.randbelow(NAMEPLATE_MAX)
    return "-".join([str(number), *(secrets.choice(_list().wordlist) for _ in range(CODE_WORDS))])


def read_code(typed: str) -> str:
    """The code that a person typed, as it was shown. Raises Malformed, before any try is spent, for what cannot be one.

    Capitals, spaces for hyphens, and words cut short after four letters are fine.
    """
    number, *written = re.split(r"[\s_-]+", typed.strip().lower())
    digits = number.isascii() and number.isdecimal() and len(number) <= len(str(NAMEPLATE_MAX))
    if not digits or not 1 <= int(number) <= NAMEPLATE_MAX or len(written) != CODE_WORDS:
        message = f"{one_line(typed, ECHO_CHARACTERS_MAX)!r} is not a code"
        hint = f"A code is a number and {CODE_WORDS} words, as in 7-orbit-velvet-canoe. No try was spent."
        raise Malformed(message, hint=hint)
    return "-".join([str(int(number)), *(_word(each) for each in written)])


def _word(written: str) -> str:
    begun = _begun(written)
    if len(begun) == 1:
        return begun[0]
    near = difflib.get_close_matches(written[:ECHO_CHARACTERS_MAX], _list().wordlist, n=1)
    message = f"{one_line(written, ECHO_CHARACTERS_MAX)!r} is not a word of a code"
    raise Malformed(message, hint=f"{f'Is it {near[0]}? ' if near else ''}No try was spent.")


def _begun(written: str) -> list[str]:
    """The word of the list that this is, or those that begin with it."""
    listed = _list().wordlist
    if written in listed:
        return [written]
    return [str(word) for word in listed if len(written) >= PREFIX_LETTERS_MIN and word.startswith(written)]


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
