"""Kinds: which lane says what, and what a kind is called."""

from __future__ import annotations

from mesh.events import bodies
from mesh.events.event import Lane
from mesh.events.kinds import VERBS, known
from tests.unit.wrong_forms import GOOD_BODIES


def test_every_kind_that_is_known_can_be_read_and_written() -> None:
    """The catalogue of names and the catalogue of forms are one."""
    readable = {(lane, kind) for lane, kind in bodies._CATALOGUE}  # noqa: SLF001 - the other half of the catalogue
    assert readable == {(lane, kind) for lane in Lane for kind in GOOD_BODIES if known(lane, kind)}


def test_verbs_belong_to_what_documents_are_made_of() -> None:
    """Each verb is of a kind in the data lane."""
    assert all(known(Lane.DATA, kind) and not known(Lane.CONTROL, kind) for kind in VERBS)
