"""The exchange behind a code: equal codes agree, all else does not, and no odd element is taken.

Its values are under test in the vectors, against a computation of their own.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.errors import Forged, Malformed
from mesh.events.pake import ENTROPY_BYTES, Channel, Exchange, Role, check_proof, proof
from mesh.names import Digest
from tests.unit.small_mesh import fixed

WORDS = "orbit-velvet-canoe"
TRANSCRIPT = Digest(fixed(32, "transcript"))
SECRET = fixed(32, "secret")


def exchange(role: Role, nameplate: int = 7, words: str = WORDS, salt: str = "") -> Exchange:
    """A run with fixed entropy."""
    return Exchange(role, nameplate, words, fixed(ENTROPY_BYTES, role.value, salt))


@pytest.mark.parametrize(
    ("nameplate", "words", "same"), [(7, WORDS, True), (8, WORDS, False), (7, "orbit-velvet-cannon", False)]
)
def test_only_one_code_gives_one_secret(nameplate: int, words: str, *, same: bool) -> None:
    """Number and words are both part of what is shared."""
    joiner, inviter = exchange(Role.JOINER), exchange(Role.INVITER, nameplate, words)
    assert (joiner.finish(inviter.element) == inviter.finish(joiner.element)) is same


def test_two_of_one_role_never_agree() -> None:
    """The role is part of it: nobody can be answered by a copy of itself."""
    one, other = exchange(Role.JOINER), exchange(Role.JOINER, salt="other")
    assert one.finish(other.element) != other.finish(one.element)


def test_fresh_entropy_gives_another_secret() -> None:
    """Nothing of a run can be used in another one."""
    inviter = exchange(Role.INVITER)
    secrets = set()
    for salt in ("one", "other"):
        joiner = exchange(Role.JOINER, salt=salt)
        secrets.add(joiner.finish(inviter.element))
    assert len(secrets) == 2


@settings(max_examples=50)
@given(st.binary(max_size=40))
def test_odd_elements_are_refused(raw: bytes) -> None:
    """Whatever comes is a point of the right kind or Malformed, and nothing else is raised."""
    try:
        assert len(exchange(Role.INVITER).finish(raw)) == 32
    except Malformed:
        return
    assert len(raw) == 32


def test_a_proof_is_of_one_side_one_secret_and_one_exchange() -> None:
    """Each of the three alone makes it another one, and so does any bit."""
    right = proof(SECRET, Role.JOINER, TRANSCRIPT)
    check_proof(SECRET, Role.JOINER, TRANSCRIPT, right)
    others = [
        proof(SECRET, Role.INVITER, TRANSCRIPT),
        proof(fixed(32, "other"), Role.JOINER, TRANSCRIPT),
        proof(SECRET, Role.JOINER, Digest(fixed(32, "other"))),
        right[:-1] + bytes([right[-1] ^ 1]),
        right[:16],
        b"",
    ]
    for other in others:
        with pytest.raises(Forged):
            check_proof(SECRET, Role.JOINER, TRANSCRIPT, other)


def test_a_channel_takes_each_message_once_and_in_order() -> None:
    """Replayed, reordered, reflected and altered messages are refused, and the right one is still taken."""
    joiner, inviter = (Channel(SECRET, role, TRANSCRIPT) for role in Role)
    first, second = joiner.seal(b"first"), joiner.seal(b"second")
    for wrong in (second, first[:-1], first + b"\0", b"", bytes([first[0] ^ 1]) + first[1:]):
        with pytest.raises(Forged):
            inviter.open(wrong)
    assert inviter.open(first) == b"first"
    for wrong in (first, inviter.seal(b"mine")):
        with pytest.raises(Forged):
            inviter.open(wrong)
    assert inviter.open(second) == b"second"
    assert b"first" not in first
