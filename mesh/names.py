"""The names of things: digests, documents, and how both are written for people.

Names carry no behaviour beyond parsing and printing. This module never hashes, reads or stores anything.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from dataclasses import dataclass
from typing import NewType

from mesh.errors import Malformed
from mesh.limits import (
    DIGEST_BYTES,
    DOCUMENT_NAME_BYTES,
    ECHO_CHARACTERS_MAX,
    RANK_ADMIN_LAST,
    RANK_RELAY,
    SHORT_BYTES,
    SHOWN_CHARACTERS_MAX,
    WORD_CHARACTERS_MAX,
)

Digest = NewType("Digest", bytes)
"""SHA-256 of something, 32 bytes. An event's digest is its chain hash (PROTOCOL, "Chains")."""

Short = NewType("Short", bytes)
"""The first 16 bytes of a digest, where a header names an epoch or a grant."""

ZERO = Digest(bytes(DIGEST_BYTES))
"""Stands where a digest is named before there is one: the parent of an opening, the mesh of a genesis."""

_WORD = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_DEVICE_BYTES = 10  # 16 characters of base32: short enough for a subject, long enough never to collide by chance
# Written out: base64 takes twice as long, and every event that is read names its document.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_LETTERS = [first + second for first in _ALPHABET for second in _ALPHABET]
_PAIR_BITS = 10  # that two letters say
_PAIR = (1 << _PAIR_BITS) - 1
_FILLED_BITS = -DOCUMENT_NAME_BYTES * 8 % _PAIR_BITS
_PLACES = range(DOCUMENT_NAME_BYTES * 8 + _FILLED_BITS - _PAIR_BITS, -1, -_PAIR_BITS)
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def short(digest: bytes) -> Short:
    """The 16-byte form of a digest."""
    return Short(bytes(digest[:SHORT_BYTES]))


def device_text(admission: bytes) -> str:
    """An admission as people and NATS subjects see it: 16 characters of lower-case base32."""
    return base64.b32encode(admission[:_DEVICE_BYTES]).decode().lower()


def digest_text(digest: bytes) -> str:
    """A whole digest in hex."""
    return digest.hex()


def role_text(rank: int) -> str:
    """What a device of this rank is in its mesh: `admin`, `member` or `relay`."""
    return "admin" if rank <= RANK_ADMIN_LAST else "member" if rank < RANK_RELAY else "relay"


def is_word(text: str) -> bool:
    """Whether a text may name a space or a type: lower-case letters, digits and hyphens, at most 32 characters."""
    return len(text) <= WORD_CHARACTERS_MAX and _WORD.match(text) is not None


@dataclass(frozen=True, slots=True, order=True)
class DocumentId:
    """What a document is called: its space, its type, and the first 16 bytes of the hash of its birth.

    Space and type are part of the identity, so no event can move a document under another grant; the name
    commits to the birth, so no document has two (PROTOCOL, "Documents").
    """

    space: str
    type: str
    name: bytes

    def __str__(self) -> str:
        """`home/note/…` with the name as 26 characters of lower-case base32."""
        whole = int.from_bytes(self.name, "big") << _FILLED_BITS
        return f"{self.space}/{self.type}/{''.join([_LETTERS[whole >> place & _PAIR] for place in _PLACES])}"

    @classmethod
    def checked(cls, space: object, kind: object, name: object) -> DocumentId:
        """Build an id from decoded values. Raises Malformed when any part is not allowed."""
        words = isinstance(space, str) and isinstance(kind, str) and is_word(space) and is_word(kind)
        if words and isinstance(name, bytes) and len(name) == DOCUMENT_NAME_BYTES:
            return cls(space, kind, name)  # type: ignore[arg-type]
        message = "a document's id is not of the form space, type, 16 bytes"
        raise Malformed(message)

    @classmethod
    def parse(cls, text: str) -> DocumentId:
        """Read what `str` wrote. Raises Malformed."""
        space, _, rest = text.partition("/")
        kind, _, name = rest.partition("/")
        try:
            raw = base64.b32decode(name.upper() + "=" * (-len(name) % 8))
        except (binascii.Error, ValueError):
            raw = b""
        found = cls.checked(space, kind, raw)
        if str(found) != text:  # one spelling for each name
            message = f"{shown(text, ECHO_CHARACTERS_MAX)!r} is not a document's id"
            raise Malformed(message)
        return found


def shown(text: str, characters_max: int = SHOWN_CHARACTERS_MAX) -> str:
    """A foreign text made safe to print: no control or direction characters, at most so many characters.

    A name or title is data from other devices; an escape sequence in it must not reach a terminal.
    """
    clean = "".join(_shown_character(c) for c in text[:characters_max])
    return clean + "…" if len(text) > characters_max else clean


def _shown_character(character: str) -> str:
    if character == "\n":
        return character
    if character in _BIDI or unicodedata.category(character) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return f"\\u{ord(character):04x}"
    return character
