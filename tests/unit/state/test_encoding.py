"""Writing changes: the same bytes as Automerge, for the same operations."""

import pytest
from automerge import core

from mesh.events.kinds import Value
from mesh.state import encoding
from mesh.state.operations import Action, Operation, OperationId

ACTOR, OTHER = bytes([9]) * 16, bytes([5]) * 16
PLAIN: list[tuple[Value, core.ScalarType]] = [
    ("", core.ScalarType.Str),
    ("é🌱", core.ScalarType.Str),
    (0, core.ScalarType.Int),
    (-64, core.ScalarType.Int),
    (64, core.ScalarType.Int),
    (2**40, core.ScalarType.Int),
    (True, core.ScalarType.Boolean),
    (False, core.ScalarType.Boolean),
    (None, core.ScalarType.Null),
]


def test_a_change_is_what_automerge_writes_for_the_same_operations() -> None:
    """Registers of every type, a text, letters in two places, removals, and a second actor."""
    first = core.Document(OTHER)
    with first.transaction() as tx:
        text = tx.put_object(core.ROOT, "body", core.ObjType.Text)
        tx.insert(text, 0, core.ScalarType.Str, "a")
    document = first.fork()
    document.set_actor(ACTOR)
    heads = document.get_heads()
    with document.transaction() as tx:
        for place, (value, scalar) in enumerate(PLAIN):
            tx.put(core.ROOT, f"k{place}", scalar, value)
        tx.put(core.ROOT, "k0", core.ScalarType.Int, 7)
        tx.delete(core.ROOT, "k1")
        tx.delete(text, 0)
        tx.insert(text, 0, core.ScalarType.Str, "x")
        tx.insert(text, 1, core.ScalarType.Str, "🌱")
    body, letter = OperationId(1, OTHER), OperationId(2, OTHER)
    operations = [Operation(Action.PUT, None, f"k{place}", value=value) for place, (value, _) in enumerate(PLAIN)]
    top = 3 + len(PLAIN)
    operations += [
        Operation(Action.PUT, None, "k0", value=7, before=(OperationId(3, ACTOR),)),
        Operation(Action.DELETE, None, "k1", before=(OperationId(4, ACTOR),)),
        Operation(Action.DELETE, body, letter, before=(letter,)),
        Operation(Action.PUT, body, None, insert=True, value="x"),
        Operation(Action.PUT, body, OperationId(top + 3, ACTOR), insert=True, value="🌱"),
    ]
    written = document.get_changes(heads)[0]
    change = encoding.encode([bytes(head) for head in heads], ACTOR, 1, 3, operations)
    assert change.raw == bytes(written.raw_bytes)
    assert change.hash == bytes(written.hash) == encoding.hash_of(change.raw)


def test_dependencies_are_written_in_order() -> None:
    """Whatever order they come in, there is one change."""
    put = [Operation(Action.PUT, None, "a", value=1)]
    tips = [bytes([3]) * 32, bytes([2]) * 32]
    assert encoding.encode(tips, ACTOR, 1, 5, put) == encoding.encode(tips[::-1], ACTOR, 1, 5, put)


@pytest.mark.parametrize("count", [0, 1, 200])
def test_changes_travel_in_one_message(count: int) -> None:
    """Automerge reads it, and finds them all."""
    raws = []
    document = core.Document(ACTOR)
    for number in range(count):
        with document.transaction() as tx:
            tx.put(core.ROOT, "n", core.ScalarType.Int, number)
    raws = [bytes(change.raw_bytes) for change in document.get_changes([])]
    other = core.Document(OTHER)
    other.receive_sync_message(core.SyncState(), core.Message.decode(encoding.sync_message(raws)))
    assert sorted(other.get_heads()) == sorted(document.get_heads())
