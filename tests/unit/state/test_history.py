"""What a change stands on: the quick answer is that of a walk over the whole graph, and does not depend on order."""

import random

import pytest

from mesh.state.encoding import encode
from mesh.state.genesis import derive
from mesh.state.history import History
from mesh.state.operations import Action, Change, Operation, OperationId
from mesh.state.reaches import Reach
from tests.unit.state import writers
from tests.unit.state.writers import BIRTH, DOCUMENT, actor

GENESIS = derive(DOCUMENT, BIRTH)


def begun() -> History:
    """A history with the first change of the document of these tests."""
    history = History()
    history.begin(GENESIS)
    return history


def put(key: str, *before: OperationId) -> Operation:
    """A register set."""
    return Operation(Action.PUT, None, key, value="x", before=before)


def write(history: History, number: int, *operations: Operation, on: tuple[bytes, ...] = ()) -> Change:
    """A change by an actor that fits, standing on everything or on the given changes."""
    tops = {GENESIS.hash: begun().next_counter}
    start = history.next_counter if not on else tops.get(on[0], history.next_counter)
    return encode(on or history.heads, actor(number), history.next_sequence(actor(number)), start, operations)


def naive_fault(change: Change, held: dict[bytes, Change]) -> bool:
    """The same rules by a walk over all ancestors."""
    below: dict[bytes, Change] = {}
    open_ = list(change.dependencies)
    while open_:
        name = open_.pop()
        if name not in below and name in held:
            below[name] = held[name]
            open_ += held[name].dependencies
    genesis_top = len(GENESIS.registers) + 1 + GENESIS.letters
    top = max([genesis_top, *(c.start + len(c.operations) - 1 for c in below.values())])
    own = [c.sequence for c in below.values() if c.actor == change.actor]
    if change.start != top + 1 or change.sequence != 1 + max(own, default=0):
        return True
    made = {OperationId(1 + i, GENESIS.actor): key for i, key in enumerate(GENESIS.registers)}
    made |= {OperationId(len(made) + 2 + i, GENESIS.actor): "" for i in range(GENESIS.letters)}
    for one in [*below.values(), change]:
        for place, operation in enumerate(one.operations):
            if one is change:
                asked = operation.before if operation.object is None else [operation.key]
                wanted = operation.key if operation.object is None else ""
                if any(isinstance(name, OperationId) and made.get(name) != wanted for name in asked):
                    return True
            if operation.action is Action.PUT:
                key = str(operation.key) if operation.object is None else ""
                made[OperationId(one.start + place, one.actor)] = key
    return False


@pytest.mark.parametrize("seed", range(60))
def test_faults_are_those_of_a_walk_over_all_ancestors(seed: int) -> None:
    """Hostile and honest histories, in an order that another device would have received them in."""
    written = writers.hostile(seed, 40) + writers.honest(seed, 15)
    random.Random(seed).shuffle(written)
    history, held = begun(), dict[bytes, Change]()
    progress = True
    while progress:
        progress = False
        for change in written:
            place_taken = history.at(change.actor, change.sequence) is not None
            if change.hash in history or place_taken or history.missing(change):
                continue
            faulty = history.fault(change) is not None
            assert faulty == naive_fault(change, held), change
            if not faulty:
                history.add(change)
                held[change.hash] = change
                progress = True
    assert len(history) > 5


def test_a_change_on_everything_costs_no_clock() -> None:
    """Most changes stand on all that is held; their reach is one number."""
    history = begun()
    for number in range(50):
        history.add(write(history, number % 5, put("title")))
    assert history._reach(history.heads) == Reach(51, {})  # noqa: SLF001 - the shape of what is kept is the point
    assert all(not reach.beyond for reach in history._reaches)  # noqa: SLF001


def test_heads_are_what_nothing_stands_on() -> None:
    """Two writers who do not know of each other leave two."""
    history = begun()
    assert history.heads == (GENESIS.hash,)
    left = write(history, 1, put("path"), on=(GENESIS.hash,))
    right = write(history, 2, put("path"), on=(GENESIS.hash,))
    history.add(left)
    history.add(right)
    assert history.heads == tuple(sorted([left.hash, right.hash]))
    both = write(history, 1, put("path"))
    history.add(both)
    assert history.heads == (both.hash,)
    assert history.next_sequence(actor(1)) == 3
    assert history.at(actor(1), 2) == both.hash
    assert history.at(actor(1), 3) is None
    assert history.at(actor(9), 1) is None


@pytest.mark.parametrize("step", [-1, 1, 2**40])
def test_a_change_counts_on_from_what_it_stands_on(step: int) -> None:
    """Nobody can run the counters out, and no two operations get one name."""
    history = begun()
    fits = write(history, 1, put("path"))
    assert history.fault(fits) is None
    assert history.fault(encode(fits.dependencies, fits.actor, 1, fits.start + step, fits.operations))


