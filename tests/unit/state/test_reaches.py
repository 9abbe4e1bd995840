"""Reaches: how many of an actor's changes are in one."""

from mesh.state.reaches import Line, Reach, reached

LINE = Line([1, 4, 7], [10, 20, 30], [(), (), ()])
WHO = bytes(16)


def test_how_many_are_reached() -> None:
    """By the order of arrival, or by name beyond it, whichever goes further."""
    assert [reached(LINE, Reach(first, {}), WHO) for first in (0, 1, 2, 5, 8)] == [0, 0, 1, 2, 3]
    assert reached(LINE, Reach(2, {WHO: 2}), WHO) == 2
    assert reached(LINE, Reach(5, {WHO: 1}), WHO) == 2
    assert reached(LINE, Reach(2, {bytes([1]) * 16: 3}), WHO) == 1


def test_going_on_leaves_what_was() -> None:
    """A reach that goes on, and a line that does, are new ones."""
    reach = Reach(2, {})
    assert reach.going_on(WHO, 3) == Reach(2, {WHO: 3})
    assert reach == Reach(2, {})
    other = LINE.copy()
    other.positions.append(9)
    assert LINE.positions == [1, 4, 7]
