"""The state digest: equal for equal sets in any order, and quick to the first difference."""

import random
from collections import defaultdict
from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.names import ZERO, Digest, DocumentId
from mesh.state import digest
from mesh.state.digest import BRANCHES, BUCKETS, LEVELS, Part, Trie

Held = dict[DocumentId, dict[Digest, list[tuple[int, Digest]]]]


def name(*parts: object) -> Digest:
    """Some digest."""
    return Digest(sha256(repr(parts).encode()).digest())


def document(number: int) -> DocumentId:
    """Some document."""
    return DocumentId("home", "note", name("document", number)[:16])


def held(seed: int, documents: int = 300, events: int = 1500) -> Held:
    """What a device honours: events of a few chains, one of them forked, over many documents."""
    lots = random.Random(seed)
    out: Held = defaultdict(lambda: defaultdict(list))
    for seq in range(events):
        chain = name("chain", seq % 4)
        out[document(lots.randrange(documents))][chain].append((seq // 4 - lots.randint(0, 1), name(seed, seq)))
    return out


def leaves(state: Held) -> dict[int, dict[Digest, Digest]]:
    """Keys and leaves by bucket."""
    out: dict[int, dict[Digest, Digest]] = defaultdict(dict)
    for document_, chains in state.items():
        key = digest.key(document_)
        parts = [digest.part(chain, events) for chain, events in chains.items()]
        out[digest.bucket(key)][key] = digest.leaf(key, parts)
    return out


def trie(state: Held) -> Trie:
    """The tree over a state."""
    return Trie((bucket, digest.bucket_digest(found.items())) for bucket, found in leaves(state).items())


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_things_came_does_not_count(seed: int) -> None:
    """Documents, chains, and within a forked chain events of one seq."""
    lots = random.Random(seed)
    state = held(seed)
    shuffled: Held = {}
    for document_ in lots.sample(list(state), len(state)):
        chains = state[document_]
        shuffled[document_] = {
            chain: lots.sample(chains[chain], len(chains[chain])) for chain in lots.sample(list(chains), len(chains))
        }
    assert trie(shuffled).root() == trie(state).root()


def test_every_event_counts() -> None:
    """One event more, one less, one in another document, or two swapped in seq."""
    state = held(1)
    root = trie(state).root()
    one, other = list(state)[:2]
    changes: list[Callable[[Held], object]] = [
        lambda s: s[one][name("chain", 0)].append((99999, name("new"))),
        lambda s: next(iter(s[one].values())).pop(),
        lambda s: s[other][name("chain", 0)].append(next(iter(s[one].values())).pop()),
        lambda s: s[one].__setitem__(name("another chain"), s[one].pop(next(iter(s[one])))),
    ]
    for change in changes:
        changed = held(1)
        change(changed)
        assert trie(changed).root() != root


def test_a_roll_goes_on_from_where_it_was() -> None:
    """A live event costs one hash, not the chain again."""
    chain = name("chain")
    events = [(seq, name(seq)) for seq in range(10)]
    before = digest.part(chain, events[:9])
    assert digest.part(chain, events) == Part(chain, 10, digest.roll(before.roll, events[9][1]))
    assert digest.part(chain, []) == Part(chain, 0, ZERO)


def test_what_became_empty_is_as_if_it_had_never_been() -> None:
    """A void that takes the last event of a document must not leave a trace that others do not have."""
    key = digest.key(document(1))
    assert digest.leaf(key, []) == digest.leaf(key, [Part(name("chain"), 0, ZERO)]) == ZERO
    assert digest.bucket_digest([]) == digest.bucket_digest([(key, ZERO)]) == ZERO
    tree = Trie()
    assert tree.root() == ZERO
    tree.set(7, name("something"))
    assert tree.root() != ZERO
    tree.set(7, ZERO)
    assert tree.root() == ZERO


@given(st.lists(st.tuples(st.integers(0, BUCKETS - 1), st.binary(min_size=1, max_size=1)), max_size=30), st.data())
def test_a_tree_that_was_asked_in_between_is_the_same(changes: list[tuple[int, bytes]], data: st.DataObject) -> None:
    """Nodes are hashed late, and only those that changed."""
    tree, final = Trie(), dict[int, Digest]()
    for bucket, byte in changes:
        tree.set(bucket, final.setdefault(bucket, name(byte)))
        final[bucket] = name(byte)
        tree.set(bucket, final[bucket])
        if data.draw(st.booleans()):
            tree.root()
    assert tree.root() == Trie(final.items()).root()
    for level in range(LEVELS):
        assert tree.children(level, 0) == Trie(final.items()).children(level, 0)


@pytest.mark.parametrize("seed", range(20))
def test_the_first_difference_is_found_in_five_messages(seed: int) -> None:
    """Root, three times sixteen nodes, and one bucket's leaves."""
    lots = random.Random(seed)
    mine, theirs = held(seed), held(seed)
    changed = lots.sample(list(theirs), lots.randint(1, 5))
    for document_ in changed:
        theirs[document_][name("late")].append((1, name("late", seed)))
    one, other = trie(mine), trie(theirs)
    assert one.root() != other.root()
    messages, index = 1, 0
    for level in range(LEVELS):
        pairs = zip(one.children(level, index), other.children(level, index), strict=True)
        index = index * BRANCHES + next(i for i, (a, b) in enumerate(pairs) if a[:8] != b[:8])
        messages += 1
    ours, yours = leaves(mine)[index], leaves(theirs)[index]
    messages += 1
    assert min(k for k in ours | yours if ours.get(k) != yours.get(k)) == min(map(digest.key, changed))
    assert messages == 5


def test_a_bucket_is_the_beginning_of_a_key() -> None:
    """So the first difference is the smallest key."""
    assert digest.bucket(Digest(b"\x00\x0f" + bytes(30))) == 0
    assert digest.bucket(Digest(b"\x00\x10" + bytes(30))) == 1
    assert digest.bucket(Digest(b"\xff" * 32)) == BUCKETS - 1
