"""Errors: each has a fault, an exit code and a hint."""

from __future__ import annotations

import pytest

from mesh import errors
from mesh.errors import Busy, Damaged, DiskFull, Malformed, MeshError, Misuse, NotGranted, Refused, Unreachable

FAMILIES = {
    MeshError: 1,
    Misuse: 2,
    Refused: 3,
    errors.Malformed: 3,
    errors.TooLarge: 3,
    errors.Forged: 3,
    errors.Stranger: 3,
    NotGranted: 3,
    errors.Elsewhere: 3,
    errors.NeedsApproval: 3,
    errors.NeedsPassphrase: 3,
    Damaged: 4,
    Unreachable: 5,
    DiskFull: 5,
    Busy: 5,
}


def test_every_error_is_listed_here_and_in_the_tree() -> None:
    """A new class of error gets its exit code on purpose, and its place in the drawing at the head of the module."""
    found = {value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, MeshError)}
    assert found == set(FAMILIES)
    for kind in found:
        assert f" {kind.__name__} " in f" {errors.__doc__} ".replace("\n", " ")


@pytest.mark.parametrize(("kind", "code"), FAMILIES.items())
def test_exit_codes_follow_the_fault(kind: type[MeshError], code: int) -> None:
    """Scripts can tell by the exit code whose fault it was."""
    assert kind("sentence").exit_code == code


@pytest.mark.parametrize("kind", [kind for kind in FAMILIES if kind is not MeshError])
def test_each_family_has_a_hint(kind: type[MeshError]) -> None:
    """Whatever fails says what the person can do."""
    assert kind("sentence").hint.endswith(".")


def test_a_hint_that_fits_better_wins() -> None:
    """The place that raises may know better what helps; other errors keep the family's hint."""
    error = Malformed("sentence", hint="Do this.")
    assert (str(error), error.hint) == ("sentence", "Do this.")
    assert Malformed("sentence").hint == Malformed.hint
