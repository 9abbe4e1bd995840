"""Weighing: what one data event counts for under a verdict, with the reason where it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mesh.events.event import CLEAR, Inner
from mesh.events.founding import default_grant, with_rank
from mesh.events.judge import judge
from mesh.events.kinds import Grant
from mesh.events.verdict import Standing
from mesh.events.weigh import NOT_ADMITTED
from mesh.names import ZERO, DocumentId, Short, short
from tests.unit.lineage import weighed
from tests.unit.small_mesh import MESH, NOTE
from tests.unit.spoken import SPARE, STATEMENTS, said

AGENT = "claude"
NARROW = Grant(MESH.phone.admission, AGENT, "home", ("note", "task"), ("create",))


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, True),
        ({"document": DocumentId("home", "task", NOTE.name)}, True),
        ({"document": DocumentId("work", "note", NOTE.name)}, False),
        ({"document": DocumentId("home", "hand-off", NOTE.name)}, False),
        ({"document": None}, False),
        ({"kind": "changed"}, False),
        ({"agent": ""}, False),
        ({"agent": "gemini"}, False),
        ({"grant": Short(bytes(16))}, False),
        ({"grant": CLEAR}, False),
    ],
)
def test_a_grant_covers_what_it_names(changes: dict[str, object], allowed: bool) -> None:  # noqa: FBT001 - a table's column
    """Space, type, verb and agent must all be the grant's; without a document there is nothing to allow."""
    grant = said(MESH.mac, NARROW)
    verdict = judge([*STATEMENTS.values(), grant], MESH.id)
    inner = replace(Inner(0, "born", AGENT, NOTE, short(grant.digest)), **changes)  # type: ignore[arg-type]
    standing, reason, _ = weighed(verdict, MESH.phone.admission, inner)
    assert standing is (Standing.HONOURED if allowed else Standing.VOID)
    assert bool(reason) is not allowed
    found = verdict.grant_for(MESH.phone.admission, inner)
    assert found == (short(grant.digest) if allowed or "grant" in changes else _default_for(inner))


def _default_for(inner: Inner) -> Short | None:
    return MESH.grant(MESH.phone) if inner.agent == "" and inner.document else None


def test_attack_a_grant_of_another_device() -> None:
    """The phone cannot write under the laptop's grant."""
    inner = Inner(0, "born", "", NOTE, MESH.grant(MESH.laptop))
    assert weighed(MESH.verdict, MESH.phone.admission, inner)[0] is Standing.VOID


def test_attack_a_grant_for_somebody_who_was_never_let_in() -> None:
    """An admission that does not count makes everything under it void, with a grant too."""
    stranger = said(MESH.laptop, with_rank(SPARE["phone"], 1))
    grant = said(MESH.mac, default_grant(stranger.digest))
    verdict = judge([*STATEMENTS.values(), stranger, grant], MESH.id)
    inner = Inner(0, "born", "", NOTE, short(grant.digest))
    assert weighed(verdict, stranger.digest, inner) == (Standing.VOID, NOT_ADMITTED, ZERO)


def test_unknown_kinds_and_openings() -> None:
    """What this version does not read is opaque, not void; openings need no grant."""
    assert weighed(MESH.verdict, MESH.phone.admission, Inner(0, "poem"))[0] is Standing.OPAQUE
    assert weighed(MESH.verdict, MESH.phone.admission, Inner(0, "opening"))[0] is Standing.HONOURED
