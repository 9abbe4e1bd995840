"""Operations: how their names are ordered, which decides what is shown first."""

from mesh.state.operations import Action, Operation, OperationId


def test_the_later_operation_is_greater_and_then_the_greater_actor() -> None:
    """Automerge orders in the same way, so every reader shows the same value."""
    low, high = bytes(16), b"\xff" * 16
    assert OperationId(2, low) > OperationId(1, high)
    assert OperationId(1, high) > OperationId(1, low)


def test_actions_have_the_numbers_of_automerge() -> None:
    """They are written as they are."""
    assert [int(action) for action in Action] == [1, 3, 4]


def test_an_operation_replaces_nothing_unless_it_says_so() -> None:
    """Most insert a letter."""
    assert Operation(Action.PUT, None, "a").before == ()
