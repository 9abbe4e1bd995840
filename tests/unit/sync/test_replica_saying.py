"""The replica says: what is allowed is appended and told, what is not changes nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh.errors import NotGranted, Refused, TooLarge
from mesh.events.event import Lane
from mesh.events.founding import default_grant, with_rank
from mesh.events.kinds import Changed
from mesh.events.reading import read
from mesh.events.seal import Keyring
from mesh.events.speaking import Draft, runs
from mesh.events.verdict import Standing
from mesh.names import ZERO, short
from mesh.sync.inputs import Said
from mesh.sync.messages import Push
from tests.unit.lineage import Log
from tests.unit.small_mesh import MESH, NOTE, TIME_MS, request
from tests.unit.sync.small_family import BIRTH, ENTROPY, snapshot
from tests.unit.sync.small_net import Node


def said(drafts: tuple[Draft, ...], lane: Lane = Lane.DATA) -> Said:
    """A commit of this device."""
    return Said(drafts, lane, TIME_MS, ENTROPY)


def test_what_is_said_is_appended_and_told() -> None:
    """The first commit opens a chain; its grant is filled in; effects hold what must be stored, then sent."""
    phone = Node(MESH.phone)
    effects = phone.handle(said((Draft(BIRTH, NOTE), Draft(Changed(b"x"), NOTE))))
    assert [placed.seq for placed in effects.append] == [1, 2, 3]
    assert effects.send == ((None, Push(runs(effects.append))),)
    reading = read(phone.keyring, MESH.verdict, effects.append[2], Log())
    assert (reading.standing, reading.inner and reading.inner.grant) == (Standing.HONOURED, MESH.grant(MESH.phone))


def test_an_admin_says_statements() -> None:
    """The verdict follows at once."""
    laptop = Node(MESH.laptop)
    effects = laptop.handle(said((Draft(with_rank(request("new"), 5)),), Lane.CONTROL))
    assert effects.judged
    assert effects.append[-1].digest in laptop.replica.verdict.admissions
    again = laptop.handle(said((Draft(default_grant(effects.append[-1].digest)),), Lane.CONTROL))
    assert [placed.seq for placed in again.append] == [3]


REFUSED: dict[str, tuple[Callable[[], Node], Said, type[Refused]]] = {
    "member_says_a_statement": (
        lambda: Node(MESH.phone),
        said((Draft(with_rank(request("new"), 20)),), Lane.CONTROL),
        NotGranted,
    ),
    "agent_without_a_grant": (lambda: Node(MESH.phone), said((Draft(BIRTH, NOTE, "agent"),)), NotGranted),
    "no_document": (lambda: Node(MESH.phone), said((Draft(BIRTH),)), NotGranted),
    "not_let_in": (lambda: Node(MESH.phone, MESH.founding), said((Draft(BIRTH, NOTE),)), NotGranted),
    "not_let_in_says_a_statement": (
        lambda: Node(MESH.laptop, MESH.founding),
        said((Draft(default_grant(MESH.phone.admission)),), Lane.CONTROL),
        NotGranted,
    ),
    "second_draft_not_allowed": (
        lambda: Node(MESH.phone),
        said((Draft(BIRTH, NOTE), Draft(BIRTH, NOTE, "agent"))),
        NotGranted,
    ),
    "key_missing": (
        lambda: Node(MESH.phone, MESH.control, Keyring({short(ZERO): bytes(32)})),
        said((Draft(BIRTH, NOTE),)),
        Refused,
    ),
    "no_epoch": (lambda: Node(MESH.mac, MESH.founding), said((Draft(BIRTH, NOTE),)), Refused),
    "too_long": (
        lambda: Node(MESH.phone),
        said((Draft(BIRTH, NOTE), Draft(Changed(bytes(200_000)), NOTE))),
        TooLarge,
    ),
}


@pytest.mark.parametrize(("node", "given_said", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_what_may_not_be_said_changes_nothing(node: Callable[[], Node], given_said: Said, error: type[Refused]) -> None:
    """No grant, no rank, no key or no room: refused with a sentence, and the replica is as it was."""
    speaker = node()
    before = snapshot(speaker)
    with pytest.raises(error):
        speaker.handle(given_said)
    assert snapshot(speaker) == before
