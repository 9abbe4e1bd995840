"""Who is there: a signature that fits one device, one mesh, one asker and one question."""

from __future__ import annotations

import pytest

from mesh.errors import Forged, Malformed
from mesh.sync import introducing
from tests.unit.small_mesh import MESH, OTHER, fixed

QUESTION = fixed(32, "question")
MAC, PHONE = MESH.mac, MESH.phone
TELLER = (MAC.admission, MAC.keys.sign_key)


def test_an_answer_fits_what_was_asked_of_whom() -> None:
    """And nothing else: another question, mesh, teller, key or asker."""
    said = introducing.answer(QUESTION, MESH.id, MAC.admission, PHONE.admission, MAC.keys)
    introducing.check(said, QUESTION, MESH.id, TELLER, PHONE.admission)
    for question, mesh, teller, asker in (
        (fixed(32, "another"), MESH.id, TELLER, PHONE.admission),
        (QUESTION, OTHER.id, TELLER, PHONE.admission),
        (QUESTION, MESH.id, (PHONE.admission, MAC.keys.sign_key), PHONE.admission),
        (QUESTION, MESH.id, (MAC.admission, PHONE.keys.sign_key), PHONE.admission),
        (QUESTION, MESH.id, TELLER, MAC.admission),
    ):
        with pytest.raises(Forged):
            introducing.check(said, question, mesh, teller, asker)


def test_a_question_is_no_choice_of_more_than_random_bytes() -> None:
    """Too few or too many are refused, so nobody has something else signed."""
    for size in (0, 31, 33, 200):
        with pytest.raises(Malformed):
            introducing.answer(bytes(size), MESH.id, MAC.admission, PHONE.admission, MAC.keys)
