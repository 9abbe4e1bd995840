"""A passphrase around secrets: it opens with exactly the passphrase it was locked with, and not when altered."""

from __future__ import annotations

import pytest

from mesh.errors import Refused
from mesh.events.lockbox import lock, unlock

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