def test_a_change_names_nothing_that_it_does_not_stand_on() -> None:
    """Not a concurrent value, though it is held; not a value of another register; not a letter."""
    history = begun()
    other = write(history, 1, put("path"), on=(GENESIS.hash,))
    history.add(other)
    value = OperationId(other.start, other.actor)
    on_genesis = (GENESIS.hash,)
    assert history.fault(write(history, 2, put("path", value), on=on_genesis))
    assert history.fault(write(history, 2, put("title", value)))
    assert history.fault(write(history, 2, put("path", OperationId(GENESIS.letters, GENESIS.actor))))
    assert history.fault(write(history, 2, put("path", value), put("path", value))) is None


def test_a_change_may_name_what_it_made_itself_but_not_what_it_will_make() -> None:
    """A later operation of the same change is not there yet."""
    history = begun()
    start = history.next_counter
    first, second = OperationId(start, actor(1)), OperationId(start + 1, actor(1))
    assert history.fault(write(history, 1, put("path"), put("path", first))) is None
    assert history.fault(write(history, 1, put("path", second), put("path")))
    assert history.fault(write(history, 1, put("path", first)))


def test_a_removed_value_can_still_be_named() -> None:
    """Whoever removes it at the same time must fit on every device."""
    history = begun()
    title = OperationId(2, GENESIS.actor)
    history.add(write(history, 1, Operation(Action.DELETE, None, "title", before=(title,))))
    assert "title" not in history.keys()  # noqa: SIM118 - it is no mapping
    assert history.fault(write(history, 2, put("title", title))) is None


@pytest.mark.parametrize("seed", range(20))
def test_a_reach_is_what_a_walk_over_all_ancestors_finds(seed: int) -> None:
    """Of several changes at once, concurrent or not; and of none."""
    lots = random.Random(seed)
    written = writers.honest(seed)
    history, below = begun(), dict[bytes, set[bytes]]()
    for change in written:
        history.add(change)
        below[change.hash] = {change.hash}.union(*(below.get(name, set()) for name in change.dependencies))
    for count in (0, 1, 2, 5):
        some = [change.hash for change in lots.sample(written, count)]
        reach, found = history.reach(some), set[bytes]().union(*(below[digest] for digest in some))
        assert {c.hash for c in written if history.covers(reach, c.actor, c.sequence)} == found
        assert history.covers(reach, GENESIS.actor, 1) is bool(some)


def test_a_copy_goes_on_by_itself() -> None:
    """What is added to one is not in the other."""
    history = begun()
    for change in writers.honest(6, steps=8):
        history.add(change)
    copy = history.copy()
    before = (history.heads, len(history), history.next_counter, history.live("title"), history.next_sequence(actor(0)))
    change = write(copy, 0, put("title", *copy.live("title")))
    assert copy.fault(change) is None
    copy.add(change)
    assert (history.heads, len(history), history.next_counter, history.live("title")) == before[:4]
    assert history.next_sequence(actor(0)) == before[4] == copy.next_sequence(actor(0)) - 1
    assert history.missing(change) is None
    history.add(change)
    assert (copy.heads, copy.live("title"), len(copy)) == (history.heads, history.live("title"), len(history))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_concurrent_and_shared_is_that_of_sets(seed: int) -> None:
    """Stretches, what some share, what one has more than another, and on which nobody stands: by sets of ancestors."""
    lots, history = random.Random(seed), begun()
    written = writers.honest(seed, 40, devices=4)
    for change in written:
        history.add(change)
    under: dict[bytes, frozenset[bytes]] = {GENESIS.hash: frozenset((GENESIS.hash,))}
    for change in written:
        under[change.hash] = frozenset((change.hash,)).union(*(under[name] for name in change.dependencies))
    names = list(under)
    parted = {name for first, last in history.parted for name in history.placed(first, last + 1)}
    lonely = {name for name in names if all(name in under[other] or other in under[name] for other in names)}
    assert parted == set(names) - lonely
    assert GENESIS.hash not in parted
    for _ in range(40):
        some, others = (lots.sample(names, lots.randint(1, 4)) for _ in range(2))
        one, other = history.reach(some), history.reach(others)
        whole, rest = (frozenset().union(*(under[name] for name in part)) for part in (some, others))
        assert sorted(history.difference(one, other)) == sorted(whole - rest)
        shared = frozenset.intersection(*(under[name] for name in some))
        assert sorted(history.difference(history.shared(some), Reach(0, {}))) == sorted(shared)
        tips = history.tips(some)
        assert set(tips) == {name for name in some if not any(name in under[n] - {n} for n in some)}
        assert list(tips) == sorted(tips, key=history.age)
    assert sorted(history.parted) == list(history.parted)
    assert all(history.number(change.hash) == (change.actor, change.sequence) for change in written)


def test_stretches_grow_and_join() -> None:
    """Until something stands on everything; who then writes on what is old reaches back over all between."""
    history = begun()
    first = write(history, 1, put("path"))
    history.add(first)
    assert list(history.parted) == []
    late = write(history, 9, put("path"))
    sides = [write(history, number, put("path")) for number in (2, 3)]
    for side in sides:
        history.add(side)
    assert list(history.parted) == [(2, 3)]
    for number in (4, 5, 6):
        history.add(write(history, number, put("title")))
    assert list(history.parted) == [(2, 3)]
    history.add(late)
    assert list(history.parted) == [(2, 7)]
    assert history.copy().parted == history.parted
