"""An act as another device is asked about it: one form, one digest, and nothing in it that is no statement."""

from __future__ import annotations

import base64

import pytest

from mesh.errors import Malformed, TooLarge
from mesh.events import cbor
from mesh.events.approvals import DIGEST, UNTIL, Act, digest_of, question, read_act, read_question, text_of
from mesh.events.bodies import encode_body
from mesh.events.kinds import Adopt, Born, Changed, Close, Grant, kind_of
from mesh.limits import ACT_STATEMENTS_MAX, ADOPTED_MAX, SALT_BYTES
from mesh.names import Digest
from tests.unit.small_mesh import fixed

PHONE = Digest(fixed(32, "phone"))
GRANT = Grant(PHONE, "claude", "work", ("note",), ("create", "read"))
LOST = Act("lost", "phone", (Close(PHONE, (), "lost"), Adopt((Digest(fixed(32, "a")),))))


def written(*fields: object) -> str:
    """A text that nobody checked."""
    return base64.urlsafe_b64encode(cbor.encode(list(fields))).decode().rstrip("=")


@pytest.mark.parametrize(
    "act", [LOST, Act("rotate", ""), Act("grant", "claude@laptop", (GRANT,))], ids=lambda a: a.name
)
def test_an_act_is_read_as_it_was_written(act: Act) -> None:
    """Whole, with every statement."""
    assert read_act(text_of(act)) == act


def test_the_digest_names_the_act_and_each_statement() -> None:
    """Another command, another subject, another mark: another digest."""
    others = [
        Act("remove", "phone", LOST.bodies),
        Act("lost", "laptop", LOST.bodies),
        Act("lost", "phone", LOST.bodies[:1]),
        Act("lost", "phone", (Close(PHONE, (), "removed"), LOST.bodies[1])),
        Act("lost", "phone", LOST.bodies[::-1]),
    ]
    assert len({digest_of(act) for act in (LOST, *others)}) == len(others) + 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        written("lost", "phone"),
        written("lost", "phone", [["close"]]),
        written("lost", "phone", [["changed", encode_body(Changed(b"x"))]]),
        written("lost", "phone", [["born", encode_body(Born({}, "", bytes(SALT_BYTES)))]]),
        written("lost", "phone", [["grant", encode_body(LOST.bodies[0])]]),
        written("Lost! or else", "phone", []),
        written("lost", 1, []),
        written("grant", "x", [[kind_of(GRANT), encode_body(GRANT)]] * (ACT_STATEMENTS_MAX + 1)),
        text_of(LOST) + "=",
        text_of(LOST)[:-1],
    ],
)
def test_what_is_no_act_is_refused(text: str) -> None:
    """Data, unknown kinds, other forms, and too many statements."""
    with pytest.raises(Malformed):
        read_act(text)


def test_an_act_that_fits_into_no_event_is_not_asked() -> None:
    """The hint names the other way."""
    adopts = tuple(Adopt(tuple(sorted(Digest(fixed(32, n, m)) for m in range(ADOPTED_MAX)))) for n in range(4))
    with pytest.raises(TooLarge, match="too large") as caught:
        text_of(Act("lost", "phone", adopts))
    assert "passphrase" in caught.value.hint
    with pytest.raises(TooLarge):
        text_of(Act("lost", "phone", (GRANT,) * (ACT_STATEMENTS_MAX + 1)))


def test_a_question_names_what_it_asks_for() -> None:
    """Its registers say the digest and the end; another digest, or none, is no question."""
    asked = question(LOST, "close the phone", 123, bytes(SALT_BYTES))
    assert read_question(asked) == (LOST, 123)
    for wrong in ({DIGEST: digest_of(Act("rotate", "")).hex()}, {UNTIL: "soon"}, {DIGEST: None}):
        with pytest.raises(Malformed, match="does not name"):
            read_question(Born({**asked.registers, **wrong}, asked.text, asked.salt))
