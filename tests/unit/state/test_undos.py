"""Who takes back whom, through undos of undos, and when several took back the same."""

from mesh.state.undos import Undos


def test_an_event_stands_unless_a_standing_undo_takes_it_back() -> None:
    """Through any number of undos of undos."""
    names = [b"%05d" % number for number in range(20_001)]
    undos = Undos(zip(names[1:], names, strict=False))
    assert [undos.stands(name) for name in names[-3:]] == [True, False, True]
    assert undos.stands(names[0])
    assert not undos.stands(names[1])
    assert undos.of(names[1]) == (names[2],)


def test_what_several_took_back_stands_again_only_when_all_of_them_are_taken_back() -> None:
    """So an undo of one of them names the others too."""
    undos = Undos([(b"u1", b"c"), (b"u2", b"c"), (b"u3", b"u2")])
    assert undos.plan(b"u1") == ((b"u1",), b"c", True)
    undos = Undos([(b"u1", b"c"), (b"u2", b"c")])
    assert undos.plan(b"u2") == ((b"u2", b"u1"), b"c", True)
    assert not undos.stands(b"c")


def test_a_birth_is_no_change() -> None:
    """Whoever takes it back deletes the document: that is a change, and its undo turns it."""
    undos = Undos([(b"u1", b"birth"), (b"u2", b"u1")], {b"birth"})
    assert undos.undos == {b"u2"}
    assert undos.back == {b"u1"}
    assert undos.stands(b"birth")
    assert Undos([(b"u1", b"birth")], {b"birth"}).plan(b"u1") == ((b"u1",), b"u1", True)


def test_what_somebody_did_not_know_of_does_not_turn_anything() -> None:
    """The same events, without the undos that came later."""
    undos = Undos([(b"u1", b"c"), (b"u2", b"u1")])
    assert undos.stands(b"c")
    assert not undos.known(lambda undo: undo == b"u1").stands(b"c")
    assert undos.known(lambda undo: undo == b"u1").back == {b"c"}


def test_an_undo_beside_others_may_turn_nothing() -> None:
    """Somebody took the change back directly, while somebody else took back an undo of its undo."""
    undos = Undos([(b"u1", b"c"), (b"u2", b"u1"), (b"u3", b"c")])
    assert not undos.stands(b"c")
    assert undos.plan(b"u2") == ((b"u2",), b"c", False)
    assert undos.plan(b"u3") == ((b"u3",), b"c", True)
