"""A passphrase around secrets: it opens with exactly the passphrase it was locked with, and not when altered."""

from __future__ import annotations

import pytest

from mesh.errors import Forged, Refused
from mesh.events.lockbox import Row, lock, unlock

ENTROPY = bytes(range(28))


def test_what_was_locked_opens() -> None:
    """The same passphrase gives back the same bytes, whatever characters it has."""
    for passphrase in ("correct horse", "pässwörd 🔑"):
        assert unlock(lock(b"secret", passphrase, ENTROPY), passphrase) == b"secret"


def test_another_passphrase_opens_nothing() -> None:
    """A wrong passphrase is refused with a hint that says what to do."""
    box = lock(b"secret", "right", ENTROPY)
    with pytest.raises(Refused) as told:
        unlock(box, "wrong")
    assert "MESH_PASSPHRASE" in told.value.hint


@pytest.mark.parametrize("place", [0, 20, 30, -1])
def test_an_altered_box_opens_nothing(place: int) -> None:
    """One flipped bit in salt, nonce, content or tag is noticed."""
    box = bytearray(lock(b"secret", "right", ENTROPY))
    box[place] ^= 1
    with pytest.raises(Refused):
        unlock(bytes(box), "right")


def test_the_secret_does_not_stand_in_the_box() -> None:
    """Nothing of the content shows, and other randomness makes another box."""
    box = lock(b"a long enough secret", "right", ENTROPY)
    assert b"secret" not in box
    assert box != lock(b"a long enough secret", "right", ENTROPY[::-1])


WORDS = "correct horse"
HEAD = b"head" + bytes(range(16))
PARTS = (b"first", b"", b"third" * 100)


def row(parts: tuple[bytes, ...] = PARTS) -> list[bytes]:
    """These parts in boxes, the last one marked."""
    boxes = Row(WORDS, HEAD)
    return [boxes.lock(part, last=number == len(parts)) for number, part in enumerate(parts, 1)]


def opened(boxes: list[bytes], passphrase: str = WORDS, head: bytes = HEAD) -> tuple[bytes, ...]:
    """What is in a row of boxes that ends with the last of these."""
    found = Row(passphrase, head)
    return tuple(found.unlock(box, last=number == len(boxes)) for number, box in enumerate(boxes, 1))


def test_a_row_of_boxes_opens() -> None:
    """Each gives what was put into it; the same in two places looks different."""
    assert opened(row()) == PARTS
    twice = row((b"same", b"same"))
    assert twice[0] != twice[1]


def test_no_box_of_a_row_can_be_moved_left_out_or_altered() -> None:
    """Number and end are part of each seal, and so is the head of the file."""
    first, second, third = row()
    for wrong in (
        [first, second],
        [first, third],
        [first, third, second],
        [first, second, third, third],
        [first, second, second],
    ):
        with pytest.raises(Forged):
            opened(wrong)
    for passphrase, head in (("other", HEAD), (WORDS, b"Head" + HEAD[4:]), (WORDS, HEAD[:-1] + b"x")):
        with pytest.raises(Refused, match="passphrase"):
            opened([first, second, third], passphrase, head)
    with pytest.raises(Forged):
        opened([first, second[:-1] + bytes([second[-1] ^ 1]), third])
